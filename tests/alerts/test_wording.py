"""A33: the head of a message and the phone's notification say how things stand, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts import render
from monitor.model import Direction, Reason, Shift, Stage, Step, Storyline, Trust
from tests.alerts.texts import strings
from tests.alerts.world import T0, coverage, storyline

CLOSING, OPENING = Direction.CLOSING, Direction.OPENING


def steps_of(one: Storyline, shift: Shift, *before: tuple[Stage, Direction], reason: Reason) -> Storyline:
    """The storyline with this shift as its story, after steps that led there."""
    story = replace(one.stories[0], shift=shift)
    taken = [*before, (shift.stage, shift.direction)]
    steps = (
        Step(T0 + timedelta(days=number), stage, way, Reason.NEW_STORY if not number else reason, story_id=story.id)
        for number, (stage, way) in enumerate(taken)
    )
    return replace(one, stories=(story,), steps=tuple(steps))


@pytest.mark.parametrize(
    ("way", "before", "said"),
    [
        (OPENING, [], "now opening"),
        (CLOSING, [], "now closing"),
        (OPENING, [(Stage.EFFECTIVE, CLOSING)], "now opening"),
        (CLOSING, [(Stage.ANNOUNCED, OPENING)], "now closing"),
        # Most reports of the story still tell of what it ended.
        (CLOSING, [(Stage.ANNOUNCED, CLOSING)], "was closing"),
        (OPENING, [(Stage.REVERSED, OPENING)], "now opening"),
        (Direction.POLICY, [], "policy"),
    ],
)
def test_a_reversal_goes_where_its_direction_says(
    way: Direction, before: list[tuple[Stage, Direction]], said: str
) -> None:
    one = storyline()
    shift = replace(one.stories[0].shift, stage=Stage.REVERSED, direction=way)
    message = render.parent(steps_of(one, shift, *before, reason=Reason.STAGE_MOVED))
    assert f"reversed, {said}, weights" in message.text
    assert f"*Reversed* · {said} · weights" in strings(list(message.blocks))[1]


@pytest.mark.parametrize(
    ("stage", "reason", "said", "goes"),
    [
        (Stage.RUMOUR, Reason.NEW_STORY, "would be", "would go "),
        (Stage.CONSIDERING, Reason.NEW_STORY, "would be", "would go "),
        (Stage.ANNOUNCED, Reason.NEW_STORY, "to be", "to go "),
        (Stage.EFFECTIVE, Reason.NEW_STORY, "now", ""),
        (Stage.ENFORCEMENT, Reason.NEW_STORY, "now", ""),
        (Stage.REVERSED, Reason.NEW_STORY, "to be", "to go "),  # "will release": a turn may be a promise
        (Stage.EFFECTIVE, Reason.DELAYED, "to be", "to go "),
    ],
)
def test_terms_hold_now_only_once_they_are_in_effect(stage: Stage, reason: Reason, said: str, goes: str) -> None:
    one = storyline()
    shift = replace(one.stories[0].shift, stage=stage, direction=OPENING, from_="", to="open")
    before = [(Stage.ANNOUNCED, OPENING)] if reason is Reason.DELAYED else []
    message = render.parent(steps_of(one, shift, *before, reason=reason))
    assert f"Terms: {said} open." in message.text
    assert f"*Meta* · Behemoth · {said} open" in strings(list(message.blocks))[1]
    known = steps_of(one, replace(shift, from_="closed"), *before, reason=reason)
    message = render.parent(known)
    assert f"Terms: {goes}from closed to open." in message.text
    assert f"*Meta* · Behemoth · {goes}closed → open" in strings(list(message.blocks))[1], "the message says it alike"


def test_a_name_that_is_the_labs_and_the_models_is_said_once() -> None:
    one = storyline()
    for lab, models, said in (("DeepSeek", ("DeepSeek",), ""), ("Mistral AI", ("Mistral", "Codestral"), ", Codestral")):
        shift = replace(one.stories[0].shift, orgs=(lab,), models=models)
        assert render.parent(steps_of(one, shift, reason=Reason.NEW_STORY)).text.startswith(f"{lab}{said}: closing")


def test_a_denial_that_opened_a_story_of_its_own_stands_against_what_it_denies() -> None:
    one = storyline()
    one = replace(one, steps=tuple(replace(step, story_id=one.stories[0].id) for step in one.steps))
    denied = replace(one.stories[0], id=99, shift=replace(one.stories[0].shift, denied=True))
    note = Step(T0 + timedelta(days=9), one.steps[-1].stage, CLOSING, Reason.DENIED, story_id=99)
    both = replace(one, stories=(*one.stories, denied), steps=(*one.steps, note))
    assert "A denial was reported" in render.parent(both).text
    other = replace(denied, shift=replace(denied.shift, direction=OPENING))
    assert "A denial" not in render.parent(replace(both, stories=(*one.stories, other))).text
    before = replace(one.stories[0], shift=replace(one.stories[0].shift, denied=True))
    assert "A denial" not in render.parent(replace(both, stories=(before, other))).text, "what it denied is another way"


def test_what_no_rule_read_confirms_nothing_and_reports_nothing() -> None:
    """A lab's own word is quoted before what was reported, and the head says that the lab spoke since."""
    one = storyline(outlets=2)
    title, said = "What we heard from you", "We are changing our plans."
    own = replace(coverage(9, "Meta newsroom", title=title, trust=Trust.PRIMARY), read=False)
    story = replace(one.stories[0], coverage=(*one.stories[0].coverage, own))
    step = Step(own.at, Stage.CONSIDERING, CLOSING, Reason.PRIMARY_SOURCE, title, own.url, own.outlet, story.id)
    one = replace(one, stories=(story,), steps=(*one.steps, step))
    facts = {"line": "the lab itself speaks: Meta newsroom", "story_id": story.id, "entry_id": 9, "evidence": said}
    reply = render.move(one, facts)
    assert reply.text == f"Meta, Behemoth: the lab itself speaks: Meta newsroom. {title}. “{said}”"
    first, quote, state, *_ = strings(list(reply.blocks))
    assert first.startswith("*The lab itself speaks: Meta newsroom*")
    assert said in quote
    assert state.startswith("_As reported so far:_\n🔒  *Closing* · under consideration")
    [listed] = [line for line in strings(list(render.coverage(one).blocks))[1].split("\n") if title in line]
    assert listed.endswith("its own words, which no rule reads")
    parent = render.parent(one)
    page = "\n".join(strings(list(parent.blocks)))
    assert "*the lab itself spoke since*" in page
    assert "The lab itself spoke since: Meta newsroom." in parent.text
    assert "Reported by 2 outlets" in page
    assert "*a primary source speaks*" in page
    assert "Reported by The Decoder and 1 more." in parent.text
    later = replace(step, stage=Stage.ANNOUNCED, reason=Reason.STAGE_MOVED, url="", headline="")
    assert "spoke since" not in render.parent(replace(one, steps=(*one.steps, later))).text
