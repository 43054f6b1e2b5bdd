"""When a feed is polled next, and why: old state + what the poll brought + now → new state.

Pure. The next poll of a feed is never sooner than its interval, the publisher's wishes (max-age or Expires, ttl,
sy:updatePeriod, Retry-After: each up to a day), a failing feed's back-off (up to a day), or, where the rhythm is
learnt, a quarter of the time the feed has been silent (up to `max_interval`); and never inside the publisher's
skipHours and skipDays. Feeds are spread by a hash of their ids: nothing here is random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitor.counts import counted
from monitor.errors import FetchError, FetchReason, MonitorError, ParseInterrupted
from monitor.feeds import headers as http
from monitor.feeds.notice import Notice, notice
from monitor.feeds.observed import observed
from monitor.feeds.polling import Polling
from monitor.model import UNREADABLE, Document, Feed, FeedHealth, FeedState, PublisherHints, Rhythm

__all__ = [
    "Found",
    "Notice",
    "Poll",
    "Polling",
    "after_document",
    "after_failure",
    "after_not_modified",
    "body_hash",
    "earliest",
    "first_poll",
    "fraction",
    "health",
    "host_block",
    "interval",
    "is_unread",
    "new_state",
    "notice",
    "out_of_skips",
    "put_off",
    "reload",
    "resume",
    "rhythm",
    "same_body",
    "validators",
]

PUBLISHER_CEILING = timedelta(days=1)
FAILURE_CEILING = timedelta(days=1)
FIRST_POLL_SPREAD = timedelta(seconds=30)
POLLS_TO_LEARN = 10
REDIRECT_PATIENCE = timedelta(hours=24)
SILENCE_SHARE = 0.25
STILL_UNREAD = f"{UNREADABLE}is still the document that could not be read"
UNREAD = "unread:"  # before the hash of a document that could not be read: a 304 about it is no success


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll that ended at `now`: of which feed, what we knew before it, and the settings in force.

    `fresh`: how its answer said for how long it is fresh, in words.
    """

    feed: Feed
    state: FeedState
    polling: Polling
    now: datetime
    fresh: str = "max-age {}"


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a document brought. `new_entries` counts entries never seen before."""

    body_hash: str
    items: int = 0
    new_entries: int = 0
    hints: PublisherHints = field(default_factory=PublisherHints)


def fraction(*parts: object) -> float:
    """A number in [0, 1) that is always the same for the same parts: our dice."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "replace"), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def new_state(feed: Feed, now: datetime, *, among: int = 1000) -> FeedState:
    """The state of a feed that was just listed (or whose url: was changed, which starts a new lifetime)."""
    due = now + _first_spread(feed, among)
    return FeedState(feed.id, feed.url, feed.url, now, next_poll_at=due, why_next="first poll")


def first_poll(feed: Feed, state: FeedState | None, now: datetime, *, among: int = 1000) -> datetime:
    """When a feed of the list is polled: a new one within 30 s, spread when it is one of many; else as planned."""
    if state is not None and state.config_url == feed.url and state.next_poll_at is not None:
        return state.next_poll_at
    return now + _first_spread(feed, among)


def _first_spread(feed: Feed, among: int) -> timedelta:
    return min(FIRST_POLL_SPREAD, timedelta(milliseconds=30) * among) * fraction(feed.id, "first")


# ---- how long to wait


def rhythm(feed: Feed, polling: Polling) -> Rhythm:
    """A feed's own rhythm, else `fixed` when it has its own interval, else the setting for all."""
    return feed.rhythm or (Rhythm.FIXED if feed.interval else polling.rhythm)


def _learnt(poll: Poll) -> timedelta:
    """A quarter of the time without news, once 10 polls were observed. News brings it back to nothing."""
    state = poll.state
    if rhythm(poll.feed, poll.polling) is Rhythm.FIXED or len(state.polls) < POLLS_TO_LEARN:
        return timedelta()
    arrivals = [at for at, new in state.polls if new]
    quiet_since = arrivals[-1] if arrivals else state.last_new_at or state.baselined_at or state.created_at
    return min((poll.now - quiet_since) * SILENCE_SHARE, poll.polling.max_interval)


