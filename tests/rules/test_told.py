"""Which facts are the news, and which stand beside it: a table of wordings (A23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model import Shift
from tests.rules.test_pack import pack, shift_of

LINES = [
    tuple(line.split(" | ", 1))
    for line in (Path(__file__).parent / "told.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def read(shift: Shift, name: str) -> str:
    """A field of the record as the table writes it."""
    value = getattr(shift, f"{name}_" if name == "from" else name)
    return "+".join(value) if isinstance(value, tuple) else str(value).lower() if name == "denied" else str(value)


@pytest.mark.parametrize(("wanted", "told"), LINES)
def test_the_facts_of_the_news_are_read_and_not_those_beside_it(wanted: str, told: str) -> None:
    title, _, summary = told.partition(" || ")
    shift = shift_of(title, summary)
    if wanted == "none":
        assert shift is None
        return
    assert shift is not None
    for name, values in (one.split("=") for one in wanted.split(", ")):
        assert read(shift, name) in values.replace("nothing", "").split(" or "), name


def test_a_version_belongs_to_its_family_where_names_are_compared() -> None:
    """Labels, feeds and searches name a version that no list knows: it is its family's."""
    assert pack().canonical("model", "Llama 9") == pack().canonical("model", "Llama")
    assert pack().canonical("model", "Nova 3") == "Nova"
