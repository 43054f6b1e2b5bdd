"""The work of a worker: a document to entries, as it goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from monitor.feeds import clean, normalise, parse, wire
from monitor.feeds.wire import Reading, Sifted, job, received, refusal
from monitor.model import Entry, FeedFormat, Parsed

__all__ = ["Reading", "Sifted", "answer", "job", "perform", "read", "received", "refusal"]


def perform(order: bytes, body: bytes) -> bytes:
    """Parse and normalise, as JSON. Raises ParseError."""
    return answer(*read(order, body), Sifted())


def read(order: bytes, body: bytes) -> tuple[Parsed, tuple[Entry, ...]]:
    """What a document holds: as it was parsed, and its entries. Raises ParseError."""
    feed_id, format, url, headers, now, *_ = json.loads(order)
    parsed = parse.parse(body, headers, FeedFormat(format))
    return parsed, normalise.normalise(feed_id, parsed, url, datetime.fromisoformat(now))


def answer(parsed: Parsed, entries: Sequence[Entry], sifted: Sifted) -> bytes:
    """What was read, in the form it has on the wire."""
    hints = parsed.hints
    return wire.dumps(
        [
            [parsed.format, clean.line(clean.text(parsed.title))[:500], parsed.link, len(parsed.items), parsed.warning],
            [hints.ttl_s, hints.update_period_s, hints.skip_hours, hints.skip_days],
            [wire.packed(entry) for entry in entries],
            [sifted.by, sifted.passed],
        ]
    )
