"""How far a shift has come and which way it goes, in the voices of many outlets. All wording is our own."""

from __future__ import annotations

from pathlib import Path

from tests.rules.test_pack import shift_of

LINES = [
    line.split(" | ", 2)
    for line in (Path(__file__).parent / "stage-and-way.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_stage_and_direction_are_read_however_it_is_told() -> None:
    """A23: what is decided, weighed, heard, done or argued, told without the word for it."""
    wrong = []
    for directions, stages, told in LINES:
        title, _, summary = told.partition(" || ")
        shift = shift_of(title, summary)
        read = ("none", "") if shift is None else (str(shift.direction), str(shift.stage))
        if read[0] not in directions.split("/") or read[1] not in stages.split(" or "):
            wrong.append((told, *read))
    assert wrong == []
