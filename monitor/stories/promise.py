"""When a promise falls due: "open weights next week", "by the end of June", "in six months".

A storyline that holds a promise stays awake until it is due. What cannot be read gives nothing, never a guess.
Seasons are those of the northern half, where these outlets write; "winter" ends in February.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

_NUMBERS = {
    word: number
    for number, words in enumerate(
        ("", "a an one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
    for word in words.split()
} | {"few": 4, "couple": 2, "coming": 4, "next": 4, "several": 6}
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905  # a list of words reads better so
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905  # as above
_SEASONS = {"spring": 5, "summer": 8, "autumn": 11, "fall": 11, "winter": 2}  # their last months
_QUARTERS = {
    word: number * 3
    for number, words in enumerate(("", "1 first", "2 second", "3 third", "4 fourth"))
    for word in words.split()
}
_SPAN = re.compile(
    r"\b(?:in|within|over|by)\s+(?:about|around|roughly|the|a)?\s*(?P<count>\d{1,2}|[a-z]+)\s+(?:of\s+)?"
    r"(?P<unit>day|week|month|year)s?\b"
)
_LATER = re.compile(r"\b(?P<count>\d{1,2}|[a-z]+)\s+(?P<unit>day|week|month|year)s?\s+later\b")
_PART = re.compile(
    rf"\b(?:by|in|this|next|until|before|of)\s+(?:the\s+)?(?:(?P<season>{'|'.join(_SEASONS)})|q(?P<q>[1-4])"
    rf"|(?P<nth>first|second|third|fourth)\s+quarter)(?:\s+(?:of\s+)?(?P<year>20\d\d))?\b"
)
_END = re.compile(
    r"\b(?:by|before|until|at)\s+(?:the\s+)?(?:end\s+of\s+(?:the|this)\s+(?P<unit>week|month|year)|year[- ]end)\b"
)
_AHEAD = re.compile(
    r"\b(?:will|shall|plan(?:s|ned)?|promis(?:es|ed)|expect(?:s|ed)|due|to be|coming|comes|goes|arrives?|follows?"
    r"|scheduled|slated|set to|takes? effect)\b"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NEXT = re.compile(r"\b(?P<which>next|this|later this)\s+(?P<unit>week|month|year)\b")
_DATE = re.compile(
    rf"\b(?P<word>by|on|in|until|before|from)\s+(?:the\s+)?(?:(?:end|beginning|middle|start)\s+of\s+"
    rf"|(?:mid|early|late)[\s-]+)?"
    rf"(?P<month>{'|'.join(_MONTHS)})(?:\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?)?(?:,?\s+(?P<year>20\d\d))?\b"
)
_WEEKDAY = re.compile(rf"\b(?:on|by|this|next)\s+(?P<day>{'|'.join(_WEEKDAYS)})\b")
_TOMORROW = re.compile(r"\btomorrow\b")
_LONGEST = timedelta(days=400)


def due_at(text: str, now: datetime) -> datetime | None:
    """The end of the period a text promises something for, counted from `now`; the latest of several, or None."""
    small = text.casefold()
    found = [*_spans(small, now), *_calendar(small, now), *_parts(small, now)]
    ahead = [due for due in found if now < due <= now + _LONGEST]
    return max(ahead, default=None)


def sentences_ahead(text: str) -> str:
    """The sentences of a text that speak of what is to come: what else it dates is no promise."""
    return " ".join(one for one in _SENTENCE.split(text) if _AHEAD.search(one.casefold()))


def _spans(text: str, now: datetime) -> list[datetime]:
    found = [now + timedelta(days=1)] if _TOMORROW.search(text) else []
    for match in (*_SPAN.finditer(text), *_LATER.finditer(text)):
        count = int(match["count"]) if match["count"].isdigit() else _NUMBERS.get(match["count"], 0)
        if count:
            found.append(now + timedelta(days=count * _DAYS[match["unit"]]))
    return found + [_end_of(match["unit"], now, ahead=match["which"] == "next") for match in _NEXT.finditer(text)]


def _parts(text: str, now: datetime) -> Iterator[datetime]:
    """Ends of seasons, quarters, and of the week, month or year under way."""
    for match in _PART.finditer(text):
        month = _SEASONS[match["season"]] if match["season"] else _QUARTERS[match["q"] or match["nth"]]
        yield _last_day(now, int(match["year"]) if match["year"] else now.year + (month < now.month), month)
    for match in _END.finditer(text):
        yield _end_of(match["unit"] or "year", now, ahead=False)


def _end_of(unit: str, now: datetime, *, ahead: bool) -> datetime:
    if unit == "week":
        return now + timedelta(days=6 - now.weekday() + 7 * ahead)
    if unit == "year":
        return now.replace(year=now.year + ahead, month=12, day=31)
    month = now.month + ahead
    return _last_day(now, now.year + (month > 12), (month - 1) % 12 + 1)


def _calendar(text: str, now: datetime) -> list[datetime]:
    found = []
    for match in _WEEKDAY.finditer(text):
        away = (_WEEKDAYS.index(match["day"]) - now.weekday()) % 7 or 7
        found.append(now + timedelta(days=away))
    for match in _DATE.finditer(text):
        month = _MONTHS.index(match["month"]) + 1
        if month == 5 and not match["day"] and match["word"] not in {"by", "in", "until"}:
            continue  # "may" is seldom the month
        year = int(match["year"]) if match["year"] else now.year + (month < now.month)
        end = _last_day(now, year, month)
        found.append(end.replace(day=min(int(match["day"]), end.day)) if match["day"] and int(match["day"]) else end)
    return found


def _last_day(now: datetime, year: int, month: int) -> datetime:
    following = now.replace(year=year + (month == 12), month=month % 12 + 1, day=1)
    return following - timedelta(days=1)
