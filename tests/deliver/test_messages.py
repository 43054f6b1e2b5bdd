"""What stands in a channel: one storyline, one message, and what people did to it.

A real database, real sockets, and a judge that reads only what Slack accepted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from monitor.alerts.receivers import ConsoleReceiver, WebhookReceiver
from monitor.alerts.slack import EVENT_TYPE
from monitor.cli import deliveries as listed
from monitor.model import DeliveryState, Reason, Role, Stage
from monitor.store import deliveries
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.slack_server import SlackServer
from tests.alerts.world import World, connected, moved, slack_receiver, storyline

LATER = timedelta(days=19)
SENT = DeliveryState.SENT


def ids_of(slack: SlackServer, channel: str = "C1") -> list[str]:
    """The delivery ids of what stands in a channel, in order: what the judge counts."""
    return [one["metadata"]["event_payload"]["delivery_id"] for one in slack.messages(channel)]


def titles(slack: SlackServer, channel: str = "C1") -> list[str]:
    return [one["blocks"][0]["text"]["text"] for one in slack.top_level(channel)]


# --- one storyline, one message ------------------------------------------------------------


async def test_a_new_story_is_one_top_level_message(database: Database) -> None:
    """A33: with its delivery id in the metadata, on SQLite and PostgreSQL."""
    async with connected(database) as (slack, world):
        told = world.tell(storyline())
        assert await world.drain()
        (message,) = slack.messages("C1")
        assert message["metadata"] == {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": told[0].id}}
        (row,) = world.rows()
        assert (row.state, row.ts, row.channel, row.attempts) == (SENT, message["ts"], "C1", 1)


async def test_more_outlets_are_one_edit_and_one_reply_that_grows(database: Database) -> None:
    """A33: also reported by …, edited in place; one coverage reply, never broadcast, edited too."""
    async with connected(database) as (slack, world):
        world.tell(storyline(outlets=1))
        await world.drain()
        for outlets in (2, 3, 4):
            world.tell(storyline(outlets=outlets), Reason.REPEAT)
            await world.drain()
        parent, reply = slack.messages("C1")
        assert reply["thread_ts"] == parent["ts"]
        assert "subtype" not in reply
        assert "4 outlets" in str(reply["blocks"])
        assert "Open Ledger" in str(parent["blocks"])


async def test_a_later_story_is_a_broadcast_reply_and_the_parent_shows_the_state_now(either_database: Database) -> None:
    """A33"""
    async with connected(either_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Meta confirms it", "Techsight", LATER), Reason.STAGE_MOVED, "moved!")
        await world.drain()
        parent, reply = slack.messages("C1")
        assert reply["subtype"] == "thread_broadcast"
        assert "Moved!" in str(reply["blocks"])
        assert parent["blocks"][0]["text"]["text"] == "Meta confirms it"
        assert "Steps so far" in str(parent["blocks"])


async def test_changes_while_the_channel_waits_are_one_edit(either_database: Database) -> None:
    """Ten changes of a waiting message are one edit that shows the last of them."""
    async with connected(either_database) as (slack, world):
        world.tell(storyline(outlets=1))
        await world.drain()
        for outlets in range(2, 9):
            world.tell(storyline(outlets=outlets), Reason.REPEAT)
        await world.drain()
        assert len(slack.posts("chat.update")) == 1
        assert "8 outlets" in str(slack.messages("C1")[1]["blocks"])


async def test_a_parent_that_was_not_sent_yet_needs_no_edit(either_database: Database) -> None:
    """It shows the storyline as it is when it goes out."""
    async with connected(either_database) as (slack, world):
        world.tell(storyline(outlets=1))
        world.tell(storyline(outlets=5), Reason.REPEAT)
        await world.drain()
        assert Counter(call.method for call in slack.posts()) == {"chat.postMessage": 2}
        assert "Daily Byte" in str(slack.messages("C1")[0]["blocks"])


async def test_a_receiver_that_comes_later_gets_the_parent(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2"))
        one = storyline()
        world.tell(one, routed=("licensing",))
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED, routed=("second",))
        await world.drain()
        assert [len(slack.messages("C1")), len(slack.messages("C2"))] == [2, 1]
        assert titles(slack, "C2") == ["Announced"]


async def test_webhooks_get_one_follow_up_on_a_move_and_nothing_on_repeats(either_database: Database) -> None:
    """A33: they cannot edit."""
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1")
        world = World(either_database, [WebhookReceiver(name="hook")], {"slack_webhook_url": slack.webhook("C1")})
        one = storyline()
        world.tell(one)
        assert await world.drain()  # a first message that still waits takes the move in
        world.tell(storyline(outlets=3), Reason.REPEAT)
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED, "a → b")
        assert await world.drain()
        assert len(slack.messages("C1")) == 2
        assert "A → b" in str(slack.messages("C1")[1]["blocks"])


async def test_a_muted_move_edits_and_tells_nobody(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.MUTED)
        await world.drain()
        assert titles(slack) == ["Announced"]
        assert len(slack.messages("C1")) == 1


# --- this message ------------------------------------------------------------


async def test_a_refused_message_goes_once_more_as_plain_text(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        slack.script(faults.error("invalid_blocks"))
        world.tell(storyline())
        assert await world.drain()
        (message,) = slack.messages("C1")
        assert message["blocks"] == []
        assert "Behemoth" in message["text"]


async def test_a_message_refused_twice_is_a_dead_letter_with_its_payload(either_database: Database) -> None:
    """And the ops receiver hears of it; a person's retry sends it."""
    async with connected(either_database) as (slack, world):
        world.receivers.append(ConsoleReceiver(name="screen"))
        world.ops = ("screen",)
        slack.script(faults.error("invalid_blocks", times=2))
        world.tell(storyline(), routed=("licensing",))
        assert await world.drain()
        (dead,) = world.rows(DeliveryState.DEAD)
        assert dead.last_error == "invalid_blocks"
        assert dead.payload is not None
        assert "Behemoth" in dead.payload["text"]
        assert "could not be delivered" in world.screen.getvalue()
        assert "Meta weighs a closed model" in " ".join(world.screen.getvalue().split()), "which one it is"
        with either_database.write() as conn:
            assert deliveries.retry(conn, dead.id)
        assert await world.drain()
        assert len(slack.messages("C1")) == 1


