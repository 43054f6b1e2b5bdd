"""Delivery end to end: a real database, real sockets, and a judge that reads only what Slack accepted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.alerts.receivers import ConsoleReceiver, WebhookReceiver
from monitor.alerts.slack import EVENT_TYPE
from monitor.model import DeliveryState, Reason, Role, Stage
from monitor.store import deliveries, receivers
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.slack_faults import Fault
from monitor.testing.slack_server import SlackServer
from tests.alerts.world import World, connected, moved, slack_receiver, storyline

LATER = timedelta(days=19)
SENT = DeliveryState.SENT


def ids_of(slack: SlackServer, channel: str = "C1") -> list[str]:
    """The delivery ids of what stands in a channel, in order: what the judge counts."""
    return [one["metadata"]["event_payload"]["delivery_id"] for one in slack.messages(channel)]


def titles(slack: SlackServer, channel: str = "C1") -> list[str]:
    return [one["blocks"][0]["text"]["text"] for one in slack.top_level(channel)]


# --- one storyline, one message ------------------------------------------------------------------------------------


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


async def test_a_later_story_is_a_broadcast_reply_and_the_parent_shows_the_state_now(sqlite_database: Database) -> None:
    """A33"""
    async with connected(sqlite_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Meta confirms it", "Techsight", LATER), Reason.STAGE_MOVED, "moved!")
        await world.drain()
        parent, reply = slack.messages("C1")
        assert reply["subtype"] == "thread_broadcast"
        assert "Moved!" in str(reply["blocks"])
        assert parent["blocks"][0]["text"]["text"] == "Meta confirms it"
        assert "How it developed" in str(parent["blocks"])


async def test_changes_while_the_channel_waits_are_one_edit(sqlite_database: Database) -> None:
    """Ten changes of a waiting message are one edit that shows the last of them."""
    async with connected(sqlite_database) as (slack, world):
        world.tell(storyline(outlets=1))
        await world.drain()
        for outlets in range(2, 9):
            world.tell(storyline(outlets=outlets), Reason.REPEAT)
        await world.drain()
        assert len(slack.posts("chat.update")) == 1
        assert "8 outlets" in str(slack.messages("C1")[1]["blocks"])


async def test_a_parent_that_was_not_sent_yet_needs_no_edit(sqlite_database: Database) -> None:
    """It shows the storyline as it is when it goes out."""
    async with connected(sqlite_database) as (slack, world):
        world.tell(storyline(outlets=1))
        world.tell(storyline(outlets=5), Reason.REPEAT)
        await world.drain()
        assert Counter(call.method for call in slack.posts()) == {"chat.postMessage": 2}
        assert "Daily Byte" in str(slack.messages("C1")[0]["blocks"])


async def test_a_receiver_that_comes_later_gets_the_parent(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2"))
        one = storyline()
        world.tell(one, routed=("licensing",))
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED, routed=("second",))
        await world.drain()
        assert [len(slack.messages("C1")), len(slack.messages("C2"))] == [2, 1]
        assert titles(slack, "C2") == ["Announced"]


async def test_webhooks_get_one_follow_up_on_a_move_and_nothing_on_repeats(sqlite_database: Database) -> None:
    """A33: they cannot edit."""
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1")
        world = World(sqlite_database, [WebhookReceiver(name="hook")], {"slack_webhook_url": slack.webhook("C1")})
        one = storyline()
        world.tell(one)
        world.tell(storyline(outlets=3), Reason.REPEAT)
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED, "a → b")
        assert await world.drain()
        assert len(slack.messages("C1")) == 2
        assert "A → b" in str(slack.messages("C1")[1]["blocks"])


async def test_a_muted_move_edits_and_tells_nobody(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.MUTED)
        await world.drain()
        assert titles(slack) == ["Announced"]
        assert len(slack.messages("C1")) == 1


# --- unclear outcomes ----------------------------------------------------------------------------------------------

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
    sqlite_database: Database, fault: Callable[..., Fault], stored: bool
) -> None:
    """A26, A27: whether Slack kept it or not, one message; kept, its ts is recovered and nothing is sent again."""
    async with connected(sqlite_database) as (slack, world):
        world.timeout = timedelta(seconds=0.5)
        slack.script(fault(stored=stored))
        world.tell(storyline())
        assert await world.drain()
        (message,) = slack.messages("C1")
        (row,) = world.rows()
        assert (row.state, row.ts) == (SENT, message["ts"])
        assert len(slack.posts()) == row.attempts == (1 if stored else 2)


@pytest.mark.parametrize("stored", [True, False], ids=["kept", "lost"])
async def test_an_unclear_reply_is_looked_for_in_its_thread(sqlite_database: Database, stored: bool) -> None:
    async with connected(sqlite_database) as (slack, world):
        one = storyline()
        world.tell(one)
        await world.drain()
        slack.script(faults.drop(stored=stored))
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED)
        assert await world.drain()
        assert len(slack.replies("C1", slack.top_level("C1")[0]["ts"])) == 1
        assert {call.method for call in slack.calls if call.method.startswith("conv")} == {"conversations.replies"}


async def test_it_is_called_not_sent_only_after_two_looks_a_settling_time_apart(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
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


async def test_a_message_that_appears_late_is_found_by_the_second_look(sqlite_database: Database) -> None:
    """Slack kept it only after the first look."""
    async with connected(sqlite_database) as (slack, world):
        world.timeout = timedelta(seconds=0.3)
        world.receivers = [slack_receiver(slack, settle=timedelta(seconds=0.6))]
        slack.script(Fault(answer="normal", delay=1.1))
        world.tell(storyline())
        assert await world.drain()
        assert len(slack.messages("C1")) == 1


async def test_nobody_elses_message_is_taken_for_ours(sqlite_database: Database) -> None:
    """The id must match, and the bot."""
    async with connected(sqlite_database) as (slack, world):
        other = slack.bot("xoxb-other", bot_id="B0OTHER", user_id="U0OTHER")
        (told,) = world.tell(storyline())
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": told.id}}
        slack.script(faults.drop(stored=False))
        slack.world.post(slack.world.channels["C1"], other, {"text": "a copy", "metadata": metadata})
        assert await world.drain()
        assert [one["bot_id"] for one in slack.messages("C1")] == ["B0OTHER", "B0BOT"]


async def test_history_is_read_whole_and_only_as_far_as_needed(sqlite_database: Database) -> None:
    """Pages are followed; what stood there long before is not read."""
    async with connected(sqlite_database) as (slack, world):
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
async def test_without_history_the_receiver_decides(sqlite_database: Database, policy: Any, posts: int) -> None:
    """`on_ambiguous`: reconcile falls back to resend where history cannot be read."""
    async with connected(sqlite_database) as (slack, world):
        slack.world.bots["xoxb-test"].scopes = {"chat:write"}
        world.receivers = [slack_receiver(slack, on_ambiguous=policy)]
        slack.script(faults.drop(stored=True))
        world.tell(storyline())
        await world.drain()
        assert len(slack.posts()) == posts
        assert world.states() == ["discarded" if policy == "drop" else "sent"]


@pytest.mark.parametrize(("policy", "posts", "state"), [("resend", 2, "sent"), ("drop", 1, "discarded")])
async def test_a_webhook_resends_or_drops(sqlite_database: Database, policy: Any, posts: int, state: str) -> None:
    async with SlackServer(rate=None) as slack:
        slack.bot()
        slack.channel("C1")
        hook = WebhookReceiver(name="hook", on_ambiguous=policy, settle=timedelta(seconds=0.1))
        world = World(sqlite_database, [hook], {"slack_webhook_url": slack.webhook("C1")})
        slack.script(faults.drop(stored=True, method="webhook"))
        world.tell(storyline())
        await world.drain()
        assert (len(slack.posts()), world.states()) == (posts, [state])


# --- crashes -------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("point", ["deliver: sending committed", "deliver: answered", "deliver: sent committed"])
async def test_a_crash_at_any_point_leaves_one_message(sqlite_database: Database, point: str) -> None:
    """A25: what a dead process left in `sending` is looked for before anything is sent."""
    async with connected(sqlite_database) as (slack, world):
        world.tell(storyline())

        def reached(name: str) -> None:
            if name == point:
                raise Killed

        one = world.deliverer(reached=reached)
        with pytest.raises(Killed):
            while True:
                await one.drain_due()
                await asyncio.sleep(0.01)
        assert await world.drain()
        assert len(slack.messages("C1")) == 1
        assert world.states() == ["sent"]


async def test_stopping_leaves_nothing_in_sending(sqlite_database: Database) -> None:
    """A41: a call under way gets a grace, then its outcome is unknown; the next start settles it."""
    async with connected(sqlite_database) as (slack, world):
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


# --- pace and order ------------------------------------------------------------------------------------------------


async def test_a_channel_gets_one_message_a_pace_edits_counted_and_never_faster(sqlite_database: Database) -> None:
    """A28: scaled to 20 a second here; the server refuses whatever is faster."""
    async with connected(sqlite_database, rate=20.0) as (slack, world):
        world.pace = timedelta(seconds=0.05)
        for number in range(1, 16):
            world.tell(storyline(number))
        for number in range(1, 6):
            world.tell(storyline(number, outlets=2), Reason.REPEAT)
        assert await world.drain(30)
        at = [call.at for call in slack.posts()]
        assert min(later - earlier for earlier, later in pairwise(at)) >= 0.05
        assert {call.error for call in slack.posts()} == {""}


async def test_pace_survives_a_restart(sqlite_database: Database) -> None:
    async with connected(sqlite_database, rate=2.0) as (slack, world):
        world.pace = timedelta(seconds=0.5)
        for number in (1, 2, 3):
            world.tell(storyline(number))
            await world.drain()
        assert {call.error for call in slack.posts()} == {""}


async def test_first_attempts_go_in_order(sqlite_database: Database) -> None:
    """A28"""
    async with connected(sqlite_database) as (slack, world):
        for number in range(1, 30):
            world.tell(storyline(number, title=f"story {number}"))
        await world.drain()
        assert titles(slack) == [f"story {number}" for number in range(1, 30)]


@pytest.mark.parametrize("http_date", [False, True], ids=["seconds", "http-date"])
async def test_retry_after_holds_the_channel_and_no_other(sqlite_database: Database, http_date: bool) -> None:
    """A28: both forms; nothing lost, order kept, other channels flow."""
    async with connected(sqlite_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2"))
        fault = faults.rate_limited(2, method="chat.postMessage", http_date=http_date)
        slack.script(replace(fault, where={"channel": "C1"}))
        for number in (1, 2, 3):
            world.tell(storyline(number, title=f"story {number}"))
        started = time.monotonic()
        assert await world.drain(20)
        first, *rest = [call.at for call in slack.posts() if call.arguments["channel"] == "C1"]
        others = [call.at for call in slack.posts() if call.arguments["channel"] == "C2"]
        assert rest[0] - first >= (1.0 if http_date else 2.0)  # an HTTP-date has whole seconds
        assert max(others) - started < 1.5
        assert titles(slack) == titles(slack, "C2") == ["story 1", "story 2", "story 3"]


async def test_retry_after_survives_a_restart(sqlite_database: Database) -> None:
    """A28"""
    async with connected(sqlite_database) as (slack, world):
        slack.script(faults.rate_limited(1.5, method="chat.postMessage"))
        world.tell(storyline(1))
        assert not await world.drain(0.5)
        world.tell(storyline(2))
        assert await world.drain()
        refused, *sent = [call.at for call in slack.posts()]
        assert len(sent) == 2
        assert sent[0] - refused >= 1.5


async def test_an_unknown_delivery_holds_up_only_its_own_thread(sqlite_database: Database) -> None:
    """A28: the next story goes out while the first is being looked for; its own reply waits."""
    async with connected(sqlite_database) as (slack, world):
        world.receivers = [slack_receiver(slack, settle=timedelta(seconds=1))]
        slack.script(faults.drop(stored=False))
        one = storyline(1, title="first")
        world.tell(one)
        world.tell(moved(one, Stage.ANNOUNCED, "first moved", "Techsight", LATER), Reason.STAGE_MOVED)
        world.tell(storyline(2, title="second"))
        assert await world.drain()
        assert titles(slack) == ["second", "first moved"]
        parent = slack.top_level("C1")[1]
        assert len(slack.replies("C1", parent["ts"])) == 1


async def test_a_hanging_channel_does_not_hold_up_another(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2"))
        slack.script(replace(faults.slow(1.5, stored=False), where={"channel": "C1"}))
        world.tell(storyline())
        started = time.monotonic()
        one = world.deliverer()
        while not slack.messages("C2"):
            await one.drain_due()
            await asyncio.sleep(0.02)
        assert time.monotonic() - started < 1.0
        await one.close()


# --- credentials and channels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auth.test", "chat.postMessage"])
async def test_a_refused_token_parks_without_burning_attempts_and_drains_once_replaced(
    sqlite_database: Database, method: str
) -> None:
    """A30"""
    async with connected(sqlite_database) as (slack, world):
        if method == "auth.test":
            slack.world.bots["xoxb-test"].error = "invalid_auth"
        else:
            slack.script(Fault("chat.postMessage", "error", error="invalid_auth", times=1_000))
        for number in (1, 2, 3):
            world.tell(storyline(number, title=f"story {number}"))
        await world.drain(1)
        assert world.states() == ["parked"] * 3
        assert {row.attempts for row in world.rows()} == {0}
        assert len(slack.posts()) <= 1
        slack.faults.clear()
        slack.bot("xoxb-new")
        world.secrets["slack_bot_token"] = "xoxb-new"
        assert await world.drain()
        assert titles(slack) == ["story 1", "story 2", "story 3"]


async def test_a_park_is_tried_again_by_itself_now_and_then(sqlite_database: Database) -> None:
    """Mended in Slack, with the token as it was."""
    async with connected(sqlite_database) as (slack, world):
        slack.world.bots["xoxb-test"].error = "account_inactive"
        world.tell(storyline())
        await world.drain(0.5, park_retry=timedelta(seconds=1))
        slack.world.bots["xoxb-test"].error = ""
        one = world.deliverer(park_retry=timedelta(seconds=1))
        started = time.monotonic()
        while not slack.messages("C1"):
            await one.drain_due()
            await asyncio.sleep(0.05)
            assert time.monotonic() - started < 5
        await one.close()


async def test_a_park_is_told_to_the_ops_receiver_that_still_works(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        world.receivers.append(ConsoleReceiver(name="screen"))
        world.ops = ("licensing", "screen")
        slack.world.bots["xoxb-test"].error = "token_revoked"
        world.tell(storyline(), routed=("licensing",))
        await world.drain(1)
        await world.drain(1)
        shown = world.screen.getvalue()
        assert shown.count("Delivery to licensing is parked") == 1
        assert "token_revoked" in shown
        assert "reinstall the app" in shown
        with sqlite_database.read() as conn:
            state = receivers.states(conn)["licensing"]
        assert (state.parked_scope, state.parked_code) == ("credential", "token_revoked")


async def test_a_refused_channel_parks_its_lane_alone(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        slack.channel("C2")
        world.receivers.append(slack_receiver(slack, "second", "C2"))
        slack.world.channels["C1"].archived = True
        for number in (1, 2):
            world.tell(storyline(number))
        await world.drain(1)
        assert Counter((row.receiver, str(row.state)) for row in world.rows()) == {
            ("licensing", "parked"): 2,
            ("second", "sent"): 2,
        }


async def test_without_any_credential_the_console_stands_in(sqlite_database: Database) -> None:
    """Only while no Slack credential ever worked; connected later, a move brings the storyline to the channel."""
    async with connected(sqlite_database) as (slack, world):
        world.secrets.clear()
        one = storyline()
        world.tell(one)
        world.tell(storyline(outlets=3), Reason.REPEAT)
        assert await world.drain()
        assert "Meta weighs a closed model" in world.screen.getvalue()
        assert world.states() == ["sent", "discarded"]
        world.secrets["slack_bot_token"] = "xoxb-test"
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED)
        assert await world.drain()
        assert titles(slack) == ["Announced"]
        assert len(slack.replies("C1", slack.top_level("C1")[0]["ts"])) == 1


async def test_a_credential_that_vanishes_after_it_worked_parks(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        world.tell(storyline(1))
        await world.drain()
        token = world.secrets.pop("slack_bot_token")
        world.tell(storyline(2))
        await world.drain(0.5)
        assert world.states() == ["sent", "parked"]
        assert world.screen.getvalue() == ""
        world.secrets["slack_bot_token"] = token
        assert await world.drain()
        assert len(slack.messages("C1")) == 2


# --- this message --------------------------------------------------------------------------------------------------


async def test_a_refused_message_goes_once_more_as_plain_text(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        slack.script(faults.error("invalid_blocks"))
        world.tell(storyline())
        assert await world.drain()
        (message,) = slack.messages("C1")
        assert message["blocks"] == []
        assert "Behemoth" in message["text"]


async def test_a_message_refused_twice_is_a_dead_letter_with_its_payload(sqlite_database: Database) -> None:
    """And the ops receiver hears of it; a person's retry sends it."""
    async with connected(sqlite_database) as (slack, world):
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
        with sqlite_database.write() as conn:
            assert deliveries.retry(conn, dead.id)
        assert await world.drain()
        assert len(slack.messages("C1")) == 1


