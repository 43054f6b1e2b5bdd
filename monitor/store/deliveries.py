"""The outbox: deliveries in the order they were decided, and every step of their lives.

A step applies only to a row that is in the state it starts from; it returns False (or None) when a person or another
process was faster. States are drawn in docs/delivery.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from monitor.model import CANARY, Action, Delivery, DeliveryState, Role, Thread
from monitor.store.alone import tell_alone
from monitor.store.schema import delivery as table

State = DeliveryState

WAITING = (State.PENDING, State.PARKED, State.HELD)
_OF_NEWS = table.c.receiver != CANARY  # the daily canary is nobody's business while it passes
OPEN = (*WAITING, State.SENDING, State.UNKNOWN)
_FIELDS = tuple(Delivery.__dataclass_fields__)


def enqueue(conn: Connection, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Append deliveries in this order; they come back with their positions."""
    wanted = list(deliveries)
    if not wanted:
        return []
    tell_alone(conn)  # positions are unique and dense enough without a sequence: writers of the outbox take turns
    last = conn.scalar(select(func.coalesce(func.max(table.c.position), 0))) or 0
    placed = [replace(one, position=last + index) for index, one in enumerate(wanted, 1)]
    conn.execute(table.insert(), [_row(one) for one in placed])
    return placed


def get(conn: Connection, delivery_id: str) -> Delivery | None:
    row = conn.execute(select(table).where(table.c.id == delivery_id)).first()
    return None if row is None else _delivery(row)


def matching(conn: Connection, prefix: str) -> list[Delivery]:
    """Deliveries whose id starts so: people type the first characters."""
    rows = conn.execute(select(table).where(table.c.id.startswith(prefix, autoescape=True)).limit(20))
    return [_delivery(row) for row in rows]


def listing(
    conn: Connection, *, states: Collection[DeliveryState] = (), receiver: str | None = None, limit: int = 200
) -> list[Delivery]:
    """The newest deliveries first."""
    query = select(table).where(_OF_NEWS).order_by(table.c.position.desc()).limit(limit)
    if states:
        query = query.where(table.c.state.in_(list(states)))
    if receiver is not None:
        query = query.where(table.c.receiver == receiver)
    return [_delivery(row) for row in conn.execute(query)]


def of_storyline(conn: Connection, storyline_id: int) -> list[Delivery]:
    query = select(table).where(table.c.storyline_id == storyline_id).order_by(table.c.position)
    return [_delivery(row) for row in conn.execute(query)]


def of_alert(conn: Connection, alert_id: int) -> list[Delivery]:
    query = select(table).where(table.c.alert_id == alert_id).order_by(table.c.position)
    return [_delivery(row) for row in conn.execute(query)]


def standing_at(conn: Connection, channel: str, ts: str) -> Delivery | None:
    """The delivery whose message stands there: ours, or nobody's."""
    query = select(table).where(table.c.channel == channel, table.c.ts == ts)
    row = conn.execute(query.where(table.c.action == Action.POST).limit(1)).first()
    return None if row is None else _delivery(row)


def unsettled_parent(conn: Connection, story_id: int) -> Delivery | None:
    """A parent that told of this story and of which it is not known yet whether, and where, it stands."""
    query = select(table).where(table.c.story_id == story_id, table.c.role == Role.PARENT)
    row = conn.execute(query.where(table.c.state.in_((State.SENDING, State.UNKNOWN))).limit(1)).first()
    return None if row is None else _delivery(row)


def counts(conn: Connection) -> dict[str, int]:
    """How many deliveries are in each state; states without any are 0."""
    found = conn.execute(select(table.c.state, func.count()).where(_OF_NEWS).group_by(table.c.state))
    return {str(state): 0 for state in State} | {row[0]: row[1] for row in found}


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Since when the outbox owes somebody a message: health turns red when this grows old."""
    due = or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now)
    owed = and_(table.c.state == State.PENDING, due)
    query = select(func.min(table.c.created_at)).where(_OF_NEWS, or_(owed, table.c.state == State.PARKED))
    found: datetime | None = conn.scalar(query)
    return found


def threads(conn: Connection, storyline_id: int) -> dict[str, Thread]:
    """What each receiver holds of a storyline: its newest parent, that parent's coverage reply, and waiting edits."""
    found: dict[str, Thread] = {}
    rows = of_storyline(conn, storyline_id)
    for row in rows:
        if row.role is Role.PARENT and row.action is Action.POST:
            found[row.receiver] = Thread(row.id, row.state)
    for row in rows:
        thread = found.get(row.receiver)
        if thread is None:
            continue
        if row.role is Role.COVERAGE and row.action is Action.POST and row.target_id == thread.parent_id:
            gone = row.error_scope == "deleted"
            thread = replace(thread, coverage_id=row.id, coverage_state=row.state, coverage_deleted=gone)
        elif row.action is Action.UPDATE and row.state in WAITING and row.target_id is not None:
            thread = replace(thread, waiting=(*thread.waiting, row.target_id))
        found[row.receiver] = thread
    return found


