"""Entries: what the feeds said, and the keys that tell what was known before.

Keys outlive the texts of their entries (retention), so that an old item which comes back is not news.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select, text, update

from monitor import urls
from monitor.model import Entry
from monitor.store import search
from monitor.store.bulk import Bulk
from monitor.store.schema import entry as table
from monitor.store.schema import entry_key
from monitor.text import title_hash

_MANY = 500  # values in one IN list; databases and drivers take a few thousand


class Known(NamedTuple):
    """What a key was seen with: its entry, and the hash of the text then."""

    entry_id: int
    text_hash: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored. `revision` counts edits; a baseline entry never alerts; a pruned one lost its text."""

    id: int
    entry: Entry
    first_seen_at: datetime
    revised_at: datetime | None = None
    revision: int = 0
    baseline: bool = False
    pruned_at: datetime | None = None


def known(conn: Connection, feed_id: str, keys: Collection[str]) -> dict[str, Known]:
    """Those of the keys that the feed brought before."""
    if not keys:
        return {}
    if conn.dialect.name == "sqlite":
        found = conn.exec_driver_sql(_KNOWN_SQLITE, (feed_id, json.dumps([*keys])))
    else:
        found = conn.exec_driver_sql(_KNOWN_POSTGRESQL, (feed_id, [*keys]))
    return {key: Known(entry_id, text_hash) for key, entry_id, text_hash in found.all()}


def any_known(conn: Connection, feed_id: str) -> bool:
    """Whether the feed ever brought anything."""
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    found = conn.exec_driver_sql(f"SELECT 1 FROM entry_key WHERE feed_id = {mark} LIMIT 1", (feed_id,))  # noqa: S608
    return found.first() is not None


def add(conn: Connection, entries: Sequence[Entry], *, now: datetime, baseline: bool) -> list[int]:
    """Store new entries with their keys; ids in the order given. A key that another entry holds stays with it."""
    if not entries:
        return []
    ids = _reserve(conn, len(entries))
    _ROWS.insert(conn, [(id_, *_values(entry), now, 0, baseline) for id_, entry in zip(ids, entries, strict=True)])
    _KEYS.insert(
        conn,
        [
            (entry.feed_id, key, id_, entry.text_hash)
            for id_, entry in zip(ids, entries, strict=True)
            for key in entry.keys
        ],
    )
    search.later(conn, ids)
    return ids


def revise(conn: Connection, entry_id: int, entry: Entry, now: datetime) -> None:
    """Replace the text of an entry by an edited one, under all its keys old and new."""
    values = dict(zip(_WRITTEN, _values(entry), strict=True)) | {
        "revised_at": now,
        "revision": table.c.revision + 1,
        "pruned_at": None,
    }
    conn.execute(update(table).where(table.c.id == entry_id).values(values))
    conn.execute(update(entry_key).where(entry_key.c.entry_id == entry_id).values(text_hash=entry.text_hash))
    add_keys(conn, entry.feed_id, entry_id, entry.keys, entry.text_hash)
    search.later(conn, [entry_id])


def add_keys(conn: Connection, feed_id: str, entry_id: int, keys: Collection[str], text_hash: str) -> None:
    """Give an entry further keys; those that are taken stay with whom they belong to."""
    _KEYS.insert(conn, [(feed_id, key, entry_id, text_hash) for key in keys])


def get(conn: Connection, entry_id: int) -> StoredEntry | None:
    """One entry with its keys."""
    found = _stored(conn, conn.execute(_ENTRIES.where(table.c.id == entry_id)).all())
    return found[0] if found else None


def by_url(conn: Connection, url_hash: str) -> list[StoredEntry]:
    """Entries whose link leads to the page with this `urls.url_hash`, oldest first."""
    return _stored(conn, conn.execute(_ENTRIES.where(table.c.url_hash == url_hash).order_by(table.c.id)).all())


def iterate(conn: Connection, since: datetime | None, page: int = 500) -> Iterator[tuple[StoredEntry, ...]]:
    """Entries first seen since then, oldest first, in pages, without those that were pruned.

    On a reading connection only: between two pages it lets go of its view of the database, so that a long walk does
    not keep SQLite's write-ahead log from being folded back.
    """
    query = _ENTRIES.where(table.c.id > bindparam("after"), table.c.pruned_at.is_(None))
    if since is not None:
        query = query.where(table.c.first_seen_at >= since)
    query = query.order_by(table.c.id).limit(page)
    after = 0
    while rows := conn.execute(query, {"after": after}).all():
        after = rows[-1][0]
        found = _stored(conn, rows)
        conn.rollback()
        yield tuple(found)


