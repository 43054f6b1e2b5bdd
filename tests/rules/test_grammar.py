"""The descent in front of the grammar reads what the grammar reads, or leaves it to it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.rules import grammar, lalr
from monitor.rules.syntax import Node, QueryError

WORDS = st.sampled_from(
    [
        "open",
        "closed*",
        "AND",
        "OR",
        "NOT",
        "NEAR/3",
        "ONEAR/s",
        "NEAR/x",
        "ATLEAST/2",
        "ATLEAST/0",
        "(",
        ")",
        "=",
        '"a',
        "=Meta",
        "$lab",
        "title:",
        "feed:",
        "/re+/i",
        ",",
        '"',
        ":",
        "gpt-oss",
        '="C',
        "#x",
    ]
)
TERMS = st.sampled_from(["open", "=Meta", '"a b"', '="C R"', "$lab", "/re+/i", "gpt-oss-120b"])


def _joined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(children, children)
    return st.one_of(
        st.tuples(children, st.sampled_from([" AND ", " OR ", " AND\nNOT "]), children).map("".join),
        pair.map(lambda two: f"({two[0]}) NEAR/8 ({two[1]})"),
        children.map(lambda one: f"NOT ({one})"),
        children.map(lambda one: f"title:({one}) # so\n"),
        pair.map(lambda two: f"ATLEAST/2 ({two[0]} OR {two[1]})"),
    )


def _outcome(query: str, parse: object) -> Node | tuple[int, str, str]:
    try:
        return parse(query)  # type: ignore[operator, no-any-return]
    except QueryError as error:
        return error.offset, error.message, error.remedy


@settings(max_examples=300, deadline=None)
@given(st.recursive(TERMS, _joined, max_leaves=12))
def test_a_right_query_is_read_alike_by_descent_and_grammar(query: str) -> None:
    """Any query that people may write has the same tree, characters included, from both readers."""
    assert grammar.parse(query) == lalr.parse(query)


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS, max_size=9).map(" ".join))
def test_any_words_are_read_alike_or_refused_alike(query: str) -> None:
    """Right or wrong, the tree or the mistake is the grammar's."""
    assert _outcome(query, grammar.parse) == _outcome(query, lalr.parse)
