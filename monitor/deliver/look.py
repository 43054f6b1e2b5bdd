"""Settling unclear outcomes: read back what stands in the channel before anything is sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from monitor.alerts.outcome import scope_of
from monitor.alerts.receivers import WITHOUT_CREDENTIAL, Receiver, ReceiverSettings, Search, SlackReceiver
from monitor.deliver import steps
from monitor.deliver.options import Options
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Action, Delivery
from monitor.store import deliveries
from monitor.store.engine import Connection
from monitor.trial import Point

log = structlog.get_logger("deliver")

# Slack's clock is read from a header of whole seconds that was under way for a while.
_MARGIN_S = 10.0
_LOOK_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look, and how to write down what was seen."""

    receiver: Receiver
    settings: Mapping[str, ReceiverSettings]
    options: Options
    write: Callable[[Callable[[Connection], Any]], Awaitable[Any]]


async def look(rows: Sequence[Delivery], how: Look) -> None:
    """Settle these rows, or plan the next look. DeliveryError: the credential was refused, which parks the lane."""
    blind = [row for row in rows if not _worth_looking(row, how.settings[row.receiver])]
    for drop in (False, True):
        some = [row for row in blind if _drops(how.settings[row.receiver]) is drop]
        if some:
            await how.write(partial(_unsettled, some, drop))
    places: dict[str | None, list[Delivery]] = {}
    for row in rows:
        if row not in blind:
            places.setdefault(row.target_id, []).append(row)
    for target_id, group in places.items():
        await _one_place(group, target_id, how)


def _unsettled(rows: Sequence[Delivery], drop: bool, conn: Connection) -> None:
    steps.unsettled(conn, rows, drop=drop)


async def _one_place(rows: Sequence[Delivery], target_id: str | None, how: Look) -> None:
    """The channel itself, or one thread of it."""
    target = await how.write(lambda conn: deliveries.get(conn, target_id)) if target_id else None
    thread_ts = target.ts if target is not None else None
    search = Search(frozenset(row.id for row in rows), _since(rows), thread_ts)
    settings = how.settings[rows[0].receiver]
    now = how.options.now()
    try:
        places = await how.receiver.find(search)
    except DeliveryError as error:
        await _could_not_look(rows, error, how)
        return
    how.options.reached(Point.LOOK_ANSWERED)
    settle = settings.settle if isinstance(settings, SlackReceiver) else timedelta(0)
    there = [row for row in rows if row.id in places]
    missing = [row for row in rows if row.id not in places]
    drop = _drops(settings)
    await how.write(lambda conn: steps.found(conn, there, places, now))
    await how.write(lambda conn: steps.not_found(conn, missing, now + settle, drop=drop))
    how.options.reached(Point.LOOK_COMMITTED)
    for row in rows:
        log.info(
            "delivery looked for", receiver=row.receiver, delivery=row.id, found=row.id in places, scan=row.scans + 1
        )


async def _could_not_look(rows: Sequence[Delivery], error: DeliveryError, how: Look) -> None:
    now = how.options.now()
    log.warning("deliveries not looked for", receiver=rows[0].receiver, code=error.code, error=str(error))
    if error.scope is DeliveryScope.CREDENTIAL:
        raise error
    unknown_code = error.scope is DeliveryScope.TRANSIENT and scope_of(error.code) is None
    if error.code == "cannot_read" or unknown_code or error.scope is DeliveryScope.MESSAGE:
        drop = _drops(how.settings[rows[0].receiver])
        await how.write(lambda conn: steps.unsettled(conn, rows, drop=drop))
        return
    await how.write(lambda conn: steps.look_later(conn, rows, now + (error.retry_after or _LOOK_AGAIN)))


def _worth_looking(row: Delivery, settings: ReceiverSettings) -> bool:
    # An edit is made again instead, and `resend` accepts a double rather than wait.
    return row.action is Action.POST and isinstance(settings, SlackReceiver) and settings.on_ambiguous != "resend"


def _drops(settings: ReceiverSettings) -> bool:
    return not isinstance(settings, WITHOUT_CREDENTIAL) and settings.on_ambiguous == "drop"


def _since(rows: Sequence[Delivery]) -> str | None:
    """Where the look ends: before the first attempt of the oldest. None: nobody knows, so all of the history."""
    if any(row.anchor is None for row in rows):
        return None
    return f"{min(float(row.anchor or 0) for row in rows) - _MARGIN_S:.6f}"
