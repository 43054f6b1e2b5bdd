"""The work of a worker: a document to entries, as it goes over the wire."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from monitor.feeds import clean, normalise, parse, wire
from monitor.feeds.wire import Reading, Sifted, job, received
from monitor.model import Entry, FeedFormat, Parsed

__all__ = ["Reading", "Sifted", "answer", "job", "perform", "read", "received"]


def perform(order: bytes, body: bytes) -> bytes:
    """Parse and normalise. Raises ParseError."""
    parsed, entries, _ = read(order, body)
    return answer(parsed, entries, Sifted())


def read(order: bytes, body: bytes) -> tuple[Parsed, tuple[Entry, ...], list[Any]]:
    """What a document holds: as it was parsed, and its entries; and what else the order says. Raises ParseError."""
    feed_id, format, url, headers, now, *more = json.loads(order)
    parsed = parse.parse(body, headers, FeedFormat(format))
    return parsed, normalise.normalise(feed_id, parsed, url, datetime.fromisoformat(now)), more


def answer(parsed: Parsed, entries: tuple[Entry, ...], sifted: Sifted) -> bytes:
    """What was read, in the form it has on the wire."""
    title = clean.line(clean.text(parsed.title))[:500]
    items, hints = len(parsed.items), parsed.hints
    return wire.packed(Reading(parsed.format, title, parsed.link, items, entries, hints, parsed.warning, sifted))
