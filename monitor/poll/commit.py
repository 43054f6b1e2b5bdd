"""The storing half of a poll: everything one look brought, in the caller's transaction, or nothing.

Identify entries, match rules, tell stories, plan the next poll: all of it is one transaction with the fence
(`poll_seq`), so a poll that lost a race, or a process that died, leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerts import dispatch
from monitor.errors import FetchError
from monitor.feeds import identify, pace, plan
from monitor.feeds.identify import Verdict
from monitor.model import Entry, Feed, FeedState, Trust, said_at
from monitor.poll import outage
from monitor.poll.look import Look
from monitor.poll.place import Heard
from monitor.poll.tell import Told, tell
from monitor.poll.world import Policy, World
from monitor.store import deliveries, due, entries, hits, stories
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection
from monitor.stories import statement
from monitor.text import title_hash
from monitor.trial import Point


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a poll ended: counts for people, the state stored. `stale`: another poll of the feed was committed first."""

    feed: Feed
    before: FeedState
    after: FeedState
    stale: bool = False
    new: int = 0
    revised: int = 0
    told: tuple[Told, ...] = ()
    notice: str = ""

    @property
    def baseline(self) -> bool:
        """Whether this poll was the feed's first that brought a document."""
        return self.before.baselined_at is None and self.after.baselined_at is not None

    @property
    def recovered(self) -> bool:
        """Whether a feed that failed was read again."""
        return self.before.failures > 0 and not self.after.failures and not self.stale


def commit(conn: Connection, look: Look, world: World) -> Outcome:
    """Store one look. Nothing is written when its feed has moved on since (`stale`)."""
    policy = world.policy
    known = identified(conn, look) if look.reading is not None else ()
    new_entries = sum(one.verdict is Verdict.NEW for one in known)
    after = _planned(look, policy, new_entries)
    notice = plan.notice(look.feed, look.before, after, look.at)
    told_of = outage.instead(conn, look.before, after, notice, world)
    if notice is not None:
        after = replace(after, notice=told_of.reason if told_of is not None else look.before.notice)
    if not feed_store.save(conn, after, look.before.poll_seq):
        return Outcome(look.feed, look.before, look.before, stale=True)
    world.reached(Point.COMMIT_FENCED)
    _block_host(conn, look)
    reissued = _reissue(conn, look, known)
    righted = _righted(conn, look, world)
    heard = _stored(conn, righted, known, policy)
    world.reached(Point.COMMIT_ENTRIES)
    told = tell(conn, heard, righted, world, reissued=reissued)
    if told_of is not None:
        facts = {"title": told_of.title, "text": told_of.text, "remedy": told_of.remedy}
        _notify(conn, policy, facts, look.at, world)
    world.reached(Point.COMMIT_READY)
    revised = sum(one.verdict is Verdict.REVISED for one in known)
    return Outcome(look.feed, look.before, after, False, new_entries, revised, told, told_of.text if told_of else "")


def identified(conn: Connection, look: Look) -> tuple[identify.Identified, ...]:
    """The verdict on every entry of a look that has a reading."""
    assert look.reading is not None
    found = look.reading.entries
    if look.before.baselined_at is None and not entries.any_known(conn, look.feed.id):  # keys outlive what lists a feed
        return identify.identify(found, {})
    return identify.identify(found, entries.known(conn, look.feed.id, identify.lookup_keys(found)))


def _righted(conn: Connection, look: Look, world: World) -> Look:
    """The look at the time it was for the publisher, when our clock was set years away from that while we ran: stories
    age by the time that passed. Polls are planned by our own clock, whatever it shows."""
    date = look.document.headers.get("date", "") if look.document is not None else ""
    if not identify.clocks_differ(date, look.at):
        if look.reading is not None and identify.clocks_agree(date, look.at) and world.steps(conn):
            due.forget_steps(conn)
            world.forget_steps()
        return look
    return replace(look, at=identify.righted(look.at, date, world.steps(conn)))


def _planned(look: Look, policy: Policy, new_entries: int) -> FeedState:
    poll = plan.Poll(look.feed, look.before, policy.polling, look.at)
    if look.error is not None:
        return plan.after_failure(poll, look.error, look.document, look.body_hash)
    assert look.document is not None
    if look.reading is None:
        return plan.after_not_modified(poll, look.document)
    assert look.body_hash is not None
    found = plan.Found(look.body_hash, look.reading.items, new_entries, look.reading.hints)
    return plan.after_document(poll, look.document, found)


def _block_host(conn: Connection, look: Look) -> None:
    if isinstance(look.error, FetchError):
        until = plan.host_block(look.error, look.at)
        if until is not None:
            feed_store.block_host(conn, pace.host_key(look.error.url or look.before.url), until)


