"""Hits: which rule version matched which entry, where, and the shift it read there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from monitor.model import Confidence, Direction, Hit, Severity, Shift, ShiftObject, Span, Stage
from monitor.store.engine import insert_into
from monitor.store.schema import hit as table

_COLUMNS = (
    table.c.rule_id,
    table.c.rule_version,
    table.c.rule_title,
    table.c.severity,
    table.c.shift,
    table.c.spans,
    table.c.tags,
)


def add(conn: Connection, entry_id: int, hits: Sequence[Hit], now: datetime, baseline: bool) -> list[int]:
    """Store hits of one entry; ids in the order given. The hit of a version that had matched before is read anew."""
    ids = []
    for one in hits:
        insert = insert_into(conn, table).values(
            entry_id=entry_id,
            rule_id=one.rule_id,
            rule_version=one.rule_version,
            created_at=now,
            baseline=baseline,
            **_reading(one),
        )
        upsert = insert.on_conflict_do_update(
            index_elements=["entry_id", "rule_id", "rule_version"], set_=_reading(one)
        ).returning(table.c.id)
        ids.append(conn.execute(upsert).scalar_one())
    return ids


def of_entry(conn: Connection, entry_id: int) -> list[Hit]:
    """All hits of an entry, in the order they were found."""
    rows = conn.execute(select(*_COLUMNS).where(table.c.entry_id == entry_id).order_by(table.c.id))
    return [_hit(row) for row in rows]


def counts(conn: Connection, since: datetime | None = None) -> dict[str, int]:
    """Hits by rule id, baseline hits left out."""
    query = select(table.c.rule_id, func.count()).where(table.c.baseline.is_(False)).group_by(table.c.rule_id)
    if since is not None:
        query = query.where(table.c.created_at >= since)
    return {rule_id: count for rule_id, count in conn.execute(query)}  # noqa: C416  # rows, not pairs


def total(conn: Connection) -> int:
    """All hits ever stored and not pruned."""
    return conn.scalar(select(func.count()).select_from(table)) or 0


def shift_row(shift: Shift) -> dict[str, Any]:
    """A shift as a JSON column holds it: what differs from an empty one."""
    return {name: value for name, value in asdict(shift).items() if value not in ("", (), False)}


def shift_of(row: dict[str, Any]) -> Shift:
    """The shift that `shift_row` wrote; fields that a newer or older program knows are left alone."""
    known = {name: row[name] for name in Shift.__dataclass_fields__ if name in row}
    for name, kind in (
        ("direction", Direction),
        ("stage", Stage),
        ("object", ShiftObject),
        ("confidence", Confidence),
    ):
        if name in known:
            known[name] = kind(known[name])
    return Shift(**{name: _tupled(value) for name, value in known.items()})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def _reading(one: Hit) -> dict[str, Any]:
    return {
        "rule_title": one.rule_title,
        "severity": one.severity.value,
        "tags": list(one.tags),
        "spans": [[span.field, span.start, span.end] for span in one.spans],
        "shift": shift_row(one.shift),
    }


def _hit(row: Row[*tuple[Any, ...]]) -> Hit:
    rule_id, version, title, severity, shift, spans, tags = row
    return Hit(
        rule_id, version, title, Severity(severity), shift_of(shift), tuple(Span(*span) for span in spans), tuple(tags)
    )