def counts(conn: Connection) -> dict[str, int]:
    """Entries ever stored, by feed id."""
    query = select(table.c.feed_id, func.count()).group_by(table.c.feed_id)
    return {feed_id: count for feed_id, count in conn.execute(query)}  # noqa: C416  # rows, not pairs


def titles_seen(
    conn: Connection, feed_id: str, title_hashes: Collection[str], *, before: datetime | None = None
) -> set[str]:
    """Those of the title hashes that the feed brought (before then): a wholesale re-issue shows in them."""
    query = select(table.c.title_hash).where(table.c.feed_id == feed_id)
    if before is not None:
        query = query.where(table.c.first_seen_at < before)
    return {
        found for some in _batches(title_hashes) for found in conn.scalars(query.where(table.c.title_hash.in_(some)))
    }


_TEXTS = ("feed_id", "title", "summary", "content", "url", "author", "tags", "links", "published_at", "text_hash")
_TEXTS_OF: Callable[[Entry], tuple[Any, ...]] = attrgetter(*_TEXTS)
_STATE = ("first_seen_at", "revised_at", "revision", "baseline", "pruned_at")
_WRITTEN = (*_TEXTS, "title_hash", "url_hash")
_ROWS = Bulk(table, ("id", *_WRITTEN, "first_seen_at", "revision", "baseline"))
_KEYS = Bulk(entry_key, ("feed_id", "key", "entry_id", "text_hash"), "ON CONFLICT DO NOTHING")
# One parameter for all keys, and no statement made anew for each number of them: asked at every poll that brought news.
_KNOWN_SQLITE = (
    "SELECT key, entry_id, text_hash FROM entry_key WHERE feed_id = ? AND key IN (SELECT value FROM json_each(?))"
)
_KNOWN_POSTGRESQL = "SELECT key, entry_id, text_hash FROM entry_key WHERE feed_id = %s AND key = ANY(%s)"
_ENTRIES = select(table.c.id, *(table.c[name] for name in (*_TEXTS, *_STATE)))


def _batches(values: Collection[str]) -> Iterator[Sequence[str]]:
    ordered = list(dict.fromkeys(values))
    return (ordered[start : start + _MANY] for start in range(0, len(ordered), _MANY))


def _reserve(conn: Connection, count: int) -> list[int]:
    """Ids for rows to come, so that they are inserted in one call and their keys in another.

    SQLite: nobody else writes during our transaction. PostgreSQL: a sequence hands out each number once.
    """
    if conn.dialect.name == "sqlite":
        last = conn.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").scalar() or 0
        return list(range(last + 1, last + 1 + count))
    query = text("SELECT nextval(pg_get_serial_sequence('entry', 'id')) FROM generate_series(1, :count)")
    return list(conn.scalars(query, {"count": count}))


def _values(entry: Entry) -> tuple[Any, ...]:
    return (
        *_TEXTS_OF(entry),
        entry.title_hash or title_hash(entry.title),
        entry.url_hash or (urls.url_hash(entry.url) if entry.url else ""),
    )


def _stored(conn: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[StoredEntry]:
    keys = _keys(conn, [row[0] for row in rows])
    return [_entry(row, tuple(keys.get(row[0], ()))) for row in rows]


def _keys(conn: Connection, ids: Sequence[int]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = select(entry_key.c.entry_id, entry_key.c.key)
    for start in range(0, len(ids), _MANY):
        some = ids[start : start + _MANY]
        for entry_id, key in conn.execute(query.where(entry_key.c.entry_id.in_(some)).order_by(entry_key.c.key)):
            found[entry_id].append(key)
    return found


def _entry(row: Row[*tuple[Any, ...]], keys: tuple[str, ...]) -> StoredEntry:
    texts = dict(zip(_TEXTS, row[1 : 1 + len(_TEXTS)], strict=True))
    texts |= {"tags": tuple(texts["tags"]), "links": tuple(texts["links"])}
    return StoredEntry(row[0], Entry(keys=keys, **texts), *row[1 + len(_TEXTS) :])
