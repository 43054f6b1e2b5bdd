"""A21: the compiled matcher, its index included, gives what a naive evaluator of the same grammar gives."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.model import Entry
from monitor.rules.document import Subject
from monitor.rules.load import load_nodes
from monitor.rules.plan import Need, Needs, Plan
from monitor.rules.sieve import Sieve
from monitor.yamlfile import parse
from tests.rules.naive import Naive, Vocabulary, rule_holds, rule_spans

WORDS = ["open", "source", "model", "Meta", "OpenAI", "Open", "meta", "llama", "Llama", "4", "3.1", "closed", "a"]
SEPARATORS = [" ", " ", " ", "-", "\u2011", ", ", ". ", "! ", " “", "” ", "'s ", "’s ", "/", " & ", "\u2014"]
TERMS = ["open", "source", "model", "Meta", "op*", "mod*", "clo?ed", "met?", "we*", "llama", "open-source", "OpenAI"]
PHRASES = ["open source", "open * model", "Llama ?", "op* source", "closed model*", "Llama 3.1", "* source a"]
REGEXES = [r"/open.source/i", r"/[A-Z]\w+a\b/", r"/—/", r"/l+ama( \d)?/", r"/mod/"]
ITEMS = ["open", "open source", "mod*", "=Meta", "Llama ?", "closed", "weights a", "($small NEAR/2 model)", "=Open"]


def texts() -> st.SearchStrategy[str]:
    pieces = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SEPARATORS)), max_size=14)
    return pieces.map(lambda found: "".join(word + separator for word, separator in found).strip())


def _leaf() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(TERMS),
        st.sampled_from(TERMS).map(lambda term: "=" + term),
        st.sampled_from(PHRASES).map(lambda phrase: f'"{phrase}"'),
        st.sampled_from(["Llama 4", "open source", "Open*"]).map(lambda phrase: f'="{phrase}"'),
        st.sampled_from(["$small", "$thing"]),
        st.sampled_from(REGEXES),
    )


def _near(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["NEAR/0", "NEAR/1", "NEAR/3", "ONEAR/0", "ONEAR/2", "NEAR/s", "ONEAR/s"])
    return st.tuples(inner, operators, inner).map(lambda made: f"({made[0]}) {made[1]} ({made[2]})")


def _joined(inner: st.SearchStrategy[str], operator: str) -> st.SearchStrategy[str]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda found: f"({operator.join(found)})")


def positional() -> st.SearchStrategy[str]:
    """Queries that have positions."""
    return st.recursive(
        _leaf(),
        lambda inner: st.one_of(_near(inner), _joined(inner, " OR ")),
        max_leaves=5,
    )


def _ids() -> st.SearchStrategy[str]:
    return st.sampled_from(["feed:one", "feed:(one OR two)", "tag:x", "domain:example.org", "tag:(x AND NOT y)"])


def queries() -> st.SearchStrategy[str]:
    """Queries with every operator."""
    base = st.one_of(
        positional(),
        positional(),
        st.builds("{}:({})".format, st.sampled_from(["title", "summary", "content", "author"]), positional()),
        st.builds("ATLEAST/{} ({})".format, st.integers(1, 3), positional()),
        _ids(),
    )
    return st.recursive(
        base,
        lambda inner: st.one_of(
            _joined(inner, " AND "),
            _joined(inner, " OR "),
            inner.map(lambda q: f"(NOT ({q}))"),
        ),
        max_leaves=5,
    )


def _with_a_term(query: str) -> str:
    """A query needs a positive term; this one is almost always there."""
    return f"({query}) AND (a OR open OR model OR meta)"


def rules() -> st.SearchStrategy[dict[str, Any]]:
    wanted = queries().map(_with_a_term)
    some = st.lists(wanted, min_size=1, max_size=2)
    none = st.lists(queries(), min_size=1, max_size=2)
    clause = st.fixed_dictionaries({"when": wanted, "points": st.sampled_from([-3, -1, 1, 2, 3])})
    score = st.fixed_dictionaries(
        {"threshold": st.sampled_from([1, 2, 4]), "add": st.lists(clause, min_size=1, max_size=4)}
    )
    ways = st.one_of(
        st.fixed_dictionaries({"when": wanted}),
        st.fixed_dictionaries({"score": score}),
        st.fixed_dictionaries({"any": some}, optional={"all": some, "none": none}),
    )
    unless = st.one_of(st.just({}), st.fixed_dictionaries({"unless": queries()}))
    return st.builds(lambda rule, more: {**rule, **more}, ways, unless)


def entries() -> st.SearchStrategy[Entry]:
    return st.builds(
        Entry,
        feed_id=st.sampled_from(["one", "two"]),
        keys=st.just(()),
        title=texts(),
        summary=texts(),
        content=texts(),
        author=st.sampled_from(["", "Meta", "open source"]),
        url=st.sampled_from(["", "https://news.example.org/a", "https://example.com/"]),
        tags=st.sampled_from([(), ("x",), ("x", "y")]),
    )


def vocabularies() -> st.SearchStrategy[Vocabulary]:
    items = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3, unique=True).map(tuple)
    hidden = st.lists(st.sampled_from(["open source model", "Meta a", "closed"]), max_size=1).map(tuple)
    return st.lists(st.tuples(items, hidden), min_size=1, max_size=3).map(lambda made: Vocabulary(tuple(made)))


def rule_file(made: list[dict[str, Any]], thing: Vocabulary) -> str:
    """The file; JSON is YAML."""
    entities = [
        {"name": f"e{number}", "terms": list(shown), "not": list(hidden)}
        for number, (shown, hidden) in enumerate(thing.entities)
    ]
    named = [{"id": f"r{number}", "title": "t", **rule} for number, rule in enumerate(made)]
    words = {"small": ["a", "4", "open"], "thing": {"kind": "org", "entities": entities}}
    return json.dumps({"version": 1, "vocabularies": words, "rules": named})


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=st.lists(rules(), min_size=1, max_size=4), thing=vocabularies(), entry=entries())
def test_compiled_rules_match_what_a_naive_reading_matches(
    made: list[dict[str, Any]], thing: Vocabulary, entry: Entry
) -> None:
    """A21: the same rules, and the same spans."""
    rule_set = load_nodes([parse(rule_file(made, thing), "rules.yaml")])
    small = Vocabulary(((("a", "4", "open"), ()),))
    naive = Naive(entry, {"small": small, "thing": thing}, feed_tags=("y",))
    found = {
        hit.rule_id: {(span.field, span.start, span.end) for span in hit.spans}
        for hit in rule_set.match(entry, feed_tags=("y",))
    }
    wanted = {f"r{n}": rule_spans(naive, rule) for n, rule in enumerate(made) if rule_holds(naive, rule)}
    assert found == wanted


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=st.lists(rules(), min_size=1, max_size=4), thing=vocabularies(), entry=entries())
def test_a_sieve_for_another_process_keeps_every_rule_that_may_match(
    made: list[dict[str, Any]], thing: Vocabulary, entry: Entry
) -> None:
    """A21: written down and read again, it names the same rules."""
    rule_set = load_nodes([parse(rule_file(made, thing), "rules.yaml")])
    sent = Sieve(rule_set.sifter[1])
    subject = Subject(entry, ("y",))
    named = rule_set.index.sieve.candidates(subject)
    assert named == sent.candidates(subject)
    assert {hit.rule_id for hit in rule_set.match(entry, feed_tags=("y",))} <= {f"r{number}" for number in named}


GROUPS = 12


def _any_need(dice: Random, depth: int, names: int) -> Need:
    """A need as rules have them: clauses, named needs, and many or few of these."""
    if depth == 0 or dice.random() < 0.3:
        if names and dice.random() < 0.3:
            return dice.randrange(names)
        return frozenset(dice.sample(range(GROUPS), dice.randint(1, 3)))
    needs = tuple(_any_need(dice, depth - 1, names) for _ in range(dice.randint(1, 9)))
    return Needs(needs, every=dice.random() < 0.5)


def _is_met(need: Need, present: set[int], named: list[Need]) -> bool:
    if isinstance(need, Needs):
        return (all if need.every else any)([_is_met(one, present, named) for one in need.needs])
    return _is_met(named[need], present, named) if isinstance(need, int) else bool(need & present)


def test_a_sieve_asks_what_a_rule_needs_in_any_order_and_finds_the_same() -> None:
    """A21: alternatives sorted by what they cannot do without are met exactly where one of them is."""
    dice, met = Random(21), 0
    words, groups = [f"w{number}" for number in range(GROUPS)], [[number] for number in range(GROUPS)]
    for _ in range(600):
        named = [_any_need(dice, 2, 0) for _ in range(2)]
        need = _any_need(dice, 3, len(named))
        plan = Plan([f" {word} " for word in words], groups, groups, [], [], [], [0], [], {0: need}, named)
        sieve = Sieve(plan.dumps())
        for _ in range(5):
            present = set(dice.sample(range(GROUPS), dice.randint(0, GROUPS)))
            found = sieve.candidates(Subject(Entry("f", (), " ".join(words[one] for one in present))))
            assert bool(found) is _is_met(need, present, named), (need, named, present)
            met += bool(found)
    assert 600 < met < 2400, "both happen often"
