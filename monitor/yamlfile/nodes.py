"""The nodes of a YAML file, each of which knows where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from monitor.errors import Place, Problem


@dataclass(frozen=True, slots=True)
class Source:
    """The file a node was read from: its name as a person gave it, and its text."""

    file: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """A value at a place: `start` and `end` are characters of the file, `line` and `column` count from 1."""

    source: Source = field(repr=False)
    line: int
    column: int
    start: int
    end: int

    @property
    def place(self) -> Place:
        return Place(self.source.file, self.line, self.column)


@dataclass(frozen=True, slots=True)
class ScalarNode(Node):
    """Text. `style` is "" (plain), "'", '"', "|" or ">"."""

    text: str
    style: str = ""

    @property
    def is_null(self) -> bool:
        """Whether it says `null`: only a plain scalar can."""
        return self.style == "" and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class SequenceNode(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MappingNode(Node):
    """Values by key, in file order, and the node of each key."""

    values: Mapping[str, Node]
    keys: Mapping[str, ScalarNode]


def kind(node: Node) -> str:
    """What a person would call the node: text, a list, a mapping, nothing."""
    if isinstance(node, ScalarNode):
        return "nothing" if node.is_null else f"'{shorten(node.text)}'"
    if isinstance(node, SequenceNode):
        return "a list"
    return "a mapping"


def shorten(text: str, limit: int = 60) -> str:
    """At most `limit` characters, on one line, without what is not printable: fit for an error message."""
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def find(node: Node, *path: str | int) -> Node:
    """The node at a path of keys and indexes, or the deepest one on the way that exists."""
    for step in path:
        if isinstance(node, MappingNode) and step in node.values:
            node = node.values[str(step)]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node


def plain(node: Node) -> Any:
    """The node as dict, list and str, as a JSON Schema would see it if every scalar were text."""
    if isinstance(node, MappingNode):
        return {key: plain(value) for key, value in node.values.items()}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return node.text if isinstance(node, ScalarNode) else None


def problem(where: Node | Place, message: str, remedy: str = "") -> Problem:
    """A mistake at a node or place."""
    return Problem(where if isinstance(where, Place) else where.place, message, remedy)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` looks like a typo of, if any."""
    folded = {other.casefold().replace("-", "_"): other for other in names}
    close = get_close_matches(name.casefold().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def place_in(node: Node, offset: int) -> Place:
    """Where in the file character `offset` of a scalar's text stands; its length is the place behind its last one.

    Folding changes white space only, so the characters of text and file are paired one by one, white space aside.
    """
    if not isinstance(node, ScalarNode):
        return node.place
    units = _units(node)
    position, at = (units[0][1] if units else node.start), 0
    blank = 0  # white space passed since the last paired character
    for char in node.text[:offset]:
        if char.isspace():
            blank += 1
            continue
        while at < len(units) and units[at][0] != char:
            at += 1
        position, at, blank = (units[at][2] if at < len(units) else node.end), at + 1, 0
    return _place(node.source, _next_position(node, units[at:], (position, blank, offset)))


def _next_position(node: ScalarNode, rest: Sequence[tuple[str, int, int]], state: tuple[int, int, int]) -> int:
    """From the end of the last paired character to the wanted one: the next visible one, or a blank before it."""
    position, blank, offset = state
    if offset < len(node.text) and not node.text[offset].isspace():
        wanted = node.text[offset]
        return next((start for char, start, _ in rest if char == wanted), position)
    line_end = node.source.text.find("\n", position)
    return min(position + blank, line_end if line_end >= 0 else node.end)


# an escape of a double-quoted scalar, or any character
_UNIT = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[\s\S])|[\s\S]")
_NAMED = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAMED |= {"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}


def _units(node: ScalarNode) -> list[tuple[str, int, int]]:
    """The visible characters of the scalar as the file has them: (character, start, end), escapes resolved."""
    raw, start = node.source.text[node.start : node.end], node.start
    if node.style in {"|", ">"}:
        header = raw.find("\n") + 1
        return [(char, start + i, start + i + 1) for i, char in enumerate(raw) if i >= header and not char.isspace()]
    if node.style == '"':
        found = ((_resolved(m[0]), start + 1 + m.start(), start + 1 + m.end()) for m in _UNIT.finditer(raw[1:-1]))
        return [unit for unit in found if unit[0] and not unit[0].isspace()]
    if node.style == "'":
        pieces = re.finditer(r"''|[\s\S]", raw[1:-1])
        return [(m[0][0], start + 1 + m.start(), start + 1 + m.end()) for m in pieces if not m[0].isspace()]
    return [(char, start + i, start + i + 1) for i, char in enumerate(raw) if not char.isspace()]


def _resolved(unit: str) -> str:
    if not unit.startswith("\\"):
        return unit
    name = unit[1]
    if name in "xuU" and len(unit) > 2:
        return chr(int(unit[2:], 16))
    return _NAMED.get(name, name)


def _place(source: Source, position: int) -> Place:
    line_start = source.text.rfind("\n", 0, position) + 1
    return Place(source.file, source.text.count("\n", 0, position) + 1, position - line_start + 1)
