"""A worker that sleeps in the middle of a post, and wakes up when another has posted in its place.

PostgreSQL, for that is where workers share an outbox, real sockets, and a judge that reads only what Slack accepted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from monitor.alerts import wire
from monitor.alerts.receivers import Posting, SlackReceiver
from monitor.alerts.render import Message
from monitor.alerts.slack import SlackChannel
from monitor.deliver import Deliverer, late
from monitor.errors import DeliveryScope
from monitor.model import Action, Delivery, DeliveryState, Role
from monitor.store import deliveries
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.installed import until
from monitor.testing.slack_server import SlackServer
from tests.alerts.world import World, connected, storyline

SENT = DeliveryState.SENT
AT_ONCE = timedelta(0)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@asynccontextmanager
async def sleeping(slack: SlackServer, world: World, arrives_after_s: float) -> AsyncIterator[asyncio.Task[None]]:
    """A lane at work whose post reaches Slack only so much later, as that of a frozen worker does."""
    slack.script(faults.slow(arrives_after_s, stored=False))
    world.tell(storyline())
    world.timeout = timedelta(seconds=30)
    one = world.deliverer()
    lane = asyncio.create_task(one.run_lane("licensing", timedelta(seconds=40)))
    try:
        await until(lambda: bool(slack.calls) and world.states() == ["sending"], "it is sending", 10)
        yield lane
        await lane
    finally:
        await one.close()


async def taken_over(other: Deliverer) -> None:
    """Another worker thinks it dead, looks for the message twice, and carries on with the lane."""
    await other.run_lane("licensing", AT_ONCE)
    await other.close()


async def settled(world: World, *states: str) -> None:
    """Other workers come by until the delivery stands in one of these states."""
    for _ in range(40):
        await taken_over(world.deliverer())
        if world.states()[0] in states:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(world.states())


@pytest.mark.parametrize("answered_after_s", [0, 2.0], ids=["the other is done", "the other is at it"])
async def test_what_was_posted_twice_is_taken_back_by_whoever_was_late(
    postgresql_database: Database, answered_after_s: float
) -> None:
    """A25: a worker frozen longer than the takeover, with its request under way: one message stands in the end."""
    async with connected(postgresql_database) as (slack, world):
        async with sleeping(slack, world, 1.5):
            slack.script(faults.slow(answered_after_s, stored=True))
            await settled(world, "sent")
        (row,) = world.rows()
        (message,) = slack.messages("C1")
        assert (row.state, row.ts) == (SENT, message["ts"])
        assert sum(call.kept for call in slack.posts("chat.postMessage")) == 2  # it did happen, for a moment


async def test_what_nobody_posted_again_yet_stays(postgresql_database: Database) -> None:
    """A26: the late message stands; the delivery that waited to be sent once more is sent, and never again."""
    async with connected(postgresql_database) as (slack, world):
        async with sleeping(slack, world, 1):
            with world.database.write() as conn:
                (lost,) = deliveries.recover(conn, world.now())
                deliveries.mark_retry(conn, lost, {"next_attempt_at": world.now() + timedelta(hours=1)})
        assert await world.drain()
        (row,) = world.rows()
        (message,) = slack.messages("C1")
        assert (row.state, row.ts) == (SENT, message["ts"])


async def test_a_late_failure_does_not_touch_what_another_worker_does(postgresql_database: Database) -> None:
    """A27: that our call failed says nothing about theirs."""
    async with connected(postgresql_database) as (slack, world):
        slack.script(replace(faults.error("invalid_arguments"), delay=1.5), faults.slow(2, stored=True))
        world.tell(storyline())
        world.timeout = timedelta(seconds=30)
        one = world.deliverer()
        lane = asyncio.create_task(one.run_lane("licensing", timedelta(seconds=40)))
        await until(lambda: bool(slack.calls) and world.states() == ["sending"], "it is sending", 10)
        await settled(world, "sent")
        await lane
        await one.close()
        (row,) = world.rows()
        assert (row.state, row.last_error) == (SENT, None)
        assert len(slack.messages("C1")) == 1


async def test_a_request_whose_time_is_over_before_its_first_byte_is_not_sent() -> None:
    """A25: asleep between the connection and the request; nothing leaves, and that is known."""
    got = bytearray()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, wire.session(timedelta(seconds=0.3)) as session:

        async def body() -> AsyncIterator[bytes]:
            time.sleep(0.5)  # the whole process sleeps: no timer fires meanwhile
            yield b"{}"

        with pytest.raises((aiohttp.ClientError, TimeoutError)) as caught:
            await session.post(f"http://127.0.0.1:{port}/", data=body())
        assert bytes(got) == b""
        assert wire.failure(caught.value).scope is DeliveryScope.TRANSIENT


@pytest.mark.parametrize(
    ("found", "stays"),
    [
        ({}, False),
        ({"ts": "ours"}, True),  # the other one looked, and found this very message
        ({"last_attempt_at": NOON}, True),  # no other attempt was made
        ({"state": DeliveryState.DEAD}, True),  # nothing else stands there
        ({"action": Action.UPDATE}, True),  # the message is that of another delivery
        (None, True),
    ],
)
async def test_only_a_message_that_stands_there_twice_is_taken_back(found: dict[str, Any] | None, stays: bool) -> None:
    """A25, A26: one too many is better than none."""
    async with SlackServer() as slack:
        slack.bot("xoxb-late")
        slack.channel("C1")
        channel = SlackChannel(SlackReceiver(name="licensing", channel="C1", api_url=slack.api_url), "xoxb-late")
        receipt = await channel.send(Message("late"), Posting("d1"))
        known = found or {}
        row = Delivery("d1", "licensing", Role.PARENT, known.get("action", Action.POST), NOON, last_attempt_at=NOON)
        later = {"state": SENT, "channel": "C1", "ts": "2.0", "last_attempt_at": NOON + timedelta(minutes=1), **known}
        now = replace(row, **later | ({"ts": receipt.ts} if later["ts"] == "ours" else {}))

        steps = [replace(now, state=one) for one in (DeliveryState.SENDING, DeliveryState.UNKNOWN)] if later else []

        async def read(_: object) -> Delivery | None:
            if found is None:
                return None
            return steps.pop(0) if steps and not stays else now

        await late.withdraw(late.Doubled(row, receipt), channel, read, asyncio.sleep)
        assert bool(slack.messages("C1")) is stays
        slack.script(faults.error("cant_delete_message"))
        with capture_logs() as logs:
            await late.withdraw(late.Doubled(row, receipt), channel, read, asyncio.sleep)
        wanted = [] if stays else [("message doubled", "error", receipt.ts)]
        assert [(one["event"], one["log_level"], one["ts"]) for one in logs] == wanted
        await channel.close()
