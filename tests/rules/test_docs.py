"""docs/rules.md says only what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.rules.load import load_nodes
from monitor.yamlfile import parse
from tests.rules.helpers import matched, one_rule, problem_of

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose header begins so, cells stripped."""
    body = PAGE.split(heading, 1)[1].split("\n\n", 1)[0]
    rows = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


@pytest.mark.parametrize("number", range(PAGE.count("```yaml")))
def test_every_rule_file_of_the_page_loads_and_its_examples_hold(number: int) -> None:
    block = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[number]
    assert load_nodes([parse(block, f"example {number}")]).rules


@pytest.mark.parametrize(("query", "finds", "not_finds"), table("| query | finds |"))
def test_every_form_finds_and_does_not_find_what_the_page_says(query: str, finds: str, not_finds: str) -> None:
    rules = one_rule(query.strip("`"))
    assert matched(rules, finds)
    assert not not_finds or not matched(rules, not_finds)


@pytest.mark.parametrize(("query", "error"), table("| query | error |"))
def test_every_mistake_is_named_as_the_page_says(query: str, error: str) -> None:
    assert error in problem_of(query.strip("`"))
