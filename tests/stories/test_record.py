"""A lab's own history moves severity, visibly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model import Direction, Shift, ShiftObject, Stage
from monitor.stories.record import context

DONE = Stage.EFFECTIVE


def shift(direction: Direction, org: str = "Acme") -> Shift:
    return Shift(direction, DONE, orgs=(org,))


def test_the_first_closing_by_a_lab_that_always_opened_weighs_more() -> None:
    said = context(shift(Direction.CLOSING), {"Acme": [shift(Direction.OPENING)] * 4})
    assert (said.step, said.line) == (1, "first closing by Acme after 4 the other way")


def test_another_release_by_a_lab_that_always_does_weighs_less() -> None:
    said = context(shift(Direction.OPENING), {"Acme": [shift(Direction.OPENING)] * 4})
    assert (said.step, said.line) == (-1, "Acme always does: 4 earlier, none the other way")


@pytest.mark.parametrize(
    ("org", "direction", "step"),
    [
        ("Meta", Direction.CLOSING, 1),
        ("Mistral AI", Direction.OPENING, -1),
        ("OpenAI", Direction.OPENING, 1),
        ("OpenAI", Direction.RESTRICTING, 0),
        ("Unheard Of Labs", Direction.CLOSING, 0),
        ("Meta", Direction.DISPUTE, 0),
    ],
)
def test_without_a_record_a_labs_repute_stands_in(org: str, direction: Direction, step: int) -> None:
    assert context(shift(direction, org), {}).step == step


@pytest.mark.parametrize("what", [ShiftObject.USAGE_POLICY, ShiftObject.API_TERMS])
def test_repute_is_about_models_and_not_about_who_may_use_a_service(what: ShiftObject) -> None:
    """A lab known for closed models does nothing unheard of when it lifts a ban in its usage policy."""
    assert context(replace(shift(Direction.LOOSENING, "OpenAI"), object=what), {}).line == ""
    assert context(replace(shift(Direction.OPENING, "OpenAI"), object=what), {}).step == 1


def test_what_we_saw_ourselves_overrules_repute() -> None:
    assert context(shift(Direction.CLOSING, "Meta"), {"Meta": [shift(Direction.CLOSING, "Meta")]}).step == 0


def test_rumours_make_no_record() -> None:
    rumours = [Shift(Direction.OPENING, Stage.RUMOUR, orgs=("Acme",))] * 5
    assert context(shift(Direction.CLOSING), {"Acme": rumours}).step == 0


def test_nobody_named_nothing_said() -> None:
    assert context(Shift(Direction.CLOSING, DONE), {}).line == ""