def _waits(poll: Poll) -> list[tuple[timedelta, str]]:
    """Everything that says how long to wait at least, with its words. The longest decides; ties go to the first."""
    hints = poll.state.hints
    waits = [(poll.feed.interval or poll.polling.interval, "interval")]
    for seconds, words in (
        (hints.fresh_s, f"{poll.fresh} from the publisher"),
        (hints.ttl_s, "ttl of {} s from the publisher"),
        (hints.update_period_s, "update period of {} s from the publisher"),
    ):
        if seconds:
            honoured = min(seconds, PUBLISHER_CEILING.total_seconds())
            capped = ", of which we honour a day" if honoured < seconds else ""
            waits.append((timedelta(seconds=honoured), words.format(seconds) + capped))
    waits.append((_learnt(poll), "learnt: no news for a while"))
    return waits


def interval(feed: Feed, state: FeedState, polling: Polling, now: datetime) -> timedelta:
    """The time between two polls of the feed as things are now, without back-off and spread."""
    return max(wait for wait, _ in _waits(Poll(feed, state, polling, now)))


def earliest(feed: Feed, state: FeedState, polling: Polling) -> datetime | None:
    """The time before which the feed's settings and the publisher's wishes forbid a poll; None: never polled."""
    if state.last_poll_at is None:
        return None
    hints_only = replace(state, polls=())  # learning is ours: a person may overrule it
    return state.last_poll_at + interval(feed, hints_only, polling, state.last_poll_at)


# ---- skipHours and skipDays


def _skipped(moment: datetime, hints: PublisherHints) -> bool:
    return moment.hour in hints.skip_hours or moment.weekday() in hints.skip_days


def _out_of_skips(feed: Feed, moment: datetime, hints: PublisherHints) -> tuple[datetime, str]:
    """The first moment from `moment` on that the publisher does not skip (GMT), a little spread, and the words.

    A publisher who skips every hour of the week is not taken at his word.
    """
    moment = moment.astimezone(UTC)
    if not feed.skip_hours or not _skipped(moment, hints):
        return moment, ""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    for _ in range(24 * 8):
        hour += timedelta(hours=1)
        if not _skipped(hour, hints):
            words = "skipDays" if moment.weekday() in hints.skip_days else "skipHours"
            return hour + timedelta(minutes=5) * fraction(feed.id, "skip"), f"{words} of the publisher"
    return moment, ""


def _schedule(poll: Poll, wait: timedelta, why: str) -> FeedState:
    """`poll.state` with its next poll in `wait` or up to 5 % (at most a minute) later, outside skipped hours."""
    spread = min(wait * 0.05, timedelta(minutes=1)) * fraction(poll.feed.id, poll.state.poll_seq)
    due, skip = _out_of_skips(poll.feed, poll.now + wait + spread, poll.state.hints)
    return replace(poll.state, next_poll_at=due, why_next=f"{why}; then {skip}" if skip else why)


def _planned(poll: Poll) -> FeedState:
    wait, why = max(_waits(poll), key=lambda item: item[0])
    return _schedule(poll, wait, why)


# ---- what a poll brought


def after_document(poll: Poll, document: Document, found: Found) -> FeedState:
    """The state after a 200 whose document could be read. Validators are replaced even by none."""
    now, before = poll.now, poll.state
    news = found.new_entries if before.baselined_at else 0
    state = replace(
        _succeeded(before, document, now),
        etag=document.headers.get("etag"),
        last_modified=document.headers.get("last-modified"),
        body_hash=found.body_hash,
        items=found.items,
        baselined_at=before.baselined_at or now,
        hints=replace(found.hints, fresh_s=http.fresh_seconds(document.headers, now)),
        polls=_observed(poll, news),
        last_new_at=now if news else before.last_new_at,
    )
    return _planned(replace(poll, state=state, fresh=http.fresh_words(document.headers)))


