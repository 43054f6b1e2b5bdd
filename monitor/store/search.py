"""Full-text search over entries, for people.

Words are those of monitor.text, so that search reads a text as rules do: on SQLite an FTS5 table holds them, on
PostgreSQL a tsvector with a GIN index. Neither table is in schema.py: FTS5 makes tables of its own beside its own
(https://www.sqlite.org/fts5.html), which no model describes.

Indexing an entry costs as much as storing it. So a poll only notes which entries are to be indexed (`later`), and
housekeeping does it (`catch_up`) a little later, when nobody waits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from monitor.store.bulk import Bulk
from monitor.store.schema import entry, story_entry, unsearched
from monitor.text import words

MOST = 4000  # characters of a text that are indexed, its title and summary first: what an article says, it says early
_LONGEST = 100  # letters of a word; longer ones are encoded data, and PostgreSQL takes none above 2 KB
_TYPED = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after the other. `prefix`: the last may go on; `excluded`: no entry with them is wanted."""

    words: tuple[str, ...]
    prefix: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry that was found, and the story it tells, if any."""

    id: int
    feed_id: str
    title: str
    summary: str
    content: str
    url: str
    published_at: datetime | None
    first_seen_at: datetime
    story_id: int | None


_NOTED = Bulk(unsearched, ("entry_id",), "ON CONFLICT DO NOTHING")


def terms(typed: str) -> tuple[Term, ...]:
    """What a person typed: words, "phrases", beginnings of words with a star, and -words that must not stand there."""
    found = []
    for minus, phrase, word in _TYPED.findall(typed[:500]):
        spelt = tuple(one for one in words(phrase or word) if len(one) <= _LONGEST)
        if spelt:
            found.append(Term(spelt, prefix=word.endswith("*"), excluded=bool(minus)))
    return tuple(found[:20])


def find(conn: Connection, wanted: Sequence[Term], *, limit: int = 50, before: int | None = None) -> list[FoundEntry]:
    """Entries with all of the terms, the latest first; those with an id below `before` when that is given."""
    if not any(not term.excluded for term in wanted):
        return []
    if conn.dialect.name == "sqlite":
        match, query = "entry_search MATCH :query", _fts5(wanted)
        key = "rowid"
    else:
        match, query = "words @@ CAST(:query AS tsquery)", _tsquery(wanted)
        key = "entry_id"
    later = f"AND {key} < :before" if before is not None else ""
    statement = f"SELECT {key} FROM entry_search WHERE {match} {later} ORDER BY {key} DESC LIMIT :limit"  # noqa: S608  # ours
    values = {"query": query, "limit": limit} | ({"before": before} if before is not None else {})
    return _entries(conn, list(conn.scalars(text(statement), values)))


def later(conn: Connection, ids: Sequence[int]) -> None:
    """Note that the texts of these entries are new, or changed."""
    _NOTED.insert(conn, [(id_,) for id_ in ids])


def catch_up(conn: Connection, limit: int) -> int:
    """Index up to `limit` entries that were noted, the latest first; how many there were."""
    noted = select(unsearched.c.entry_id).order_by(unsearched.c.entry_id.desc()).limit(limit)
    ids = list(conn.scalars(noted.with_for_update(skip_locked=True)))
    if ids:
        texts = select(entry.c.id, entry.c.title, entry.c.summary, entry.c.content)
        rows = conn.execute(texts.where(entry.c.id.in_(ids), entry.c.pruned_at.is_(None))).all()
        forget(conn, ids)
        _index(conn, [(row.id, _words(" ".join(row[1:]))) for row in rows])
        conn.execute(delete(unsearched).where(unsearched.c.entry_id.in_(ids)))
    return len(ids)


def _index(conn: Connection, rows: Sequence[tuple[int, list[str]]]) -> None:
    if conn.dialect.name == "sqlite":
        statement = "INSERT INTO entry_search (rowid, words) VALUES (?, ?)"
        values = [(id_, " ".join(spelt)) for id_, spelt in rows]
    else:
        statement = "INSERT INTO entry_search (entry_id, words) VALUES (%s, CAST(%s AS tsvector))"
        values = [(id_, _tsvector(spelt)) for id_, spelt in rows]
    if values:
        conn.exec_driver_sql(statement, values)


def forget(conn: Connection, ids: Sequence[int]) -> None:
    """Find these entries no more: their texts changed, or are gone."""
    if not ids:
        return
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("DELETE FROM entry_search WHERE rowid = ?", [(id_,) for id_ in ids])
    else:
        conn.exec_driver_sql("DELETE FROM entry_search WHERE entry_id = ANY(%s)", (list(ids),))


def _words(told: str) -> list[str]:
    return [one for one in words(told[:MOST]) if len(one) <= _LONGEST]


def _tsvector(spelt: Sequence[str]) -> str:
    # Words are letters and digits, and points between digits: nothing in them needs an escape.
    return " ".join(f"'{one}':{position}" for position, one in enumerate(spelt, 1))


def _tsquery(wanted: Sequence[Term]) -> str:
    def one(term: Term) -> str:
        chain = " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "")
        return f"!({chain})" if term.excluded else f"({chain})"

    return " & ".join(map(one, wanted))


def _fts5(wanted: Sequence[Term]) -> str:
    def one(term: Term) -> str:
        return '"' + " ".join(term.words) + '"' + (" *" if term.prefix else "")

    asked = " AND ".join(one(term) for term in wanted if not term.excluded)
    unwanted = " OR ".join(one(term) for term in wanted if term.excluded)
    return f"({asked}) NOT ({unwanted})" if unwanted else asked


def _entries(conn: Connection, ids: Sequence[int]) -> list[FoundEntry]:
    columns = (entry.c.id, entry.c.feed_id, entry.c.title, entry.c.summary, entry.c.content, entry.c.url)
    query = (
        select(*columns, entry.c.published_at, entry.c.first_seen_at, story_entry.c.story_id)
        .outerjoin(story_entry, story_entry.c.entry_id == entry.c.id)
        .where(entry.c.id.in_(list(ids)))
        .order_by(entry.c.id.desc())
    )
    return [FoundEntry(*row) for row in conn.execute(query)]
