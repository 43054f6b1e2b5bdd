"""What is remembered of each receiver across restarts: whether it ever worked, is parked, and when it was last used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from monitor.store.schema import receiver as table


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """`parked_scope` is credential or destination, None when it is not parked.

    `retry_at`: when a parked one is tried again; without a park, until when the receiver asked us to wait.
    """

    name: str
    worked_at: datetime | None = None
    parked_scope: str | None = None
    parked_code: str | None = None
    parked_at: datetime | None = None
    retry_at: datetime | None = None
    last_post_at: datetime | None = None
    credential_hash: str | None = None


_FIELDS = tuple(ReceiverState.__dataclass_fields__)
_FREE: Mapping[str, Any] = {
    "parked_scope": None,
    "parked_code": None,
    "parked_at": None,
    "retry_at": None,
    "credential_hash": None,
}


def states(conn: Connection) -> dict[str, ReceiverState]:
    """Every receiver that was ever used, by name."""
    found = (ReceiverState(**{name: getattr(row, name) for name in _FIELDS}) for row in conn.execute(select(table)))
    return {state.name: state for state in found}


def worked(conn: Connection, name: str, now: datetime) -> None:
    """A call with its credential succeeded; the first time is kept."""
    _ensure(conn, [name])
    conn.execute(update(table).where(table.c.name == name, table.c.worked_at.is_(None)).values(worked_at=now))


def posted(conn: Connection, name: str, now: datetime) -> None:
    """A message is about to go out: the pace counts from here after a restart."""
    _ensure(conn, [name])
    conn.execute(update(table).where(table.c.name == name).values(last_post_at=now))


def wait(conn: Connection, names: Collection[str], until: datetime) -> None:
    """The receiver asked for patience (Retry-After); a restart does not forget it."""
    _ensure(conn, names)
    conn.execute(update(table).where(table.c.name.in_(list(names))).values(retry_at=until))


def park(conn: Connection, names: Collection[str], state: ReceiverState) -> list[str]:
    """Nothing goes to these receivers until `state.retry_at`. Names of those that were not parked before."""
    _ensure(conn, names)
    which = table.c.name.in_(list(names))
    fresh = list(conn.scalars(select(table.c.name).where(which, table.c.parked_scope.is_(None))))
    values = {
        "parked_scope": state.parked_scope,
        "parked_code": state.parked_code,
        "retry_at": state.retry_at,
        "credential_hash": state.credential_hash,
    }
    conn.execute(update(table).where(which).values(**values))
    conn.execute(update(table).where(table.c.name.in_(fresh)).values(parked_at=state.parked_at))
    return fresh


def retry_now(conn: Connection, name: str, now: datetime) -> None:
    """A person asks for another try of a parked receiver before its time."""
    conn.execute(update(table).where(table.c.name == name, table.c.parked_scope.is_not(None)).values(retry_at=now))


def unpark(conn: Connection, names: Collection[str]) -> list[str]:
    """They may be tried again. Names of those that were parked."""
    which = table.c.name.in_(list(names))
    parked = list(conn.scalars(select(table.c.name).where(which, table.c.parked_scope.is_not(None))))
    conn.execute(update(table).where(which).values(**_FREE))
    return parked


def _ensure(conn: Connection, names: Collection[str]) -> None:
    known = set(conn.scalars(select(table.c.name).where(table.c.name.in_(list(names)))))
    missing = [{"name": name} for name in names if name not in known]
    if missing:
        conn.execute(table.insert(), missing)
