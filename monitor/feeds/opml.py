"""Lists of feeds: OPML (opml.org) in and out, and plain text with a URL a line in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import listparser

from monitor import urls
from monitor.errors import UsageError
from monitor.model import Feed


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed of a list: URL, title and tags, where the list has them."""

    url: str
    title: str = ""
    tags: tuple[str, ...] = ()


def read(data: bytes) -> tuple[Listed, ...]:
    """The feeds of an OPML document, or of a text with one URL a line (`#` comments). Raises UsageError."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_opml(data)
    return _read_lines(data.decode("utf-8-sig", "replace"))


def _read_opml(data: bytes) -> tuple[Listed, ...]:
    found = listparser.parse(data.decode("utf-8-sig", "replace"))
    feeds = [
        Listed(feed.url, feed.title or "", tuple(feed.tags or ())) for feed in found.feeds if urls.is_web(feed.url)
    ]
    if not feeds:
        why = f": {found.bozo_exception}" if found.bozo else ""
        raise UsageError(f"There is no feed in this OPML document{why}.")
    return tuple(feeds)


def _read_lines(text: str) -> tuple[Listed, ...]:
    feeds = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        if not urls.is_web(line):
            raise UsageError(f"Line {number} is no http(s) URL: {line[:80]!r}. Allowed: OPML, or one URL a line.")
        feeds.append(Listed(line))
    if not feeds:
        raise UsageError("There is no feed in this file. Allowed: OPML, or one URL a line.")
    return tuple(feeds)


def write(feeds: Iterable[Feed], title: str) -> str:
    """The feeds as OPML 2.0, tags as categories."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        f"  <head><title>{escape(title)}</title></head>",
        "  <body>",
        *(_outline(feed) for feed in feeds),
        "  </body>",
        "</opml>",
    ]
    return "\n".join(lines) + "\n"


def _outline(feed: Feed) -> str:
    name = quoteattr(feed.title or feed.id)
    tags = f" category={quoteattr(','.join(feed.tags))}" if feed.tags else ""
    return f'    <outline type="rss" text={name} title={name} xmlUrl={quoteattr(feed.url)}{tags}/>'
