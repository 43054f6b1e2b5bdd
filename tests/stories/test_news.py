"""What an entry changes about a storyline, in values: the reason, the step, the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model import Coverage, Direction, Reason, Stage, Step, Story, Storyline
from monitor.stories import late, news, storyline
from monitor.stories.news import News, Said
from tests.stories.samples import START, candidate

CLOSING, OPENING = Direction.CLOSING, Direction.OPENING
RUMOUR, WEIGHED, DECIDED, DONE, BACK = (
    Stage.RUMOUR,
    Stage.CONSIDERING,
    Stage.ANNOUNCED,
    Stage.EFFECTIVE,
    Stage.REVERSED,
)
Taken = tuple[float, Stage, Direction, Reason]


def step(day: float, stage: Stage, way: Direction, reason: Reason, story_id: int = 1) -> Step:
    return Step(START + timedelta(days=day), stage, way, reason, story_id=story_id)


def said(day: float, stage: Stage, way: Direction, title: str = "Acme on Falcon", *, denied: bool = False) -> Said:
    return Said(candidate(title, day=day, stage=stage, direction=way, denied=denied), "The Byte")


def story_of(one: Said, number: int = 1) -> Story:
    entry = one.candidate.entry
    covered = Coverage(1, entry.feed_id, "The Byte", entry.title, "", one.candidate.trust, one.candidate.seen_at)
    return replace(storyline.opened(one.candidate, covered), id=number, storyline_id=1)


def line_of(*taken: Taken) -> Storyline:
    """A storyline of one story that took these steps."""
    steps = tuple(step(*one) for one in taken)
    last = taken[-1]
    return Storyline(1, (story_of(said(last[0], last[1], last[2])),), steps)


WEIGHED_THEN_DECIDED = ((0, WEIGHED, CLOSING, Reason.NEW_STORY), (5, DECIDED, CLOSING, Reason.STAGE_MOVED))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # What was overtaken is listed as what it was; a denial, with what it denied.
        (
            said(2, RUMOUR, CLOSING),
            News(Reason.REPEAT, late.LINE, step(2, RUMOUR, CLOSING, Reason.NEW_STORY_IN_STORYLINE, 0)),
        ),
        (
            said(2, RUMOUR, OPENING, denied=True),
            News(Reason.REPEAT, late.LINE, step(2, WEIGHED, CLOSING, Reason.DENIED, 0)),
        ),
        # A denial is a note on how things stood when it was said.
        (
            said(6, RUMOUR, OPENING, denied=True),
            News(Reason.DENIED, "a denial is reported by The Byte", step(6, DECIDED, CLOSING, Reason.DENIED, 0)),
        ),
        # The delay of what a storyline stands at is one; the delay of the opposite tells first of that.
        (
            said(6, DECIDED, CLOSING, "Acme delays closing of Falcon"),
            News(Reason.DELAYED, "a delay is reported by The Byte", step(6, DECIDED, CLOSING, Reason.DELAYED, 0)),
        ),
        (
            said(6, DECIDED, OPENING, "Acme delays open release of Falcon"),
            News(
                Reason.NEW_STORY_IN_STORYLINE,
                "closing → opening, says The Byte",
                step(6, DECIDED, OPENING, Reason.NEW_STORY_IN_STORYLINE, 0),
            ),
        ),
    ],
)
def test_what_another_story_is_to_its_storyline(one: Said, expected: News) -> None:
    assert news.another(one.candidate.shift, one, line_of(*WEIGHED_THEN_DECIDED)) == expected


def test_a_denial_is_a_note_on_how_things_stood_when_it_was_said() -> None:
    line = line_of((0, RUMOUR, CLOSING, Reason.NEW_STORY), (5, WEIGHED, CLOSING, Reason.STAGE_MOVED))
    found = news.another(said(2, DECIDED, OPENING, denied=True).candidate.shift, said(2, DECIDED, OPENING), line)
    assert found.step == step(2, RUMOUR, CLOSING, Reason.DENIED, 0)


@pytest.mark.parametrize(
    ("before", "after", "taken", "stage"),
    [
        (DECIDED, BACK, [(0, DECIDED, CLOSING, Reason.NEW_STORY)], BACK),
        (WEIGHED, DECIDED, [(0, WEIGHED, CLOSING, Reason.NEW_STORY)], DECIDED),
    ],
)
def test_only_what_turned_back_is_the_same_decided_and_reversed(
    before: Stage, after: Stage, taken: Sequence[Taken], stage: Stage
) -> None:
    stories = [story_of(said(1, one, CLOSING)) for one in (before, after)]
    assert news.as_told(*stories, [step(*one) for one in taken]).shift.stage is stage


def test_of_a_storyline_that_turned_back_decided_and_reversed_are_the_same() -> None:
    steps = [step(0, DECIDED, CLOSING, Reason.NEW_STORY), step(3, DECIDED, OPENING, Reason.NEW_STORY_IN_STORYLINE, 2)]
    stories = [story_of(said(3, one, OPENING), 2) for one in (DECIDED, BACK)]
    assert news.as_told(*stories, steps).shift.stage is DECIDED
    assert news.as_told(stories[0], story_of(said(4, DONE, OPENING), 2), steps).shift.stage is DONE


def test_a_correction_that_moves_the_stage_says_what_moved() -> None:
    """Only a denial is told as a correction: who corrects himself to more than he said decides nothing less."""
    line = line_of((0, WEIGHED, CLOSING, Reason.NEW_STORY))
    one = said(1, DECIDED, CLOSING, "Correction: Acme has decided to close Falcon")
    found = news.grown(line.stories[0], story_of(one), [one.candidate], one, line)
    assert (found.reason, found.line) == (Reason.STAGE_MOVED, "under consideration → announced, says The Byte")
