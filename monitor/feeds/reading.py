"""The work of a worker: a document to entries, as it goes over the wire."""

from __future__ import annotations

import json
from datetime import datetime

from monitor.feeds import clean, normalise, parse, wire
from monitor.feeds.wire import Reading, job, received, refusal
from monitor.model import FeedFormat

__all__ = ["Reading", "job", "perform", "received", "refusal"]


def perform(order: bytes, body: bytes) -> bytes:
    """Parse and normalise, as JSON. Raises ParseError."""
    feed_id, format, url, headers, now = json.loads(order)
    parsed = parse.parse(body, headers, FeedFormat(format))
    entries = normalise.normalise(feed_id, parsed, url, datetime.fromisoformat(now))
    hints = parsed.hints
    return wire.dumps(
        [
            [parsed.format, clean.line(clean.text(parsed.title))[:500], parsed.link, len(parsed.items), parsed.warning],
            [hints.ttl_s, hints.update_period_s, hints.skip_hours, hints.skip_days],
            [wire.packed(entry) for entry in entries],
        ]
    )
