"""The real process (`licensewatch run`) between scripted feeds and a Slack that misbehaves, to be killed often."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from monitor.testing import slack_faults as faults
from monitor.testing.feed_server import Answer, FeedServer
from monitor.testing.installed import Installed, Running, until
from monitor.testing.judge import Verdict, judge
from monitor.testing.newsroom import Kind, Newsroom
from monitor.testing.slack_server import SlackServer
from tests.violence.rules import write_rules

CHANNELS = ("C1", "C2")
OPERATIONS = "C9"  # what is told of feeds that fail is nothing the judge has a say in
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-siege", "SLACK_APP_TOKEN": "xapp-siege"}
VERBS = ("relevant", "noise")
SPOILT = (faults.drop, faults.server_error, faults.html, faults.truncated, faults.not_json)
FALTERING = {"503": Answer(503), "cut": Answer(200, b"<rss><channel>" * 9, cut=40), "slow": Answer(304, delay=1.0)}


@dataclass
class Siege:
    """One installation, its newsroom and its Slack. `kills`, `lives` and `spoilt` count what was done to it."""

    installed: Installed
    newsroom: Newsroom
    slack: SlackServer
    dice: Random
    kills: int = 0
    feed_faults: Counter[str] = field(default_factory=Counter)

    @property
    def feeds(self) -> FeedServer:
        return self.newsroom.server

    def verdicts(self) -> list[Verdict]:
        """What each channel should hold, and holds."""
        return [judge(self.feeds.requests, self.newsroom, self.slack.messages(channel)) for channel in CHANNELS]

    def told(self, storyline: int) -> bool:
        """Whether every channel took the message of this storyline."""
        headlines = {one.title for one in self.newsroom.reported(storyline, Kind.FIRST)}
        return all(any(title in str(one) for title in headlines for one in self.slack.top_level(c)) for c in CHANNELS)

    # --- lives and deaths ------------------------------------------------------------------------------------------

    async def baseline(self) -> None:
        """A first, peaceful life: every feed is known, so that news is news."""
        self.newsroom.open()
        async with self.installed.running() as daemon:
            await until(lambda: all(len(self.feeds.of(f"/{one}.xml")) > 1 for one in self.newsroom.feeds), "two polls")
            assert await daemon.stop() == 0

    async def live_and_die(self) -> None:
        """A life that is ended by SIGKILL: while it starts, or at any time in the two seconds after its first poll."""
        seen = len(self.feeds.requests)
        async with self.installed.running() as daemon:
            lot = self.dice.random()
            if lot < 0.1:
                await asyncio.sleep(self.dice.uniform(0, 1.5))
            elif lot < 0.3:
                await until(lambda: bool(self.slack.sockets.connections), "it listens to buttons")
                await asyncio.sleep(self.dice.uniform(0, 0.5))
            else:
                await until(lambda: len(self.feeds.requests) > seen, "it polls")
                await asyncio.sleep(self.dice.uniform(0, 2.0))
            await self.press()
            await self.kill(daemon)

    async def press(self) -> None:
        """Now and then somebody says how relevant a message is, just before the process dies; each person once."""
        shown = self.slack.top_level(self.dice.choice(CHANNELS))
        if not self.slack.sockets.connections or not shown or self.dice.random() < 0.3:
            return
        message, person = self.dice.choice(shown), f"U{len(self.slack.sockets.envelopes):04}"
        with suppress(LookupError):  # sent as plain text, once Slack refused the blocks
            await self.slack.sockets.press(message["channel"], message["ts"], self.dice.choice(VERBS), user=person)
        await asyncio.sleep(self.dice.uniform(0, 0.3))

    def unkept(self) -> list[str]:
        """People who were told that their judgement is noted, and of whom nothing is known."""
        told = {one.payload["user"]["id"] for one in self.slack.sockets.envelopes if one.answers}
        with closing(sqlite3.connect(self.installed.root / "var" / "licensewatch.db")) as database:
            kept = {by for (by,) in database.execute('SELECT DISTINCT "by" FROM feedback')}
        return sorted(told - kept)

    async def kill(self, daemon: Running) -> None:
        assert await daemon.stop(signal=9) == -9, daemon.words()[-3000:]
        self.kills += 1

    async def die_at(self, point: str) -> None:
        """A life that dies by itself at a point of monitor/trial.py."""
        environ = {**self.installed.environ, "LICENSEWATCH_CRASH_AT": point}
        async with Installed(self.installed.root, environ).running() as daemon:
            assert await asyncio.wait_for(daemon.process.wait(), 40) == -9, f"{point}: {daemon.words()[-3000:]}"
        self.kills += 1

    async def peace(self, patience_s: float = 90.0) -> None:
        """A last life without trouble, until everything stands where it must, and a while longer."""
        self.slack.faults.clear()
        for feed in self.newsroom.feeds:
            self.newsroom.publish(feed)
        async with self.installed.running() as daemon:
            with suppress(AssertionError):  # the caller reads the verdicts, which say what is missing
                await until(lambda: all(one.good for one in self.verdicts()), "everything is told once", patience_s)
            await self.quiet()
            assert await daemon.stop() == 0

    async def quiet(self) -> None:
        """Every feed was polled twice more, and Slack had nothing to do for a while: nothing comes after all."""
        polled = {one: len(self.feeds.of(f"/{one}.xml")) for one in self.newsroom.feeds}
        await until(lambda: all(len(self.feeds.of(f"/{one}.xml")) > n + 1 for one, n in polled.items()), "two polls")
        end = time.monotonic() + 20
        while time.monotonic() - max((one.at for one in self.slack.calls), default=0.0) < 1.5:
            assert time.monotonic() < end, "Slack is never left alone"
            await asyncio.sleep(0.1)

    # --- trouble ---------------------------------------------------------------------------------------------------

    def news(self) -> None:
        """Something happens in the newsroom: mostly news, sometimes what is none."""
        room, dice = self.newsroom, self.dice
        told = [number for number in range(room.storylines) if self.told(number)]
        if dice.random() < 0.5:
            room.begin(dice)
        if told and dice.random() < 0.5:
            room.repeat(dice.choice(told), dice)
        unmoved = [number for number in told if not room.reported(number, Kind.MOVE)]
        if unmoved and dice.random() < 0.5:
            room.write(dice.choice(unmoved), Kind.MOVE, dice.choice(room.feeds))
        old = [one.guid for one in room.reports.values() if one.kind is Kind.FIRST and one.storyline in told]
        if old and dice.random() < 0.3:
            dice.choice((room.edit, room.change_scheme, room.hide, room.replay))(dice.choice(old))

    def spoil(self) -> None:
        """Up to three of Slack's next answers go wrong, half of them after the message was kept; feeds falter too."""
        dice = self.dice
        for _ in range(dice.randint(0, 3)):
            method = dice.choice(["chat.postMessage", "chat.postMessage", "chat.update", "conversations.history"])
            self.slack.script(dice.choice(SPOILT)(stored=dice.random() < 0.5, method=method))
        if dice.random() < 0.2:
            self.slack.script(faults.rate_limited(0.3, method="chat.postMessage", http_date=dice.random() < 0.5))
        if dice.random() < 0.2:
            self.slack.script(faults.slow(dice.uniform(0.2, 1.5), stored=dice.random() < 0.5))
        for feed in self.newsroom.feeds:
            self.newsroom.publish(feed)
        if dice.random() < 0.15:
            kind = dice.choice(list(FALTERING))
            self.feed_faults[kind] += 1
            self.feeds.answer(f"/{dice.choice(self.newsroom.feeds)}.xml", FALTERING[kind])

    def counts(self) -> str:
        """What was done, and what came of it, in one line."""
        fired = Counter(call.fault.answer for call in self.slack.calls if call.fault is not None)
        kinds = Counter(str(one.kind) for one in self.newsroom.reports.values())
        verdicts, acted = self.verdicts(), self.slack.sockets.envelopes
        return (
            f"{self.kills} kills; Slack faults {fired.total()} {dict(fired)}, feed faults {dict(self.feed_faults)}; "
            f"reports {dict(kinds)}; {len(self.feeds.requests)} requests to feeds, "
            f"{len(self.slack.calls)} calls to Slack; "
            f"{len(acted)} presses, {sum(1 for one in acted if one.answers)} answered; "
            f"messages expected {sum(one.expected for one in verdicts)}, "
            f"posted {sum(one.posted for one in verdicts)}, lost {sum(len(one.lost) for one in verdicts)}, "
            f"doubled {sum(len(one.doubled) for one in verdicts)}, "
            f"strange {sum(len(one.strange) for one in verdicts)}"
        )


