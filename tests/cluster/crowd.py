"""Several real workers (`licensewatch worker`) on one PostgreSQL, between scripted feeds and a faulty Slack."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from monitor.store import deliveries, workers
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.testing.feed_server import FeedServer
from monitor.testing.installed import Installed, Running, until
from monitor.testing.judge import Verdict
from monitor.testing.newsroom import Newsroom
from monitor.testing.slack_server import SlackServer
from tests.violence.rules import write_rules
from tests.violence.siege import CHANNELS, OPERATIONS, Siege, settings

TAKEOVER = "3s"
HOSTS = tuple(f"127.0.0.{n}" for n in range(2, 10))


@dataclass
class Crowd:
    """Workers by name on one database; `siege` has the newsroom, the Slack, the dice and the verdicts."""

    siege: Siege
    database: Database
    workers: dict[str, Running] = field(default_factory=dict)
    leaders_killed: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, name: str, command: str = "worker") -> Running:
        """Start a worker, or the daemon that wants to be alone."""
        running = self.siege.installed.running(command=command, log_name=f"{name}.log")
        self.workers[name] = await self._stack.enter_async_context(running)
        return self.workers[name]

    async def kill(self, name: str) -> None:
        """SIGKILL a worker, whatever it does."""
        process = self.workers[name].process
        self.leaders_killed += process.pid in {one.pid for one in self.alive() if one.leads}
        await self.siege.kill(self.workers.pop(name))

    async def live_and_die(self) -> None:
        """Both are at work; then one dies, at any time in the three seconds after the next poll, and is replaced."""
        dice, feeds = self.siege.dice, self.siege.newsroom.server
        await self.all_at_work()
        seen = len(feeds.requests)
        await until(lambda: len(feeds.requests) > seen, "it polls", 60)
        await asyncio.sleep(dice.uniform(0, 3.0))
        victim = dice.choice(sorted(self.workers))
        await self.kill(victim)
        if dice.random() < 0.3:
            await asyncio.sleep(dice.uniform(0, 3.0))
        await self.start(victim)

    async def all_at_work(self) -> None:
        """Returns once every worker that was started says that it lives."""
        pids = {running.process.pid for running in self.workers.values()}
        await until(lambda: pids <= {state.pid for state in self.alive()}, "all are at work", 60)

    async def stop(self, name: str) -> None:
        """SIGTERM a worker, and wait for it to end well."""
        running = self.workers.pop(name)
        assert await running.stop() == 0, running.words()[-3000:]

    def alive(self) -> list[workers.WorkerState]:
        """The workers that say they live."""
        with self.database.read() as conn:
            return workers.alive(conn, workers.clock(conn), timedelta(seconds=10))

    def sending(self) -> int:
        """Deliveries in `sending`."""
        with self.database.read() as conn:
            return deliveries.counts(conn)["sending"]

    def verdicts(self) -> list[Verdict]:
        return self.siege.verdicts()

    async def settle(self, patience_s: float = 120.0) -> None:
        """Without further trouble, until everything stands where it must, and a while longer."""
        self.siege.slack.faults.clear()
        for feed in self.siege.newsroom.feeds:
            self.siege.newsroom.publish(feed)

        def settled() -> bool:
            return all(one.good and one.expected for one in self.verdicts())

        with suppress(AssertionError):  # the caller reads the verdicts, which say what is missing
            await until(settled, "everything is told once", patience_s)
        await self.siege.quiet()
        with suppress(AssertionError):  # what was served in between
            await until(settled, "everything is told once", patience_s)
        await self.siege.quiet()

    async def end(self) -> None:
        await self._stack.aclose()

    def words(self) -> str:
        """Everything that was logged by anybody."""
        logs = sorted(self.siege.installed.root.glob("*.log"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)


@asynccontextmanager
async def crowd(root: Path, url: str, seed: int) -> AsyncIterator[Crowd]:
    """An installation in `root` on the database at `url`; no worker runs yet. Delivery is twenty times life's pace."""
    async with FeedServer(HOSTS) as feeds, SlackServer(rate=22.0, burst=2) as slack:
        slack.bot("xoxb-siege")
        for channel in (*CHANNELS, OPERATIONS):
            slack.channel(channel)
        environ = {
            "SLACK_BOT_TOKEN": "xoxb-siege",
            "LICENSEWATCH_PACE": "50ms",
            "LICENSEWATCH_TAKEOVER": TAKEOVER,
            "LICENSEWATCH_DATABASE_URL": url,
        }
        installed = Installed(root, environ)
        newsroom = Newsroom(feeds, datetime.now(UTC) - timedelta(hours=1))
        listed = [
            {"id": one, "url": feeds.url(f"/{one}.xml", host), "title": one.title()}
            for one, host in zip(newsroom.feeds, HOSTS, strict=False)
        ]
        installed.configure(settings(slack.api_url, timeout="3s"), listed)
        write_rules(installed.config / "rules")
        made = Crowd(Siege(installed, newsroom, slack, Random(seed)), Database(url))
        try:
            yield made
        finally:
            await made.end()
            made.database.close()


async def baseline(one: Crowd) -> None:
    """Every feed's first document is stored, so that news is news."""
    one.siege.newsroom.open()

    def known() -> bool:
        with one.database.read() as conn:
            states = feed_store.states(conn).values()
        return len(states) == len(one.siege.newsroom.feeds) and all(one.baselined_at for one in states)

    await until(known, "every feed is known", 60)


SOAK = bool(os.environ.get("LICENSEWATCH_SOAK"))
__all__ = ["SOAK", "Crowd", "asyncio", "baseline", "crowd", "settings"]
