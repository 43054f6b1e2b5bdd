"""Which feeds that are due are put off: those of hosts that rest or have a long line, and those in skipped hours.

Otherwise they would wait in memory, where there is room for so many and no more, and keep feeds of other hosts out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.feeds import plan
from monitor.feeds.pace import HostPace, host_key
from monitor.model import Feed, FeedState
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection

PATIENCE = "its host asked for patience"


@dataclass
class Lines:
    """The lines at hosts while due feeds are looked through. `before` counts by host the polls that are under way.

    `now` is the wall clock, `steady` the clock of `pace` in seconds.
    """

    feeds: Mapping[str, Feed]
    pace: HostPace
    before: Counter[str]
    now: datetime
    steady: float

    def put_off(self, due: Iterable[FeedState]) -> list[FeedState]:
        """Those of the due feeds that had better come later, with their new times; all count into the lines."""
        return [moved for state in due if (moved := self._later(state)) is not None]

    def _later(self, state: FeedState) -> FeedState | None:
        feed, host = self.feeds.get(state.feed_id), host_key(state.url)
        skipped = plan.out_of_skips(feed, state, self.now) if feed is not None else None
        if skipped is not None:
            return skipped
        wait = self.pace.put_off(host, self.before[host], self.steady)
        self.before[host] += 1
        if not wait:
            return None
        rests = self.pace.rests(host, self.steady)
        why = PATIENCE if rests else "other feeds of its host come first"
        return plan.put_off(state, self.now + timedelta(seconds=wait), why)


def may_be_polled(feed: Feed, state: FeedState, now: datetime, *, every: bool) -> bool:
    """Whether a round polls a feed: one that is due, in no skipped hour; with `every` all but paused and gone."""
    if state.gone or feed.paused:
        return False
    if every or state.last_poll_at is None:
        return True
    due = state.next_poll_at is not None and state.next_poll_at <= now
    return due and plan.out_of_skips(feed, state, now) is None


def store(conn: Connection, states: Iterable[FeedState]) -> None:
    """Store the new times of feeds that were put off."""
    for state in states:
        feed_store.reschedule(conn, state)


def store_until(conn: Connection, states: Iterable[FeedState], blocked: Mapping[str, datetime]) -> None:
    """Put off feeds of blocked hosts until those may be asked again."""
    in_order = sorted(states, key=lambda one: one.feed_id)
    store(conn, [plan.put_off(state, blocked[host_key(state.url)], PATIENCE) for state in in_order])
