"""Every row of one database into another, empty one: how an installation moves from SQLite to PostgreSQL, or back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Table, func, insert, select, text

from monitor.errors import UsageError
from monitor.store.engine import Database
from monitor.store.schema import entry, metadata, unsearched

PAGE = 500


def copy(source: Database, target: Database, advance: Callable[[int], None] = lambda _: None) -> dict[str, int]:
    """Copy all rows in one transaction of `target`, which has this program's tables and no row; how many, by table.

    Nobody may write to `source` meanwhile: the caller holds both locks. `advance` hears of each page. What makes
    entries findable is made anew by the daemon, a little later.
    """
    tables = metadata.sorted_tables
    with source.read() as from_, target.write() as to:
        taken = [table.name for table in tables if to.scalar(select(func.count()).select_from(table))]
        if taken:
            raise UsageError(
                f"The database {target.place} is not empty ({', '.join(taken[:3])} …): copy into an empty one."
            )
        copied = {table.name: _table(from_, to, table, advance) for table in tables if table is not unsearched}
        kept = select(entry.c.id).where(entry.c.pruned_at.is_(None))
        to.execute(insert(unsearched).from_select(["entry_id"], kept))
        if to.dialect.name == "postgresql":
            _go_on_counting(to)
    return copied


def total(database: Database) -> int:
    """How many rows there are to copy."""
    with database.read() as conn:
        return sum(conn.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables)


def _table(source: Connection, target: Connection, table: Table, advance: Callable[[int], None]) -> int:
    copied = 0
    for page in _pages(source, table):
        target.execute(insert(table), page)
        copied += len(page)
        advance(len(page))
    return copied


def _pages(source: Connection, table: Table) -> Iterator[list[Mapping[str, Any]]]:
    ordered = select(table).order_by(*table.primary_key.columns)
    rows = source.execution_options(yield_per=PAGE).execute(ordered)
    for some in rows.mappings().partitions(PAGE):
        yield [dict(row) for row in some]


def _go_on_counting(target: Connection) -> None:
    """PostgreSQL numbers rows from a sequence, which copied rows do not move."""
    for table in metadata.sorted_tables:
        [*keys] = table.primary_key.columns
        if len(keys) == 1 and keys[0].autoincrement is True and isinstance(keys[0].type, (BigInteger, Integer)):
            last = select(func.coalesce(func.max(keys[0]), 0)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, keys[0].name)
            target.execute(select(func.setval(sequence, func.greatest(last, 1), last > text("0"))))
