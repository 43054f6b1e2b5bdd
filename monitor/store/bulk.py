"""INSERT of many rows, and UPDATE of one, without what SQLAlchemy spends on each value (measured: bench/store.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import repeat
from json.encoder import encode_basestring_ascii
from typing import Any

from sqlalchemy import JSON, Connection, Dialect, Table
from sqlalchemy.types import TypeEngine

from monitor.store.columns import UtcDateTime, Words

_Column = Sequence[Any]


@dataclass(frozen=True)
class Bulk:
    """Inserts rows with values for these columns, in this order; `ending` is what follows VALUES."""

    table: Table
    columns: tuple[str, ...]
    ending: str = ""

    def insert(self, conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert in one call to the driver. Defaults that schema.py gives in Python are not applied."""
        if not rows:
            return
        statement, converters = _prepared(self, conn.dialect)
        columns = [convert(values) for values, convert in zip(zip(*rows, strict=True), converters, strict=True)]
        conn.exec_driver_sql(statement, list(zip(*columns, strict=False)))


@dataclass(frozen=True)
class Change:
    """Sets these columns of the rows that the `where` columns choose; values in the order columns, then `where`."""

    table: Table
    columns: tuple[str, ...]
    where: tuple[str, ...]

    def apply(self, conn: Connection, values: Sequence[Any]) -> int:
        """Change rows; how many there were."""
        statement, converters = _prepared_change(self, conn.dialect)
        row = tuple([v if convert is None else convert(v) for v, convert in zip(values, converters, strict=True)])
        return conn.exec_driver_sql(statement, row).rowcount


@lru_cache(maxsize=64)
def _prepared_change(change: Change, dialect: Dialect) -> tuple[str, list[Callable[[Any], Any] | None]]:
    quoted, mark = dialect.identifier_preparer, "?" if dialect.positional else "%s"
    sets = ", ".join(f"{quoted.quote(name)} = {mark}" for name in change.columns)
    where = " AND ".join(f"{quoted.quote(name)} = {mark}" for name in change.where)
    statement = f"UPDATE {quoted.format_table(change.table)} SET {sets} WHERE {where}"  # noqa: S608  # names of ours
    kinds = [change.table.c[name].type for name in (*change.columns, *change.where)]
    return statement, [kind.dialect_impl(dialect).bind_processor(dialect) for kind in kinds]


@lru_cache(maxsize=64)
def _prepared(bulk: Bulk, dialect: Dialect) -> tuple[str, list[Callable[[_Column], Iterable[Any]]]]:
    quoted = dialect.identifier_preparer
    names = ", ".join(quoted.quote(name) for name in bulk.columns)
    marks = ", ".join(repeat("?" if dialect.positional else "%s", len(bulk.columns)))
    target = quoted.format_table(bulk.table)
    statement = f"INSERT INTO {target} ({names}) VALUES ({marks}) {bulk.ending}"  # noqa: S608  # names of ours
    return statement, [_converter(bulk.table.c[name].type, dialect) for name in bulk.columns]


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[_Column], Iterable[Any]]:
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return _as_they_are
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return partial(_each, _moment)
    if isinstance(kind, JSON):
        return partial(_lists, convert)
    return partial(_words if isinstance(kind, Words) else _each, convert)


def _as_they_are(values: _Column) -> Iterable[Any]:
    return values


def _each(convert: Callable[[Any], Any], values: _Column) -> Iterable[Any]:
    first = values[0]
    if all(value is first for value in values):  # the time of the poll, no tags at all
        return repeat(convert(first), len(values))
    return map(convert, values)


def _moment(value: datetime | None) -> str | None:
    """What SQLAlchemy writes into a DATETIME of SQLite, without its cost."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime reached the store: {value!r}")
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _lists(convert: Callable[[Any], Any], values: _Column) -> Iterable[Any]:
    return [_list(value, convert) for value in values]


def _list(value: Any, convert: Callable[[Any], Any]) -> Any:
    """A list of texts as `json.dumps` writes it, at a fifth of the cost; anything else as ever."""
    if type(value) is not tuple and type(value) is not list:
        return convert(value)
    try:
        return f"[{', '.join(map(encode_basestring_ascii, value))}]"
    except TypeError:
        return convert(value)


def _words(convert: Callable[[Any], Any], values: _Column) -> Iterable[Any]:
    # One look at all of them is cheaper than one at each, and hardly any holds what a database cannot.
    try:
        together = "".join(values)
        together.encode()
    except (TypeError, UnicodeEncodeError):
        return map(convert, values)
    return values if "\0" not in together else map(convert, values)
