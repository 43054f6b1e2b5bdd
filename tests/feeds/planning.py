"""What the planning of polls is asked in tests: a feed in a state, an answer, and how long the plan waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.feeds.plan import Found, Poll, Polling
from monitor.model import Document, Feed, FeedState

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
FEED = Feed("lab", "https://lab.example/feed.xml")
SLACK = timedelta(minutes=1)  # the most that spreading adds


def state(**values: object) -> FeedState:
    known = {"baselined_at": NOW - timedelta(days=30), "last_poll_at": NOW - timedelta(hours=1), "poll_seq": 7}
    return FeedState("lab", FEED.url, FEED.url, NOW - timedelta(days=30), **{**known, **values})


def document(status: int = 200, body: bytes = b"x", permanent_url: str | None = None, **headers: str) -> Document:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Document(FEED.url, status, named, body, permanent_url)


def poll(feed: Feed = FEED, before: FeedState | None = None, polling: Polling | None = None) -> Poll:
    return Poll(feed, before or state(), polling or Polling(), NOW)


def found(**values: object) -> Found:
    return Found("h" * 64, **values)


def wait(after: FeedState) -> timedelta:
    assert after.next_poll_at is not None
    return after.next_poll_at - NOW
