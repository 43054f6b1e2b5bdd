"""How an entry fits a story, in values: turns that are two events, and one lab's part of what several did."""

from __future__ import annotations

import pytest

from monitor.model import Candidate, Direction, ShiftObject, Stage
from monitor.stories import joint, traits
from monitor.stories.profile import profile
from monitor.stories.similarity import fit
from monitor.stories.wording import Weights
from tests.stories.samples import candidate

OPEN, SHUT, EASED, TIGHT = Direction.OPENING, Direction.CLOSING, Direction.LOOSENING, Direction.RESTRICTING
WEIGHED, TOLD, DONE = Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE
USE, WEIGHTS = ShiftObject.USAGE_POLICY, ShiftObject.WEIGHTS
Said = tuple[Direction, Stage, ShiftObject, bool]


def of(said: Said, title: str = "Acme on Falcon 3") -> Candidate:
    way, stage, what, denied = said
    return candidate(title, orgs=("Acme",), direction=way, stage=stage, object_=what, denied=denied)


@pytest.mark.parametrize(
    ("members", "entry", "apart"),
    [
        ([(SHUT, TOLD, WEIGHTS, False)], (OPEN, DONE, WEIGHTS, False), True),
        ([(SHUT, WEIGHED, WEIGHTS, False)], (OPEN, DONE, WEIGHTS, False), False),  # talk: outlets say both
        ([(SHUT, TOLD, WEIGHTS, False)], (OPEN, WEIGHED, WEIGHTS, False), False),
        ([(SHUT, TOLD, WEIGHTS, True)], (OPEN, TOLD, WEIGHTS, False), False),  # a denial says nothing of its own
        ([(SHUT, TOLD, WEIGHTS, False), (OPEN, WEIGHED, WEIGHTS, False)], (OPEN, TOLD, WEIGHTS, False), False),
        ([(TIGHT, DONE, USE, False)], (EASED, DONE, USE, False), True),
        ([(TIGHT, DONE, WEIGHTS, False)], (EASED, DONE, WEIGHTS, False), False),  # one change of terms, read both ways
        ([(TIGHT, DONE, WEIGHTS, False)], (EASED, DONE, USE, False), False),
        ([(SHUT, DONE, USE, False)], (OPEN, DONE, WEIGHTS, False), False),
    ],
)
def test_what_is_decided_both_ways_is_two_events(members: list[Said], entry: Said, apart: bool) -> None:
    story = profile(traits.read(of(one)) for one in members)
    found = fit(traits.read(of(entry, "News of Falcon 3")), story, Weights(lambda _: 1.0))
    assert ("decided one way" in found.why) is apart


@pytest.mark.parametrize(
    ("title", "way", "part"),
    [
        ("Google stops releasing open weights with Gemma 9", SHUT, True),
        ("Google stops releasing open weights again with Gemma 9", SHUT, False),
        ("Google puts out Gemma 9 weights", OPEN, False),
    ],
)
def test_one_labs_part_of_what_two_did_is_told_again_unless_it_turns(title: str, way: Direction, part: bool) -> None:
    facts = {"direction": SHUT, "stage": TOLD}
    own = {**facts, "direction": way}
    both = candidate("Meta and Google stop releasing open weights", orgs=("Meta", "Google"), **facts)  # type: ignore[arg-type]  # a mix of fields
    one = candidate(title, orgs=("Google",), models=("Gemma 9",), day=0.1, **own)  # type: ignore[arg-type]  # a mix of fields
    assert joint.retells(traits.read(one), profile([traits.read(both)]), 0.1) is part