def _stored(conn: Connection, look: Look, known: Sequence[identify.Identified], policy: Policy) -> list[Heard]:
    """Write new and revised entries with their hits; those that were hit, in the order it all happened."""
    added = _added(conn, look, known, policy)
    sifted = _sifted(look, policy)
    is_primary = look.feed.trust is Trust.PRIMARY
    heard = []
    for position, one in enumerate(known):
        among = None if sifted is None else sifted.get(position, ())
        baseline = False
        if one.verdict is Verdict.NEW and among == () and not is_primary:
            continue  # stored, and no rule asks for it: most entries end here
        if one.verdict is Verdict.SAME:
            if one.new_keys and one.entry_id is not None:
                entries.add_keys(conn, look.feed.id, one.entry_id, one.new_keys, one.entry.text_hash)
            continue
        if one.verdict is Verdict.REVISED:
            assert one.entry_id is not None
            entry_id = one.entry_id
            baseline = _is_old_news(conn, entry_id)
            entries.revise(conn, entry_id, one.entry, look.at)
        else:
            entry_id, baseline = added[id(one)]
        found = policy.rules.match(one.entry, feed_tags=look.feed.tags, feed_id=look.feed.id, among=among)
        too_old = _too_old(one.entry, look, policy)
        if found:
            hits.add(conn, entry_id, found, look.at, baseline)
            heard.append(Heard(entry_id, one.entry, found, baseline, too_old))
        elif one.verdict is Verdict.REVISED and stories.of_entry(conn, entry_id) is not None:
            said = statement.read(one.entry) if is_primary else None
            heard.append(Heard(entry_id, one.entry, (), baseline, stated=said))
        elif one.verdict is Verdict.NEW and is_primary and not (baseline or too_old):
            said = statement.read(one.entry)
            heard += [Heard(entry_id, one.entry, (), stated=said)] if said is not None else []
    return _as_it_happened(heard, look.at)


def _sifted(look: Look, policy: Policy) -> Mapping[int, Sequence[int]] | None:
    """The rules that may match an entry (by position), where a worker found that out by the rules in force now."""
    if look.reading is None or not look.reading.sifted.by or look.reading.sifted.by != policy.rules.sifter[0]:
        return None
    return dict(look.reading.sifted.passed)


def _is_old_news(conn: Connection, entry_id: int) -> bool:
    """Whether an entry of the baseline matched back then: an edit of it newly matches nothing."""
    stored = entries.get(conn, entry_id)
    return stored is not None and stored.baseline and bool(hits.of_entry(conn, entry_id))


def _as_it_happened(heard: Sequence[Heard], now: datetime) -> list[Heard]:
    """Oldest first; documents have the newest on top. Told the other way round, what led to a step would be lost on it.

    What has no date, or one that is still to come, counts as of now.
    """
    oldest_below = list(reversed(heard))
    return sorted(oldest_below, key=lambda one: said_at(one.entry.published_at, now))


def _added(
    conn: Connection, look: Look, known: Sequence[identify.Identified], policy: Policy
) -> dict[int, tuple[int, bool]]:
    """Store new entries; for each (by identity of its verdict) the id, and whether it is baseline."""
    fresh = [one for one in known if one.verdict is Verdict.NEW]
    may_alert = _may_alert(fresh, look, policy)
    stored: dict[int, tuple[int, bool]] = {}
    for baseline in (True, False):
        some = [one for position, one in enumerate(fresh) if (position not in may_alert) is baseline]
        ids = entries.add(conn, [one.entry for one in some], now=look.at, baseline=baseline)
        stored |= {id(one): (entry_id, baseline) for one, entry_id in zip(some, ids, strict=True)}
    return stored


def _may_alert(fresh: Sequence[identify.Identified], look: Look, policy: Policy) -> frozenset[int]:
    """Positions in `fresh` that may alert: all, but on a feed's first document only what `backfill` names."""
    if look.before.baselined_at is not None:
        return frozenset(range(len(fresh)))
    return identify.backfilled([one.entry for one in fresh], policy.entries)


def _too_old(entry: Entry, look: Look, policy: Policy) -> str:
    """In words, why an entry is too old to tell of; what `backfill` asked for on a first poll never is."""
    last = look.before.last_success_at
    if look.before.baselined_at is None or entry.published_at is None:
        return ""
    if not identify.too_old(entry, policy.entries, last, look.at):
        return ""
    if look.document is not None and identify.clocks_differ(look.document.headers.get("date", ""), look.at):
        return ""  # our own clock may be years ahead: what is told late is better than what is never told
    return f"published {entry.published_at:%Y-%m-%d}, older than entries.max_age before the feed's last good poll"


def _reissue(conn: Connection, look: Look, known: Sequence[identify.Identified]) -> str:
    """In words, when most of what is new in a document carries titles that the feed brought before."""
    fresh = [one.entry for one in known if one.verdict is Verdict.NEW]
    if look.before.baselined_at is None or len(fresh) < 5:
        return ""
    hashes = {title_hash(entry.title) for entry in fresh}
    seen = entries.titles_seen(conn, look.feed.id, hashes)
    if not identify.is_reissue(len(fresh), len(seen)):
        return ""
    return f"the feed was issued anew: {len(seen)} of {len(fresh)} entries carry titles known from it"


def _notify(conn: Connection, policy: Policy, facts: dict[str, str], now: datetime, world: World) -> None:
    rows = dispatch.notice(facts, policy.ops.receivers, now, world.new_id)
    deliveries.enqueue(conn, rows)
