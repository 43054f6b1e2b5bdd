"""A small pipeline for tests of commits: real database, real rules, values in place of the network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.alerts.decide import AlertPolicy, Ops, Route
from monitor.alerts.receivers import SlackReceiver, WebhookReceiver
from monitor.errors import FetchError, FetchReason
from monitor.feeds import plan, reading
from monitor.feeds.identify import EntryPolicy
from monitor.feeds.plan import Polling
from monitor.model import Delivery, Document, Feed, Role
from monitor.poll import Look, Outcome, Policy, World, commit
from monitor.rules.load import load_rules
from monitor.store import deliveries
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.testing.feed_server import rss

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOSING = "Meta weighs dropping its open-source Behemoth model for a closed one"
RULES = load_rules(sorted((Path(__file__).parents[2] / "config" / "rules").glob("*.yaml")))


def item(title: str, number: object = "", text: str = "", **more: str) -> dict[str, str]:
    """One item of a feed."""
    link = f"https://news.example.org/{number or title.replace(' ', '-')}"
    return {"title": title, "link": link, "guid": link, "description": text, **more}


@dataclass
class House:
    """Feeds, policy and clock; `poll` plays one poll of a feed from document to committed."""

    database: Database
    now: datetime = NOW
    entries: EntryPolicy = field(default_factory=EntryPolicy)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    routes: tuple[Route, ...] = (Route(to="licensing"),)
    feeds: dict[str, Feed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("ledger", "wire"):
            self.feeds[name] = Feed(name, f"https://{name}.example.org/feed", name.title())
        self._numbers = itertools.count()
        self.world = World(self.policy(), lambda: f"delivery-{next(self._numbers)}")
        with self.database.write() as conn:
            feed_store.sync_feeds(conn, self.feeds.values(), lambda _: self.now, self.now)

    def policy(self) -> Policy:
        receivers = (SlackReceiver(name="licensing", channel="C1"), WebhookReceiver(name="hook"))
        return Policy(
            feeds=self.feeds,
            rules=RULES,
            polling=Polling(),
            entries=self.entries,
            alerts=self.alerts,
            receivers={receiver.name: receiver for receiver in receivers},
            routes=self.routes,
            ops=Ops(to="licensing"),
        )

    def look(self, feed: str, *items: dict[str, str]) -> Look:
        """What a poll would see of a feed that carries these items."""
        document = Document(f"https://{feed}.example.org/feed", 200, {"etag": '"1"'}, rss(feed, items))
        order = reading.job(feed, self.feeds[feed].format, document.url, dict(document.headers), self.now)
        read = reading.received(reading.perform(order, document.body), feed)
        with self.database.read() as conn:
            state = feed_store.states(conn)[feed]
        return Look(self.feeds[feed], state, self.now, document, read, plan.body_hash(document.body))

    def failed(self, feed: str) -> Look:
        """What a poll of a feed that does not answer would see."""
        with self.database.read() as conn:
            state = feed_store.states(conn)[feed]
        return Look(self.feeds[feed], state, self.now, error=FetchError(FetchReason.TIMEOUT, "no answer in 30 s"))

    def commit(self, look: Look) -> Outcome:
        """Commit a look, as the one writing thread does."""
        try:
            with self.database.write() as conn:
                return commit(conn, look, self.world)
        except BaseException:
            self.world.undo()
            raise

    def poll(self, feed: str, *items: dict[str, str]) -> Outcome:
        """One poll; the clock goes on by a quarter of an hour."""
        outcome = self.commit(self.look(feed, *items))
        self.now += timedelta(minutes=15)
        return outcome

    def outbox(self, role: Role | None = None) -> list[Delivery]:
        """What is owed, oldest first."""
        with self.database.read() as conn:
            rows = deliveries.listing(conn, limit=1000)
        return [one for one in reversed(rows) if role is None or one.role is role]

    def change(self, **settings: object) -> None:
        """Put other settings in force."""
        self.world.policy = replace(self.world.policy, **settings)  # type: ignore[arg-type]
