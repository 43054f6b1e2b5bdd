"""Feeds: what polling them taught us, when each is due, and which hosts asked to be left alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, literal, or_, select, tuple_, update

from monitor.model import Feed, FeedState, PublisherHints
from monitor.store.bulk import Change
from monitor.store.due import pull_back, shift_due_times
from monitor.store.engine import insert_into
from monitor.store.schema import feed as table
from monitor.store.schema import host

__all__ = [
    "DueFeed",
    "block_host",
    "born",
    "due",
    "due_page",
    "forget_hosts",
    "get",
    "host_blocks",
    "in_brief",
    "longest_due",
    "nothing_answers",
    "pull_back",
    "read_between",
    "reschedule",
    "save",
    "shift_due_times",
    "some",
    "states",
    "still_due",
    "sync_feeds",
    "unanswered",
]

_FIELDS = tuple(FeedState.__dataclass_fields__)
_COLUMNS = [table.c["id" if name == "feed_id" else name] for name in _FIELDS]
_STATES = select(*_COLUMNS)
_BRIEF = tuple(name for name in _FIELDS if name not in ("polls", "hints"))
_BRIEF_COLUMNS = [table.c["id" if name == "feed_id" else name] for name in _BRIEF]
_NO_HINTS = PublisherHints()

_SAVED = tuple(name for name in _FIELDS if name not in ("feed_id", "poll_seq", "config_url", "created_at"))
_SAVE = Change(table, (*_SAVED, "poll_seq"), ("id", "poll_seq"))

_TRIED = table.c.listed, table.c.paused.is_(False), table.c.gone.is_(False)
_LISTED = select(*(table.c[name] for name in ("id", "config_url", "url", "poll_seq", "title", "paused", "listed")))
_OF_FEED = update(table).where(table.c.id == bindparam("of_feed"))
_LIST = _OF_FEED.values({name: bindparam(f"to_{name}") for name in ("title", "paused", "listed")})
_UNLIST = _OF_FEED.values(listed=False)


class DueFeed(NamedTuple):
    """A feed that is due: since when, its id, and where it is."""

    since: datetime
    id: str
    url: str


def sync_feeds(
    conn: Connection, feeds: Iterable[Feed], first_poll_at: Callable[[Feed], datetime], now: datetime
) -> None:
    """Make the table list exactly these feeds; the state of one that left is kept for its return.

    A feed with another `url` than before starts a new lifetime: no validators, a new baseline, and polls under way are
    fenced off. Not so when the new `url` is where its permanent redirects had led us already.
    """
    known = {row.id: row for row in conn.execute(_LISTED)}
    wanted = {feed.id: feed for feed in feeds}
    new = [feed for feed in wanted.values() if feed.id not in known]
    if new:
        conn.execute(table.insert(), [_row(_born(feed, first_poll_at(feed), now)) | _listing(feed) for feed in new])
    changed = []
    for feed in wanted.values():
        row = known.get(feed.id)
        if row is None:
            continue
        if row.config_url != feed.url:
            _move(conn, row, feed, first_poll_at, now)
        if (row.title, row.paused, row.listed) != (feed.title, feed.paused, True):
            changed.append({"of_feed": feed.id} | {f"to_{name}": value for name, value in _listing(feed).items()})
    if changed:
        conn.execute(_LIST, changed)
    left = [{"of_feed": row.id} for row in known.values() if row.listed and row.id not in wanted]
    if left:
        conn.execute(_UNLIST, left)


def states(conn: Connection) -> dict[str, FeedState]:
    """The states of all feeds that feeds.yaml lists, by id."""
    rows = conn.execute(_STATES.where(table.c.listed).order_by(table.c.id))
    return {state.feed_id: state for state in _states(rows)}


def some(conn: Connection, ids: Collection[str]) -> dict[str, FeedState]:
    """The states of these feeds (a page of them), by id."""
    return {state.feed_id: state for state in _states(conn.execute(_STATES.where(table.c.id.in_(list(ids)))))}


def in_brief(conn: Connection) -> dict[str, FeedState]:
    """The states of all listed feeds without the polls and hints in them, which cost most of the reading."""
    rows = conn.execute(select(*_BRIEF_COLUMNS).where(table.c.listed).order_by(table.c.id))
    return {row[0]: FeedState(**dict(zip(_BRIEF, row, strict=True))) for row in rows}


def get(conn: Connection, feed_id: str) -> FeedState | None:
    """The state of one feed, listed or not."""
    return next(_states(conn.execute(_STATES.where(table.c.id == feed_id))), None)


def due(conn: Connection, now: datetime, limit: int, *, skip: Collection[str] = ()) -> list[FeedState]:
    """Feeds to poll now, the longest due first. `skip` are ids under way or waiting for their host."""
    query = _STATES.where(table.c.next_poll_at <= now, *_TRIED)
    if skip:
        query = query.where(table.c.id.not_in(skip))
    return list(_states(conn.execute(query.order_by(table.c.next_poll_at).limit(limit))))


def due_page(conn: Connection, now: datetime, limit: int, after: tuple[datetime, str] | None) -> list[DueFeed]:
    """A page of the feeds that are due, the longest due first, without their states; `after`: the last of the page
    before."""
    query = select(table.c.next_poll_at, table.c.id, table.c.url).where(table.c.next_poll_at <= now, *_TRIED)
    if after is not None:
        query = query.where(tuple_(table.c.next_poll_at, table.c.id) > tuple_(*map(literal, after)))
    rows = conn.execute(query.order_by(table.c.next_poll_at, table.c.id).limit(limit))
    return [DueFeed(*row) for row in rows]


def longest_due(conn: Connection) -> tuple[datetime | None, datetime | None]:
    """Since when the feed is due that is tried next, and when any of those that are tried was last polled."""
    query = select(func.min(table.c.next_poll_at), func.max(table.c.last_poll_at)).where(*_TRIED)
    due_at, polled_at = conn.execute(query).one()
    return due_at, polled_at


def still_due(conn: Connection, ids: Collection[str], now: datetime) -> list[FeedState]:
    """Those of these feeds that are to be polled now."""
    query = _STATES.where(table.c.id.in_(list(ids)), table.c.next_poll_at <= now, *_TRIED)
    return list(_states(conn.execute(query.order_by(table.c.next_poll_at))))


def save(conn: Connection, state: FeedState, expected_seq: int) -> bool:
    """Store what a poll learnt; False, and nothing stored, when the feed is not at `expected_seq` any more.

    The row gets `expected_seq + 1`. Call it before anything else of the poll is written.
    """
    row = _row(state)
    values = [*map(row.__getitem__, _SAVED), expected_seq + 1, state.feed_id, expected_seq]
    return _SAVE.apply(conn, values) == 1


def reschedule(conn: Connection, state: FeedState) -> bool:
    """Store another due time and its reason; False when the feed was polled meanwhile. A poll under way goes on."""
    where = update(table).where(table.c.id == state.feed_id, table.c.poll_seq == state.poll_seq)
    return conn.execute(where.values(next_poll_at=state.next_poll_at, why_next=state.why_next)).rowcount == 1


def nothing_answers(conn: Connection, since: datetime, least: int, *, besides: str) -> bool:
    """Whether no feed was read since then, while `least` of them are tried and fail (the one of `besides` included)."""
    tried = *_TRIED, table.c.id != besides
    if conn.scalar(select(table.c.id).where(*tried, table.c.last_success_at >= since).limit(1)) is not None:
        return False
    failing = conn.execute(select(table.c.id).where(*tried, table.c.failures > 0).limit(least - 1)).all()
    return len(failing) == least - 1


def unanswered(conn: Connection, since: datetime) -> list[FeedState]:
    """The feeds that are tried, and that no server answers since then or later."""
    failing = table.c.failures > 0, table.c.last_status.is_(None), table.c.failing_since >= since
    return list(_states(conn.execute(_STATES.where(*_TRIED, *failing))))


def read_between(conn: Connection, since: datetime, until: datetime) -> int:
    """How many of the feeds that are tried were last read then."""
    then = table.c.last_success_at >= since, table.c.last_success_at < until
    return conn.scalar(select(func.count()).select_from(table).where(*_TRIED, *then)) or 0


def block_host(conn: Connection, name: str, until: datetime) -> None:
    """Leave a host (host:port) alone until then; an earlier wish for longer stays."""
    blocked = conn.scalar(select(host.c.not_before).where(host.c.name == name))
    if blocked is None or blocked < until:
        insert = insert_into(conn, host).values(name=name, not_before=until)
        conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"not_before": until}))


def host_blocks(conn: Connection, now: datetime) -> dict[str, datetime]:
    """Hosts to leave alone, and until when."""
    rows = conn.execute(select(host.c.name, host.c.not_before).where(host.c.not_before > now))
    return {name: until for name, until in rows}  # noqa: C416  # rows, not pairs, for the type checker


def forget_hosts(conn: Connection, before: datetime) -> int:
    """Drop what is known of hosts whose wish ended before then, and that nobody asked since; how many."""
    over = [or_(column.is_(None), column < before) for column in (host.c.not_before, host.c.last_start_at)]
    return conn.execute(delete(host).where(*over)).rowcount


def _born(feed: Feed, first: datetime, now: datetime, poll_seq: int = 0) -> FeedState:
    return FeedState(
        feed_id=feed.id, config_url=feed.url, url=feed.url, created_at=now, next_poll_at=first, poll_seq=poll_seq
    )


def _move(
    conn: Connection, row: Row[*tuple[Any, ...]], feed: Feed, first_poll_at: Callable[[Feed], datetime], now: datetime
) -> None:
    where = update(table).where(table.c.id == feed.id)
    if feed.url == row.url:
        conn.execute(where.values(config_url=feed.url, redirect_url=None, redirect_since=None))
        return
    born = _row(_born(feed, first_poll_at(feed), now, row.poll_seq + 1))
    conn.execute(where.values({name: value for name, value in born.items() if name != "id"}))


def _listing(feed: Feed) -> dict[str, Any]:
    return {"title": feed.title, "paused": feed.paused, "listed": True}


def born(state: FeedState) -> dict[str, Any]:
    """The columns of a state, for a row that `sync_feeds` knows nothing of."""
    return _row(state)


def _row(state: FeedState) -> dict[str, Any]:
    values = {name: getattr(state, name) for name in _FIELDS}
    values["id"] = values.pop("feed_id")
    hints = state.hints
    values["hints"] = (
        {name: value for name, value in asdict(hints).items() if value not in (None, ())} if hints != _NO_HINTS else {}
    )
    values["polls"] = [[at.timestamp(), new] for at, new in state.polls]
    return values


def _states(rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterator[FeedState]:
    for row in rows:
        values = dict(zip(_FIELDS, row, strict=True))
        hints: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["hints"].items()}
        values["hints"] = PublisherHints(**hints) if hints else _NO_HINTS
        values["polls"] = tuple((datetime.fromtimestamp(at, UTC), new) for at, new in values["polls"])
        yield FeedState(**values)
