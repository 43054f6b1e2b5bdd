"""From nodes to frozen dataclasses: the schema is the dataclass, its annotations and its defaults.

A key is the field's name; a trailing underscore is not part of it (`from_` is read from `from`). What an annotation may
be: str, int, float, bool, timedelta and Duration, Size, enums, Literal, date, time, anything pydantic reads from
text, `X | None`, tuple[X, ...], Mapping[str, X], dataclasses, unions of dataclasses told apart by
`Field(discriminator="type")`, unions of one text, one list and one mapping form, and Node for the node itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from monitor.errors import ConfigError, Problem
from monitor.yamlfile.nodes import MappingNode, Node, ScalarNode, SequenceNode, kind, nearest, problem
from monitor.yamlfile.units import parse_duration


class _Missing(Enum):
    """Stands for a value that could not be read; its problem has been noted."""

    BAD = "bad"


BAD = _Missing.BAD


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """Where in the value tree we are, and the problems found so far (the list is shared by all contexts)."""

    path: str
    problems: list[Problem]

    def into(self, step: str) -> Context:
        return Context(
            f"{self.path}.{step}" if self.path and not step.startswith("[") else self.path + step, self.problems
        )

    def refuse(self, where: Node, message: str, remedy: str = "") -> _Missing:
        self.problems.append(problem(where, f"{self.path}: {message}" if self.path else message, remedy))
        return BAD


Reader = Callable[[Node, Context], Any]


def typed(node: Node, type_: Any, *, path: str = "") -> Any:
    """The node as a value of `type_`. ConfigError names all mistakes in file order; `path` leads to the node."""
    context = Context(path, [])
    value = reader(type_)(node, context)
    if context.problems:
        raise ConfigError(*sorted(context.problems, key=lambda p: (p.place.line, p.place.column)))
    return value


def reader(type_: Any) -> Reader:
    """The function that reads a node as `type_`, made once for a hashable annotation."""
    try:
        return _cached_reader(type_)
    except TypeError:  # an annotation that holds something unhashable
        return _make_reader(type_)


@cache
def _cached_reader(type_: Any) -> Reader:
    return _make_reader(type_)


def _make_reader(type_: Any) -> Reader:
    origin = get_origin(type_)
    if origin is Annotated:
        return _annotated(type_)
    if origin in {Union, UnionType}:
        return _union(get_args(type_))
    if origin is Literal:
        return _choice({str(value): value for value in get_args(type_)})
    if origin is tuple:
        return _list(get_args(type_)[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(type_)[1])
    if isinstance(type_, type) and issubclass(type_, Node):
        return _node(type_)
    if dataclasses.is_dataclass(type_):
        return _dataclass(type_)  # type: ignore[arg-type]  # a class: annotations hold no instances
    return _leaf(type_)


def _leaf(type_: Any) -> Reader:
    if type_ in _LEAVES:
        return _text(_LEAVES[type_])
    if isinstance(type_, type) and issubclass(type_, Enum):
        return _choice({str(member.value): member for member in type_})
    return _text(_validated(type_))


def _int(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text):
        raise ValueError("a whole number is wanted")
    return int(text)


def _float(text: str) -> float:
    if not re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,18})?", text):
        raise ValueError("a number is wanted")
    return float(text)


def _bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("true or false is wanted")
    return text == "true"


def _time(text: str) -> time:
    if not re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", text):
        raise ValueError("a time of day is wanted, such as 07:30")
    return time.fromisoformat(text)


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError("a date is wanted, such as 2026-01-31")
    return date.fromisoformat(text)


_LEAVES: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _int,
    float: _float,
    bool: _bool,
    timedelta: parse_duration,
    time: _time,
    date: _date,
    Any: str,
}


def _text(convert: Callable[[str], Any]) -> Reader:
    def read(node: Node, context: Context) -> Any:
        if not isinstance(node, ScalarNode):
            return context.refuse(node, f"found {kind(node)}, a single value is wanted")
        try:
            return convert(node.text)
        except ValueError as error:
            return context.refuse(node, f"found {kind(node)}: {error}")

    return read


def _validated(type_: Any) -> Callable[[Any], Any]:
    """pydantic's reading of the text, its error as a ValueError with one sentence."""
    adapter: TypeAdapter[Any] = TypeAdapter(type_)

    def convert(value: Any) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(_sentence(error)) from None

    return convert


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ValueError) else first["msg"][:1].lower() + first["msg"][1:]


