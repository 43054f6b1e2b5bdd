"""What a query is made of: its tokens and the nodes of its syntax tree, and the mistakes in it.

Nodes know which characters of the query they are (`at` to `end`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
OPERATORS = frozenset({"AND", "OR", "NOT"})
TOKENS = re.compile(
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


def distance(token: str, at: int) -> int | None:
    """How far apart a NEAR token lets its sides be, in words; None: in one sentence."""
    name, _, number = token.partition("/")
    if number == "s":
        return None
    if not number.isdecimal():
        raise QueryError(at, f"{name} needs a distance in words, or s", f"{name}/8 or {name}/s")
    if int(number) > MAX_DISTANCE:
        raise QueryError(at, f"{name}/{number}: at most {MAX_DISTANCE} words", "use AND")
    return int(number)


def occurrences(token: str, at: int) -> int:
    """How many occurrences an ATLEAST token asks for."""
    number = token.partition("/")[2]
    if not number.isdecimal() or not 1 <= int(number) <= MAX_DISTANCE:
        raise QueryError(at, "ATLEAST needs a number of occurrences", "ATLEAST/2 (…)")
    return int(number)


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
