"""What comes of reading a document, and its form on the wire between a worker and us: JSON, so that a worker that a
hostile document has taken over can hand us wrong texts at worst."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.errors import ParseError
from monitor.feeds import clean, normalise, parse
from monitor.model import Entry, FeedFormat, PublisherHints


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


def job(feed_id: str, format: FeedFormat, url: str, headers: dict[str, str], now: datetime) -> bytes:
    """A document's surroundings as a worker gets them, beside its bytes."""
    return json.dumps([feed_id, format.value, url, headers, now.isoformat()]).encode()


def perform(order: bytes, body: bytes) -> bytes:
    """The work of a worker: parse and normalise, as JSON. Raises ParseError."""
    feed_id, format, url, headers, now = json.loads(order)
    parsed = parse.parse(body, headers, FeedFormat(format))
    entries = normalise.normalise(feed_id, parsed, url, datetime.fromisoformat(now))
    hints = parsed.hints
    return _dumps(
        [
            [parsed.format, clean.line(clean.text(parsed.title))[:500], parsed.link, len(parsed.items), parsed.warning],
            [hints.ttl_s, hints.update_period_s, hints.skip_hours, hints.skip_days],
            [_packed(entry) for entry in entries],
        ]
    )


def refusal(message: str) -> bytes:
    """The answer of a worker to a document that cannot be read."""
    return _dumps({"error": message})


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), check_circular=False).encode("utf-8", "replace")


def _packed(entry: Entry) -> list[Any]:
    at = entry.published_at
    texts = [entry.title, entry.summary, entry.content, entry.url, entry.author, entry.text_hash]
    return [texts, at.isoformat() if at else None, entry.keys, entry.lookup, entry.tags, entry.links]


def received(answer: bytes, feed_id: str) -> Reading:
    """A worker's answer as a value. Raises ParseError when it is a refusal, or makes no sense."""
    try:
        value = json.loads(answer)
        if isinstance(value, dict):
            raise ParseError(str(value["error"]))
        (format, title, link, items, warning), (ttl, period, hours, days), packed = value
        hints = PublisherHints(None, ttl, period, tuple(hours), tuple(days))
        entries = tuple(_unpacked(feed_id, entry) for entry in packed)
    except (ValueError, KeyError, TypeError) as error:
        raise ParseError(f"the worker's answer makes no sense ({type(error).__name__})") from error
    return Reading(format, title, link, items, entries, hints, warning)


def _unpacked(feed_id: str, packed: list[Any]) -> Entry:
    texts, at, keys, lookup, tags, links = packed
    title, summary, content, url, author, text_hash = texts
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
        lookup=tuple(lookup),
    )
