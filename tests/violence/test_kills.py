"""Proof by violence: the real process dies at random and at every named point, and nobody is told less or more.

The judge reads what the feed server served and what Slack accepted. Ten kills here, two hundred and ten in `make soak`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.testing import slack_faults as faults
from monitor.trial import Point
from tests.violence.siege import Siege, siege

SOAK = bool(os.environ.get("LICENSEWATCH_SOAK"))
KILLS = int(os.environ.get("LICENSEWATCH_KILLS", "210" if SOAK else "10"))
SEED = int(os.environ.get("LICENSEWATCH_SEED", "20261123"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_kills_at_random_times_lose_and_double_nothing(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """A24, A25, A26: one top-level message per storyline and channel, each later story exactly one reply."""
    async with siege(tmp_path, SEED) as one:
        try:
            for _ in range(KILLS):
                one.news()
                one.spoil()
                await one.live_and_die()
            await one.peace()
        finally:
            tell(f"{one.counts()}")
        _in_order(one)


# Every point in `make soak`, and in the suite those where a message hangs in the balance; tests/violence/test_points.py
# dies at every point in its own process, which is quicker.
POINTS = tuple(Point) if SOAK else (Point.COMMIT_READY, Point.SEND_COMMITTED, Point.SEND_ANSWERED, Point.LOOK_ANSWERED)


# The trouble that leads to a point; the others lie on every message's way.
_LEADS_TO = {
    Point.FAILED: faults.server_error(stored=True),
    Point.FAILURE_RECORDED: faults.server_error(stored=False),
    Point.FAILURE_COMMITTED: faults.html(stored=True),
    Point.LOOK_ANSWERED: faults.drop(stored=True),
    Point.LOOK_COMMITTED: faults.drop(stored=False),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_dying_at_named_points_loses_and_doubles_nothing(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """A24, A25, A26: each life dies where it hurts, with news on its way; the next one finds what it left."""
    async with siege(tmp_path, SEED) as one:
        for point in POINTS:
            one.newsroom.begin(one.dice)
            told = [number for number in range(one.newsroom.storylines) if one.told(number)]
            if told:
                one.newsroom.repeat(one.dice.choice(told), one.dice)
            if point in _LEADS_TO:
                one.slack.script(_LEADS_TO[point])
            await one.die_at(point)
        await one.peace()
        tell(f"{one.counts()}")
        _in_order(one)


def _in_order(one: Siege) -> None:
    """Besides the counts: who was told that a judgement is noted was told the truth, and no bug was logged."""
    wrong = [words for verdict in one.verdicts() for words in (*verdict.lost, *verdict.doubled, *verdict.strange)]
    words = (one.installed.root / "daemon.log").read_text(encoding="utf-8", errors="replace")
    trace = words[words.index("Traceback") - 500 :][:3000] if "Traceback" in words else ""
    assert (wrong, one.unkept(), trace) == ([], [], "")
