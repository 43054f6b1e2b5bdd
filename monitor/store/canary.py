"""The canary's traces: none. What its poll wrote is taken back in the same transaction; its delivery follows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from monitor.model import CANARY, FeedState
from monitor.store import facts
from monitor.store.feeds import born
from monitor.store.schema import delivery, entry, entry_key, feed, receiver, story, story_entry, storyline, unsearched

_FACT = "canary"


@dataclass(frozen=True, slots=True)
class CanaryState:
    """How it went: when it last passed and was last tried, how often in a row it failed since, and where and why."""

    tried_at: datetime | None = None
    passed_at: datetime | None = None
    took_s: float = 0.0
    failures: int = 0
    failing_since: datetime | None = None
    why: str = ""
    told: bool = False  # operations know that it fails


def state(conn: Connection) -> CanaryState:
    """What is remembered of the canary."""
    known: dict[str, Any] = facts.get(conn, _FACT) or {}
    times = {name: datetime.fromisoformat(known[name]) for name in _TIMES if known.get(name)}
    return CanaryState(**{**known, **dict.fromkeys(_TIMES), **times})


def remember(conn: Connection, now_: CanaryState, now: datetime) -> None:
    """Keep it for `status`, for health, and for the next start."""
    values = asdict(now_)
    facts.set(conn, _FACT, values | {name: values[name] and values[name].isoformat() for name in _TIMES}, now)


_TIMES = ("tried_at", "passed_at", "failing_since")


def list_feed(conn: Connection, known: FeedState) -> None:
    """Put the made-up feed where a poll's commit looks for it."""
    conn.execute(feed.insert().values(born(known) | {"title": "", "paused": False, "listed": False}))


def take_back(conn: Connection) -> None:
    """Delete all that the canary's poll wrote but its delivery. In the transaction of the poll: nobody ever sees it."""
    entries = select(entry.c.id).where(entry.c.feed_id == CANARY).scalar_subquery()
    lines = select(story.c.storyline_id).join(story_entry).where(story_entry.c.entry_id.in_(entries))
    conn.execute(delete(storyline).where(storyline.c.id.in_(list(conn.scalars(lines)))))
    conn.execute(delete(unsearched).where(unsearched.c.entry_id.in_(entries)))
    conn.execute(delete(entry).where(entry.c.feed_id == CANARY))
    conn.execute(delete(entry_key).where(entry_key.c.feed_id == CANARY))
    conn.execute(delete(feed).where(feed.c.id == CANARY))


def sweep(conn: Connection) -> None:
    """Delete its deliveries, those of a process that died in between included."""
    conn.execute(delete(delivery).where(delivery.c.receiver == CANARY))
    conn.execute(delete(receiver).where(receiver.c.name == CANARY))