def after_not_modified(poll: Poll, document: Document) -> FeedState:
    """The state after a 304, or a 200 with the bytes we had. What it says of validators and freshness is stored.

    When the document it confirms could not be read, that failure goes on.
    """
    headers, now, before = document.headers, poll.now, poll.state
    changed = document.status == 200
    fresh = http.fresh_seconds(headers, now) if changed or http.speaks_of_freshness(headers) else before.hints.fresh_s
    state = replace(
        before,
        etag=headers.get("etag", None if changed else before.etag),
        last_modified=headers.get("last-modified", None if changed else before.last_modified),
        hints=replace(before.hints, fresh_s=fresh),
    )
    if is_unread(before):
        again = replace(state, last_status=document.status)
        words = before.last_error if before.unreadable and before.last_error else STILL_UNREAD
        return _backed_off(replace(poll, state=again), words, None)
    state = replace(_succeeded(state, document, now), polls=_observed(poll, 0))
    return _planned(replace(poll, state=state, fresh=http.fresh_words(document.headers)))


def after_failure(
    poll: Poll, error: MonitorError, document: Document | None = None, digest: str | None = None
) -> FeedState:
    """The state after a fetch that failed (FetchError), or a document that could not be read (ParseError).

    `document` is the one that could not be read, `digest` the hash of its body: its validators are stored, so that it
    is not sent again and again (not where reading was interrupted: then it must be sent again).
    """
    state = poll.state
    if isinstance(error, FetchError):
        state = replace(state, last_status=error.status)
        if error.gone:
            return _stopped(replace(poll, state=state), error)
        return _backed_off(replace(poll, state=state), _short(error), error.retry_after)
    if document is not None and not isinstance(error, ParseInterrupted):
        state = replace(
            state,
            etag=document.headers.get("etag"),
            last_modified=document.headers.get("last-modified"),
            body_hash=UNREAD + (digest or body_hash(document.body))[:57],
            last_status=document.status,
            hints=replace(state.hints, fresh_s=http.fresh_seconds(document.headers, poll.now)),
        )
    return _backed_off(replace(poll, state=state), f"{UNREADABLE}{error}", None)


def body_hash(body: bytes) -> str:
    """64 hex digits that tell whether a document is the one we had."""
    return hashlib.sha256(body).hexdigest()  # processors have an instruction for it: a third of blake2b's time


def same_body(state: FeedState, digest: str) -> bool:
    """Whether a document with this hash is that of the last poll, readable or not: it need not be read again."""
    return state.body_hash in (digest, UNREAD + digest[:57])


def is_unread(state: FeedState) -> bool:
    """Whether the document that our validators belong to could not be read."""
    return (state.body_hash or "").startswith(UNREAD)


def _succeeded(before: FeedState, document: Document, now: datetime) -> FeedState:
    state = replace(
        before,
        last_poll_at=now,
        last_success_at=now,
        last_status=document.status,
        last_error=None,
        failures=0,
        failing_since=None,
        gone=False,
    )
    return _redirected(state, document, now)


def _redirected(state: FeedState, document: Document, now: datetime) -> FeedState:
    """Takes over a new URL once at least two polls, a day apart, were sent there by permanent redirects only."""
    target = document.permanent_url
    if target is None or target == state.url or (state.url.startswith("https:") and not target.startswith("https:")):
        return replace(state, redirect_url=None, redirect_since=None)
    if target != state.redirect_url or state.redirect_since is None:
        return replace(state, redirect_url=target, redirect_since=now)
    if now - state.redirect_since < REDIRECT_PATIENCE:
        return state
    return replace(state, url=target, redirect_url=None, redirect_since=None)


def _observed(poll: Poll, news: int) -> tuple[tuple[datetime, int], ...]:
    wait = interval(poll.feed, replace(poll.state, polls=()), poll.polling, poll.now)
    return observed(poll.state, poll.now, news, 2 * max(PUBLISHER_CEILING, wait))