async def test_an_undocumented_error_ends_as_a_dead_letter(either_database: Database) -> None:
    """A29: it never loops for ever."""
    async with connected(either_database) as (slack, world):
        slack.script(faults.error("brand_new_error", times=1_000))
        world.tell(storyline())
        one = world.deliverer()
        for _ in range(100):
            await one.drain_due()
            await asyncio.sleep(0.02)
            world.offset += timedelta(seconds=10)
        await one.close()
        assert world.states() == ["dead"]
        assert len(slack.posts()) == 5


# --- deleted messages ------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.REPEAT, Reason.STAGE_MOVED])
async def test_a_deleted_parent_leads_to_one_new_parent(either_database: Database, reason: Reason) -> None:
    """A32: whether an edit or a reply finds out; replies go into the new thread."""
    async with connected(either_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        slack.delete("C1", slack.top_level("C1")[0]["ts"])
        for outlets in (2, 3):
            one = storyline(outlets=outlets)
            world.tell(one, reason, "moved")
            assert await world.drain()
        (parent,) = slack.top_level("C1")
        expected = 1 if reason is Reason.REPEAT else 2
        assert len(slack.replies("C1", parent["ts"])) == expected


async def test_a_deleted_coverage_reply_is_not_posted_again(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        world.tell(storyline())
        world.tell(storyline(outlets=2), Reason.REPEAT)
        await world.drain()
        slack.delete("C1", slack.messages("C1")[1]["ts"])
        for outlets in (3, 4):
            world.tell(storyline(outlets=outlets), Reason.REPEAT)
            assert await world.drain()
        assert len(slack.messages("C1")) == 1


# --- held, digests, clocks ------------------------------------------------------------


async def test_held_deliveries_wait_for_a_person(either_database: Database) -> None:
    async with connected(either_database) as (slack, world):
        kept, gone = (world.tell(storyline(number), held=True)[0] for number in (1, 2))
        assert await world.drain()
        assert slack.messages("C1") == []
        with either_database.write() as conn:
            assert deliveries.release(conn, kept.id)
            assert deliveries.discard(conn, gone.id) == [gone.id]
        assert await world.drain()
        assert ids_of(slack) == [kept.id]


async def test_a_digest_bundles_what_waits_for_it(either_database: Database) -> None:
    """Delayed and bundled; nothing withheld, nothing twice."""
    from monitor.alerts.decide import Digest

    async with connected(either_database) as (slack, world):
        world.receivers = [slack_receiver(slack, digest=Digest())]
        one = storyline(1, title="first")
        world.tell(one)
        world.tell(storyline(2, title="second"))
        world.tell(moved(one, Stage.ANNOUNCED, "first moved", "Techsight", LATER), Reason.STAGE_MOVED, "a → b")
        await world.drain(0.3)
        assert slack.messages("C1") == []
        world.offset = timedelta(days=1)
        assert await world.drain()
        (message,) = slack.messages("C1")
        assert titles(slack) == ["Licensing digest: 2 storylines"]
        assert all(word in str(message["blocks"]) for word in ("first moved", "second", "A → b"))
        assert Counter(world.states()) == {"sent": 1, "discarded": 2}
        [sent] = [one.id[:8] for one in world.rows() if one.state is DeliveryState.SENT]
        shown = [str(listed.row(listed.record(one, {}))[4]) for one in world.rows()]
        assert sorted(shown) == [f"in {sent}", f"in {sent}", "sent"], "what went out in it was withheld from nobody"


async def test_replies_never_overtake_their_parent(either_database: Database) -> None:
    """A32: a reply goes only when its parent's ts is durable."""
    async with connected(either_database) as (slack, world):
        slack.script(faults.error("request_timeout"))
        one = storyline()
        world.tell(one)
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED)
        assert await world.drain()
        roles = {row.id: row.role for row in world.rows()}
        assert [roles[one] for one in ids_of(slack)] == [Role.PARENT, Role.MOVE]
