"""Unclear outcomes and crashes: looked for before anything is sent again.

A real database, real sockets, and a judge that reads only what Slack accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.receivers import WebhookReceiver
from monitor.alerts.slack import EVENT_TYPE
from monitor.model import DeliveryState, Reason, Stage
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.slack_faults import Fault
from monitor.testing.slack_server import SlackServer
from monitor.trial import Point
from tests.alerts.world import World, connected, moved, slack_receiver, storyline

LATER = timedelta(days=19)
SENT = DeliveryState.SENT


# --- unclear outcomes ------------------------------------------------------------

UNCLEAR: dict[str, Callable[..., Fault]] = {
    "the connection drops": faults.drop,
    "half an answer": faults.truncated,
    "status 500": faults.server_error,
    "status 503": lambda **how: faults.server_error(status=503, **how),
    "a page of HTML": faults.html,
    "broken JSON": faults.not_json,
    "no answer in time": lambda **how: faults.slow(3, **how),
    "a redirect": lambda stored, **how: replace(faults.redirect("/api/chat.postMessage", **how), stored=stored),
    "fatal_error": lambda stored, **how: replace(faults.error("fatal_error", **how), stored=stored),
    "internal_error": lambda stored, **how: replace(faults.error("internal_error", **how), stored=stored),
}


@pytest.mark.parametrize("stored", [True, False], ids=["kept", "lost"])
@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_unclear_post_stands_there_once_in_the_end(
    either_database: Database, fault: Callable[..., Fault], stored: bool
) -> None:
    """A26, A27: whether Slack kept it or not, one message; kept, its ts is recovered and nothing is sent again."""
    async with connected(either_database) as (slack, world):
        world.timeout = timedelta(seconds=1.5)
        slack.script(fault(stored=stored))
        world.tell(storyline())
        assert await world.drain()
        (message,) = slack.messages("C1")
        (row,) = world.rows()
        assert (row.state, row.ts) == (SENT, message["ts"])
        assert len(slack.posts()) == row.attempts == (1 if stored else 2)


@pytest.mark.parametrize("stored", [True, False], ids=["kept", "lost"])
async def test_an_unclear_reply_is_looked_for_in_its_thread(either_database: Database, stored: bool) -> None:
    async with connected(either_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        slack.script(faults.drop(stored=stored))
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED)
        assert await world.drain()
        assert len(slack.replies("C1", slack.top_level("C1")[0]["ts"])) == 1
        assert {call.method for call in slack.calls if call.method.startswith("conv")} == {"conversations.replies"}


async def test_it_is_called_not_sent_only_after_two_looks_a_settling_time_apart(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        world.receivers = [slack_receiver(slack, settle=timedelta(seconds=0.4))]
        slack.script(faults.drop(stored=False))
        world.tell(storyline())
        assert await world.drain()
        looks = [call.at for call in slack.calls if call.method == "conversations.history"]
        posts = [call.at for call in slack.posts()]
        assert len(looks) == 2
        assert looks[0] - posts[0] >= 0.4
        assert looks[1] - looks[0] >= 0.4
        assert posts[1] > looks[1]


async def test_a_message_that_appears_late_is_found_by_the_second_look(either_database: Database) -> None:
    """Slack kept it only after the first look."""
    async with connected(either_database) as (slack, world):
        world.timeout = timedelta(seconds=0.3)
        world.receivers = [slack_receiver(slack, settle=timedelta(seconds=0.6))]
        slack.script(Fault(answer="normal", delay=1.1))
        world.tell(storyline())
        assert await world.drain()
        assert len(slack.messages("C1")) == 1


async def test_nobody_elses_message_is_taken_for_ours(either_database: Database) -> None:
    """The id must match, and the bot."""
    async with connected(either_database) as (slack, world):
        other = slack.bot("xoxb-other", bot_id="B0OTHER", user_id="U0OTHER")
        (told,) = world.tell(storyline())
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": told.id}}
        slack.script(faults.drop(stored=False))
        slack.world.post(slack.world.channels["C1"], other, {"text": "a copy", "metadata": metadata})
        assert await world.drain()
        assert [one["bot_id"] for one in slack.messages("C1")] == ["B0OTHER", "B0BOT"]


async def test_history_is_read_whole_and_only_as_far_as_needed(either_database: Database) -> None:
    """Pages are followed; what stood there long before is not read."""
    async with connected(either_database) as (slack, world):
        channel, bot = slack.world.channels["C1"], slack.world.bots["xoxb-test"]
        for number in range(500):
            slack.world.post(channel, bot, {"text": str(number)})
        for message in channel.messages[:300]:
            message["ts"] = f"{float(message['ts']) - 3600:.6f}"
        slack.script(faults.drop(stored=True))
        world.tell(storyline())
        assert await world.drain()
        looks = [call for call in slack.calls if call.method == "conversations.history"]
        assert len(slack.messages("C1")) == 501
        assert len(looks) == 1


@pytest.mark.parametrize(("policy", "posts"), [("reconcile", 2), ("resend", 2), ("drop", 1)])
async def test_without_history_the_receiver_decides(either_database: Database, policy: Any, posts: int) -> None:
    """`on_ambiguous`: reconcile falls back to resend where history cannot be read."""
    async with connected(either_database) as (slack, world):
        slack.world.bots["xoxb-test"].scopes = {"chat:write"}
        world.receivers = [slack_receiver(slack, on_ambiguous=policy)]
        slack.script(faults.drop(stored=True))
        world.tell(storyline())
        await world.drain()
        assert len(slack.posts()) == posts
        assert world.states() == ["discarded" if policy == "drop" else "sent"]


@pytest.mark.parametrize(("policy", "posts", "state"), [("resend", 2, "sent"), ("drop", 1, "discarded")])
async def test_a_webhook_resends_or_drops(either_database: Database, policy: Any, posts: int, state: str) -> None:
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1")
        hook = WebhookReceiver(name="hook", on_ambiguous=policy, settle=timedelta(seconds=0.1))
        world = World(either_database, [hook], {"slack_webhook_url": slack.webhook("C1")})
        slack.script(faults.drop(stored=True, method="webhook"))
        world.tell(storyline())
        await world.drain()
        assert (len(slack.posts()), world.states()) == (posts, [state])


# --- crashes ------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


async def _dies_at(world: World, point: Point) -> None:
    """A deliverer that ends at this point as a process ends that is killed."""

    def reached(passed: Point) -> None:
        if passed is point:
            raise Killed

    one = world.deliverer(reached=reached)
    with pytest.raises(Killed):
        while True:
            await one.drain_due()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("point", [Point.SEND_COMMITTED, Point.SEND_ANSWERED, Point.SENT_COMMITTED])
async def test_a_crash_at_any_point_leaves_one_message(either_database: Database, point: Point) -> None:
    """A25: what a dead process left in `sending` is looked for before anything is sent."""
    async with connected(either_database) as (slack, world):
        world.tell(storyline())
        await _dies_at(world, point)
        assert await world.drain()
        assert len(slack.messages("C1")) == 1
        assert world.states() == ["sent"]


async def test_it_is_found_below_a_page_of_newer_messages(either_database: Database) -> None:
    """A25, A26: others talked on while we were dead; every page of the history is read before it is called lost."""
    async with connected(either_database) as (slack, world):
        world.tell(storyline())
        await _dies_at(world, Point.SEND_ANSWERED)
        other = slack.bot("xoxb-other", bot_id="B0OTHER", user_id="U0OTHER")
        for number in range(250):
            slack.world.post(slack.world.channels["C1"], other, {"text": str(number)})
        assert await world.drain()
        assert len(slack.posts()) == 1
        assert world.rows()[0].ts == slack.messages("C1")[0]["ts"]


async def test_stopping_leaves_nothing_in_sending(either_database: Database) -> None:
    """A41: a call under way gets a grace, then its outcome is unknown; the next start settles it."""
    async with connected(either_database) as (slack, world):
        world.timeout = timedelta(seconds=30)
        slack.script(faults.slow(2, stored=True))
        world.tell(storyline())
        one = world.deliverer()
        await one.drain_due()
        while not slack.posts():
            await asyncio.sleep(0.01)
        await one.close(timedelta(seconds=0.1))
        assert world.states() == ["unknown"]
        assert await world.drain()
        assert len(slack.messages("C1")) == 1
