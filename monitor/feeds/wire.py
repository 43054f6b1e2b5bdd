"""What comes of reading a document, and its form on the wire between a worker and us: JSON, so that a worker that a
hostile document has taken over can hand us wrong texts at worst.

Nothing here parses: the main process never imports a parser.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.errors import ParseError
from monitor.model import Entry, FeedFormat, PublisherHints

# Headers that say how to read a document; nothing else of an answer reaches the parser.
READ_HEADERS = ("content-type", "content-language")
JOB = struct.Struct(">II")  # lengths of an order and of the document after it
ANSWER = struct.Struct(">I?")  # length of an answer, and whether it is the worker's last
INSTALL = "sieve:"  # before the name of a sieve: an order to work with the plan that comes with it


@dataclass(frozen=True, slots=True)
class Sifted:
    """Which entries of a document (by position) rules may match, as the sieve `by` found; "": nobody looked."""

    by: str = ""
    passed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A document read: what it says of itself, how many items it holds (before duplicates), and its entries."""

    format: str
    title: str
    link: str
    items: int
    entries: tuple[Entry, ...] = ()
    hints: PublisherHints = field(default_factory=PublisherHints)
    warning: str = ""
    sifted: Sifted = Sifted()


def job(feed_id: str, format: FeedFormat, url: str, headers: dict[str, str], now: datetime, *more: object) -> bytes:
    """A document's surroundings as a worker gets them, beside its bytes; `more` is for workers that do more."""
    return json.dumps([feed_id, format.value, url, headers, now.isoformat(), *more]).encode()


def refusal(message: str) -> bytes:
    """The answer of a worker to a document that cannot be read."""
    return dumps({"error": message})


def dumps(value: object) -> bytes:
    """JSON, whatever half characters a document holds."""
    return json.dumps(value, separators=(",", ":"), check_circular=False).encode("utf-8", "replace")


def packed(entry: Entry) -> list[Any]:
    """An entry as JSON holds it."""
    at = entry.published_at
    texts = [entry.title, entry.summary, entry.content, entry.url, entry.author]
    hashes = [entry.text_hash, entry.title_hash, entry.url_hash]
    return [texts, hashes, at.isoformat() if at else None, entry.keys, entry.lookup, entry.tags, entry.links]


def received(answer: bytes, feed_id: str) -> Reading:
    """A worker's answer as a value. Raises ParseError when it is a refusal, or makes no sense."""
    try:
        value = json.loads(answer)
        if isinstance(value, dict):
            raise ParseError(str(value["error"]))
        (format, title, link, items, warning), (ttl, period, hours, days), entries, (by, passed) = value
        hints = PublisherHints(None, ttl, period, tuple(hours), tuple(days))
        found = tuple([_unpacked(feed_id, entry) for entry in entries])
    except (ValueError, KeyError, TypeError) as error:
        raise ParseError(f"the worker's answer makes no sense ({type(error).__name__})") from error
    return Reading(format, title, link, items, found, hints, warning, Sifted(by, tuple(passed)))


def _unpacked(feed_id: str, packed: list[Any]) -> Entry:
    (title, summary, content, url, author), (text_hash, title_hash, url_hash), at, keys, lookup, tags, links = packed
    return Entry(
        feed_id=feed_id,
        keys=tuple(keys),
        title=title,
        summary=summary,
        content=content,
        url=url,
        author=author,
        tags=tuple(tags),
        published_at=datetime.fromisoformat(at) if at else None,
        text_hash=text_hash,
        links=tuple(links),
        title_hash=title_hash,
        url_hash=url_hash,
        lookup=tuple(lookup),
    )