def _annotated(type_: Any) -> Reader:
    base, *extra = get_args(type_)
    tag = next((mark.discriminator for mark in extra if getattr(mark, "discriminator", None)), None)
    if isinstance(tag, str):
        return _tagged(tag, get_args(base))
    if all(isinstance(mark, str) or (isinstance(mark, FieldInfo) and not mark.metadata) for mark in extra):
        return reader(base)
    check = _validated(type_)
    before = _LEAVES.get(base, str) if base in {bool, float, timedelta} or _is_checked_int(base, extra) else None
    if get_origin(base) is None and not dataclasses.is_dataclass(base):
        return _text(lambda text: check(before(text) if before else text))
    return _checked(reader(base), check)


def _is_checked_int(base: Any, extra: list[Any]) -> bool:
    """An int that has no text form of its own (Size has) is read strictly before its limits are checked."""
    return base is int and not any(type(mark).__name__ == "BeforeValidator" for mark in extra)


def _checked(read_base: Reader, check: Callable[[Any], Any]) -> Reader:
    def read(node: Node, context: Context) -> Any:
        value = read_base(node, context)
        if value is BAD:
            return BAD
        try:
            return check(value)
        except ValueError as error:
            return context.refuse(node, f"found {kind(node)}: {error}")

    return read


def _choice(allowed: Mapping[str, Any]) -> Reader:
    def read(node: Node, context: Context) -> Any:
        if isinstance(node, ScalarNode) and node.text in allowed:
            return allowed[node.text]
        close = nearest(node.text, allowed) if isinstance(node, ScalarNode) else None
        return context.refuse(node, f"found {kind(node)}, allowed: {', '.join(allowed)}", _did_you_mean(close))

    return read


def _did_you_mean(name: str | None) -> str:
    return f"did you mean '{name}'?" if name else ""


def _list(item_type: Any) -> Reader:
    read_item = reader(item_type)

    def read(node: Node, context: Context) -> Any:
        if not isinstance(node, SequenceNode):
            remedy = f"write [{node.text}]" if isinstance(node, ScalarNode) and not node.is_null else ""
            return context.refuse(node, f"found {kind(node)}, a list is wanted", remedy)
        values = [read_item(item, context.into(f"[{i}]")) for i, item in enumerate(node.items, 1)]
        return BAD if any(value is BAD for value in values) else tuple(values)

    return read


def _mapping(value_type: Any) -> Reader:
    read_value = reader(value_type)

    def read(node: Node, context: Context) -> Any:
        if not isinstance(node, MappingNode):
            return context.refuse(node, f"found {kind(node)}, a mapping (key: value) is wanted")
        values = {key: read_value(value, context.into(key)) for key, value in node.values.items()}
        return BAD if any(value is BAD for value in values.values()) else values

    return read


def _node(type_: type[Node]) -> Reader:
    wanted = {ScalarNode: "a single value", SequenceNode: "a list", MappingNode: "a mapping (key: value)"}

    def read(node: Node, context: Context) -> Any:
        if isinstance(node, type_):
            return node
        return context.refuse(node, f"found {kind(node)}, {wanted.get(type_, 'a value')} is wanted")

    return read


def _union(options: tuple[Any, ...]) -> Reader:
    """`X | None`, and unions whose forms are told apart by being text, a list or a mapping."""
    nullable = NoneType in options
    forms: dict[str, list[Any]] = {}
    for option in options:
        if option is not NoneType:
            forms.setdefault(_form(option), []).append(option)
    readers = {form: _one_form(same) for form, same in forms.items()}
    names = {"text": "a single value", "list": "a list", "mapping": "a mapping (key: value)"}
    allowed = " or ".join([names[form] for form in readers] + (["null"] if nullable else []))

    def read(node: Node, context: Context) -> Any:
        if nullable and isinstance(node, ScalarNode) and node.is_null:
            return None
        form = {ScalarNode: "text", SequenceNode: "list"}.get(type(node), "mapping")
        if form in readers:
            return readers[form](node, context)
        if len(readers) == 1:  # its own error says more
            return next(iter(readers.values()))(node, context)
        return context.refuse(node, f"found {kind(node)}, {allowed} is wanted")

    return read


