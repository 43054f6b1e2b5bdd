"""The program inside the test's own process, life after life, on one database: crashes without the cost of a start.

The parts are the real ones (fetcher, reader, commit, deliverer, SQLite, sockets); only time is ours. A life that dies
at a point of monitor/trial.py never touches its database again, as a killed process would not.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from monitor.alerts.decide import AlertPolicy, Ops, Route
from monitor.alerts.receivers import SlackReceiver
from monitor.deliver import Deliverer, Options
from monitor.errors import DeliveryError
from monitor.feeds import plan, reading
from monitor.feeds.fetch import Fetcher
from monitor.feeds.identify import EntryPolicy
from monitor.feeds.parse import READ_HEADERS
from monitor.feeds.polling import Polling
from monitor.feeds.reading import Reading
from monitor.model import Document, Feed, FeedState, Rhythm
from monitor.poll import Policy, Tools, World, commit, look
from monitor.rules.rule_set import RuleSet
from monitor.store import deliveries, due
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection, Database
from monitor.testing.judge import Verdict, judge
from monitor.testing.newsroom import Newsroom
from monitor.testing.slack_server import SlackServer
from monitor.trial import Point

CHANNEL = "C1"
POLLING = Polling(
    interval=timedelta(seconds=2),
    host_gap=timedelta(0),
    allow_private_networks=(ip_network("127.0.0.0/8"),),
)
OPEN = ("pending", "sending", "unknown", "parked", "held")


class Death(BaseException):
    """The process was killed here."""


class Mortal(Database):
    """A database that its process loses with its life."""

    dead = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._mourn()
        with super().write() as conn:
            yield conn
            self._mourn()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._mourn()
        with super().read() as conn:
            yield conn

    def _mourn(self) -> None:
        if self.dead:
            raise Death


class Reader:
    """Reads documents here rather than in a worker process."""

    async def read(self, feed: Feed, document: Document, now: datetime, *_: object, **__: object) -> Reading:
        headers = {name: document.headers[name] for name in READ_HEADERS if name in document.headers}
        order = reading.job(feed.id, feed.format, document.url, headers, now)
        return reading.received(reading.perform(order, document.body), feed.id)


@dataclass
class House:
    """A database, a newsroom, a Slack, and the program that runs between them. `skipped` seconds passed at once."""

    url: str
    newsroom: Newsroom
    slack: SlackServer
    rules: RuleSet
    fetcher: Fetcher  # keeps nothing from one life to the next but connections
    skipped: float = 0.0
    stepped: timedelta = timedelta(0)  # how far the wall clock was set
    crashes: int = 0
    die_at: tuple[Point, int] | None = None
    listens: bool = False  # whether messages have buttons

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skipped) + self.stepped

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    async def start(self) -> None:
        """A new process: nothing is known but what the database holds."""
        self.database = Mortal(self.url)
        receiver = SlackReceiver(name="licensing", channel=CHANNEL, api_url=self.slack.api_url, settle=timedelta(0))
        feeds = [
            Feed(id, self.newsroom.server.url(f"/{id}.xml"), id.title(), rhythm=Rhythm.FIXED)
            for id in self.newsroom.feeds
        ]
        policy = Policy(
            feeds={feed.id: feed for feed in feeds},
            rules=self.rules,
            polling=POLLING,
            entries=EntryPolicy(),
            alerts=AlertPolicy(max_per_feed_poll=100),
            receivers={"licensing": receiver},
            routes=(Route(to=("licensing",)),),
            ops=Ops(),
        )
        self.world = World(policy, lambda: uuid.uuid4().hex, self.reached)
        self.tools = Tools(self.fetcher, Reader(), self.now, self.reached)  # type: ignore[arg-type]
        options = Options(
            pace=timedelta(0),
            timeout=timedelta(seconds=2),
            now=self.now,
            monotonic=self.monotonic,
            acting=lambda _receiver: self.listens,
            reached=self.reached,
        )
        self.deliverer = Deliverer(self.database, [receiver], lambda _name: "xoxb-test", options)
        with self.database.write() as conn:
            now, known = self.now(), feed_store.states(conn)
            feed_store.sync_feeds(
                conn, feeds, lambda feed: plan.first_poll(feed, known.get(feed.id), now, among=3), now
            )

    def reached(self, point: Point) -> None:
        if self.die_at is None or self.die_at[0] is not point:
            return
        left = self.die_at[1] - 1
        self.die_at = (point, left) if left else None
        if not left:
            self.database.dead = True
            raise Death

    async def restart(self) -> None:
        """Kill what runs, wherever it is, and start again."""
        await self.end()
        await self.start()

    async def end(self) -> None:
        self.database.dead = True
        self.die_at = None
        self.crashes += 1
        with suppress(Death):
            await self.deliverer.close(timedelta(0))
        self.database.close()

    async def poll(self) -> None:
        """Poll everything, due by now or not long before, as a daemon would one after the other."""
        self.skip(3.0)
        with self.database.read() as conn:
            found = feed_store.due(conn, self.now(), 100)
        for state in found:
            await self._poll(state)

    async def _poll(self, state: FeedState) -> None:
        seen = await look(self.world.policy.feeds[state.feed_id], state, self.tools)
        try:
            with self.database.write() as conn:
                commit(conn, seen, self.world)
        except BaseException:
            self.world.undo()
            raise

    async def deliver(self, patience: float = 0.7) -> None:
        """Drain what is due; what waits for its time waits."""
        with suppress(DeliveryError):
            await self.deliverer.drain(timedelta(seconds=patience))

    def skip(self, seconds: float) -> None:
        """Time passes."""
        self.skipped += seconds

    def step(self, by: timedelta) -> None:
        """Somebody sets the clock; the daemon's next tick moves due times with it."""
        self.stepped += by
        with self.database.write() as conn:
            due.shift_due_times(conn, by, self.now())

    def waiting(self) -> int:
        """Deliveries that still owe somebody a message."""
        with self.database.read() as conn:
            return sum(count for state, count in deliveries.counts(conn).items() if state in OPEN)

    async def settle(self, rounds: int = 60) -> None:
        """Without further trouble: poll and deliver until nothing waits."""
        self.die_at = None
        self.slack.faults.clear()
        for _ in range(3):
            self.skip(600.0)
            await self.poll()
        for _ in range(rounds):
            await self.deliver()
            if not self.waiting():
                return
            self.skip(30.0)

    def verdict(self) -> Verdict:
        return judge(self.newsroom.server.requests, self.newsroom, self.slack.messages(CHANNEL))

    def rows(self) -> list[Any]:
        with self.database.read() as conn:
            return deliveries.listing(conn, limit=10_000)[::-1]
