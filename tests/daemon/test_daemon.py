"""The daemon as a person runs it: edits go live, mistakes change nothing, a second one is told who is there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import settings
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import Installed, until
from monitor.testing.slack_server import SlackServer

CHANNEL = "C0DAEMON"
CLOSING = "Meta weighs dropping its open-source Behemoth model for a closed one"
RULE = """version: 1
rules:
  - id: own
    title: Our own watchword
    severity: low
    when: |
      "{word}"
"""


class World:
    """A feed, a Slack stand-in and a configured installation."""

    def __init__(self, root: Path, feeds: FeedServer, slack: SlackServer) -> None:
        self.feeds, self.slack = feeds, slack
        self.installed = Installed(root, {"SLACK_BOT_TOKEN": "xoxb-daemon"})
        self.items: list[dict[str, str]] = []
        self.publish("Chip maker opens a plant")
        self.installed.configure(self.monitor(), [self.feed], settings.packaged_config() / "rules")

    def monitor(self, extra: str = "") -> str:
        return f"""state_dir: ../var
polling: {{interval: 1s, rhythm: fixed, host_gap: 0s, allow_private_networks: [127.0.0.0/8]}}
receivers: [{{name: licensing, type: slack, channel: {CHANNEL}, api_url: "{self.slack.api_url}"}}]
routes: [{{to: [licensing]}}]
web: {{listen: null}}
{extra}"""

    @property
    def feed(self) -> dict[str, str]:
        return {"id": "ledger", "url": self.feeds.url("/feed.xml"), "title": "The Example Ledger"}

    def publish(self, title: str) -> None:
        link = f"https://ledger.example.org/{len(self.items)}"
        self.items.insert(0, {"title": title, "link": link, "guid": link})
        self.feeds.document("/feed.xml", rss("Ledger", self.items))

    @property
    def polls(self) -> int:
        return len(self.feeds.of("/feed.xml"))

    def told(self) -> list[str]:
        return [message["text"] for message in self.slack.messages(CHANNEL)]

    def write(self, name: str, text: str) -> None:
        """Save a file as editors do: write beside it, then rename."""
        path = self.installed.config / name
        path.with_suffix(".tmp").write_text(text, encoding="utf-8")
        path.with_suffix(".tmp").replace(path)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with FeedServer() as feeds, SlackServer(rate=None) as slack:
        slack.bot("xoxb-daemon")
        slack.channel(CHANNEL, "licensing")
        yield World(tmp_path, feeds, slack)


async def test_a_saved_rule_is_live_within_two_seconds(world: World) -> None:
    """A20: edits take effect without restart, and never look back; what waits for quiet hours follows them, too."""
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        world.write("rules/own.yaml", RULE.format(word="chip maker"))
        saved = time.monotonic()
        await until(lambda: daemon.words().count("configuration loaded") >= 1, "the rule is live")
        took = time.monotonic() - saved
        world.publish("Another chip maker moves")
        await until(lambda: bool(world.told()), "the new rule told of a new entry")
        hours = [f"{datetime.now(UTC) + timedelta(hours=n):%H:%M}" for n in (-1, 5)]
        world.write("monitor.yaml", world.monitor(f"alerts: {{quiet_hours: {{from: '{hours[0]}', to: '{hours[1]}'}}}}"))
        await until(lambda: daemon.words().count("configuration loaded") >= 2, "quiet hours are in force")
        world.publish("A third chip maker leaves Europe")
        await until(lambda: daemon.words().count("alert decided") >= 2, "it waits for its hour")
        assert len(world.told()) == 1, "the old entry that the new rule would match was not told"
        world.write("monitor.yaml", world.monitor())
        await until(lambda: len(world.told()) == 2, "quiet hours that are gone hold nothing")
        assert await daemon.stop() == 0
    assert took < 2.0 * _slowness()


async def test_a_file_behind_a_link_is_watched_like_any_other(world: World) -> None:
    """A20: no event of the configuration directory tells of an edit to what a link of it leads to.

    In the journal every line is JSON, from the first on.
    """
    (world.installed.root / "daemon.log").touch()
    journal = (world.installed.root / "daemon.log").stat()
    world.installed.environ = {**world.installed.environ, "JOURNAL_STREAM": f"{journal.st_dev}:{journal.st_ino}"}
    real = world.installed.root / "elsewhere.yaml"
    (world.installed.config / "rules" / "own.yaml").symlink_to(real)
    real.write_text(RULE.format(word="paper mill"), encoding="utf-8")
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        real.write_text(RULE.format(word="chip maker"), encoding="utf-8")
        await until(lambda: "configuration loaded" in daemon.words(), "the rule is live")
    lines = [json.loads(line) for line in daemon.words().splitlines()]
    assert {"event": "daemon starting", "feeds": 1, "slack": ["licensing"]}.items() <= lines[0].items()
    assert "configuration doubtful" in [line["event"] for line in lines]


async def test_a_configuration_directory_put_in_the_place_of_another_is_loaded(world: World) -> None:
    """A20: as deployments do it, the whole directory at once."""
    config = world.installed.config
    shutil.copytree(config, config.with_name("next"))
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        (config.with_name("next") / "rules" / "own.yaml").write_text(RULE.format(word="chip maker"), encoding="utf-8")
        config.rename(config.with_name("last"))
        config.with_name("next").rename(config)
        await until(lambda: "configuration loaded" in daemon.words(), "the new directory is in force")


async def test_an_edit_saved_while_the_database_is_locked_takes_effect_afterwards(world: World) -> None:
    """A20, A40: recovery without restart, for this edit and for those after it."""
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        other = sqlite3.connect(world.installed.root / "var" / "licensewatch.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        listed = (world.installed.config / "feeds.yaml").read_text()
        world.write("feeds.yaml", f"{listed}  - {{id: second, url: '{world.feeds.url('/second.xml')}'}}\n")
        await until(lambda: "configuration not stored" in daemon.words(), "the edit waits for the database", 60)
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: bool(world.feeds.of("/second.xml")), "the feed that waited to be listed is polled", 60)
        world.write("rules/own.yaml", RULE.format(word="chip maker"))
        await until(lambda: daemon.words().count("configuration loaded") >= 2, "the next edit is loaded", 60)
        world.publish("Another chip maker moves")
        await until(lambda: bool(world.told()), "the last rule is in force", 60)


async def test_a_broken_file_changes_nothing_and_is_reported(world: World) -> None:
    """A20: the last good configuration stays in force; log, status and operations name file, line and column."""
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        world.write("rules/own.yaml", RULE.format(word="chip maker").replace("severity: low", "severty: low"))
        await until(lambda: any("severty" in text for text in world.told()), "operations heard of it")
        assert "own.yaml:5:5" in daemon.words()
        status = await world.installed.ask("status")
        assert not status["ok"]
        world.write("rules/own.yaml", RULE.format(word="chip makers").replace("severity: low", "severty: low"))
        await until(lambda: daemon.words().count("configuration rejected") == 2, "the same mistake was found again")
        assert any("own.yaml:5:5" in problem for problem in status["problems"])
        world.publish(CLOSING)
        await until(lambda: any("Behemoth" in text for text in world.told()), "the old rules go on")
        assert sum("severty" in text for text in world.told()) == 1, "what operations know is not told again"
        world.write("rules/own.yaml", RULE.format(word="chip maker"))
        await until(lambda: any("accepted" in text for text in world.told()), "operations heard that it is mended")
        assert (await world.installed.ask("status"))["problems"] == []


async def test_a_log_that_nobody_takes_stops_nothing(world: World) -> None:
    """A40: whoever read the lines is gone, or their disk is full: news go out, and a signal ends it well."""
    screen = world.monitor().replace("[{name: licensing", "[{name: screen, type: console}, {name: licensing")
    world.write("monitor.yaml", screen.replace("[{to: [licensing]}]", "[{to: [screen, licensing]}]"))
    os.mkfifo(world.installed.root / "daemon.log")
    reader = os.open(world.installed.root / "daemon.log", os.O_RDONLY | os.O_NONBLOCK)
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        os.close(reader)
        world.publish(CLOSING)
        await until(lambda: any("Behemoth" in text for text in world.told()), "it is told", 30)
        assert await daemon.stop() == 0


async def test_a_second_daemon_is_told_who_is_there(world: World) -> None:
    """One instance per database: the second exits 1 and names the first; reading commands work beside it."""
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 1, "the first daemon polls")
        second = await world.installed.command("run")
        assert second.code == 1
        assert str(daemon.process.pid) in second.err
        assert (await world.installed.command("feeds", "list")).code == 0
        once = await world.installed.command("run", "--once")
        assert once.code == 1


async def test_a_killed_daemon_goes_on_where_it_was(world: World) -> None:
    """A1, A25: after SIGKILL nothing is told twice, and no document is fetched without validators again."""
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        world.publish(CLOSING)
        await until(lambda: bool(world.told()), "the story is told")
        await daemon.stop(9)
    async with world.installed.running():
        before = world.polls
        await until(lambda: world.polls >= before + 3, "the feed is polled again")
    assert len(world.slack.top_level(CHANNEL)) == 1
    assert [request.conditional for request in world.feeds.of("/feed.xml")] == [False] + [True] * (world.polls - 1)


async def test_a_wrong_token_parks_loudly_and_everything_goes_out_once_it_is_replaced(world: World) -> None:
    """A30: no attempts are burnt, status says what is wrong, and nothing is lost."""
    world.slack.world.bots["xoxb-daemon"].error = "token_revoked"
    async with world.installed.running():
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        world.publish(CLOSING)

        async def parked() -> bool:
            return (await world.installed.ask("status"))["deliveries"]["parked"] == 1

        await until(parked, "the delivery is parked")
        assert any("token_revoked" in problem for problem in (await world.installed.ask("status"))["problems"])
    world.slack.world.bots["xoxb-daemon"].error = ""
    world.slack.bot("xoxb-replaced")
    world.slack.channel(CHANNEL, "licensing")
    world.installed.environ = {"SLACK_BOT_TOKEN": "xoxb-replaced"}
    async with world.installed.running():
        await until(lambda: len(world.slack.top_level(CHANNEL)) == 1, "the message went out")
    [delivery] = [one for one in await world.installed.ask("deliveries", "list") if one["ts"]]
    assert delivery["state"] == "sent"


async def test_a_token_that_is_gone_is_said_to_be_gone_and_nothing_is_printed_in_its_place(world: World) -> None:
    """The console stands in only while no credential ever worked; the first lines say which of the two it is."""
    world.installed.environ = {}
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 1, "the daemon polls")
        assert "alerts are printed here" in daemon.words()
        await daemon.stop()
    world.installed.environ = {"SLACK_BOT_TOKEN": "xoxb-daemon"}
    async with world.installed.running():
        await until(lambda: world.polls >= 3, "the feed was polled")
        world.publish(CLOSING)
        await until(lambda: bool(world.told()), "the story is told")
    world.installed.environ = {}
    before = len((world.installed.root / "daemon.log").read_text(encoding="utf-8"))
    async with world.installed.running() as daemon:
        polls = world.polls
        await until(lambda: world.polls > polls, "the daemon polls again")
        words = daemon.words()[before:]
    assert "slack_bot_token is gone" in words
    assert "alerts are printed here" not in words


async def test_status_tells_a_daemon_that_was_stopped_from_one_that_runs(world: World) -> None:
    async with world.installed.running() as daemon:
        await until(lambda: world.polls >= 1, "the daemon polls")
        assert (await world.installed.ask("status"))["running"]
        await until(lambda: "canary passed" in daemon.words(), "the canary came through")
        await daemon.stop()
    status = await world.installed.ask("status")
    assert not status["running"]
    assert status["canary_passed_at"]
    assert status["entries"] == 1, "the feed's, and not the canary's"
    assert status["problems"] == []


async def test_no_secret_and_no_control_character_reaches_the_log(world: World) -> None:
    """A37, A38: tokens are cut out, and what feeds smuggle in is shown, not obeyed."""
    world.publish("Meta \x1b[31mweighs\x1b[0m \u202edropping\u202c its open-source Behemoth model for a closed one")
    async with world.installed.running("--verbose") as daemon:
        await until(lambda: world.polls >= 2, "the feed was polled twice")
        world.publish("Meta \u202econsiders\u202c closing its open-source Llama model, a \x1b[31mred\x1b[0m one")
        await until(lambda: bool(world.told()), "the story is told")
        await daemon.stop()
        words = daemon.words()
    assert "xoxb-daemon" not in words
    assert not {char for char in words if ord(char) < 32 and char not in "\n\t"}
    assert not {char for char in words if char in "\u202e\u202c\u2066\u2069"}


def _slowness() -> float:
    """How much longer things may take where other work keeps the processors busy."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, load * 2)


