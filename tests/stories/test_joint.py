"""Headlines about several labs against those about one, in values: what is apart, what is known, what is its part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model import Candidate, Direction, Stage, Trust
from monitor.stories import joint, traits
from monitor.stories.assign import Assignment
from monitor.stories.profile import profile
from monitor.stories.traits import Traits
from tests.stories.samples import candidate

SHUT, OPEN = Direction.CLOSING, Direction.OPENING


def says(title: str, *orgs: str, **more: Any) -> Traits:
    facts = {"direction": SHUT, "stage": Stage.ANNOUNCED, **more}
    said: Candidate = candidate(title, orgs=orgs, **facts)
    return traits.read(said)


BOTH = says("Meta and Google stop open weights", "Meta", "Google")
THREE = says("Meta, Google and Cohere stop open weights", "Meta", "Google", "Cohere")
PAIR = says("Meta and Cohere stop open weights", "Meta", "Cohere")
META = says("Meta stops open weights", "Meta")
MET_AND_MENTIONED = says("Meta stops open weights, as Google did", "Meta", "Google")
OTHER = says("Cohere stops open weights", "Cohere")


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (BOTH, META, True),
        (META, BOTH, True),
        (BOTH, PAIR, True),
        (BOTH, THREE, False),  # one outlet counts a third
        (BOTH, BOTH, False),
        (BOTH, MET_AND_MENTIONED, False),  # who acts is not said clearly enough
        (META, OTHER, False),  # other labs, and that is told elsewhere
    ],
)
def test_what_is_apart(one: Traits, other: Traits, apart: bool) -> None:
    assert joint.apart(one, other) is apart
    assert joint.apart(one, profile([other])) is apart


@pytest.mark.parametrize(
    ("story", "entry", "known"),
    [
        (META, BOTH, True),
        (OTHER, BOTH, False),
        (MET_AND_MENTIONED, BOTH, False),
        (PAIR, THREE, False),  # a pair is no part of what three do: it has its own message
        (replace(META, stage=Stage.CONSIDERING), BOTH, False),
        (replace(META, sense=traits.Sense.OPENWARD), BOTH, False),
        (META, replace(BOTH, day=(META.day or 0) + 4), False),
        (META, replace(BOTH, day=None), False),
    ],
)
def test_what_a_story_of_one_lab_knows_of_a_headline_about_two(story: Traits, entry: Traits, known: bool) -> None:
    assert joint.knows(profile([story]), entry) is known


UNDONE = replace(BOTH, sense=traits.Sense.OPENWARD, stage=Stage.REVERSED, kind=traits.Kind.UNDOING)
KEEPS = says("Meta keeps its weights open", "Meta", direction=OPEN)


@pytest.mark.parametrize(
    ("several", "one", "gap", "part"),
    [
        (BOTH, META, 0.1, True),
        (BOTH, META, 4.0, False),
        (BOTH, META, None, False),
        (BOTH, OTHER, 0.1, False),
        (BOTH, replace(META, stage=Stage.EFFECTIVE), 0.1, False),  # further
        (BOTH, replace(META, stage=Stage.REVERSED), 0.1, False),
        (BOTH, replace(META, denied=True), 0.1, False),
        (BOTH, replace(META, turns=True), 0.1, False),
        (BOTH, KEEPS, 0.1, False),
        (UNDONE, KEEPS, 0.1, True),
        (UNDONE, replace(KEEPS, stage=Stage.REVERSED, turns=True), 0.1, True),
        (UNDONE, replace(KEEPS, stage=Stage.EFFECTIVE), 0.1, False),
    ],
)
def test_what_is_told_again_of_one_lab(several: Traits, one: Traits, gap: float | None, part: bool) -> None:
    assert joint.retells(one, profile([several]), gap) is part
    assert not joint.retells(replace(one, first_hand=True), profile([several]), gap), "the lab itself is heard"


WEIGH = says("Meta and Google weigh closing their models", "Meta", "Google", stage=Stage.CONSIDERING)
OPENS = says("Meta puts out SAM 5 weights", "Meta", models=("SAM 5",), direction=OPEN, stage=Stage.EFFECTIVE)


@pytest.mark.parametrize(
    ("several", "one", "part"),
    [
        (WEIGH, META, True),
        (WEIGH, OTHER, False),
        (WEIGH, OPENS, False),
        (WEIGH, replace(OPENS, turns=True), True),
        (WEIGH, replace(OPENS, models={}), True),
        (replace(WEIGH, models=OPENS.models), OPENS, True),
        (BOTH, PAIR, True),
        (BOTH, says("Cohere and Mistral stop open weights", "Cohere", "Mistral"), False),
    ],
)
def test_what_may_tell_of_its_part(several: Traits, one: Traits, part: bool) -> None:
    assert joint.parts(one, several) is joint.parts(several, one) is part


def test_a_storyline_asks_what_its_latest_member_about_several_asks() -> None:
    assert joint.asks((BOTH, THREE, META)) is THREE
    assert joint.asks((META, KEEPS)) is KEEPS


def test_an_entry_about_several_joins_one_labs_story_as_a_report_on_that() -> None:
    both = candidate("Meta and Google stop", orgs=("Google", "Meta"), models=("Llama", "Gemma"), trust=Trust.PRESS)
    taken = Assignment(1, 1, lab="meta").taken(both).shift
    assert (taken.orgs, taken.models) == (("Meta",), ())
    assert Assignment(1, 1).taken(both) is both
