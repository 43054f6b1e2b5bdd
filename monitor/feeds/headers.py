"""HTTP headers a publisher speaks through: freshness (RFC 9111) and Retry-After (RFC 9110). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b(?!\s*=)", re.IGNORECASE)
_LONGEST = timedelta(days=3650)


@lru_cache(64)  # the answers of one second carry one Date, which is asked for several times
def http_date(text: str) -> datetime | None:
    """An HTTP-date as UTC, or None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def speaks_of_freshness(headers: Mapping[str, str]) -> bool:
    """Whether an answer says anything about how long it stays fresh."""
    return "cache-control" in headers or "expires" in headers


def fresh_seconds(headers: Mapping[str, str], now: datetime) -> int | None:
    """For how many seconds the publisher calls his answer fresh: max-age, else Expires. `no-cache` means not said."""
    control = headers.get("cache-control", "")
    if _NO_CACHE.search(control):
        return None
    found = _MAX_AGE.search(control)
    if found:
        return int(found[1]) or None
    expires = http_date(headers.get("expires", ""))
    if expires is None:
        return None
    seconds = int((expires - (http_date(headers.get("date", "")) or now)).total_seconds())
    return seconds if seconds > 0 else None


def fresh_words(headers: Mapping[str, str]) -> str:
    """How the publisher said that, with a place for the seconds."""
    by_age = "expires" not in headers or _MAX_AGE.search(headers.get("cache-control", ""))
    return "max-age {}" if by_age else "Expires in {} s"


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long Retry-After asks to wait (seconds or an HTTP-date); None when it says nothing we can read."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return min(timedelta(seconds=float(text)), _LONGEST)
    moment = http_date(text) if text else None
    if moment is None:
        return None
    return min(max(moment - now, timedelta()), _LONGEST)
