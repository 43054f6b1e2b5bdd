"""Which entries are known: keys that identify an entry, and the verdict new, revised or same.

Pure. An entry has a set of keys and is known when any of them is: guids flip between http and https, links gain
tracking parameters, guids change while the link stays. A guid or link carried by two or more items of one document is
no key in that document; such items are known by a hash of title and text. A key is a letter and 32 hex digits:

g  guid, verbatim                         n  guid that is a URL, canonical
l  link, canonical                        d  title and day, where guid and link are missing
s  title and text of an item whose guid and link are shared (stored and looked up by such items, looked up by all)
t  title and text of any other item (stored by it, looked up by shared items: yesterday it may not have been shared)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import AfterValidator, WithJsonSchema

from monitor import urls
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


@dataclass(frozen=True, slots=True)
class Marks:
    """What an item says of its identity: guid verbatim, absolute link, title and text as cleaned, day if any."""

    guid: str
    link: str
    title: str
    text: str
    day: date | None = None


Keys = tuple[tuple[str, ...], tuple[str, ...]]  # to store, and more to look for


def digest(*parts: str) -> str:
    """32 hex digits of the parts."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def text_hash(title: str, *texts: str) -> str:
    """Tells an edit: 32 hex digits of what a reader sees."""
    return digest(title, *texts)


def _own_keys(marks: Marks, site: str) -> dict[str, str]:
    """The guid and link keys of an item by letter. A link to the feed's own site identifies nothing."""
    keys: dict[str, str] = {}
    guid_url, link = urls.canonical(marks.guid), urls.canonical(marks.link)
    if marks.guid and not _is_site(guid_url, site):
        keys["g"] = "g" + digest(marks.guid)
        if guid_url:
            keys["n"] = "n" + digest(guid_url)
    if link and not _is_site(link, site):
        keys["l"] = "l" + digest(link)
    return keys


def _is_site(url: str, site: str) -> bool:
    return bool(url) and (url == site or urls.is_site_root(url))


def _text_key(letter: str, marks: Marks) -> str:
    return letter + digest(marks.title, marks.text)


def document_keys(items: Sequence[Marks], site: str = "") -> list[Keys | None]:
    """For each item of a document its keys and its look-up-only keys; None for one that only repeats an earlier item.

    `site` is the URL the feed itself stands for.
    """
    site = urls.canonical(site)
    own = [_own_keys(marks, site) for marks in items]
    seen: set[tuple[object, ...]] = set()
    first: list[bool] = []
    for marks, keys in zip(items, own, strict=True):
        guid = keys.get("n") or marks.guid
        sight = (guid, keys.get("l") or marks.link, marks.title, marks.text)
        first.append(sight not in seen)
        seen.add(sight)
    carried = Counter(key for keys, is_first in zip(own, first, strict=True) if is_first for key in keys.values())
    found: list[Keys | None] = []
    texts: set[str] = set()
    for marks, keys, is_first in zip(items, own, first, strict=True):
        sole = [key for key in keys.values() if carried[key] == 1]
        found.append(_keys_of(marks, sole, texts, shared=bool(keys)) if is_first else None)
    return found


def _keys_of(marks: Marks, sole: list[str], texts: set[str], *, shared: bool) -> Keys | None:
    """`texts` collects the text keys given out: one text stands for one entry of the document."""
    as_shared, as_own = _text_key("s", marks), _text_key("t", marks)
    if sole:
        stored = (*sole, as_own) if as_own not in texts else tuple(sole)
        texts.add(as_own)
        return stored, (as_shared,)
    if shared or not (marks.title or marks.day):
        key, lookup = as_shared, [as_own]
    else:
        key, lookup = "d" + digest(marks.title, marks.day.isoformat() if marks.day else ""), []
    if key in texts:
        return None
    texts.add(key)
    return (key,), tuple(lookup)


def lookup_keys(entries: Iterable[Entry]) -> set[str]:
    """Every key to ask the store for before `identify`."""
    return {key for entry in entries for key in (*entry.keys, *entry.lookup)}


def _asked(entry: Entry) -> Iterable[str]:
    """The keys under which an entry is looked for, the most certain first. Key `t` is stored for shared items only."""
    is_shared = any(key[0] in "sd" for key in entry.keys)
    yield from (key for key in entry.keys if is_shared or key[0] != "t")
    yield from entry.lookup


def identify(entries: Iterable[Entry], known: Mapping[str, Known]) -> tuple[Identified, ...]:
    """The verdict on every entry of a document, in its order. `known` answers for `lookup_keys(entries)`.

    Two entries of a document are never one known entry, unless they read the same or nothing else is left of one.
    """
    taken: set[int] = set()
    return tuple(_judge(entry, known, taken) for entry in entries)


def _judge(entry: Entry, known: Mapping[str, Known], taken: set[int]) -> Identified:
    matches = [known[key] for key in _asked(entry) if key in known]
    free = tuple(key for key in entry.keys if key not in known)
    match = next((match for match in matches if match.entry_id not in taken), matches[0] if matches else None)
    if match is None:
        return Identified(replace(entry, keys=free), Verdict.NEW, None, free)
    same = match.text_hash == entry.text_hash
    if match.entry_id in taken and not same:
        if free:
            return Identified(replace(entry, keys=free), Verdict.NEW, None, free)
        same = True
    taken.add(match.entry_id)
    return Identified(entry, Verdict.SAME if same else Verdict.REVISED, match.entry_id, free)


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
    """Whether an entry is older than `max_age` before the last successful poll (now, when there was none)."""
    return entry.published_at is not None and entry.published_at < (last_success_at or now) - policy.max_age


def is_reissue(new: int, seen_titles: int) -> bool:
    """Whether `new` entries of one document, of which so many carry titles known from this feed, are a re-issue."""
    return seen_titles >= 5 and seen_titles * 2 >= new