# --- what is due -----------------------------------------------------------------------------------------------------


def next_due(conn: Connection, receivers: Collection[str], now: datetime) -> Delivery | None:
    """The first delivery of these receivers that may go now: its time has come, and what it hangs on is settled."""
    row = conn.execute(_ready(receivers, now).order_by(table.c.position).limit(1)).first()
    return None if row is None else _delivery(row)


def _ready(receivers: Collection[str], now: datetime) -> Select[Any]:
    # A reply waits for a dead parent too: a person may send that after all.
    target = table.alias("target")
    earlier = table.alias("earlier")
    hangs = exists().where(
        target.c.id == table.c.target_id,
        target.c.state.not_in([str(State.SENT), str(State.DISCARDED)]),
    )
    # Two edits of one message never overlap: the later one could be overtaken by the earlier.
    overlaps = exists().where(
        earlier.c.target_id == table.c.target_id,
        earlier.c.action == Action.UPDATE,
        earlier.c.state.in_([State.SENDING, State.UNKNOWN]),
        table.c.action == Action.UPDATE,
    )
    return select(table).where(
        table.c.receiver.in_(list(receivers)),
        table.c.state == State.PENDING,
        or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now),
        ~hangs,
        ~overlaps,
    )


def unknown_due(conn: Connection, receivers: Collection[str], now: datetime) -> list[Delivery]:
    """Deliveries of unclear outcome whose time to be looked for has come."""
    query = select(table).where(
        table.c.receiver.in_(list(receivers)),
        table.c.state == State.UNKNOWN,
        or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now),
    )
    return [_delivery(row) for row in conn.execute(query.order_by(table.c.position))]


def receivers_due(conn: Connection, now: datetime) -> set[str]:
    """Receivers that may have something to do now (a cheap look; `next_due` decides)."""
    query = (
        select(table.c.receiver)
        .distinct()
        .where(
            table.c.state.in_([State.PENDING, State.UNKNOWN]),
            or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now),
        )
    )
    return set(conn.scalars(query))


def receivers_sending(conn: Connection) -> set[str]:
    """Receivers with an attempt under way, or one that lost its process."""
    return set(conn.scalars(select(table.c.receiver).distinct().where(table.c.state == State.SENDING)))


def next_time(conn: Connection, receivers: Collection[str]) -> datetime | None:
    """When the next delivery of these receivers wants an attempt or a look; None when none is pending or unknown."""
    wants = func.coalesce(table.c.next_attempt_at, table.c.created_at)
    target = table.alias("target")
    waits_for_a_person = exists().where(
        target.c.id == table.c.target_id, target.c.state.in_([State.HELD, State.DEAD, State.PARKED])
    )
    query = select(func.min(wants)).where(
        table.c.receiver.in_(list(receivers)),
        table.c.state.in_([State.PENDING, State.UNKNOWN]),
        ~waits_for_a_person,
    )
    found: datetime | None = conn.scalar(query)
    return found


# --- steps of one attempt ----------------------------------------------------------------------------------------


def mark_sending(conn: Connection, delivery_id: str, now: datetime, anchor: str | None) -> Delivery | None:
    """The attempt begins: after the commit, the message may stand in the channel. None: it is not pending any more."""
    values = {
        "state": State.SENDING,
        "attempts": table.c.attempts + 1,
        "first_attempt_at": func.coalesce(table.c.first_attempt_at, now),
        "last_attempt_at": now,
        "anchor": func.coalesce(table.c.anchor, anchor),
    }
    return get(conn, delivery_id) if _move(conn, delivery_id, [State.PENDING], values) else None


