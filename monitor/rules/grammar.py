"""The query language: from the text of a query to its syntax tree, or to an error that points and suggests.

Binding, tightest first: field, NEAR and ONEAR, NOT, AND, OR. The grammar is LALR(1), so a query has one reading. Nodes
know which characters of the query they are (`at` to `end`). What names, wildcards and regexes mean, `compile` settles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from lark import Lark, Token, UnexpectedToken
from lark.lexer import Lexer
from lark.visitors import Transformer, v_args

from monitor.errors import MonitorError

TEXT_FIELDS = ("title", "summary", "content", "author")
ID_FIELDS = ("feed", "tag", "domain")
MAX_DISTANCE = 9999
MAX_DEPTH = 60  # of nesting; more is no query a person wrote


class QueryError(MonitorError):
    """A mistake in a query: character `offset` of it is where to look, `remedy` what to write instead."""

    def __init__(self, offset: int, message: str, remedy: str = "") -> None:
        super().__init__(message + (f" ({remedy})" if remedy else ""))
        self.offset = offset
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Node:
    """Characters `at` to `end` of the query."""

    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Term(Node):
    """A word or phrase as written, without its quotes and `=`."""

    text: str
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """`$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Regex(Node):
    """`/pattern/` or `/pattern/i`."""

    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Field(Node):
    """`name:child`."""

    name: str
    child: Node


@dataclass(frozen=True, slots=True)
class Near(Node):
    """At most `distance` words between the two; None: in one sentence."""

    left: Node
    right: Node
    distance: int | None
    ordered: bool


@dataclass(frozen=True, slots=True)
class AtLeast(Node):
    count: int
    child: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    child: Node


@dataclass(frozen=True, slots=True)
class And(Node):
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    children: tuple[Node, ...]


QUOTES = '"“”„‟«»＂'
_WORD_CHAR = rf"[^\s()=:/$,{QUOTES}]"
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_TOKENS = re.compile(
    rf"""(?P<SKIP>\s+|\#[^\n]*)
    |(?P<NEAR>O?NEAR/[\w.]*)
    |(?P<ATLEAST>ATLEAST/[\w.]*)
    |(?P<FIELD>[A-Za-z_]\w*:)
    |(?P<WORD>{_WORD_CHAR}+)
    |(?P<PHRASE>[{QUOTES}][^\n{QUOTES}]*[{QUOTES}])
    |(?P<REGEX>/(?:[^/\\\n]|\\.)+/i?)
    |(?P<REFERENCE>\$[A-Za-z_][\w-]*)
    |(?P<EQUALS>=)
    |(?P<OPEN>\()
    |(?P<CLOSE>\))
    |(?P<BAD>\S)""",
    re.VERBOSE,
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
        for match in _TOKENS.finditer(query):
            kind, value = match.lastgroup or "BAD", match[0]
            if kind == "SKIP":
                continue
            if kind == "WORD" and value in _OPERATORS:
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
        return AtLeast(_at(token), _end(closing), _count(token), child)

    def nearness(self, left: Node, token: Token, right: Node) -> Node:
        ordered = token.startswith("O")
        return Near(left.at, right.end, left, right, _distance(token), ordered)

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


def _distance(token: Token) -> int | None:
    name, _, number = token.partition("/")
    if number == "s":
        return None
    if not number.isdecimal():
        raise QueryError(_at(token), f"{name} needs a distance in words, or s", f"{name}/8 or {name}/s")
    if int(number) > MAX_DISTANCE:
        raise QueryError(_at(token), f"{name}/{number}: at most {MAX_DISTANCE} words", "use AND")
    return int(number)


def _count(token: Token) -> int:
    number = token.partition("/")[2]
    if not number.isdecimal() or not 1 <= int(number) <= MAX_DISTANCE:
        raise QueryError(_at(token), "ATLEAST needs a number of occurrences", "ATLEAST/2 (…)")
    return int(number)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_Lexer, start="query", transformer=_Build())


@lru_cache(maxsize=20_000)  # a reload parses what changed
def parse(query: str) -> Node:
    """The syntax tree of a query. QueryError says where the first mistake is and how to mend it."""
    _refuse_deep(query)
    try:
        return _parser().parse(query)  # type: ignore[return-value]  # the transformer makes nodes of trees
    except UnexpectedToken as error:
        from monitor.rules.mistakes import explain_mistake

        end = len(query) if error.token.type == "$END" else _at(error.token)
        raise explain_mistake(query, list(_Lexer(None).lex(query[:end])), error.token) from None


def _refuse_deep(query: str) -> None:
    """Nesting ends before Python's own stack does: parentheses, and NOTs and fields before what they are about."""
    if query.count("(") + query.count("NOT") + query.count(":") <= MAX_DEPTH:
        return
    depth, outer = 0, [0]
    for token in _Lexer(None).lex(query):
        if token.type in {"NOT", "FIELD"}:
            depth += 1
        elif token.type == "OPEN":
            depth += 1
            outer.append(depth)
        elif token.type == "CLOSE" and len(outer) > 1:
            outer.pop()
            depth = outer[-1]
        else:
            depth = outer[-1]
        if depth > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} parentheses, NOTs or fields inside each other"
            raise QueryError(_at(token), message, "use vocabularies")


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    """What a node is made of, in the order of the query."""
    if isinstance(node, And | Or):
        return node.children
    if isinstance(node, Near):
        return (node.left, node.right)
    if isinstance(node, Not | Field | AtLeast):
        return (node.child,)
    return ()
