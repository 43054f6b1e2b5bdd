"""The full text of entries that nearly matched, where a feed asks for it: fetched before the poll is committed.

Only entries that are new or edited, only after a feed's first document (which is baseline), and few of them: a poll is
not a crawl. A page that cannot be had is logged, and the entry stays as the feed gave it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from monitor.errors import FetchError, ParseError
from monitor.feeds.pages import Hop, Pages
from monitor.model import Entry
from monitor.poll.look import Look

MOST_PAGES = 5  # of one poll; what is on top of the document comes first

Refused = Callable[[str, Exception], None]  # told of a URL that could not be had: its host may have named a time

log = structlog.get_logger("poll")


@dataclass(frozen=True, slots=True)
class FullText:
    """`fresh` names the entries of a look that are new or edited; `nearly` says why one nearly matches, or ""."""

    pages: Pages
    fresh: Callable[[Look], Awaitable[Sequence[Entry]]]
    nearly: Callable[[Look, Entry], str]

    async def complete(self, look: Look, hop: Hop, refused: Refused) -> Look:
        """The look with the text of pages in place of what the feed carried of its nearly matching entries."""
        if not look.feed.full_text or look.reading is None or look.before.baselined_at is None:
            return look
        wanted = [(entry, why) for entry in await self.fresh(look) if entry.url and (why := self.nearly(look, entry))]
        found = {}
        for entry, why in wanted[:MOST_PAGES]:
            text = await self._text(look, entry, why, (hop, refused))
            if len(text) > len(entry.content):
                found[_mark(entry)] = text
        entries = [replace(one, content=found.get(_mark(one), one.content)) for one in look.reading.entries]
        return replace(look, reading=replace(look.reading, entries=tuple(entries))) if found else look

    async def _text(self, look: Look, entry: Entry, why: str, manners: tuple[Hop, Refused]) -> str:
        hop, refused = manners
        try:
            text = await self.pages.text(entry.url, hop)
        except (FetchError, ParseError) as error:
            refused(entry.url, error)
            log.info("page not read", feed=look.feed.id, url=entry.url, problem=str(error), asked_because=why)
            return ""
        log.info("page read", feed=look.feed.id, url=entry.url, characters=len(text), asked_because=why)
        return text


def _mark(entry: Entry) -> tuple[str, str]:
    """What an entry of a document is told by here: its keys change as they are compared with known ones."""
    return entry.url, entry.text_hash
