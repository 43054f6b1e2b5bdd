"""Everything that is known of one stored entry, end to end: for `why`, on a terminal and in Slack."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from monitor.model import Delivery, FeedState, Hit, Story
from monitor.store import alerts, deliveries, entries, feeds, hits, stories
from monitor.store.alerts import StoredAlert
from monitor.store.entries import StoredEntry


@dataclass(frozen=True, slots=True)
class Trace:
    """One entry: its feed, what matched it, the story it joined and why, what was decided and what was sent."""

    stored: StoredEntry
    state: FeedState | None
    hits: list[Hit]
    story: Story | None
    joined: str
    decided: list[StoredAlert]
    delivered: list[Delivery]


def by_url_hash(conn: Connection, url_hash: str) -> list[Trace]:
    """The entries with this link (`urls.url_hash`), one for each feed that carries it."""
    return [of_entry(conn, stored) for stored in entries.by_url(conn, url_hash)]


def by_id(conn: Connection, entry_id: int) -> list[Trace]:
    """The entry of this number, or none."""
    stored = entries.get(conn, entry_id)
    return [] if stored is None else [of_entry(conn, stored)]


def of_entry(conn: Connection, stored: StoredEntry) -> Trace:
    """What is known of a stored entry."""
    story_id = stories.of_entry(conn, stored.id)
    decided = alerts.of_entry(conn, stored.id)
    return Trace(
        stored=stored,
        state=feeds.get(conn, stored.entry.feed_id),
        hits=hits.of_entry(conn, stored.id),
        story=stories.get(conn, story_id) if story_id is not None else None,
        joined=stories.why_joined(conn, stored.id),
        decided=decided,
        delivered=[one for alert in decided for one in deliveries.of_alert(conn, alert.id)],
    )
