"""Alerts: every decision to tell or not to tell, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from monitor.model import Alert, Reason, Severity
from monitor.store.schema import alert as table


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as it was recorded. Notices have no story."""

    id: int
    alert: Alert
    story_id: int | None
    entry_id: int | None
    created_at: datetime


def add(conn: Connection, alert: Alert, story_id: int | None, entry_id: int | None, now: datetime) -> int:
    """Record a decision; its id."""
    row = {
        "story_id": story_id,
        "entry_id": entry_id,
        "reason": alert.reason.value,
        "severity": alert.severity.value,
        "line": alert.line,
        "suppressed": alert.suppressed,
        "note": alert.note,
        "created_at": now,
    }
    made: int = conn.execute(table.insert().values(row).returning(table.c.id)).scalar_one()
    return made


def of_entry(conn: Connection, entry_id: int) -> list[StoredAlert]:
    """What was decided about an entry, oldest first."""
    return [_alert(row) for row in conn.execute(select(table).where(table.c.entry_id == entry_id).order_by(table.c.id))]


def of_story(conn: Connection, story_id: int) -> list[StoredAlert]:
    """What was decided about a story, oldest first."""
    return [_alert(row) for row in conn.execute(select(table).where(table.c.story_id == story_id).order_by(table.c.id))]


def latest(conn: Connection) -> int:
    """The id of the last decision; 0 when there is none. Decisions are taken one at a time: ids follow their order."""
    return conn.scalar(select(func.max(table.c.id))) or 0


def stories_since(conn: Connection, alert_id: int) -> set[int]:
    """The stories that were decided about after this decision."""
    query = select(table.c.story_id).distinct().where(table.c.id > alert_id, table.c.story_id.is_not(None))
    return set(conn.scalars(query))


def get(conn: Connection, alert_id: int) -> StoredAlert | None:
    row = conn.execute(select(table).where(table.c.id == alert_id)).first()
    return None if row is None else _alert(row)


def counts(conn: Connection, since: datetime | None = None) -> dict[str, int]:
    """Decisions by reason; reasons nobody had are 0."""
    query = select(table.c.reason, func.count()).group_by(table.c.reason)
    if since is not None:
        query = query.where(table.c.created_at >= since)
    return {str(reason): 0 for reason in Reason} | {row[0]: row[1] for row in conn.execute(query)}


def _alert(row: Row[Any]) -> StoredAlert:
    told = Alert(Reason(row.reason), Severity(row.severity), row.line, row.suppressed, row.note)
    return StoredAlert(row.id, told, row.story_id, row.entry_id, row.created_at)