@asynccontextmanager
async def siege(root: Path, seed: int) -> AsyncIterator[Siege]:
    """An installation in `root` that was baselined, ready to be killed. Delivery is twenty times as fast as in life."""
    async with FeedServer() as feeds, SlackServer(rate=22.0, burst=2) as slack:
        slack.bot("xoxb-siege")
        slack.app("xapp-siege")
        for channel in (*CHANNELS, OPERATIONS):
            slack.channel(channel)
        installed = Installed(root, {**TOKENS, "LICENSEWATCH_PACE": "50ms"})
        newsroom = Newsroom(feeds, datetime.now(UTC) - timedelta(hours=1))
        listed = [{"id": one, "url": feeds.url(f"/{one}.xml"), "title": one.title()} for one in newsroom.feeds]
        installed.configure(settings(slack.api_url), listed)
        write_rules(installed.config / "rules")
        made = Siege(installed, newsroom, slack, Random(seed))
        await made.baseline()
        yield made


def settings(api_url: str, timeout: str = "30s") -> str:
    """A monitor.yaml for news every second, two channels, and a third for operations."""
    receivers = "\n".join(
        f'  - {{name: r{n}, type: slack, channel: {channel}, api_url: "{api_url}", settle: 200ms}}'
        for n, channel in enumerate(CHANNELS)
    )
    return f"""state_dir: ../var
polling:
  {{interval: 1s, rhythm: fixed, max_interval: 2s, host_gap: 0s, timeout: {timeout},
    allow_private_networks: [127.0.0.0/8]}}
alerts: {{max_per_feed_poll: 200}}
receivers:
{receivers}
  - {{name: operations, type: slack, channel: {OPERATIONS}, api_url: "{api_url}", settle: 200ms}}
ops: {{to: [operations]}}
routes: [{{to: [{", ".join(f"r{n}" for n in range(len(CHANNELS)))}]}}]
web: {{listen: null}}
"""
