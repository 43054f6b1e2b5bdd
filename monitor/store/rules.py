"""Rule versions ever loaded, and when each came into force: a rule never applies back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.store.engine import insert_into
from monitor.store.schema import rule as table


def remember(conn: Connection, versions: Iterable[tuple[str, str, str, str]], now: datetime) -> None:
    """Record (id, version, title, severity) of loaded rules; a version known before keeps its date."""
    rows = [
        {"id": id_, "version": version, "title": title, "severity": severity, "loaded_at": now}
        for id_, version, title, severity in versions
    ]
    if rows:
        conn.execute(insert_into(conn, table).on_conflict_do_nothing(), rows)


def loaded_at(conn: Connection) -> dict[tuple[str, str], datetime]:
    """When each (id, version) came into force."""
    rows = conn.execute(select(table.c.id, table.c.version, table.c.loaded_at))
    return {(id_, version): at for id_, version, at in rows}
