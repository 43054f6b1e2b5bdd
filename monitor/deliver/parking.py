"""Parking: when a credential or a channel is refused, everything behind it waits, loudly, and burns no attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.alerts import dispatch
from monitor.alerts.outcome import remedy
from monitor.alerts.receivers import WITHOUT_CREDENTIAL, ReceiverSettings, sharing
from monitor.deliver.options import Options
from monitor.errors import DeliveryError
from monitor.model import Delivery
from monitor.store import deliveries, receivers
from monitor.store.alone import tell_alone
from monitor.store.engine import Connection
from monitor.store.receivers import ReceiverState


@dataclass(frozen=True, slots=True)
class Refusal:
    """A credential or a destination was refused. `delivery`: the attempt that learnt it, which is not counted."""

    settings: ReceiverSettings
    error: DeliveryError
    at: datetime
    retry_at: datetime
    credential_hash: str
    delivery: Delivery | None = None


def park(conn: Connection, refusal: Refusal, every: Sequence[ReceiverSettings], options: Options) -> list[str]:
    """Park all receivers that share what was refused. Names of those that were not parked before."""
    tell_alone(conn)
    scope = str(refusal.error.scope)
    names = sharing(refusal.settings, scope, every)
    if refusal.delivery is not None:
        facts = {"last_error": refusal.error.code, "error_scope": scope, "next_attempt_at": None}
        deliveries.mark_retry(conn, refusal.delivery.id, facts, burnt=False)
    state = ReceiverState(
        name=refusal.settings.name,
        parked_scope=scope,
        parked_code=refusal.error.code,
        parked_at=refusal.at,
        retry_at=refusal.retry_at,
        credential_hash=refusal.credential_hash,
    )
    fresh = receivers.park(conn, names, state)
    waiting = deliveries.park(conn, names)
    others = [name for name in options.ops if name not in names]
    if fresh and others:
        facts = {
            "title": f"Delivery to {', '.join(names)} is parked",
            "text": f"{refusal.error}. Waiting there: {waiting}. Nothing is lost; it goes out in order once mended.",
            "remedy": remedy(refusal.error.code),
        }
        deliveries.enqueue(conn, dispatch.notice(facts, others, refusal.at, options.new_id))
    return fresh


def unpark(conn: Connection, names: Sequence[str], now: datetime, options: Options) -> list[str]:
    """Let everything go again that waited. Names of those that were parked."""
    tell_alone(conn)
    freed = receivers.unpark(conn, names)
    deliveries.unpark(conn, names)
    others = [name for name in options.ops if name not in names]
    if freed and others:
        facts = {"title": f"Delivery to {', '.join(freed)} works again", "text": "What waited there goes out now."}
        deliveries.enqueue(conn, dispatch.notice(facts, others, now, options.new_id))
    return freed


def worked(every: Sequence[ReceiverSettings], states: dict[str, ReceiverState]) -> bool:
    """Whether a credential of ours ever did: from then on the console stands in for none."""
    names = {one.name for one in every if not isinstance(one, WITHOUT_CREDENTIAL)}
    return any(state.worked_at is not None for name, state in states.items() if name in names)