async def test_what_is_pressed_in_slack_is_seen_by_the_commands(world: World) -> None:
    """A37 besides: the app token, the websocket's address and the answers' addresses are in no line of the log."""
    world.slack.app("xapp-1-canary")
    environ = {**world.installed.environ, "SLACK_APP_TOKEN": "xapp-1-canary"}
    installed = Installed(world.installed.root, environ)
    async with installed.running("--verbose") as daemon:
        await until(lambda: world.polls >= 2 and bool(world.slack.sockets.connections), "it polls and listens")
        world.publish(CLOSING)
        await until(lambda: bool(world.told()), "the alert stands there")
        [message] = world.slack.messages(CHANNEL)
        for action in ("relevant", "mute_rule"):
            envelope = await world.slack.sockets.press(CHANNEL, message["ts"], action, name="ann")
            await until(lambda envelope=envelope: bool(envelope.answers), f"{action} is answered")
        await until(lambda: "rule muted until" in str(world.slack.messages(CHANNEL)), "the message shows it")
        judged = [one for one in await installed.ask("rules", "list") if one["feedback"]["relevant"]]
        assert judged
        assert all(one["feedback"] == {"relevant": 1, "noise": 0, "precision": 1.0} for one in judged)
        assert all(one["feedback_this_version"] == one["feedback"] for one in judged)
        muted = await installed.ask("mute", "list")
        assert {one["value"] for one in muted} == {one["id"] for one in judged}
        assert {one["by"] for one in muted} == {"ann (Slack U0ANN)"}
        assert (await installed.command("rules", "list")).out.count("100 % of 1") == len(judged)
        assert await daemon.stop() == 0
    words = daemon.words()
    assert "listener connected" in words
    for secret in ("xapp-1-canary", "xoxb-daemon", "/_socket/", "/actions/"):
        assert secret not in words
