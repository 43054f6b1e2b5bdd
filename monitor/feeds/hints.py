"""What a publisher asks of pollers inside the document: ttl, skipHours, skipDays (RSS 2.0), sy:update* (RSS 1.0).

Pure. Looked for in the bytes: feedparser keeps the last hour only.
"""

from __future__ import annotations

import re

from monitor.model import PublisherHints

_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_OPEN, _CLOSE = rb"\b[^>]*>\s*(?:<!\[CDATA\[\s*)?", rb"\s*(?:\]\]>\s*)?</"
_SKIPS = re.compile(rb"<skip(hours|days)\b[^>]*>(.{0,4000}?)</skip\1\s*>", re.IGNORECASE | re.DOTALL)
_HOUR = re.compile(rb"<hour" + _OPEN + rb"(\d{1,2})" + _CLOSE + rb"hour", re.IGNORECASE)
_DAY = re.compile(rb"<day" + _OPEN + rb"([a-z]{3})[a-z]*" + _CLOSE + rb"day", re.IGNORECASE)
_DAYS = {name: number for number, name in enumerate((b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"))}
_TTL = re.compile(rb"<ttl" + _OPEN + rb"(\d{1,9})(?:\.\d*)?" + _CLOSE + rb"ttl", re.IGNORECASE)
_PERIOD = re.compile(rb"<(?:[\w-]+:)?updatePeriod" + _OPEN + rb"([a-z]+)" + _CLOSE, re.IGNORECASE)
_FREQUENCY = re.compile(rb"<(?:[\w-]+:)?updateFrequency" + _OPEN + rb"(\d{1,6})" + _CLOSE, re.IGNORECASE)
_PERIODS = {b"hourly": 3600, b"daily": 86400, b"weekly": 604800, b"monthly": 2592000, b"yearly": 31536000}
_ITEM = re.compile(rb"<(?:[\w-]+:)?(?:item|entry)\b", re.IGNORECASE)


def read(body: bytes) -> PublisherHints:
    """The wishes in a document; freshness, which is a header's, left out."""
    outside = _COMMENT.sub(b"", _outside_items(body))
    hours: set[int] = set()
    days: set[int] = set()
    for found in _SKIPS.finditer(outside):
        hours |= {int(hour) % 24 for hour in _HOUR.findall(found[2]) if int(hour) <= 24}
        days |= {_DAYS[day] for day in map(bytes.lower, _DAY.findall(found[2])) if day in _DAYS}
    ttl = _TTL.search(outside)
    return PublisherHints(
        ttl_s=int(ttl[1]) * 60 or None if ttl else None,
        update_period_s=_update_period(outside),
        skip_hours=tuple(sorted(hours)),
        skip_days=tuple(sorted(days)),
    )


def _outside_items(body: bytes) -> bytes:
    """The document up to its first item, and after the last one: what an item quotes is no wish."""
    first = _ITEM.search(body)
    if first is None:
        return body
    last = first.end()
    for end in (b"</item", b"</entry", b":item>"):  # each in what is left after the one before
        last = max(last, body.rfind(end, last))
    return body[: first.start()] + b"\n" + body[last:]


def _update_period(body: bytes) -> int | None:
    """Seconds between updates; the defaults of the module are daily, and once."""
    period, frequency = _PERIOD.search(body), _FREQUENCY.search(body)
    if period is None and frequency is None:
        return None
    seconds = _PERIODS.get(period[1].lower()) if period else 86400
    if seconds is None:
        return None
    return max(seconds // max(int(frequency[1]) if frequency else 1, 1), 1)
