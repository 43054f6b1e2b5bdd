"""A23: explain answers for hits and for misses: which clause, and which span."""

from __future__ import annotations

import pytest

from monitor.rules.document import Subject
from monitor.rules.explain import Explained, explain, why_not
from tests.rules.helpers import entry, one_rule, rules_of


def find(tree: Explained, clause: str) -> Explained:
    found = [tree] if tree.clause == clause else []
    found += [one for part in tree.parts for one in [find(part, clause)] if one.clause == clause]
    return found[0] if found else Explained("", held=False)


def test_the_tree_of_a_hit_names_every_clause_and_its_spans() -> None:
    rules = one_rule('$lab AND ("open source" NEAR/3 drop*  # a remark\n  OR closed)', "{lab: [Meta]}")
    tree = explain(rules, "r", entry("Meta drops open source"))
    assert tree.held
    near = find(tree, '"open source" NEAR/3 drop*')
    assert [(span.start, span.end) for span in near.spans] == [(5, 10), (11, 22)]
    assert find(tree, "$lab").note == "lab"
    assert not find(tree, "closed").held


@pytest.mark.parametrize(
    ("query", "title", "why"),
    [
        ("open AND closed", "open", "closed fails"),
        ("open NEAR/1 closed", "open x y closed", "open NEAR/1 closed fails (both occur, but not within 1 words)"),
        ("open ONEAR/1 closed", "closed open", "both occur, but not within 1 words in this order"),
        ("open NEAR/s closed", "open", "closed does not occur"),
        ("open AND NOT closed", "open closed", "NOT closed fails"),
    ],
)
def test_a_miss_names_the_clause_that_failed(query: str, title: str, why: str) -> None:
    assert why in why_not(one_rule(query), "r", Subject(entry(title)))


def test_a_miss_by_unless_or_by_too_few_points_says_so() -> None:
    unless = rules_of("rules: [{id: r, title: t, when: a, unless: b OR c}]")
    assert "unless holds" in why_not(unless, "r", Subject(entry("a b")))
    score = rules_of(
        "rules: [{id: r, title: t, score: {threshold: 3, add: [{when: a, points: 2}, {when: b, points: 2}]}}]"
    )
    assert why_not(score, "r", Subject(entry("a"))) == "+2 = 2, needs 3"


def test_the_root_holds_exactly_when_the_rule_matches() -> None:
    rules = rules_of("rules: [{id: r, title: t, any: [a, b], none: [c], unless: d}]")
    for title in ("a", "b c", "a d", "x", "a b"):
        assert explain(rules, "r", entry(title)).held == bool(rules.match(entry(title)))
