"""A post that came too late: a worker slept for so long in the middle of it that another one posted in its place.

Slack cannot be told to refuse a late request. So whoever wakes up, and finds that the delivery was sent by a later
attempt, takes its own message back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from monitor.alerts.receivers import Receipt, Receiver
from monitor.alerts.slack import SlackChannel
from monitor.errors import DeliveryError
from monitor.model import Action, Delivery, DeliveryState
from monitor.store import deliveries
from monitor.store.engine import Connection

log = structlog.get_logger("deliver")

_LOOKS = 120
_BETWEEN_S = 0.5
_OPEN = (DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.PENDING)

Read = Callable[[Callable[[Connection], Delivery | None]], Awaitable[Delivery | None]]


@dataclass(frozen=True, slots=True)
class Doubled:
    """An attempt (the row as it began it) that Slack accepted, and where its message came to stand."""

    row: Delivery
    receipt: Receipt


async def withdraw(late: Doubled, receiver: Receiver, read: Read, nap: Callable[[float], Awaitable[None]]) -> None:
    """Wait (a minute at most) until the later attempt is settled, then delete our message if another stands for it.

    While nobody knows that the other one stands there, ours is left: one message too many is better than none.
    """
    row, receipt = late.row, late.receipt
    if row.action is not Action.POST or not isinstance(receiver, SlackChannel):
        return
    for _ in range(_LOOKS):
        now = await read(partial(deliveries.get, delivery_id=row.id))
        if now is None or now.last_attempt_at == row.last_attempt_at or now.state not in (*_OPEN, DeliveryState.SENT):
            return
        if now.state is DeliveryState.SENT:
            if now.ts != receipt.ts:
                await _delete(late, receiver)
            return
        await nap(_BETWEEN_S)
    log.warning(
        "delivery late", delivery=row.id, receiver=row.receiver, why="what another worker makes of it is unsettled"
    )


async def _delete(late: Doubled, receiver: SlackChannel) -> None:
    facts = {"delivery": late.row.id, "receiver": late.row.receiver}
    try:
        await receiver.withdraw(late.receipt)
    except DeliveryError as error:
        log.error(
            "message doubled", **facts, ts=late.receipt.ts, code=error.code, remedy="delete one of the two messages"
        )
        return
    log.warning("message withdrawn", **facts, why="we were away for so long that another worker posted it")
