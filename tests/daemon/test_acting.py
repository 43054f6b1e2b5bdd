"""Acting from Slack: what people press and type, over a real websocket, and what comes of it in the database and there.

The parts are those of the daemon (tests/violence/house.py); the Slack stand-in is what a person would be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from monitor.alerts.receivers import SlackReceiver
from monitor.daemon.acting import PROBLEM, Acting
from monitor.feeds.fetch import Fetcher
from monitor.model import Mute
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet
from monitor.settings import Configuration
from monitor.settings.shape import Settings
from monitor.store import facts, hits, mutes, schema
from monitor.store.engine import Connection, Database
from monitor.testing.feed_server import FeedServer
from monitor.testing.installed import until
from monitor.testing.newsroom import Kind, Newsroom
from monitor.testing.slack_server import SlackServer
from monitor.testing.slack_sockets import Envelope
from tests.violence.house import CHANNEL, POLLING, House
from tests.violence.rules import write_rules

T = TypeVar("T")
ACK_S = 3.0  # Slack's patience


@dataclass
class Ground:
    """What acting stands on, over a house and its database. `token` is the app token now."""

    house: House
    token: str | None = "xapp-test"

    @property
    def configuration(self) -> Configuration:
        receiver = SlackReceiver(name="licensing", channel=CHANNEL, api_url=self.house.slack.api_url)
        settings = Settings(receivers=(receiver,))
        return Configuration(settings, (), self.house.rules, (), Path())

    def app_token(self, _name: str) -> str | None:
        return self.token

    def new_id(self) -> str:
        return self.house.world.new_id()

    async def in_database(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._write, work)

    async def reading(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self.read, work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.house.database.write() as conn:
            return work(conn)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self.house.database.read() as conn:
            return work(conn)

    # --- looking ---------------------------------------------------------------------------------------------------

    @property
    def slack(self) -> SlackServer:
        return self.house.slack

    def feedback(self) -> list[Any]:
        return self.read(lambda conn: list(conn.execute(select(schema.feedback))))

    def votes(self) -> set[tuple[str, str]]:
        return {(row.by, row.verdict) for row in self.feedback()}

    def mutes(self) -> list[Mute]:
        return self.read(lambda conn: mutes.active(conn, self.house.now()))

    def message(self) -> dict[str, Any]:
        return self.slack.top_level(CHANNEL)[-1]

    def buttons(self) -> list[str]:
        rows = [block for block in self.message()["blocks"] if block["type"] == "actions"]
        return [element["action_id"] for row in rows for element in row["elements"]]

    async def listening(self) -> None:
        await until(lambda: bool(self.slack.sockets.connections), "a websocket is open")

    async def press(self, action: str, user: str = "U0ANN", name: str = "ann") -> str:
        """Press a button of the newest message; what that person alone is told."""
        envelope = await self.slack.sockets.press(CHANNEL, self.message()["ts"], action, user=user, name=name)
        return await self.told(envelope)

    async def command(self, words: str) -> str:
        return await self.told(await self.slack.sockets.command(words, command="/licensewatch"))

    async def told(self, envelope: Envelope) -> str:
        await until(lambda: bool(envelope.answers), "the person got an answer")
        assert envelope.ack_s is not None
        assert envelope.ack_s < ACK_S
        [answer] = envelope.answers
        assert answer["response_type"] == "ephemeral"
        assert answer["replace_original"] is False
        return "\n".join(block["text"]["text"] for block in answer["blocks"])


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuleSet]:
    yield load_rules(write_rules(tmp_path_factory.mktemp("rules")))


@pytest.fixture
async def ground(database: Database, rules: RuleSet) -> AsyncIterator[Ground]:
    """One storyline stands in the channel, with buttons, and somebody listens."""
    async with FeedServer() as feeds, SlackServer(rate=None) as slack, Fetcher(POLLING, "0") as fetcher:
        slack.bot()
        slack.app()
        slack.channel(CHANNEL)
        room = Newsroom(feeds, datetime.now(UTC) - timedelta(hours=1))
        room.open()
        house = House(str(database.url.render_as_string(hide_password=False)), room, slack, rules, fetcher)
        house.listens = True
        await house.start()
        await house.poll()
        await house.poll()
        room.begin(Random(1))
        await house.poll()
        await house.deliver(20.0)
        made = Ground(house)
        acting = asyncio.create_task(Acting(made).run())
        await made.listening()
        yield made
        acting.cancel()
        [outcome] = await asyncio.gather(acting, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError)
        await house.end()


async def test_a_judgement_is_kept_with_the_rule_version_and_can_be_changed(ground: Ground) -> None:
    """Who, when, which version; the other button replaces it; the message shows how it was taken."""
    said = await ground.press("relevant")
    assert "Noted: this alert is relevant" in said
    rows = ground.feedback()
    assert {row.rule_id for row in rows} == ground.read(_rules_hit)
    assert all(row.rule_version == ground.house.rules.rules[row.rule_id].version for row in rows)
    assert {(row.by, row.verdict, row.story_id) for row in rows} == {("U0ANN", "relevant", 1)}
    assert all(abs(row.created_at - datetime.now(UTC)) < timedelta(minutes=5) for row in rows)
    assert "Noted before" in await ground.press("relevant")
    await ground.press("noise", user="U0BOB", name="bob")
    await ground.press("noise")
    assert ground.votes() == {("U0ANN", "noise"), ("U0BOB", "noise")}
    assert len(ground.feedback()) == 2 * len(rows)
    await ground.house.deliver(20.0)
    assert "👎 2 noise" in json.dumps(ground.message()["blocks"], ensure_ascii=False)
    assert 'relevant"' not in json.dumps(ground.message()["blocks"][-2], ensure_ascii=False)
    assert len(ground.slack.messages(CHANNEL)) == 1, "an edit, and nobody's phone rang"


async def test_a_rule_muted_from_slack_is_an_ordinary_mute_for_a_day(ground: Ground) -> None:
    """With an end and its author; stories of that rule are withheld, and the button lifts it again."""
    said = await ground.press("mute_rule")
    found = ground.mutes()
    assert {(one.kind, one.by) for one in found} == {("rule", "ann (Slack U0ANN)")}
    assert all(timedelta(hours=23) < one.until - datetime.now(UTC) <= timedelta(hours=24) for one in found)
    assert all(f"mute {one.id}" in said for one in found)
    await ground.house.deliver(20.0)
    assert "rule muted until" in json.dumps(ground.message()["blocks"])
    assert ground.buttons() == ["relevant", "noise", "unmute_rule", "mute_story"]
    ground.house.newsroom.begin(Random(2))
    await ground.house.poll()
    await ground.house.deliver(20.0)
    assert len(ground.slack.top_level(CHANNEL)) == 1, "another story of the muted rule"
    assert "tells again" in await ground.press("unmute_rule")
    assert ground.mutes() == []
    ground.house.newsroom.begin(Random(3))
    await ground.house.poll()
    await ground.house.deliver(20.0)
    assert len(ground.slack.top_level(CHANNEL)) == 2


async def test_a_story_muted_from_slack_moves_without_a_word(ground: Ground) -> None:
    """Its later report is an edit; muting twice is one mute."""
    await ground.press("mute_story")
    assert "muted until" in await ground.press("mute_story", user="U0BOB")
    [mute] = ground.mutes()
    assert (mute.kind, mute.by) == ("story", "ann (Slack U0ANN)")
    ground.house.newsroom.repeat(0, Random(1))
    await ground.house.poll()
    await ground.house.deliver(20.0)
    assert len(ground.slack.messages(CHANNEL)) == 1
    await ground.house.deliver(20.0)
    assert ground.buttons() == ["relevant", "noise", "mute_rule", "unmute_story"]


async def test_a_press_that_slack_reports_again_counts_once(ground: Ground) -> None:
    """Also after a restart of the listener, and when the vote was changed in between."""
    envelope = await ground.slack.sockets.press(CHANNEL, ground.message()["ts"], "relevant")
    await ground.told(envelope)
    await ground.press("noise")
    await ground.slack.sockets.again(envelope)
    await until(lambda: len(envelope.acked) == 2, "the repetition is acknowledged too")
    assert ground.votes() == {("U0ANN", "noise")}
    assert len(envelope.answers) == 1


async def test_the_listener_comes_back_whenever_its_connection_goes(ground: Ground) -> None:
    """Asked to go as Slack asks every few hours, cut without a word, and Slack away for a while."""
    slack = ground.slack
    await slack.sockets.disconnect()
    await until(lambda: slack.sockets.connected >= 2, "it moved")
    await until(lambda: len(slack.sockets.connections) == 1, "the old connection is gone")
    assert "Noted" in await ground.press("relevant")
    await slack.sockets.cut()
    await until(lambda: slack.sockets.connected >= 3 and bool(slack.sockets.connections), "it came back")
    assert "Noted" in await ground.press("noise")
    await slack.stop()
    await asyncio.sleep(1.0)
    await slack.start()
    await until(lambda: bool(slack.sockets.connections), "it came back again", 60)
    assert "Noted" in await ground.press("relevant")


HOSTILE: list[tuple[str, Any]] = [
    ("interactive", {}),
    ("interactive", {"type": "block_actions", "actions": "x", "user": None}),
    ("interactive", {"type": "block_actions", "actions": [{"action_id": "relevant"}], "user": {"id": "U1"}}),
    ("interactive", {"type": "view_submission", "user": {"id": "U1"}}),
    ("slash_commands", {"command": "/other", "user_id": "U1", "text": "status"}),
    ("slash_commands", {"command": "/licensewatch", "user_id": "'; DROP TABLE feed; --", "text": "status"}),
    ("events_api", {"event": {"type": "app_mention"}}),
    ("\ud800", {"type": ["block_actions"]}),
]


async def test_what_is_not_understood_is_acknowledged_and_does_nothing(ground: Ground) -> None:
    before = len(ground.slack.posts())
    for kind, payload in HOSTILE:
        envelope = await ground.slack.sockets.send(kind, payload)
        await until(lambda envelope=envelope: bool(envelope.acked), f"{kind} {payload} was acknowledged")
        assert envelope.answers == []
    assert (ground.feedback(), ground.mutes()) == ([], [])
    assert len(ground.slack.posts()) == before
    assert "Noted" in await ground.press("relevant"), "and the listener lives"


async def test_buttons_act_only_on_messages_that_we_posted(ground: Ground) -> None:
    """A message of somebody else, an address that is nobody's, a story that is not this message's."""
    envelope = await ground.slack.sockets.press(CHANNEL, ground.message()["ts"], "mute_rule")
    await ground.told(envelope)
    real = envelope.payload
    for number, changed in enumerate(
        (
            {"container": {"message_ts": "1.000001", "channel_id": CHANNEL}},
            {"channel": {"id": "C0OTHER"}},
            {"container": {"message_ts": "1' OR '1'='1"}},
        )
    ):
        forged = {**real, **changed, "trigger_id": f"forged {number}"}
        forged.pop("response_url")
        sent = await ground.slack.sockets.send("interactive", forged)
        await until(lambda sent=sent: bool(sent.acked), "acknowledged")
    foreign = {**real["actions"][0], "value": "999999", "action_id": "relevant"}
    sent = await ground.slack.sockets.send(
        "interactive", {**real, "actions": [foreign], "trigger_id": "stale", "response_url": "http://192.0.2.1/x"}
    )
    await until(lambda: bool(ground.feedback()), "a stale button counts for what stands there now")
    assert {row.story_id for row in ground.feedback()} == {1}
    assert {one.value for one in ground.mutes()} == ground.read(_rules_hit), "the real press, and no forged one"


def _rules_hit(conn: Connection) -> set[str]:
    return {hit.rule_id for hit in hits.of_entry(conn, conn.scalar(select(schema.story_entry.c.entry_id)))}


async def test_a_button_works_before_it_is_known_that_slack_took_its_message(ground: Ground) -> None:
    """A25: a death between Slack's taking a message and its answer leaves us without the message's place."""
    unsettled = {"state": "unknown", "channel": None, "ts": None}
    await ground.in_database(lambda conn: conn.execute(schema.delivery.update().values(unsettled)))
    assert "Noted: this alert is noise" in await ground.press("noise")
    await ground.house.deliver(20.0)
    assert "👎 1 noise" in json.dumps(ground.message()["blocks"], ensure_ascii=False)
    assert len(ground.slack.messages(CHANNEL)) == 1


async def test_an_acknowledgement_does_not_wait_for_a_database_that_refuses(ground: Ground) -> None:
    """In three seconds, while the press waits for its turn, is written down once, and is answered then."""
    if not ground.house.database.is_sqlite:
        pytest.skip("a lock on the whole database is SQLite's")
    blocker = Database(ground.house.url)
    with blocker.write():
        envelope = await ground.slack.sockets.press(CHANNEL, ground.message()["ts"], "relevant")
        await until(lambda: bool(envelope.acked), "acknowledged though nothing could be written")
        assert not envelope.answers
    assert "Noted" in await ground.told(envelope)
    assert ground.votes() == {("U0ANN", "relevant")}
    blocker.close()


async def test_the_command_tells_how_things_stand_and_why(ground: Ground) -> None:
    """`/licensewatch status` and `/licensewatch why URL`, for the eyes of who asked; anything else is helped."""
    assert "Deliveries: 1 sent" in await ground.command("status")
    report = ground.house.newsroom.reported(0, Kind.FIRST)[0]
    for link in (report.item["link"], f"<{report.item['link']}|here>", report.item["link"] + "?utm_source=x"):
        said = await ground.command(f"why {link}")
        assert report.title in said
        assert "matched: closing" in said
        assert "told: new story" in said
        assert "licensing: sent" in said
    assert "was ever read" in await ground.command("why https://nowhere.example.org/&lt;!channel&gt;<!here>")
    assert "/licensewatch why URL" in await ground.command("make coffee")


async def test_without_an_app_token_there_is_nothing_to_press(ground: Ground) -> None:
    """Everything else works; a token that comes later brings buttons with the next edit."""
    ground.house.listens, ground.token = False, None
    await until(lambda: not ground.slack.sockets.connections, "the websocket is closed")
    ground.house.newsroom.begin(Random(5))
    await ground.house.poll()
    await ground.house.deliver(20.0)
    assert len(ground.slack.top_level(CHANNEL)) == 2
    assert ground.buttons() == []


async def test_a_refused_app_token_is_said_and_a_new_one_is_taken_without_a_restart(ground: Ground) -> None:
    ground.slack.world.apps["xapp-test"].error = "invalid_auth"
    await ground.slack.sockets.cut()
    await until(lambda: "invalid_auth" in ground.read(_problem), "status says so", 60)
    assert "connections:write" in ground.read(_problem)
    ground.slack.app("xapp-new")
    ground.token = "xapp-new"
    await ground.listening()
    await until(lambda: ground.read(_problem) == "", "status is content")
    assert "Noted" in await ground.press("relevant")


def _problem(conn: Connection) -> str:
    return facts.get(conn, PROBLEM) or ""
