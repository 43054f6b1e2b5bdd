"""When the network was away and is back, feeds need not wait out a back-off that was none of their doing. Pure.

Nobody tells us that the network was away. It shows when one feed answers again: most of what was tried meanwhile on
other hosts was not reached either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.errors import FetchReason
from monitor.feeds import plan
from monitor.feeds.pace import host_key
from monitor.feeds.polling import Polling
from monitor.model import Feed, FeedState

LEAST_HOSTS = 3  # of fewer it cannot be known whose the trouble was
# Each feed notices at its next poll that the network is away, and those are a day apart at most.
NOTICED_WITHIN = timedelta(days=1)
JUST_NOW = timedelta(minutes=5)  # what was read since then is back, too, and no witness that the network was there
LONGEST_SPREAD = timedelta(minutes=5)
_EACH = timedelta(milliseconds=200)
_UNREACHED = tuple(
    f"{reason}: " for reason in (FetchReason.DNS, FetchReason.CONNECT, FetchReason.TLS, FetchReason.TIMEOUT)
)


def was_unreached(state: FeedState) -> bool:
    """Whether the feed's last poll failed before any server answered."""
    return state.failures > 0 and state.last_status is None and (state.last_error or "").startswith(_UNREACHED)


def began(back: Iterable[FeedState]) -> datetime | None:
    """Since when the network may have been away, by the states before it of feeds that answer again; None: it was not.

    The latest of them: one of them may have failed for weeks, by its own fault.
    """
    return max((one.failing_since for one in back if was_unreached(one) and one.failing_since), default=None)


def was_ours(unreached: Collection[FeedState], read: int, since: datetime) -> bool:
    """Whether the trouble was on our side: more feeds were tried in vain `since` then than `read`, on several hosts."""
    tried = [one for one in unreached if one.last_poll_at is not None and one.last_poll_at >= since]
    return len({host_key(one.url) for one in tried}) >= LEAST_HOSTS and len(tried) > read


def hurried(
    unreached: Iterable[FeedState], feeds: Mapping[str, Feed], polling: Polling, now: datetime
) -> list[FeedState]:
    """Those of the feeds that are polled sooner than planned, with their new times: spread, in order of their ids.

    Nobody is polled sooner than his interval and the publisher's wishes allow.
    """
    known = sorted((one for one in unreached if one.feed_id in feeds), key=lambda one: one.feed_id)
    spread = min(_EACH * len(known), LONGEST_SPREAD)
    moved = (_sooner(feeds[one.feed_id], one, polling, now, spread) for one in known)
    return [one for one in moved if one is not None]


def _sooner(feed: Feed, state: FeedState, polling: Polling, now: datetime, spread: timedelta) -> FeedState | None:
    allowed = max(plan.earliest(feed, state, polling) or now, now) + spread * plan.fraction(feed.id, "back")
    moved = replace(state, next_poll_at=allowed, why_next="the network is back")
    moved = plan.out_of_skips(feed, moved, allowed) or moved
    if state.next_poll_at is None or moved.next_poll_at is None or moved.next_poll_at >= state.next_poll_at:
        return None
    return moved