def mark_sent(conn: Connection, delivery_id: str, now: datetime, *, channel: str | None, ts: str | None) -> bool:
    """It stands there; if it waits to be tried again, because the attempt was thought lost, it need not be."""
    values = {
        "state": State.SENT,
        "sent_at": now,
        "channel": channel,
        "ts": ts,
        "last_error": None,
        "error_scope": None,
        "next_attempt_at": None,
        "payload": None,
    }
    return _move(conn, delivery_id, [State.SENDING, State.UNKNOWN, State.PENDING], values)


def owns(conn: Connection, delivery_id: str, begun: datetime | None) -> bool:
    """Whether no other attempt has begun since the one that began then (the row is locked until the commit)."""
    query = select(table.c.id).where(table.c.id == delivery_id, table.c.last_attempt_at == begun)
    return conn.scalar(query.with_for_update()) is not None


def mark_retry(conn: Connection, delivery_id: str, failure: Mapping[str, Any], *, burnt: bool = True) -> bool:
    """Not sent, and to be tried again. `failure`: last_error, error_scope, next_attempt_at, facts …; an attempt that
    told us about the credential or the channel, not about this message, is not counted (`burnt=False`)."""
    attempts = table.c.attempts if burnt else table.c.attempts - 1
    fresh = {"state": State.PENDING, "attempts": attempts, "scans": 0}
    return _move(conn, delivery_id, [State.SENDING, State.UNKNOWN], fresh | dict(failure))


def mark_unknown(conn: Connection, delivery_id: str, failure: Mapping[str, Any]) -> bool:
    return _move(conn, delivery_id, [State.SENDING, State.UNKNOWN], {"state": State.UNKNOWN} | dict(failure))


def mark_scanned(conn: Connection, delivery_id: str, next_attempt_at: datetime) -> bool:
    """A full look did not find it; the next one is due then."""
    values = {"scans": table.c.scans + 1, "next_attempt_at": next_attempt_at}
    return _move(conn, delivery_id, [State.UNKNOWN], values)


def mark_dead(conn: Connection, delivery_id: str, failure: Mapping[str, Any]) -> bool:
    """Given up until a person acts. `failure` also brings the payload, for `deliveries list`."""
    values = {"state": State.DEAD, "next_attempt_at": None} | dict(failure)
    if not _move(conn, delivery_id, [State.SENDING, State.UNKNOWN, State.PENDING], values):
        return False
    # Should it be sent after all, it will show the present state: edits of it have nothing left to do.
    edits = and_(table.c.target_id == delivery_id, table.c.action == Action.UPDATE)
    waiting = table.c.state.in_([str(one) for one in WAITING])
    conn.execute(update(table).where(edits, waiting).values(state=State.DISCARDED, next_attempt_at=None))
    return True


def mark_discarded(conn: Connection, delivery_id: str, failure: Mapping[str, Any] | None = None) -> bool:
    values = {"state": State.DISCARDED, "next_attempt_at": None} | dict(failure or {})
    return _move(conn, delivery_id, list(OPEN), values)


def recover(
    conn: Connection, now: datetime, receivers: Collection[str] | None = None, before: datetime | None = None
) -> list[str]:
    """After a crash: what was being sent is of unclear outcome, and is looked for at once.

    Where others are at work on the same outbox: only what went to these receivers, and only attempts begun `before`.
    """
    query = select(table.c.id).where(table.c.state == State.SENDING)
    if receivers is not None:
        query = query.where(table.c.receiver.in_(list(receivers)))
    if before is not None:
        query = query.where(table.c.last_attempt_at < before)
    ids = list(conn.scalars(query.with_for_update()))
    values = {"state": State.UNKNOWN, "next_attempt_at": now, "error_scope": "ambiguous"}
    conn.execute(
        update(table)
        .where(table.c.id.in_(ids), table.c.state == State.SENDING)
        .values(**values, last_error="the process ended while sending")
    )
    return ids


def replace_parent(conn: Connection, old: Delivery, new: Delivery) -> bool:
    """A parent that stands no longer gets one successor; what waits for the old one waits for the new one.

    False: it had a successor already, which is used.
    """
    gone = {"error_scope": "deleted", "last_error": "the message was deleted there"}
    fresh = or_(table.c.error_scope.is_(None), table.c.error_scope != "deleted")
    changed = conn.execute(update(table).where(table.c.id == old.id, fresh).values(**gone)).rowcount == 1
    if changed:
        enqueue(conn, [new])
    successor = new.id if changed else _newest_parent(conn, old)
    waiting = and_(table.c.target_id == old.id, table.c.state.in_([str(one) for one in WAITING]))
    edits = table.c.action == Action.UPDATE
    let_go = {"state": State.DISCARDED, "last_error": "its message was deleted there", "next_attempt_at": None}
    conn.execute(update(table).where(waiting, edits).values(**let_go))
    conn.execute(update(table).where(waiting, ~edits).values(target_id=successor))
    return changed


