"""The keys that identify an entry: a set for each, any of which is enough to know it again.

Pure. Guids flip between http and https, links gain tracking parameters, guids change while the link stays. A guid or
link carried by two or more items of one document is no key in that document; such items are known by a hash of title
and text. A key is a letter and 32 hex digits:

g  guid, verbatim                         n  guid that is a URL, canonical
l  link, canonical                        d  title and day, where guid and link are missing
s  title and text of an item whose guid and link are shared (stored and looked up by such items, looked up by all)
t  title and text of any other item (stored by it, looked up by shared items: yesterday it may not have been shared)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from monitor import urls
from monitor.model import Entry


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


def with_keys(entry: Entry, keys: Keys) -> Entry:
    """The entry under these keys."""
    return replace(entry, keys=keys[0], lookup=keys[1])
