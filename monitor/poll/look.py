"""The network half of a poll: fetch, and read what came. No transaction is open here.

A document's bytes are let go of as soon as it is read: what waits for its commit may be many.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.errors import FetchError, ParseError
from monitor.feeds import plan
from monitor.feeds.fetch import ALONE, Fetcher, Leave
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
    bytes, read. `document` and `error`: an answer that is no feed. The document has no body any more, only its hash.
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
    leave: Leave = ALONE,
    fetched: Callable[[int], Awaitable[None]] = _go_on,
) -> Look:
    """Fetch one feed, conditionally when validators are held, and read the document in a worker.

    `leave` is what the fetch waits for; `fetched` waits until there is room for a document of so many bytes that is to
    be read.
    """
    tools.reached(Point.POLL_DUE)
    known = plan.validators(state)
    try:
        document = await tools.fetcher.fetch(
            state.url, etag=known["etag"], last_modified=known["last_modified"], leave=leave
        )
    except FetchError as error:
        return Look(feed, state, tools.now(), error=error)
    tools.reached(Point.POLL_FETCHED)
    digest = plan.body_hash(document.body)
    if document.status == 304 or plan.same_body(state, digest):
        return Look(feed, state, tools.now(), replace(document, body=b""), body_hash=state.body_hash)
    await fetched(len(document.body))
    return await _read(Look(feed, state, tools.now(), replace(document, body=b""), body_hash=digest), document, tools)


async def _read(seen: Look, document: Document, tools: Tools) -> Look:
    """What was seen, with what the document says."""
    feed, state = seen.feed, seen.before
    try:
        briefing = tools.brief(feed) if state.baselined_at is None else None
        reading = await tools.reader.read(feed, document, tools.now(), briefing, slow=state.unreadable)
    except ParseError as error:
        return replace(seen, at=tools.now(), error=error)
    tools.reached(Point.POLL_READ)
    return replace(seen, at=tools.now(), reading=reading)