async def test_an_undocumented_error_ends_as_a_dead_letter(sqlite_database: Database) -> None:
    """A29: it never loops for ever."""
    async with connected(sqlite_database) as (slack, world):
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


# --- deleted messages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.REPEAT, Reason.STAGE_MOVED])
async def test_a_deleted_parent_leads_to_one_new_parent(sqlite_database: Database, reason: Reason) -> None:
    """A32: whether an edit or a reply finds out; replies go into the new thread."""
    async with connected(sqlite_database) as (slack, world):
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


async def test_a_deleted_coverage_reply_is_not_posted_again(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        world.tell(storyline())
        world.tell(storyline(outlets=2), Reason.REPEAT)
        await world.drain()
        slack.delete("C1", slack.messages("C1")[1]["ts"])
        for outlets in (3, 4):
            world.tell(storyline(outlets=outlets), Reason.REPEAT)
            assert await world.drain()
        assert len(slack.messages("C1")) == 1


# --- held, digests, clocks -----------------------------------------------------------------------------------------


async def test_held_deliveries_wait_for_a_person(sqlite_database: Database) -> None:
    async with connected(sqlite_database) as (slack, world):
        kept, gone = (world.tell(storyline(number), held=True)[0] for number in (1, 2))
        assert await world.drain()
        assert slack.messages("C1") == []
        with sqlite_database.write() as conn:
            assert deliveries.release(conn, kept.id)
            assert deliveries.discard(conn, gone.id) == [gone.id]
        assert await world.drain()
        assert ids_of(slack) == [kept.id]


async def test_a_digest_bundles_what_waits_for_it(sqlite_database: Database) -> None:
    """Delayed and bundled; nothing withheld, nothing twice."""
    from monitor.alerts.decide import Digest

    async with connected(sqlite_database) as (slack, world):
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
        assert all(word in str(message["blocks"]) for word in ("first moved", "second", "a → b"))
        assert Counter(world.states()) == {"sent": 1, "discarded": 2}


async def test_replies_never_overtake_their_parent(sqlite_database: Database) -> None:
    """A32: a reply goes only when its parent's ts is durable."""
    async with connected(sqlite_database) as (slack, world):
        slack.script(faults.error("request_timeout"))
        one = storyline()
        world.tell(one)
        world.tell(moved(one, Stage.ANNOUNCED, "Announced", "Techsight", LATER), Reason.STAGE_MOVED)
        assert await world.drain()
        roles = {row.id: row.role for row in world.rows()}
        assert [roles[one] for one in ids_of(slack)] == [Role.PARENT, Role.MOVE]
