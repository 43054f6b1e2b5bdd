"""Small facts of the service itself: last tick, clock offset, counters of a day, configuration problems."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from monitor.store.engine import insert_into
from monitor.store.schema import fact as table


def set(conn: Connection, name: str, value: Any, now: datetime) -> None:
    """Remember `value` (anything JSON can hold) under `name`, in place of what stood there."""
    insert = insert_into(conn, table).values(name=name, value=value, at=now)
    conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value, "at": now}))


def get(conn: Connection, name: str) -> Any:
    """The value under `name`; None when there is none."""
    return conn.scalar(select(table.c.value).where(table.c.name == name))


def set_at(conn: Connection, name: str) -> datetime | None:
    """When the fact was last set or counted."""
    return conn.scalar(select(table.c.at).where(table.c.name == name))


def count(conn: Connection, name: str, by: float, now: datetime) -> None:
    """Add to a counter; it starts at 0."""
    insert = insert_into(conn, table).values(name=name, value=None, number=by, at=now)
    conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"number": table.c.number + by, "at": now}))


def counted(conn: Connection, prefix: str) -> dict[str, float]:
    """All counters whose name starts so, by name."""
    query = select(table.c.name, table.c.number).where(table.c.name.startswith(prefix, autoescape=True))
    return {name: number for name, number in conn.execute(query.where(table.c.number.is_not(None)))}  # noqa: C416


def forget(conn: Connection, name: str) -> None:
    """Forget one fact."""
    conn.execute(delete(table).where(table.c.name == name))
