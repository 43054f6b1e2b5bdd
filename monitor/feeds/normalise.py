"""Raw items to entries: text as a reader sees it, absolute links, dates in UTC or absent, identity keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from monitor import urls
from monitor.feeds import clean, keys
from monitor.model import Entry, Parsed, RawItem

_FUTURE = timedelta(days=2)  # time zones and drafts; 2999 is no date
_MOST_LINKS = 50
_MOST_TAGS = 50
_LONGEST_TITLE = 2000
_LONGEST_URL = 4000


def normalise(feed_id: str, parsed: Parsed, document_url: str, now: datetime) -> tuple[Entry, ...]:
    """The entries of a document, in its order. Items that say the same in everything are one entry."""
    site = urls.absolute(document_url, parsed.link)
    entries = [_entry(feed_id, item, document_url, now) for item in parsed.items]
    marks = [_marks(item, entry) for item, entry in zip(parsed.items, entries, strict=True)]
    found: list[Entry] = []
    for entry, own in zip(entries, keys.document_keys(marks, site), strict=True):
        if own is not None:
            found.append(keys.with_keys(entry, own))
    return tuple(found)


def _entry(feed_id: str, item: RawItem, document_url: str, now: datetime) -> Entry:
    base = urls.absolute(document_url, item.base) or document_url
    title = clean.line(clean.text(item.title) if item.title_is_html else clean.plain(item.title))[:_LONGEST_TITLE]
    summary, content = clean.text(item.summary), clean.text(item.content)
    if content == summary:
        content = ""
    url = urls.absolute(document_url, item.link)[:_LONGEST_URL]
    return Entry(
        feed_id=feed_id,
        keys=(),
        title=title,
        summary=summary,
        content=content,
        url=url,
        author=clean.line(clean.text(item.author))[:500],
        tags=_tags(item.tags),
        published_at=_published(item, now),
        text_hash=keys.text_hash(title, summary, content),
        links=_links(item, base, url),
    )


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean.line(clean.text(tag))[:200] for tag in tags)
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))[:_MOST_TAGS]


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
            target = urls.canonical(urls.absolute(base, link))
            if target and len(target) <= _LONGEST_URL:
                found[target] = None
    if found:
        found.pop(urls.canonical(own), None)
    return tuple(found)


def _marks(item: RawItem, entry: Entry) -> keys.Marks:
    """What identifies an item: its guid as written, its link, and its words."""
    guid = clean.GARBAGE.sub("", item.guid)
    text = f"{entry.summary}\n{entry.content}" if entry.summary or entry.content else ""
    day = entry.published_at.date() if entry.published_at else None
    return keys.Marks(guid, entry.url, entry.title, text, day)
