"""When nothing answers any more, the trouble is ours: it is told once, not once a feed."""

from __future__ import annotations

from monitor.feeds.plan import Notice
from monitor.model import FeedState
from monitor.poll.world import World
from monitor.store import facts
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection

FEEDS_TO_TELL = 3  # of fewer it cannot be known whose the trouble is
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
        f"What they brought meanwhile is not lost.{more} The others follow as each is due.",
    )
