"""What workers must have in common, and what each machine may have of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cluster.worker import fingerprint
from tests import configured

OWN = "database: postgresql+psycopg://me@db.example.org/x\nstate_dir: elsewhere\nweb: {listen: null}\n"


def test_what_belongs_to_the_machine_makes_no_difference(tmp_path: Path) -> None:
    """A25: workers on two machines may each have a database user, a state directory and a page of their own."""
    here = configured.load(tmp_path / "here")
    there = configured.load(tmp_path / "there", monitor=configured.MONITOR + OWN)
    assert fingerprint(here) == fingerprint(there)


@pytest.mark.parametrize(
    "files",
    [
        {"monitor": configured.MONITOR + "retention: {entries: 90d}\n"},
        {"monitor": configured.MONITOR.replace("type: slack", "type: slack, channel: C0123ABCD")},
        {"monitor": configured.MONITOR.replace("{to: [licensing]}]", "{match: {severity: high}, to: [licensing]}]")},
        {"feeds": configured.FEEDS.replace("/feed", "/other")},
        {"rules": configured.RULES.replace("open AND closed", "open OR closed")},
    ],
    ids=["retention", "channel", "route", "feed", "rule"],
)
def test_what_decides_about_alerts_makes_a_difference(tmp_path: Path, files: dict[str, str]) -> None:
    """A25: `status` says so when another machine would send another way, poll another feed or read another rule."""
    here = configured.load(tmp_path / "here")
    there = configured.load(tmp_path / "there", **files)
    assert fingerprint(here) != fingerprint(there)
