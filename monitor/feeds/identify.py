"""Which entries are known, and whether they read differently now: the verdict new, revised or same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import AfterValidator, WithJsonSchema

from monitor.feeds.headers import http_date
from monitor.model import Entry
from monitor.yamlfile import Duration


class Known(Protocol):
    """What the store knows under a key."""

    @property
    def entry_id(self) -> int: ...
    @property
    def text_hash(self) -> str: ...


class Verdict(StrEnum):
    NEW = "new"
    REVISED = "revised"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Identified:
    """An entry with its verdict. `new_keys` are those to store beside the known entry's (all of a new entry's)."""

    entry: Entry
    verdict: Verdict
    entry_id: int | None
    new_keys: tuple[str, ...]


def lookup_keys(entries: Iterable[Entry]) -> set[str]:
    """Every key to ask the store for before `identify`."""
    return {key for entry in entries for key in (*entry.keys, *entry.lookup)}


def _matches(entry: Entry, known: Mapping[str, Known]) -> list[Known]:
    """The known entries this may be, the most certain first. Key `t` finds shared items only, by their text."""
    is_shared = any(key[0] == "s" for key in entry.keys)
    asked = [key for key in entry.keys if is_shared or key[0] != "t"]
    return [known[key] for key in (*asked, *entry.lookup) if key in known]


def identify(entries: Sequence[Entry], known: Mapping[str, Known]) -> tuple[Identified, ...]:
    """The verdict on every entry of a document, in its order. `known` answers for `lookup_keys(entries)`.

    Two entries of a document are never one known entry, unless nothing is left to tell them apart; the one that reads
    as it did before, or whose guid it is, comes first.
    """
    if not known:
        return tuple([Identified(entry, Verdict.NEW, None, entry.keys) for entry in entries])
    matches = [_matches(entry, known) for entry in entries]
    judged: dict[int, Identified] = {}
    taken: set[int] = set()
    for n in sorted(range(len(entries)), key=lambda n: _doubt(entries[n], matches[n], known)):
        judged[n] = _judge(entries[n], matches[n], known, taken)
    return tuple(judged[n] for n in range(len(entries)))


def _doubt(entry: Entry, matches: list[Known], known: Mapping[str, Known]) -> int:
    """0: a match reads the same; 1: the guid is known; 2: another key is."""
    if any(match.text_hash == entry.text_hash for match in matches):
        return 0
    return 1 if entry.keys[:1] and entry.keys[0] in known else 2


def _judge(entry: Entry, matches: list[Known], known: Mapping[str, Known], taken: set[int]) -> Identified:
    free = tuple(key for key in entry.keys if key not in known)
    match = next((match for match in matches if match.entry_id not in taken), matches[0] if matches else None)
    if match is None:
        return _new(entry, free)
    same = match.text_hash == entry.text_hash
    if match.entry_id in taken and not same:
        if free:
            return _new(entry, free)
        same = True
    taken.add(match.entry_id)
    return Identified(entry, Verdict.SAME if same else Verdict.REVISED, match.entry_id, free)


def _new(entry: Entry, free: tuple[str, ...]) -> Identified:
    own = entry if len(free) == len(entry.keys) else replace(entry, keys=free)
    return Identified(own, Verdict.NEW, None, free)


# ---- settings of `entries:` and what follows from them


def _backfill(text: str) -> str:
    word, _, rest = text.partition(" ")
    if text == "none" or (word == "latest" and rest.isdecimal() and int(rest) > 0):
        return text
    if word == "since":
        try:
            date.fromisoformat(rest)
        except ValueError:
            pass
        else:
            return text
    raise ValueError("none, latest N or since YYYY-MM-DD is wanted")


Backfill = Annotated[
    str,
    AfterValidator(_backfill),
    WithJsonSchema({"type": "string", "pattern": r"^(none|latest [1-9]\d*|since \d{4}-\d{2}-\d{2})$"}),
]


@dataclass(frozen=True, slots=True)
class EntryPolicy:
    """Which entries may alert. `max_age` counts from the feed's last successful poll; `backfill` is about the first."""

    max_age: Duration = timedelta(days=3)
    backfill: Backfill = "none"


def backfilled(entries: Sequence[Entry], policy: EntryPolicy) -> frozenset[int]:
    """Which entries (by position) of a feed's first document may alert all the same."""
    word, _, rest = policy.backfill.partition(" ")
    if word == "latest":
        dated = [(entry.published_at.timestamp() if entry.published_at else None) for entry in entries]
        order = sorted(range(len(entries)), key=lambda n: (dated[n] is None, -(dated[n] or 0), n))
        return frozenset(order[: int(rest)])
    if word == "since":
        since = date.fromisoformat(rest)
        return frozenset(n for n, e in enumerate(entries) if e.published_at and e.published_at.date() >= since)
    return frozenset()


def too_old(entry: Entry, policy: EntryPolicy, last_success_at: datetime | None, now: datetime) -> bool:
    """Whether an entry is older than `max_age` before the last successful poll (now, when there was none).

    A poll that lies ahead was made by a clock that was wrong then.
    """
    last = min(last_success_at or now, now)
    return entry.published_at is not None and entry.published_at < last - policy.max_age


def righted(at: datetime, date: str, steps: timedelta) -> datetime:
    """The time without the steps that our clock was set by, when a server's clock says that they led it astray."""
    before = at - steps
    return before if clocks_differ(date, at) and not clocks_differ(date, before) else at


def clocks_differ(date: str, now: datetime) -> bool:
    """Whether a server's clock (its answer's `Date`) and ours are more than a day apart, so that one is wrong.

    Nobody can tell then how old a dated entry is; a header that is missing or unreadable tells nothing.
    """
    theirs = http_date(date)
    return theirs is not None and abs(now - theirs) > timedelta(days=1)


def clocks_agree(date: str, now: datetime) -> bool:
    """Whether a server said what time it is, and ours is not far from it."""
    return http_date(date) is not None and not clocks_differ(date, now)


def is_reissue(new: int, seen_titles: int) -> bool:
    """Whether `new` entries of one document, of which so many carry titles known from this feed, are a re-issue."""
    return seen_titles >= 5 and seen_titles * 2 >= new
