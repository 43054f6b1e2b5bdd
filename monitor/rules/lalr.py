"""The grammar of record (LALR(1), so a query has one reading), and what it says of a query that is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from lark import Lark, Token, UnexpectedToken
from lark.lexer import Lexer
from lark.visitors import Transformer, v_args

from monitor.rules.mistakes import explain_mistake
from monitor.rules.syntax import (
    OPERATORS,
    TOKENS,
    And,
    AtLeast,
    Field,
    Near,
    Node,
    Not,
    Or,
    QueryError,
    Reference,
    Regex,
    Term,
    distance,
    occurrences,
)

_GRAMMAR = r"""
?query: either
?either: both (OR both)*
?both: negated (AND negated)*
?negated: NOT negated -> negation
    | near
?near: atom
    | atom NEAR atom -> nearness
?atom: FIELD atom -> field
    | OPEN either CLOSE -> group
    | ATLEAST OPEN either CLOSE -> at_least
    | WORD -> word
    | PHRASE -> phrase
    | EQUALS WORD -> cased_word
    | EQUALS PHRASE -> cased_phrase
    | REFERENCE -> reference
    | REGEX -> regex
%declare OR AND NOT NEAR ATLEAST FIELD WORD PHRASE REGEX REFERENCE EQUALS OPEN CLOSE
"""


class _Lexer(Lexer):
    """Cuts a query into tokens; a character that begins none is a BAD one, for the parser to stumble over."""

    def __init__(self, conf: Any) -> None:
        """Lark hands its configuration over; the terminals are ours."""

    def lex(self, query: str) -> Iterator[Token]:  # type: ignore[override]  # the form lark calls with a plain string
        for match in TOKENS.finditer(query):
            kind, value = match.lastgroup or "BAD", match[0]
            if kind == "SKIP":
                continue
            if kind == "WORD" and value in OPERATORS:
                kind = value
            yield Token(kind, value, match.start(), end_pos=match.end())


@v_args(inline=True)
class _Build(Transformer[Token, Node]):
    """Callbacks of the parser: tokens and nodes in, a node out."""

    def word(self, token: Token) -> Node:
        return Term(_at(token), _end(token), str(token))

    def phrase(self, token: Token) -> Node:
        return Term(_at(token), _end(token), str(token)[1:-1])

    def cased_word(self, equals: Token, token: Token) -> Node:
        _want_adjacent(equals, token)
        return Term(_at(equals), _end(token), str(token), cased=True)

    def cased_phrase(self, equals: Token, token: Token) -> Node:
        _want_adjacent(equals, token)
        return Term(_at(equals), _end(token), str(token)[1:-1], cased=True)

    def reference(self, token: Token) -> Node:
        return Reference(_at(token), _end(token), str(token)[1:])

    def regex(self, token: Token) -> Node:
        text = str(token)
        ignore_case = text.endswith("/i")
        return Regex(_at(token), _end(token), text[1 : -2 if ignore_case else -1], ignore_case)

    def field(self, token: Token, child: Node) -> Node:
        return Field(_at(token), child.end, str(token)[:-1], child)

    def group(self, opening: Token, child: Node, closing: Token) -> Node:
        return replace(child, at=_at(opening), end=_end(closing))

    def at_least(self, token: Token, opening: Token, child: Node, closing: Token) -> Node:  # noqa: ARG002  # lark's shape
        return AtLeast(_at(token), _end(closing), occurrences(token, _at(token)), child)

    def nearness(self, left: Node, token: Token, right: Node) -> Node:
        ordered = token.startswith("O")
        return Near(left.at, right.end, left, right, distance(token, _at(token)), ordered)

    def negation(self, token: Token, child: Node) -> Node:
        return Not(_at(token), child.end, child)

    def both(self, *parts: Any) -> Node:
        children = parts[::2]
        return And(children[0].at, children[-1].end, children)

    def either(self, *parts: Any) -> Node:
        children = parts[::2]
        return Or(children[0].at, children[-1].end, children)


def _at(token: Token) -> int:
    return int(token.start_pos or 0)


def _end(token: Token) -> int:
    return int(token.end_pos or 0)


def _want_adjacent(equals: Token, token: Token) -> None:
    if _end(equals) != _at(token):
        raise QueryError(_at(equals), "= stands directly before what it makes case sensitive", f"write ={token}")


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_Lexer, start="query", transformer=_Build())


def parse(query: str) -> Node:
    """The syntax tree of a query. QueryError says where the first mistake is and how to mend it."""
    try:
        return _parser().parse(query)  # type: ignore[return-value]  # the transformer makes nodes of trees
    except UnexpectedToken as error:
        end = len(query) if error.token.type == "$END" else _at(error.token)
        raise explain_mistake(query, list(_Lexer(None).lex(query[:end])), error.token) from None
