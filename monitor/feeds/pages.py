"""What web pages say: the feeds they name, and their text, fetched with the manners of a poll.

Manners: robots.txt, one request at a time per host, limits. What robots.txt says is remembered for a day; where
it cannot be had, nothing is fetched for an hour (RFC 9309).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.errors import FetchError, FetchReason, ParseError
from monitor.feeds.fetch import PAGE, Fetcher, Leave
from monitor.feeds.reader import Limits, Reader, Work
from monitor.model import Document

if TYPE_CHECKING:
    from monitor.feeds.discover import Candidate

AGENT = "licensewatch"  # our name in a robots.txt
_KEPT_S = 24 * 3600.0
_UNREACHABLE_KEPT_S = 3600.0
_MOST_HOSTS = 2000
LIMITS = Limits(memory_mib=200)  # of a worker that reads pages: the library is large

Hop = Callable[[str], Awaitable[None]]  # waits until the host of a URL may be asked


class NotAllowedError(FetchError):
    """robots.txt keeps us out, or could not be had."""

    def __init__(self, why: str) -> None:
        super().__init__(FetchReason.BLOCKED, why)


@dataclass
class Pages:
    """Fetches and reads pages. `now` is a steady clock in seconds; robots.txt files are kept by it."""

    fetcher: Fetcher
    reader: Reader
    now: Callable[[], float]
    _robots: dict[str, tuple[float, bytes | None]] = field(default_factory=dict)  # until when; None: keep out

    async def text(self, url: str, hop: Hop) -> str:
        """The article of a page as plain text. Raises FetchError or ParseError."""

        async def may(target: str) -> None:
            await self._allowed(target, hop)
            await hop(target)

        await may(url)
        document = await self.fetcher.fetch(url, how=PAGE, leave=Leave(may))
        kind = document.headers.get("content-type", "text/html")
        if not kind.lower().startswith(("text/html", "application/xhtml", "text/plain")):
            raise ParseError(f"the page is {kind[:60]}, no HTML")
        answer = await _asked(self.reader, ["text", document.url], document.body)
        found = answer.get("text")
        if not isinstance(found, str):
            raise ParseError(str(answer.get("error", "the worker's answer makes no sense")))
        return found

    async def _allowed(self, url: str, hop: Hop) -> None:
        """Raises NotAllowedError when robots.txt of the URL's host does not allow it."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        until, body = self._robots.get(origin, (0.0, None))
        if until <= self.now():
            until, body = await self._robots_of(origin, hop)
            if len(self._robots) >= _MOST_HOSTS:
                self._robots.clear()
            self._robots[origin] = until, body
        if body is None:
            raise NotAllowedError(f"{parts.netloc} did not answer for its robots.txt")
        if not body:
            return
        answer = await _asked(self.reader, ["robots", url, AGENT], body)
        if answer.get("allowed") is not True:
            raise NotAllowedError(f"robots.txt of {parts.netloc} does not allow it")

    async def _robots_of(self, origin: str, hop: Hop) -> tuple[float, bytes | None]:
        """Until when it holds, and the file: empty when there is none, None when the host cannot say."""
        robots = f"{origin}/robots.txt"
        await hop(robots)
        try:
            document = await self.fetcher.fetch(robots, how=PAGE, leave=Leave(hop))
        except FetchError as error:
            if error.status is not None and 400 <= error.status < 500 and error.status != 429:
                return self.now() + _KEPT_S, b""
            return self.now() + _UNREACHABLE_KEPT_S, None
        return self.now() + _KEPT_S, document.body


async def candidates(document: Document, limits: Limits = LIMITS) -> tuple[Candidate, ...]:
    """The feeds that a page names (discover.py), read where it can be killed. Raises ParseError.

    The HTML parser's time grows with the square of how deep elements are nested.
    """
    from monitor.feeds.discover import Candidate  # brings a parser of HTML, which a daemon has no use for

    async with Reader(1, limits, Work.PAGES) as reader:
        answer = await _asked(reader, ["feeds", document.url], document.body)
    found = answer.get("feeds")
    if not isinstance(found, list):
        raise ParseError(str(answer.get("error", "gets an answer of the worker that makes no sense")))
    return tuple(Candidate(*one) for one in found)


async def _asked(reader: Reader, order: list[str], body: bytes) -> dict[str, object]:
    answer = await reader.perform(json.dumps(order).encode(), body)
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}
