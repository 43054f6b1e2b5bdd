"""The story the product was made for, in the voices of many outlets. All wording is our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.test_pack import shift_of


def tellings() -> list[tuple[str, str, str, str]]:
    """Direction, stage, denial and text of each line of tellings.txt."""
    lines = (Path(__file__).parent / "tellings.txt").read_text(encoding="utf-8").splitlines()
    told = [line.split(" | ", 3) for line in lines if line and not line.startswith("#")]
    return [(direction, stage, denied, title) for direction, stage, denied, title in told]


@pytest.mark.parametrize(("direction", "stage", "denied", "told"), tellings())
def test_a_lab_that_gives_up_openness_is_heard_in_every_voice(
    direction: str, stage: str, denied: str, told: str
) -> None:
    """Weighed, decided, denied, delayed or reversed; terse, oblique, quoted or in capitals; for any lab."""
    title, _, summary = told.partition(" || ")
    shift = shift_of(title, summary)
    assert shift is not None
    assert shift.direction in direction.split("/")
    assert shift.stage in stage.split("/") or stage == "-"
    assert shift.denied == (denied == "denied")


def test_there_are_tellings_of_every_kind() -> None:
    """The file has not shrunk: each stage and the denial are told, of several labs."""
    told = tellings()
    assert {stage for _, stage, _, _ in told} >= {"considering", "rumour", "announced", "effective", "reversed"}
    assert sum(denied == "denied" for _, _, denied, _ in told) >= 5
    assert sum("Meta" not in title for *_, title in told) >= 15
