"""Processes that share a PostgreSQL database: each writes every few seconds that it lives, by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select

from monitor.store.engine import insert_into
from monitor.store.schema import worker as table


@dataclass(frozen=True, slots=True)
class WorkerState:
    """`configuration` is equal where the same files are in force; `leads`: it defers what is due for all."""

    id: str
    host: str
    pid: int
    version: str
    since: datetime
    seen_at: datetime
    leads: bool = False
    configuration: str = ""
    jobs: int = 0


_FIELDS = tuple(WorkerState.__dataclass_fields__)


def clock(conn: Connection) -> datetime:
    """The time by the clock of the PostgreSQL server."""
    found: datetime = conn.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]  # it always has one
    return found


def beat(conn: Connection, state: WorkerState) -> None:
    """Write down that a worker lives, and how it does."""
    row: dict[str, Any] = {name: getattr(state, name) for name in _FIELDS}
    insert = insert_into(conn, table).values(row)
    changed = {name: value for name, value in row.items() if name != "id"}
    conn.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed))


def leave(conn: Connection, worker_id: str) -> None:
    """A worker ended as it should."""
    conn.execute(delete(table).where(table.c.id == worker_id))


def forget(conn: Connection, before: datetime) -> list[WorkerState]:
    """Take those off the list that were last seen before then: they died, or lost the database for too long."""
    return [_state(row) for row in conn.execute(delete(table).where(table.c.seen_at < before).returning(table))]


def alive(conn: Connection, now: datetime, within: timedelta = timedelta(seconds=30)) -> list[WorkerState]:
    """The workers that were seen lately, the oldest first."""
    query = select(table).where(table.c.seen_at >= now - within).order_by(table.c.since, table.c.id)
    return [_state(row) for row in conn.execute(query)]


def _state(row: Any) -> WorkerState:
    return WorkerState(**{name: getattr(row, name) for name in _FIELDS})
