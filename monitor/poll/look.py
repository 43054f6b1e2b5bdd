"""The network half of a poll: fetch, and read what came. No transaction is open here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import FetchError, ParseError
from monitor.feeds import plan
from monitor.feeds.fetch import Fetcher, Hop
from monitor.feeds.reader import Briefing, Reader, Reading
from monitor.model import Document, Feed, FeedState
from monitor.trial import Point, Reached


@dataclass(frozen=True, slots=True)
class Tools:
    """What a poll needs of the outside: HTTP, the parsing workers, a clock. `reached`: monitor/trial.py.

    `brief` says what a worker must know to sift the entries of a feed's first document (daemon/sifter.py).
    """

    fetcher: Fetcher
    reader: Reader
    now: Callable[[], datetime]
    reached: Reached = len
    brief: Callable[[Feed], Briefing | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Look:
    """What one poll saw, before anything is decided or stored.

    `error` alone: no document. `document` alone: 304, or the same bytes as last time. `document` and `reading`: new
    bytes, read. `document` and `error`: an answer that is no feed.
    """

    feed: Feed
    before: FeedState
    at: datetime
    document: Document | None = None
    reading: Reading | None = None
    body_hash: str | None = None
    error: FetchError | ParseError | None = None


async def _go_on(_size: int) -> None:
    """A document may be read at once."""


async def look(
    feed: Feed,
    state: FeedState,
    tools: Tools,
    hop: Hop | None = None,
    fetched: Callable[[int], Awaitable[None]] = _go_on,
) -> Look:
    """Fetch one feed, conditionally when validators are held, and read the document in a worker.

    `hop` waits until the host of a redirect's target may be asked; `fetched` until there is room for a document of
    so many bytes that is to be read.
    """
    tools.reached(Point.POLL_DUE)
    try:
        document = await tools.fetcher.fetch(state.url, etag=state.etag, last_modified=state.last_modified, hop=hop)
    except FetchError as error:
        return Look(feed, state, tools.now(), error=error)
    tools.reached(Point.POLL_FETCHED)
    if document.status == 304:
        return Look(feed, state, tools.now(), document, body_hash=state.body_hash)
    digest = plan.body_hash(document.body)
    if plan.same_body(state, digest):
        return Look(feed, state, tools.now(), document, body_hash=state.body_hash)
    await fetched(len(document.body))
    try:
        briefing = tools.brief(feed) if state.baselined_at is None else None
        reading = await tools.reader.read(feed, document, tools.now(), briefing)
    except ParseError as error:
        return Look(feed, state, tools.now(), document, error=error)
    tools.reached(Point.POLL_READ)
    return Look(feed, state, tools.now(), document, reading, digest)
