"""The outbox: what was sent, what waits and why."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.alerts.outcome import remedy
from monitor.model import Delivery, DeliveryState
from monitor.store import deliveries, figures, receivers
from monitor.store.receivers import ReceiverState
from monitor.web.asked import Asked, Shown

PAGE = 60
ORDER = (
    DeliveryState.DEAD,
    DeliveryState.PARKED,
    DeliveryState.UNKNOWN,
    DeliveryState.HELD,
    DeliveryState.PENDING,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.DISCARDED,
)
MEANING = {
    DeliveryState.DEAD: "given up: this message cannot be sent as it is",
    DeliveryState.PARKED: "waits until a person mends the credential or the channel",
    DeliveryState.UNKNOWN: "may have been sent: the channel’s history will tell",
    DeliveryState.HELD: "waits for `deliveries release` or `discard`",
    DeliveryState.PENDING: "waits for its turn",
    DeliveryState.SENDING: "on its way right now",
    DeliveryState.SENT: "accepted by its receiver",
    DeliveryState.DISCARDED: "withdrawn by a person, or overtaken",
}


def fault(one: Delivery, states: Mapping[str, ReceiverState]) -> tuple[str | None, str | None]:
    """What stands in the way of a delivery: the error's code and its scope. One that is parked, perhaps before it was
    ever tried, has its receiver's."""
    parked = states.get(one.receiver) if one.state is DeliveryState.PARKED else None
    return (parked and parked.parked_code) or one.last_error, (parked and parked.parked_scope) or one.error_scope


def mend(state: DeliveryState, error: str | None) -> str | None:
    """What a person can do about it, in words; None: nothing."""
    if state is DeliveryState.HELD:
        return "`stories show STORY` says what it is; `deliveries release` lets it go, `deliveries discard` drops it"
    return remedy(error) if error and state in (DeliveryState.DEAD, DeliveryState.PARKED) else None


def page(asked: Asked) -> Shown:
    """The newest deliveries of one state, or of all."""
    wanted = next((state for state in ORDER if state == asked.word("state")), None)
    receiver = asked.word("receiver")
    found = deliveries.listing(asked.conn, states=[wanted] if wanted else (), receiver=receiver or None, limit=PAGE + 1)
    counts = deliveries.counts(asked.conn)
    values = {
        "deliveries": found[:PAGE],
        "more": len(found) > PAGE,
        "titles": figures.titles(asked.conn, {one.story_id for one in found if one.story_id is not None}),
        "counts": [(state, counts.get(state, 0), MEANING[state]) for state in ORDER],
        "wanted": wanted or "",
        "receiver": receiver,
        "receivers": receivers.states(asked.conn).values(),
    }
    return Shown("deliveries.html", values)
