"""What later steps have overtaken, told in values."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.model import Direction, Reason, Shift, Stage, Step
from monitor.stories import late
from tests.stories.samples import START

CLOSING, OPENING, UNCLEAR = Direction.CLOSING, Direction.OPENING, Direction.UNCLEAR
STORY, MOVED = Reason.NEW_STORY_IN_STORYLINE, Reason.STAGE_MOVED


@pytest.mark.parametrize(
    ("reason", "said", "last", "overtaken"),
    [
        (STORY, Shift(CLOSING, Stage.CONSIDERING), Stage.ANNOUNCED, True),
        (STORY, Shift(UNCLEAR, Stage.CONSIDERING), Stage.ANNOUNCED, True),
        (STORY, Shift(OPENING, Stage.CONSIDERING), Stage.ANNOUNCED, False),  # another matter
        (STORY, Shift(CLOSING, Stage.ANNOUNCED), Stage.ANNOUNCED, False),
        (STORY, Shift(CLOSING, Stage.NONE), Stage.ANNOUNCED, False),
        (STORY, Shift(CLOSING, Stage.NONE, denied=True), Stage.ANNOUNCED, True),
        (STORY, Shift(CLOSING, Stage.NONE, denied=True), Stage.CONSIDERING, False),
        (STORY, Shift(CLOSING, Stage.REVERSED), Stage.EFFECTIVE, False),
        (STORY, Shift(CLOSING, Stage.EFFECTIVE), Stage.REVERSED, True),
        (STORY, Shift(CLOSING, Stage.CONSIDERING), Stage.NONE, False),
        (MOVED, Shift(CLOSING, Stage.ANNOUNCED), Stage.EFFECTIVE, True),
        (MOVED, Shift(CLOSING, Stage.EFFECTIVE), Stage.ANNOUNCED, False),
        (Reason.DENIED, Shift(CLOSING, denied=True), Stage.EFFECTIVE, True),
        (Reason.DENIED, Shift(CLOSING, denied=True), Stage.CONSIDERING, False),
        (Reason.DELAYED, Shift(CLOSING), Stage.EFFECTIVE, True),
        (Reason.DELAYED, Shift(CLOSING), Stage.ANNOUNCED, False),
        (Reason.PRIMARY_SOURCE, Shift(CLOSING), Stage.EFFECTIVE, False),
        (Reason.DIRECTION_CHANGED, Shift(OPENING), Stage.EFFECTIVE, False),
    ],
)
def test_what_is_no_news_after_what_was_told_since(reason: Reason, said: Shift, last: Stage, overtaken: bool) -> None:
    """Only what is dated before the last move, and only where that leaves nothing of it."""
    aside = Step(START + timedelta(days=2), last, CLOSING, Reason.PRIMARY_SOURCE)
    began = Step(START - timedelta(days=3), Stage.CONSIDERING, CLOSING, Reason.NEW_STORY)
    steps = (began, Step(START, last, CLOSING, MOVED), aside)
    assert late.overtaken(reason, said, START - timedelta(hours=1), steps) is overtaken
    assert not late.overtaken(reason, said, START, steps)
    assert not late.overtaken(reason, said, START - timedelta(hours=1), ())


@pytest.mark.parametrize(
    ("reason", "stage", "days"),
    [
        (MOVED, Stage.EFFECTIVE, 0),
        (Reason.DIRECTION_CHANGED, Stage.ANNOUNCED, 0),
        (Reason.DELAYED, Stage.ANNOUNCED, 0),
        (STORY, Stage.EFFECTIVE, 0),
        (STORY, Stage.REVERSED, 0),
        (STORY, Stage.ANNOUNCED, -3),
        (STORY, Stage.NONE, -3),
        (Reason.DENIED, Stage.ANNOUNCED, -3),
        (Reason.PRIMARY_SOURCE, Stage.ANNOUNCED, -3),
    ],
)
def test_what_changes_how_things_stand_is_never_dated_before_what_it_changed(
    reason: Reason, stage: Stage, days: int
) -> None:
    steps = (Step(START, Stage.ANNOUNCED, CLOSING, Reason.NEW_STORY),)
    found = late.dated(reason, Shift(CLOSING, stage), START - timedelta(days=3), steps)
    assert found == START + timedelta(days=days)
    assert late.dated(reason, Shift(CLOSING, stage), START + timedelta(days=3), steps) == START + timedelta(days=3)


def test_a_turn_is_dated_after_what_it_turned_only_where_a_clock_may_be_wrong() -> None:
    steps = (Step(START, Stage.ANNOUNCED, CLOSING, Reason.NEW_STORY),)
    turn = Shift(OPENING, Stage.ANNOUNCED)
    for hours, dated in ((5, 0), (20, -20)):
        found = late.dated(STORY, turn, START - timedelta(hours=hours), steps)
        assert found == START + timedelta(hours=dated)


@pytest.mark.parametrize(
    ("denied", "listed"),
    [
        ((), True),
        ((1,), False),  # another outlet told it
        ((6,), True),  # that is a denial of the decision
        ((6, 7), True),
        ((1, 6), False),
    ],
)
def test_what_was_overtaken_is_listed_once_in_its_place(denied: tuple[int, ...], listed: bool) -> None:
    moves = [(0, Stage.CONSIDERING, Reason.NEW_STORY), (5, Stage.ANNOUNCED, MOVED)]
    taken = sorted([*moves, *((day, Stage.ANNOUNCED, Reason.DENIED) for day in denied)], key=lambda one: one[0])
    steps = [Step(START + timedelta(days=day), stage, CLOSING, reason) for day, stage, reason in taken]
    found = late.step(Reason.DENIED, Shift(CLOSING, denied=True), START + timedelta(days=2), steps)
    assert found == (Step(START + timedelta(days=2), Stage.CONSIDERING, CLOSING, Reason.DENIED) if listed else None)


def test_a_denial_of_an_earlier_state_is_another_one() -> None:
    moves = [(0, Stage.RUMOUR, Reason.NEW_STORY), (1, Stage.RUMOUR, Reason.DENIED), (2, Stage.CONSIDERING, MOVED)]
    taken = [*moves, (5, Stage.ANNOUNCED, MOVED)]
    steps = [Step(START + timedelta(days=day), stage, CLOSING, reason) for day, stage, reason in taken]
    found = late.step(Reason.DENIED, Shift(CLOSING, denied=True), START + timedelta(days=3), steps)
    assert found == Step(START + timedelta(days=3), Stage.CONSIDERING, CLOSING, Reason.DENIED)
