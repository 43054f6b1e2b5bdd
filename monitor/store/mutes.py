"""Mutes: people's orders to withhold, always with an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from monitor.model import Mute
from monitor.store.schema import mute as table


def add(conn: Connection, new: Mute, now: datetime) -> Mute:
    """Keep a mute; it comes back with its id."""
    row = {"kind": new.kind, "value": new.value, "until": new.until, "by": new.by, "created_at": now}
    return replace(new, id=conn.execute(table.insert().values(row).returning(table.c.id)).scalar_one())


def active(conn: Connection, now: datetime) -> list[Mute]:
    """The mutes in force, the one that ends first on top."""
    query = select(table).where(table.c.until > now).order_by(table.c.until, table.c.id)
    return [_mute(row) for row in conn.execute(query)]


def remove(conn: Connection, mute_id: int) -> bool:
    """Lift a mute; False when there is none of this id."""
    return conn.execute(table.delete().where(table.c.id == mute_id)).rowcount == 1


def forget(conn: Connection, before: datetime) -> int:
    """Delete the mutes that ended before then; how many."""
    return conn.execute(table.delete().where(table.c.until < before)).rowcount


def _mute(row: Row[Any]) -> Mute:
    return Mute(row.id, row.kind, row.value, row.until, row.by)