def _one_form(options: list[Any]) -> Reader:
    """Several types that are all written as text are pydantic's to tell apart."""
    return reader(options[0]) if len(options) == 1 else _text(_validated(Union[tuple(options)]))  # noqa: UP007  # made here


def _form(type_: Any) -> str:
    base = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    origin = get_origin(base)
    if origin is tuple or base is SequenceNode:
        return "list"
    if dataclasses.is_dataclass(base) and base is not ScalarNode:
        return "mapping"
    if origin in {Union, UnionType}:
        return "mapping"  # a tagged union
    return "mapping" if origin is not None and origin is not Literal and issubclass(origin, Mapping) else "text"


def _tagged(tag: str, options: tuple[Any, ...]) -> Reader:
    """A union of dataclasses, the one meant named by the key `tag`."""
    by_name: dict[str, Reader] = {}
    for option in options:
        for name in get_args(get_type_hints(option)[tag]):
            by_name[name] = reader(option)
    choose = _choice({name: name for name in by_name})

    def read(node: Node, context: Context) -> Any:
        if not isinstance(node, MappingNode):
            return context.refuse(node, f"found {kind(node)}, a mapping (key: value) is wanted")
        if tag not in node.values:
            return context.refuse(node, f"the key '{tag}' is missing", f"one of: {', '.join(by_name)}")
        name = choose(node.values[tag], context.into(tag))
        return BAD if name is BAD else by_name[name](node, context)

    return read


@cache
def key_names(cls: type) -> Mapping[str, str]:
    """The keys of a dataclass as YAML has them, and the field each one is for."""
    return {field.name.rstrip("_"): field.name for field in dataclasses.fields(cls) if field.init}


def _dataclass(cls: type) -> Reader:
    hints = get_type_hints(cls, include_extras=True)
    fields = {key: (name, reader(hints[name])) for key, name in key_names(cls).items()}
    required = [key for key, name in key_names(cls).items() if _is_required(cls.__dataclass_fields__[name])]  # type: ignore[attr-defined]  # cls is a dataclass

    def read(node: Node, context: Context) -> Any:
        if not isinstance(node, MappingNode):
            return context.refuse(node, f"found {kind(node)}, a mapping (key: value) is wanted")
        values, bad = {}, False
        for key, value in node.values.items():
            if key not in fields:
                _refuse_key(cls, node.keys[key], context)
                bad = True
                continue
            name, read_value = fields[key]
            values[name] = read_value(value, context.into(key))
            bad = bad or values[name] is BAD
        for key in required:
            if key not in node.values:
                context.refuse(node, f"the key '{key}' is missing")
                bad = True
        return BAD if bad else _built(cls, values, (node, context))

    return read


def _built(cls: type, values: dict[str, Any], at: tuple[Node, Context]) -> Any:
    """The dataclass; what its __post_init__ refuses with a ValueError is a problem of the whole mapping."""
    node, context = at
    try:
        return cls(**values)
    except ValueError as error:
        return context.refuse(node, str(error))


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _refuse_key(cls: type, key: ScalarNode, context: Context) -> None:
    names = key_names(cls)
    close = nearest(key.text, names)
    remedy = _did_you_mean(close) or _belongs_under(cls, key.text) or f"allowed: {', '.join(names)}"
    context.refuse(key, f"unknown key {kind(key)}", remedy)


def _belongs_under(cls: type, key: str) -> str:
    """Where the key would be right: in a section of this mapping."""
    for section, name in key_names(cls).items():
        inner = get_type_hints(cls)[name]
        if isinstance(inner, type) and dataclasses.is_dataclass(inner) and key in key_names(inner):
            return f"it belongs under '{section}'"
    return ""
