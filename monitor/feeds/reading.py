"""The work of a worker: a document to entries, as it goes over the wire."""

from __future__ import annotations

import json
from datetime import datetime

from monitor.feeds import clean, normalise, parse, wire
from monitor.feeds.wire import Reading, Sifted, job, received
from monitor.model import Entry, FeedFormat, Parsed

__all__ = ["Reading", "Sifted", "answer", "job", "perform", "read", "received"]


def perform(order: bytes, body: bytes) -> bytes:
    """Parse and normalise. Raises ParseError."""
    return answer(*read(order, body), Sifted())


def read(order: bytes, body: bytes) -> tuple[Parsed, tuple[Entry, ...]]:
    """What a document holds: as it was parsed, and its entries. Raises ParseError."""
    feed_id, format, url, headers, now, *_ = json.loads(order)
    parsed = parse.parse(body, headers, FeedFormat(format))
    return parsed, normalise.normalise(feed_id, parsed, url, datetime.fromisoformat(now))


def answer(parsed: Parsed, entries: tuple[Entry, ...], sifted: Sifted) -> bytes:
    """What was read, in the form it has on the wire."""
    title = clean.line(clean.text(parsed.title))[:500]
    items, hints = len(parsed.items), parsed.hints
    return wire.packed(Reading(parsed.format, title, parsed.link, items, entries, hints, parsed.warning, sifted))
