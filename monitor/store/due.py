"""Due times that change: shifted when the clock is put right, pulled back at start, hurried by what may go at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Interval, func, literal, select, update
from sqlalchemy.sql.elements import ColumnElement

from monitor.model import Action, DeliveryState, Role, Severity
from monitor.store import facts, schema
from monitor.store.columns import Words

_STEPS = "clock_steps_s"
# A digest may wait for a week; a delivery that waits longer was written by a clock that was wrong.
LONGEST_DELIVERY_WAIT = timedelta(days=8)

_POLLS: tuple[Column[Any], ...] = (schema.feed.c.next_poll_at, schema.host.c.not_before)
_DELIVERIES: tuple[Column[Any], ...] = (schema.delivery.c.next_attempt_at, schema.receiver.c.retry_at)


def shift_due_times(conn: Connection, step: timedelta, now: datetime) -> None:
    """Move everything that waits for a time by the step the wall clock made, and remember the step."""
    for column in (*_POLLS, *_DELIVERIES):
        later = _later(conn, column, step)
        conn.execute(update(column.table).where(column.is_not(None)).values({column: later}))
    facts.set(conn, _STEPS, (steps_so_far(conn) + step).total_seconds(), now)


def hurry(conn: Connection, delivery_ids: Collection[str]) -> int:
    """Let deliveries that nobody tried yet go now, whatever time they wait for; how many. Ones on retry keep theirs."""
    row = schema.delivery.c
    wanted = row.id.in_(list(delivery_ids)), row.state == str(DeliveryState.PENDING), row.attempts == 0
    return conn.execute(update(schema.delivery).where(*wanted).values(next_attempt_at=None)).rowcount


@dataclass(frozen=True, slots=True)
class Wait:
    """A message that nobody tried yet and that waits for its hour: quiet hours to end, or a digest."""

    id: str
    receiver: str
    role: Role
    severity: Severity
    until: datetime


def waits(conn: Connection, now: datetime) -> list[Wait]:
    """Every message that waits for its hour; of one on retry, or held for a person, no setting says when it goes."""
    row, decided = schema.delivery.c, schema.alert.c
    states = [str(DeliveryState.PENDING), str(DeliveryState.PARKED)]
    query = (
        select(row.id, row.receiver, row.role, row.next_attempt_at, row.facts, decided.severity)
        .outerjoin(schema.alert, decided.id == row.alert_id)
        .where(row.state.in_(states), row.action == str(Action.POST), row.first_attempt_at.is_(None))
        .where(row.next_attempt_at > now)
    )
    return [
        Wait(
            one.id,
            one.receiver,
            Role(one.role),
            Severity(one.severity or one.facts.get("severity") or Severity.MEDIUM),
            one.next_attempt_at,
        )
        for one in conn.execute(query)
    ]


def wait_until(conn: Connection, delivery_id: str, until: datetime | None) -> None:
    """Let a message wait until then instead; None: it may go now."""
    conn.execute(update(schema.delivery).where(schema.delivery.c.id == delivery_id).values(next_attempt_at=until))


def steps_so_far(conn: Connection) -> timedelta:
    """By how much the wall clock was set altogether since a server last agreed with it: how wrong it may be now."""
    return timedelta(seconds=facts.get(conn, _STEPS) or 0.0)


def forget_steps(conn: Connection) -> None:
    """A server agrees with our clock as it is: whatever steps it took led it there."""
    facts.forget(conn, _STEPS)


def cautious(conn: Connection, now: datetime) -> datetime:
    """A time for throwing things away by: not later than it may be without the steps our clock was set by."""
    return min(now, now - steps_so_far(conn))


def pull_back(conn: Connection, now: datetime, ceiling: timedelta) -> int:
    """Bring due times that lie beyond any we would set (polls: `ceiling` from now) back to it; how many."""
    count = 0
    for columns, limit in ((_POLLS, now + ceiling), (_DELIVERIES, now + max(ceiling, LONGEST_DELIVERY_WAIT))):
        for column in columns:
            count += conn.execute(update(column.table).where(column > limit).values({column: limit})).rowcount
    return count


def _later(conn: Connection, column: Column[Any], step: timedelta) -> ColumnElement[Any]:
    if conn.dialect.name == "postgresql":
        return column + literal(step, Interval)
    # As SQLAlchemy writes datetimes there: six decimals, of which SQLite's own functions know three.
    moved = func.strftime("%Y-%m-%d %H:%M:%f", column, f"{step.total_seconds():+.3f} seconds", type_=Words)
    return moved.op("||")("000")
