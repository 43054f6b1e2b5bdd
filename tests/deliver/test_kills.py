"""Proof by violence: the delivering process is killed again and again, Slack misbehaves, and the judge counts.

`LICENSEWATCH_KILLS` sets how often (12 in the suite; `make soak` wants 200 and more).
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.model import DeliveryState, Reason, Role, Stage
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.slack_server import SlackServer
from tests.alerts.world import World, moved, slack_receiver, storyline

KILLS = int(os.environ.get("LICENSEWATCH_KILLS", "12"))
ROOT = Path(__file__).parents[2]
CHANNELS = ("C1", "C2")
UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.PARKED)


async def start(database: Database, slack: SlackServer) -> asyncio.subprocess.Process:
    worker = ROOT / "tests" / "deliver" / "worker.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(worker),
        database.url.render_as_string(hide_password=False),
        slack.api_url,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 60)
    return process


def spoil(slack: SlackServer, dice: random.Random) -> None:
    """One or two faults, half of them with the message kept."""
    kinds = (faults.drop, faults.server_error, faults.html, faults.truncated, faults.not_json)
    for _ in range(dice.randint(0, 2)):
        method = dice.choice(["chat.postMessage", "chat.postMessage", "chat.update", "conversations.history"])
        slack.script(dice.choice(kinds)(stored=dice.random() < 0.5, method=method))
    if dice.random() < 0.3:
        slack.script(faults.rate_limited(0.2, method="chat.postMessage"))


@pytest.mark.slow
async def test_no_kill_and_no_fault_loses_or_doubles_a_message(sqlite_database: Database) -> None:
    """A25, A26: each storyline has one top-level message per channel, each move one reply, and one coverage reply."""
    dice = random.Random(20250712)
    async with SlackServer(rate=100.0, burst=2) as slack:
        slack.bot()
        for channel in CHANNELS:
            slack.channel(channel)
        receivers = [slack_receiver(slack, "licensing", "C1"), slack_receiver(slack, "second", "C2")]
        world = World(sqlite_database, list(receivers))
        for round_ in range(1, KILLS + 1):
            one = storyline(round_, outlets=2)
            world.tell(one)
            world.tell(one, Reason.REPEAT)
            if round_ > 1:
                before = storyline(dice.randint(1, round_ - 1))
                world.tell(moved(before, Stage.ANNOUNCED, "Moved", "Techsight", timedelta(days=1)), Reason.STAGE_MOVED)
            spoil(slack, dice)
            process = await start(sqlite_database, slack)
            await asyncio.sleep(dice.uniform(0, 0.5))
            process.kill()
            await process.wait()
        slack.faults.clear()
        process = await start(sqlite_database, slack)
        for _ in range(600):
            await asyncio.sleep(0.1)
            if not world.rows(*UNFINISHED):
                break
        process.kill()
        await process.wait()
        _judge(slack, world)
        fired = Counter(call.fault.answer for call in slack.calls if call.fault is not None)
        kept = sum(len(slack.messages(channel)) for channel in CHANNELS)
        print(f"{KILLS} kills, faults {dict(fired)}, {len(slack.calls)} calls, {kept} messages, 0 lost, 0 doubled")


def _judge(slack: SlackServer, world: World) -> None:
    rows = world.rows()
    assert not [row for row in rows if row.state in UNFINISHED]
    assert not [row for row in rows if row.state is DeliveryState.DEAD]
    for row_receiver, channel in (("licensing", "C1"), ("second", "C2")):
        posted = Counter(one["metadata"]["event_payload"]["delivery_id"] for one in slack.messages(channel))
        expected = {row.id for row in rows if row.receiver == row_receiver and row.action == "post"}
        doubled = {name: count for name, count in posted.items() if count > 1}
        assert (set(posted), doubled) == (expected, {})
        parents = [
            row for row in rows if row.receiver == row_receiver and row.role is Role.PARENT and row.action == "post"
        ]
        assert len(slack.top_level(channel)) == len(parents) == KILLS
        for parent in parents:
            roles = Counter(row.role for row in rows if row.target_id == parent.id and row.action == "post")
            assert len(slack.replies(channel, str(parent.ts))) == sum(roles.values())
            assert roles[Role.COVERAGE] == 1