def _newest_parent(conn: Connection, like: Delivery) -> str | None:
    query = select(table.c.id).where(
        table.c.receiver == like.receiver,
        table.c.storyline_id == like.storyline_id,
        table.c.role == Role.PARENT,
        table.c.action == Action.POST,
    )
    found: str | None = conn.scalar(query.order_by(table.c.position.desc()).limit(1))
    return found


def mark_deleted(conn: Connection, delivery_id: str) -> None:
    """A person deleted this message in the channel; it is neither edited nor posted again."""
    conn.execute(
        update(table)
        .where(table.c.id == delivery_id)
        .values(error_scope="deleted", last_error="the message was deleted there")
    )


def bundle(conn: Connection, leader: Delivery) -> list[Delivery]:
    """What waits for the same digest as `leader` (it is being sent now) and was decided before it goes out."""
    query = select(table).where(
        table.c.receiver == leader.receiver,
        table.c.role == Role.DIGEST,
        table.c.state == State.PENDING,
        or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= leader.last_attempt_at),
    )
    return [_delivery(row) for row in conn.execute(query.order_by(table.c.position))]


def set_facts(conn: Connection, delivery_id: str, facts: Mapping[str, Any]) -> None:
    conn.execute(update(table).where(table.c.id == delivery_id).values(facts=dict(facts)))


# --- many at once ------------------------------------------------------------------------------------------------


def park(conn: Connection, receivers: Collection[str]) -> int:
    return _all(conn, State.PENDING, receivers, {"state": State.PARKED})


def unpark(conn: Connection, receivers: Collection[str]) -> int:
    """They may go again, each at its time: a park ends no quiet hours and makes no digest early."""
    return _all(conn, State.PARKED, receivers, {"state": State.PENDING})


def release(conn: Connection, delivery_id: str) -> bool:
    """A person lets a held delivery go."""
    return _move(conn, delivery_id, [State.HELD], {"state": State.PENDING, "next_attempt_at": None})


def retry(conn: Connection, delivery_id: str) -> bool:
    """A person asks for another try of a dead, parked or waiting delivery."""
    values = {"state": State.PENDING, "next_attempt_at": None, "attempts": 0}
    return _move(conn, delivery_id, [State.DEAD, State.PARKED, State.PENDING, State.DISCARDED], values)


def discard(conn: Connection, delivery_id: str) -> list[str]:
    """A person lets a delivery go for good, with the replies and edits that wait for it. Ids of all discarded."""
    states = [State.HELD, State.PENDING, State.PARKED, State.DEAD, State.UNKNOWN]
    if not _move(conn, delivery_id, states, {"state": State.DISCARDED, "next_attempt_at": None}):
        return []
    waiting = conn.scalars(
        select(table.c.id).where(table.c.target_id == delivery_id, table.c.state.in_([str(one) for one in states]))
    )
    return [delivery_id, *(gone for one in list(waiting) for gone in discard(conn, one))]


def _all(conn: Connection, state: DeliveryState, receivers: Collection[str], values: Mapping[str, Any]) -> int:
    which: ColumnElement[bool] = and_(table.c.state == state, table.c.receiver.in_(list(receivers)))
    return conn.execute(update(table).where(which).values(**values)).rowcount


def _move(conn: Connection, delivery_id: str, states: Collection[DeliveryState], values: Mapping[str, Any]) -> bool:
    which = and_(table.c.id == delivery_id, table.c.state.in_([str(one) for one in states]))
    return conn.execute(update(table).where(which).values(**values)).rowcount == 1


def _row(one: Delivery) -> dict[str, Any]:
    return asdict(one) | {"facts": dict(one.facts), "payload": None if one.payload is None else dict(one.payload)}


def _delivery(row: Row[Any]) -> Delivery:
    values = {name: getattr(row, name) for name in _FIELDS}
    kinds = {"role": Role(row.role), "action": Action(row.action), "state": DeliveryState(row.state)}
    return Delivery(**(values | kinds))