def _short(error: FetchError) -> str:
    return f"{error.reason.value}: {error}" if error.reason is not FetchReason.HTTP else str(error)


def _failed(poll: Poll, words: str) -> FeedState:
    state = poll.state
    return replace(
        state,
        last_poll_at=poll.now,
        last_error=words,
        failures=state.failures + 1,
        failing_since=state.failing_since or poll.now,
    )


def _stopped(poll: Poll, error: FetchError) -> FeedState:
    state = _failed(poll, _short(error))
    return replace(state, gone=True, next_poll_at=None, why_next="never: the publisher says 410 Gone")


def _backed_off(poll: Poll, words: str, retry_after: timedelta | None) -> FeedState:
    """Twice as long after each failure in a row, with up to a fifth of spread, at most a day; never against wishes."""
    state = _failed(poll, words)
    poll = replace(poll, state=state)
    floor, why = max(_waits(replace(poll, state=replace(state, polls=()))), key=lambda item: item[0])
    if retry_after is not None and min(retry_after, PUBLISHER_CEILING) > floor:
        floor, why = min(retry_after, PUBLISHER_CEILING), f"Retry-After {round(retry_after.total_seconds())} s"
    doubled = min(floor * 2 ** min(state.failures - 1, 20), FAILURE_CEILING)
    backed = doubled * (0.8 + 0.19 * fraction(poll.feed.id, state.failures))
    if backed <= floor:
        return _schedule(poll, floor, f"{why}; {_failures(state.failures)}")
    return _schedule(poll, backed, f"backing off: {_failures(state.failures)}")


def _failures(count: int) -> str:
    return counted(count, "failure", "failures in a row")


# ---- what people and reloads change


def reload(feed: Feed, state: FeedState, polling: Polling, now: datetime) -> FeedState:
    """The state under changed settings: the next poll moves to what they say, never nearer than they allow.

    A last poll that is still to come was dated before the clock was set back: the due time moved with the clock then,
    and planned anew it would lie ahead by as much.
    """
    if state.next_poll_at is None or state.last_poll_at is None or state.gone or state.last_poll_at > now:
        return state
    if state.failures:
        least = earliest(feed, state, polling) or now
        return state if least <= state.next_poll_at else replace(state, next_poll_at=least, why_next="interval")
    planned = _planned(Poll(feed, state, polling, state.last_poll_at))
    return replace(planned, next_poll_at=max(planned.next_poll_at or now, now))


def out_of_skips(feed: Feed, state: FeedState, now: datetime) -> FeedState | None:
    """The state of a feed that became due while nobody looked, and in whose skipped hours we are now; else None."""
    due, why = _out_of_skips(feed, now, state.hints)
    return replace(state, next_poll_at=due, why_next=why) if why else None


def put_off(state: FeedState, until: datetime, why: str) -> FeedState:
    """The state of a feed that is due, and whose host must not be asked before `until`."""
    return replace(state, next_poll_at=until, why_next=why)


def resume(state: FeedState, now: datetime) -> FeedState:
    """The state of a feed that a person wants tried again now, 410 or not."""
    return replace(state, gone=False, next_poll_at=now, why_next="resumed by hand")


def health(feed: Feed, state: FeedState | None) -> FeedHealth:
    """The one word for how a feed does."""
    if feed.paused:
        return FeedHealth.PAUSED
    if state is None or (state.last_poll_at is None and not state.gone):
        return FeedHealth.NEW
    if state.gone:
        return FeedHealth.GONE
    return FeedHealth.FAILING if state.failures else FeedHealth.ACTIVE


def host_block(error: FetchError, now: datetime) -> datetime | None:
    """Until when the whole host is left alone: Retry-After of a 429 or 503, up to a day. None: it is not."""
    if error.retry_after is None or error.status not in (429, 503):
        return None
    return now + min(error.retry_after, PUBLISHER_CEILING)


def validators(state: FeedState) -> Mapping[str, str | None]:
    """The conditional headers of the next fetch, verbatim."""
    return {"etag": state.etag, "last_modified": state.last_modified}
