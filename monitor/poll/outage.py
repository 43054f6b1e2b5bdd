"""When nothing answers any more, the trouble is ours: it is told once, not once a feed, and over for all at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from monitor.feeds import comeback
from monitor.feeds.plan import Notice
from monitor.model import FeedState
from monitor.poll.world import World
from monitor.store import facts
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection

FEEDS_TO_TELL = 3  # of fewer it cannot be known whose the trouble is
log = structlog.get_logger("poll")
AGAIN = timedelta(minutes=10)  # between two looks at who else is back
_FACT = "nothing answers"
_TROUBLES = frozenset({"failing", "unreadable"})  # a captive portal answers every request with a page of its own


def instead(
    conn: Connection, before: FeedState, after: FeedState, notice: Notice | None, world: World
) -> Notice | None:
    """The notice that is told in place of a feed's own; None: nothing. `reason` is the feed's to keep, as ever."""
    if not after.failures:
        if not (before.failures or world.nothing_answers):
            return notice
        world.nothing_answers = False
        return _over(notice) if _ended(conn) else notice
    if notice is None or notice.reason not in _TROUBLES or after.failing_since is None:
        return notice
    if facts.get(conn, _FACT) is None:
        if not feed_store.nothing_answers(conn, after.failing_since, FEEDS_TO_TELL, besides=after.feed_id):
            return notice
        facts.set(conn, _FACT, after.failing_since.isoformat(), after.last_poll_at or after.failing_since)
        world.nothing_answers = True
        return _begun(before, after)
    world.nothing_answers = True
    return None


def hurry_back(conn: Connection, back: Collection[FeedState], world: World, now: datetime) -> int:
    """When those that are `back` (their states before) show that the network was away, poll the others soon; how many.

    Once in a while is enough: each feed that then answers is one more that is back.
    """
    since = comeback.began(back)
    if since is None or (world.hurried_at is not None and abs(now - world.hurried_at) < AGAIN):
        return 0
    away = feed_store.unanswered(conn, since - comeback.NOTICED_WITHIN)
    unreached = [one for one in away if comeback.was_unreached(one)]
    read = feed_store.read_between(conn, since, now - comeback.JUST_NOW)
    if not comeback.was_ours(unreached, read, since):
        return 0
    world.hurried_at = now
    moved = comeback.hurried(unreached, world.policy.feeds, world.policy.polling, now)
    if moved:
        log.info("feeds hurried", count=len(moved), why="the network is back")
    return sum(feed_store.reschedule(conn, state) for state in moved)


def _ended(conn: Connection) -> bool:
    known = facts.get(conn, _FACT) is not None
    if known:
        facts.forget(conn, _FACT)
    return known


def _begun(before: FeedState, after: FeedState) -> Notice:
    return Notice(
        before.notice,
        "No feed answers",
        f"Not one feed was read since {after.failing_since:%Y-%m-%d %H:%M} UTC. The last error: {after.last_error}. "
        "They are tried again.",
        "See whether this machine reaches the internet: network, name service, `polling.proxy`. "
        "Then `licensewatch feeds test ID` shows what a feed answers.",
    )


def _over(notice: Notice | None) -> Notice:
    more = f" {notice.text}" if notice is not None else ""
    return Notice(
        notice.reason if notice is not None else None,
        "Feeds answer again",
        f"What they brought meanwhile is not lost.{more} The others are asked within minutes.",
    )
