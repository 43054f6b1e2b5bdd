"""From a file to nodes: what is no plain, strict YAML is refused here, at the event that shows it.

Events of libyaml are read instead of a composed tree, so an alias is seen before it can multiply anything: a merge
bomb costs what its 400 bytes cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from monitor.errors import ConfigError, Place, Problem
from monitor.yamlfile.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source, place_in, problem, shorten

if TYPE_CHECKING:
    from _typeshed import StrPath

MAX_BYTES = 8 << 20  # 30,000 feeds with every key are 6 MiB
MAX_DEPTH = 20  # our deepest schema has 8 levels
MAX_PROBLEMS = 20  # of one file; more would not be read

# C0 (but tab and line ends), DEL, C1, line and paragraph separator, bidi controls, byte order mark inside the text
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_BLOCK = "write the value as a block: | at the end of the line, the text indented below it"


def load(path: StrPath, *, limit: int = MAX_BYTES) -> Node:
    """The document in a file of at most `limit` bytes. ConfigError names every refusal and its place."""
    file = str(path)
    try:
        # open() and not pathlib: the deciding modules import this package and may not import pathlib
        with open(path, "rb") as stream:  # noqa: PTH123
            data = stream.read(limit + 1)
    except OSError as error:
        raise ConfigError(Problem(Place(file), *_unreadable(error))) from None
    if len(data) > limit:
        raise ConfigError(Problem(Place(file), f"the file is larger than {limit} bytes", "split it"))
    return parse(data, file)


def parse(data: bytes | str, file: str) -> Node:
    """The one document in `data`; an empty one is an empty mapping. `file` is the name that errors show."""
    text = data if isinstance(data, str) else _decoded(data, file)
    source = Source(file, text.replace("\r\n", "\n").replace("\r", "\n"))
    _refuse_control_characters(source)
    builder = _Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=yaml.CBaseLoader):
            builder.take(event)
            if len(builder.problems) >= MAX_PROBLEMS:
                break
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(source, error))
    except yaml.YAMLError as error:
        builder.problems.append(Problem(Place(file), f"this is no YAML: {shorten(str(error), 200)}"))
    if builder.problems:
        raise ConfigError(*sorted(builder.problems, key=lambda p: (p.place.line, p.place.column)))
    return builder.root or MappingNode(source, 1, 1, 0, 0, {}, {})


def _unreadable(error: OSError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "there is no such file", "`licensewatch init` writes a starter configuration"
    if isinstance(error, IsADirectoryError):
        return "this is a directory, a file is wanted", ""
    if isinstance(error, PermissionError):
        return "permission denied", "the account that runs licensewatch must be able to read it"
    return f"the file cannot be read: {error.strerror or error}", ""


def _decoded(data: bytes, file: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(Problem(Place(file), "the file is UTF-16", "save it as UTF-8"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]  # utf-8-sig has cut a byte order mark from it
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
        raise ConfigError(Problem(Place(file, line, column), message, "save the file as UTF-8")) from None


def _refuse_control_characters(source: Source) -> None:
    found = _CONTROL.search(source.text)
    if found:
        before = source.text[: found.start()]
        place = Place(source.file, before.count("\n") + 1, found.start() - before.rfind("\n"))
        message = f"there is a control character here (U+{ord(found[0]):04X})"
        raise ConfigError(Problem(place, message, "delete it; editors often do not show it"))


def _syntax_problem(source: Source, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = str(error.problem or "this is no YAML")
    if mark is None:
        return Problem(Place(source.file), what)
    here = source.text[mark.index : mark.index + 1]
    message, remedy = what + (f" {error.context}" if error.context else ""), ""
    line = source.text[source.text.rfind("\n", 0, mark.index) + 1 :].partition("\n")[0]
    if here == "\t":
        message, remedy = "a tab cannot indent YAML", "indent with spaces"
    elif here in {"@", "`", "%"}:
        message, remedy = f"a value cannot begin with {here}", f"quote it, or {_BLOCK}"
    elif "mapping values are not allowed" in what:
        message, remedy = "a colon and a space inside a value need quotes", f"put the text in quotes, or {_BLOCK}"
    elif "unknown escape" in what:
        message, remedy = "unknown escape in double quotes", f"use single quotes, or {_BLOCK}"
    elif re.match(r"\s*(?:- +)?(?:[\w-]+: +)?[\"'\[]", line):
        remedy = f"a value that begins with a quote or bracket ends where that ends; {_BLOCK}"
    return Problem(Place(source.file, mark.line + 1, mark.column + 1), message, remedy)


@dataclass(slots=True)
class _Open:
    """A sequence or mapping whose end has not come yet."""

    event: Any
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Builder:
    """Builds nodes from events and collects what is refused."""

    source: Source
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: Any) -> None:
        handler = _HANDLERS.get(type(event))
        if handler:
            handler(self, event)

    def refuse(self, event: Any, message: str, remedy: str = "") -> None:
        mark = event.start_mark
        self.problems.append(Problem(Place(self.source.file, mark.line + 1, mark.column + 1), message, remedy))

    def document(self, event: Any) -> None:
        if self.root is not None:
            self.refuse(event, "a second document begins here", "keep one document in a file")
        if event.tags:
            self.refuse(event, "%TAG is not allowed")

    def alias(self, event: Any) -> None:
        self.refuse(event, f"an alias (*{event.anchor}) is not allowed", f"write the value out; for a query, {_BLOCK}")
        self.add(self.scalar_node(event, "", ""))

    def scalar(self, event: Any) -> None:
        self.check_properties(event)
        node = self.scalar_node(event, event.value, event.style or "")
        found = _CONTROL.search(event.value) if event.style == '"' else None  # elsewhere the file's text was checked
        if found:
            message = f"an escape here makes a control character (U+{ord(found[0]):04X})"
            where = place_in(node, found.start())
            self.problems.append(problem(where, message, f"use single quotes, or {_BLOCK}"))
        self.add(node)

    def scalar_node(self, event: Any, text: str, style: str) -> ScalarNode:
        start, end = event.start_mark, event.end_mark
        return ScalarNode(self.source, start.line + 1, start.column + 1, start.index, end.index, text, style)

    def check_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self.refuse(event, f"an anchor (&{event.anchor}) is not allowed", f"quote the value, or {_BLOCK}")
        if event.tag is not None:
            self.refuse(event, f"a tag ({shorten(event.tag)}) is not allowed", f"quote the value, or {_BLOCK}")

    def open(self, event: Any) -> None:
        self.check_properties(event)
        self.stack.append(_Open(event))
        if len(self.stack) > MAX_DEPTH:
            where = Place(self.source.file, event.start_mark.line + 1, event.start_mark.column + 1)
            raise ConfigError(Problem(where, f"nested deeper than {MAX_DEPTH} levels"))

    def close(self, event: Any) -> None:
        done = self.stack.pop()
        start = done.event.start_mark
        at = (start.line + 1, start.column + 1, start.index, event.end_mark.index)
        if isinstance(done.event, yaml.SequenceStartEvent):
            self.add(SequenceNode(self.source, *at, tuple(done.items)))
            return
        values: dict[str, Node] = {}
        keys: dict[str, ScalarNode] = {}
        for key, value in zip(done.items[::2], done.items[1::2], strict=True):
            if isinstance(key, ScalarNode) and self.is_new_key(key, keys):
                keys[key.text], values[key.text] = key, value
            elif not isinstance(key, ScalarNode):
                self.problems.append(problem(key, "a key must be text"))
        self.add(MappingNode(self.source, *at, values, keys))

    def is_new_key(self, key: ScalarNode, seen: dict[str, ScalarNode]) -> bool:
        if key.text == "<<" and not key.style:
            self.problems.append(problem(key, "a merge key (<<) is not allowed", "write the keys out"))
        elif key.text in seen:
            first = seen[key.text].line
            message = f"the key '{shorten(key.text)}' stands here a second time (first in line {first})"
            self.problems.append(problem(key, message, "delete one of the two"))
        else:
            return True
        return False

    def add(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].items.append(node)
        else:
            self.root = node


_HANDLERS: dict[type, Callable[[_Builder, Any], None]] = {
    yaml.DocumentStartEvent: _Builder.document,
    yaml.AliasEvent: _Builder.alias,
    yaml.ScalarEvent: _Builder.scalar,
    yaml.SequenceStartEvent: _Builder.open,
    yaml.MappingStartEvent: _Builder.open,
    yaml.SequenceEndEvent: _Builder.close,
    yaml.MappingEndEvent: _Builder.close,
}
