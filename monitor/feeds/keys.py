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
from datetime import date
from typing import NamedTuple

from monitor import urls


class Marks(NamedTuple):
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
    """The keys by letter that an item may have to itself. A link to the feed's own site identifies nothing."""
    keys: dict[str, str] = {}
    guid_url, link = urls.canonical(marks.guid) if urls.is_web(marks.guid) else "", urls.canonical(marks.link)
    if marks.guid and not _is_site(guid_url, site):
        keys["g"] = "g" + digest(marks.guid)
        if guid_url:
            keys["n"] = "n" + urls.url_hash(marks.guid)
    if link and not _is_site(link, site):
        keys["l"] = "l" + urls.url_hash(marks.link)
    if not keys and marks.title:
        keys["d"] = "d" + digest(marks.title, marks.day.isoformat() if marks.day else "")
    return keys


def _is_site(url: str, site: str) -> bool:
    return bool(url) and (url == site or urls.is_site_root(url))


def document_keys(items: Sequence[Marks], site: str = "") -> list[Keys | None]:
    """For each item of a document its keys and its look-up-only keys; None for one that only repeats an earlier item.

    `site` is the URL the feed itself stands for.
    """
    site = urls.canonical(site)
    own = [_own_keys(marks, site) for marks in items]
    says = [digest(marks.title, marks.text) for marks in items]
    is_first = _first_sights(items, own, says)
    carried = Counter(key for keys, first in zip(own, is_first, strict=True) if first for key in keys.values())
    found: list[Keys | None] = []
    texts: set[str] = set()
    for text, keys, first in zip(says, own, is_first, strict=True):
        sole = [key for key in keys.values() if carried[key] == 1]
        found.append(_keys_of(text, sole, texts) if first else None)
    return found


def _first_sights(items: Sequence[Marks], own: Sequence[dict[str, str]], says: Sequence[str]) -> list[bool]:
    """For each item whether no earlier one equals it in guid, link, title and text (and day, with neither of those)."""
    seen: set[tuple[str, ...]] = set()
    firsts = []
    for marks, keys, text in zip(items, own, says, strict=True):
        sight = (keys.get("n") or marks.guid, keys.get("l") or marks.link, keys.get("d", ""), text)
        firsts.append(sight not in seen)
        seen.add(sight)
    return firsts


def _keys_of(text: str, sole: list[str], texts: set[str]) -> Keys | None:
    """`text` is the hash of title and text; `texts` collects the text keys given out: one stands for one entry."""
    if sole:
        stored = (*sole, "t" + text) if "t" + text not in texts else tuple(sole)
        texts.add("t" + text)
        return stored, ("s" + text,)
    if "s" + text in texts:
        return None
    texts.add("s" + text)
    return ("s" + text,), ("t" + text,)
