"""Raw items to entries: text as a reader sees it, absolute links, dates in UTC or absent, identity keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from monitor import urls
from monitor.feeds import clean, keys
from monitor.model import Entry, Parsed, RawItem
from monitor.text import title_hash

_FUTURE = timedelta(days=2)  # time zones and drafts; 2999 is no date
_MOST_LINKS = 50
_MOST_TAGS = 50
_LONGEST_TITLE = 2000
_LONGEST_URL = 4000


class _Cleaned(NamedTuple):
    """The parts of an entry that identify it, cleaned."""

    guid: str
    url: str
    title: str
    summary: str
    content: str
    published_at: datetime | None

    @property
    def marks(self) -> keys.Marks:
        text = f"{self.summary}\n{self.content}" if self.summary or self.content else ""
        return keys.Marks(self.guid, self.url, self.title, text, self.published_at and self.published_at.date())


def normalise(feed_id: str, parsed: Parsed, document_url: str, now: datetime) -> tuple[Entry, ...]:
    """The entries of a document, in its order. Items that say the same in everything are one entry."""
    cleaned = [_cleaned(item, document_url, now) for item in parsed.items]
    site = urls.absolute(document_url, parsed.link)
    found = keys.document_keys([one.marks for one in cleaned], site)
    return tuple(
        _entry(feed_id, item, one, own, document_url)
        for item, one, own in zip(parsed.items, cleaned, found, strict=True)
        if own is not None
    )


def _cleaned(item: RawItem, document_url: str, now: datetime) -> _Cleaned:
    title = clean.line(clean.text(item.title) if item.title_is_html else clean.plain(item.title))[:_LONGEST_TITLE]
    summary, content = clean.text(item.summary), clean.text(item.content)
    return _Cleaned(
        guid=clean.bare(item.guid),
        url=urls.absolute(document_url, clean.bare(item.link))[:_LONGEST_URL],
        title=title,
        summary=summary,
        content=content if content != summary else "",
        published_at=_published(item, now),
    )


def _entry(feed_id: str, item: RawItem, cleaned: _Cleaned, own: keys.Keys, document_url: str) -> Entry:
    base = urls.absolute(document_url, item.base) or document_url
    return Entry(
        feed_id=feed_id,
        keys=own[0],
        title=cleaned.title,
        summary=cleaned.summary,
        content=cleaned.content,
        url=cleaned.url,
        author=clean.name(item.author)[:500],
        tags=_tags(item.tags),
        published_at=cleaned.published_at,
        text_hash=keys.text_hash(cleaned.title, cleaned.summary, cleaned.content),
        links=_links(item, base, cleaned.url),
        title_hash=title_hash(cleaned.title),
        url_hash=urls.url_hash(cleaned.url) if cleaned.url else "",
        lookup=own[1],
    )


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    cleaned = [clean.name(tag)[:200] for tag in tags]
    return tuple(dict.fromkeys(filter(None, cleaned)))[:_MOST_TAGS]


def _published(item: RawItem, now: datetime) -> datetime | None:
    """The publisher's date, when it can be true."""
    for moment in (item.published_at, item.updated_at):
        if moment is not None and moment <= now + _FUTURE:
            return moment
    return None


def _links(item: RawItem, base: str, own: str) -> tuple[str, ...]:
    """Where summary and content point to, canonical, without the entry's own page."""
    found: dict[str, None] = {}
    for markup in (item.summary, item.content):
        for link in clean.links(markup):
            if len(found) == _MOST_LINKS:
                break
            target = urls.page(base, link)
            if target and len(target) <= _LONGEST_URL:
                found[target] = None
    if found:
        found.pop(urls.canonical(own), None)
    return tuple(found)
