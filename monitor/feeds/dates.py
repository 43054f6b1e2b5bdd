"""Dates as publishers write them, to UTC; what cannot be read for sure is absent, never invented.

Pure. RFC 822 with the zone names that feeds use, RFC 3339 and ISO 8601 with at least a day, year/month/day, asctime.
feedparser reads `2018/1/17` as January 1st, and CEST as UTC, so it is asked only for languages we do not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_OLDEST = datetime(1980, 1, 1, tzinfo=UTC)  # before the web: a placeholder, such as the epoch
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_ZONES = {
    **dict.fromkeys(("", "z", "ut", "utc", "gmt", "wet", "uct"), 0.0),
    **dict.fromkeys(("cet", "met", "bst", "west", "mez"), 1.0),
    **dict.fromkeys(("cest", "mest", "eet", "mesz", "cat", "sast"), 2.0),
    **dict.fromkeys(("eest", "msk", "trt"), 3.0),
    **dict.fromkeys(("jst", "kst"), 9.0),
    **dict.fromkeys(("edt", "ast"), -4.0),
    **dict.fromkeys(("est", "cdt", "et"), -5.0),
    **dict.fromkeys(("cst", "mdt", "ct"), -6.0),
    **dict.fromkeys(("mst", "pdt", "mt"), -7.0),
    **dict.fromkeys(("pst", "pt"), -8.0),
    **dict.fromkeys(("adt", "brt", "art"), -3.0),
    **dict.fromkeys(("hkt", "sgt", "awst"), 8.0),
    **dict.fromkeys(("aest", "chst"), 10.0),
    "akdt": -8.0,
    "akst": -9.0,
    "hst": -10.0,
    "pkt": 5.0,
    "wib": 7.0,
    "acst": 9.5,
    "aedt": 11.0,
    "nzst": 12.0,
    "nzdt": 13.0,
}
_CLOCK = r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\b\.?)?"
_ZONE = r"(?P<zone>[+-]\d{1,2}:?\d{2}|[+-]\d{2}|(?:etc/)?(?:gmt|utc)\s*[+-]\d{1,2}:?(?:\d{2})?|[a-z]{1,5})?"
_TIME = rf"(?:[\s,T]+(?:at\s+)?{_CLOCK}\s*\(?{_ZONE}\)?(?:\s*\([^)]*\))?)?"
_DAY_NAME = r"(?:[a-z]{2,9}[.,]*\s*)?"
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE | re.ASCII)
    for shape in (
        rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TIME}",
        rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}",
        rf"{_DAY_NAME}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-]+(?P<name>[a-z]{{3,9}})[.,]?[\s-]+(?P<year>\d{{4}}|\d{{2}}),?{_TIME}",
        rf"{_DAY_NAME}(?P<name>[a-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}),?{_TIME}",
        rf"{_DAY_NAME}(?P<name>[a-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?:{_ZONE}\s+)?(?P<year>\d{{4}})",
    )
)
# What nine in ten feeds write, read in a tenth of the time; what is odd about one is left to the shapes above.
_RFC_3339 = re.compile(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_RFC_822 = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) ([12]\d{3}) (\d\d):(\d\d):(\d\d) "
    r"(?:GMT|UTC|([+-])([01]\d|2[0-3])([0-5]\d))",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")


def read(text: str, otherwise: Callable[[], datetime | None] | None = None) -> datetime | None:
    """The moment a date text names, in UTC; a date without time is its midnight, without zone UTC. None: unreadable.

    `otherwise` is asked when the text has a shape we do not know.
    """
    usual = _usual(text)
    if usual is not None:
        return _plausible(usual)
    text = " ".join(text.split())[:100]
    if not text:
        return None
    for shape in _SHAPES:
        found = shape.fullmatch(text)
        if found:
            return _plausible(_moment(found))
    if otherwise is None or re.fullmatch(r"[\d\s/.:-]*", text):
        return None  # a shape of bare numbers means something else to everybody
    return _plausible(otherwise())


def _usual(text: str) -> datetime | None:
    return _usual_one(text) if len(text) < 40 else None


@lru_cache(64)  # many an item was updated when it was published
def _usual_one(text: str) -> datetime | None:
    try:
        if _RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
        found = _RFC_822.fullmatch(text)
        month = _MONTHS.get(found[2].lower(), 0) if found else 0
        if found is None or not month:
            return None
        day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if found[7]:
            offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
            moment += offset if found[7] == "-" else -offset
        return moment
    except (ValueError, OverflowError):
        return None


def _plausible(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and moment >= _OLDEST else None


def _moment(found: re.Match[str]) -> datetime | None:
    part = {name: value for name, value in found.groupdict().items() if value is not None}
    zone = _zone(part.get("zone", ""))
    month = int(part["month"]) if "month" in part else _MONTHS.get(part["name"][:3].lower(), 0)
    if zone is None:
        return None
    hour = _hour(int(part.get("hour", 0)), part.get("half", ""))
    year, next_day = int(part["year"]), timedelta()
    if hour == 24 and part.get("minute") == "00":  # ISO 8601's end of day
        hour, next_day = 0, timedelta(days=1)
    try:
        local = datetime(
            year + (0 if year > 99 else 2000 if year < 70 else 1900),
            month,
            int(part["day"]),
            hour,
            int(part.get("minute", 0)),
            min(int(part.get("second", 0)), 59),  # leap seconds
            tzinfo=zone,
        )
        return (local + next_day).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    return hour % 12 + (12 if half[0].lower() == "p" else 0)


def _zone(name: str) -> timezone | None:
    offset = _OFFSET.search(name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return None if minutes >= 24 * 60 else timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    hours = _ZONES.get(name.strip().lower())
    return None if hours is None else timezone(timedelta(hours=hours))
