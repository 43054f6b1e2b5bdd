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


AGAIN = "comes once more"


@pytest.mark.parametrize(
    ("told", "title", "day", "once_more"),
    [
        (["Acme tightens Falcon 3 terms"], "Acme tightens Falcon 3 terms again", 5, True),
        (["Acme tightens Falcon 3 terms"], "Acme tightens Falcon 3 terms again", 1, False),  # of something older
        (["Acme tightens Falcon 3 terms"], "Acme tightens Falcon 3 terms more", 5, False),
        (["Acme tightens Falcon 3 terms again"], "Falcon 3 terms tightened once more", 5, False),
        (["State bans Falcon 3"], "Court blocks ban on Falcon 3", 5, True),
    ],
)
def test_what_comes_once_more_days_later_is_another_event(
    told: list[str], title: str, day: float, once_more: bool
) -> None:
    facts = (TIGHT, DONE, USE, False)
    story = profile(traits.read(of(facts, one)) for one in told)
    entry = candidate(title, day=day, orgs=("Acme",), direction=TIGHT, stage=DONE, object_=USE)
    assert (AGAIN in fit(traits.read(entry), story, Weights(lambda _: 1.0)).why) is once_more


def release(title: str, day: float = 0, summary: str = "", way: Direction = OPEN, stage: Stage = DONE) -> Candidate:
    return candidate(title, day=day, orgs=("Acme",), models=("Falcon 3",), direction=way, stage=stage, summary=summary)


@pytest.mark.parametrize(
    ("first", "second", "veto"),
    [
        (release("Acme opens Falcon 3"), release("Acme opens Falcon 3 Coder", 1.5), "another of the family"),
        (release("Acme opens Falcon 3"), release("Acme opens Falcon 3 Coder", 0.5), ""),
        (release("Acme opens Falcon 3", summary="A coder is in it."), release("Acme opens Falcon 3 Coder", 1.5), ""),
        (release("Acme opens Falcon 3"), release("Acme opens Falcon 3 Coder", 1.5, stage=TOLD), ""),
        (release("Acme eases Falcon 3", way=EASED), release("Acme eases Falcon 3 Coder", 1.5, way=EASED), ""),
        (release("Acme opens Falcon 3 Coder"), release("Acme opens Falcon 3", 1.5), ""),  # the name left short
        (release("Acme opens Falcon 3 Coder", 1.5), release("Acme opens Falcon 3"), "another of the family"),
        (release("Acme opens Falcon 3 7B"), release("Acme opens Falcon 3 72B", 0.2), "another size of the model"),
        (release("Acme opens Falcon 3 7B"), release("Acme opens Falcon 3 72B", 0.2, "So is a 7B."), ""),
        (release("Acme opens Falcon 3 7B", summary="A 72B, too."), release("Acme opens Falcon 3 72B", 0.2), ""),
        (
            release("Acme opens Falcon 3 7B"),
            release("Acme opens Falcon 3 72B", 3, "The 7B came first."),
            "another size of the model",
        ),
    ],
)
def test_a_family_comes_out_on_one_day_or_one_by_one(first: Candidate, second: Candidate, veto: str) -> None:
    found = fit(traits.read(second), profile([traits.read(first)]), Weights(lambda _: 1.0))
    assert found.veto == veto
