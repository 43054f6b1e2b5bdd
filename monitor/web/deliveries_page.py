"""The outbox: what was sent, what waits and why."""

from __future__ import annotations

from monitor.model import DeliveryState
from monitor.store import deliveries, figures, receivers
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
