"""A bug of ours in one message, or in one lane: it harms that one, and is not hidden."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.receivers import ConsoleReceiver
from monitor.deliver import Deliverer
from monitor.model import DeliveryState, Storyline
from monitor.store.engine import Database
from tests.alerts.world import World, connected, slack_receiver, storyline


async def passes(one: Deliverer, world: World, times: int = 25) -> None:
    """So many passes, ten seconds apart on the clock of the outbox."""
    for _ in range(times):
        await one.drain_due()
        await asyncio.sleep(0.02)
        world.offset += timedelta(seconds=10)


async def test_a_message_that_trips_a_bug_holds_up_nothing_but_itself(either_database: Database) -> None:
    """It is tried five times, then a dead letter that operations hear of; what comes after it goes out meanwhile."""
    async with connected(either_database) as (slack, world):
        world.receivers.append(ConsoleReceiver(name="screen"))
        world.ops = ("screen",)

        def found(_conn: Any, number: int) -> Storyline | None:
            return world.storylines[number] if number != 1 else world.storylines[1 // 0]

        one = world.deliverer(storyline=found)
        for number in (1, 2, 3):
            world.tell(storyline(number, title=f"story {number}"), routed=("licensing",))
        await passes(one, world)
        await one.close()
        assert [message["blocks"][0]["text"]["text"] for message in slack.messages("C1")] == ["story 2", "story 3"]
        [dead] = world.rows(DeliveryState.DEAD)
        assert (dead.storyline_id, dead.attempts, dead.last_error) == (1, 5, "bug")
        assert "please report it with the log" in world.screen.getvalue()
        assert one.stuck_s() == 0


async def test_a_lane_that_ends_by_a_bug_each_time_is_seen_and_ends_no_other(either_database: Database) -> None:
    """A41: whoever feeds the watchdog asks for how long that has lasted."""
    async with connected(either_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2", credential="other_token"))
        steady, broken = 0.0, True

        def credential(name: str) -> str:
            return "xoxb-test" if name == "slack_bot_token" or not broken else str(1 // 0)

        one = Deliverer(either_database, world.receivers, credential, world.options(monotonic=lambda: steady))
        world.tell(storyline())
        for _ in range(80):
            await one.drain_due()
            await asyncio.sleep(0.02)
            steady += 1.0
        assert len(slack.messages("C1")) == 1
        assert one.stuck_s() > 70
        broken = False
        for _ in range(10):
            await one.drain_due()
            await asyncio.sleep(0.02)
            steady += 1.0
        await one.close()
        assert len(slack.messages("C2")) == 1
        assert one.stuck_s() == 0


async def test_of_many_processes_the_one_that_meets_it_knows(sqlite_database: Database) -> None:
    """A41: a worker feeds its watchdog by this; what another process does well meanwhile is no trouble of its own."""
    async with connected(sqlite_database) as (slack, world):
        steady, broken = 0.0, True

        def credential(_name: str) -> str:
            return str(1 // 0) if broken else "xoxb-test"

        one = Deliverer(sqlite_database, world.receivers, credential, world.options(monotonic=lambda: steady))
        world.tell(storyline())
        for _ in range(4):
            with pytest.raises(ZeroDivisionError):
                await one.run_lane("licensing", timedelta(seconds=40))
            steady += 20.0
        assert one.stuck_s() == 80
        steady += 60.0
        assert one.stuck_s() == 0, "it was not asked again: another does it"
        broken = False
        await one.run_lane("licensing", timedelta(seconds=40))
        assert (len(slack.messages("C1")), one.stuck_s()) == (1, 0)
        await one.close()
