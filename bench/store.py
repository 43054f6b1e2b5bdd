"""What storing polls costs, beside the floor that sqlite3 itself sets. Run: `python bench/store.py [polls]`.

A poll is one transaction: look up the keys of 25 items, fence and save the feed's state, and (cold) insert the 25
entries with two keys each, or (warm) nothing else. Times are milliseconds a poll, the best of three rounds.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from monitor.model import Entry, Feed
from monitor.store import entries, feeds
from monitor.store.engine import Connection, Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ITEMS = 25


def document(feed: str, number: int) -> list[Entry]:
    """25 entries of about 1 KB, hashed as they come from a worker."""
    return [
        Entry(
            feed_id=feed,
            keys=(f"g{number:020d}{item:012d}", f"l{number:020d}{item:012d}"),
            title=f"A laboratory weighs what to do with model {number}-{item}",
            summary="A summary of what is known so far. " * 6,
            content="The whole of the text, as far as the feed carries it. " * 14,
            url=f"https://example.org/{feed}/{number}/{item}",
            tags=("ai", "licence"),
            published_at=NOW,
            text_hash=f"{item:032d}",
            title_hash=f"{number * 100 + item:032d}",
            url_hash=f"{number * 100 + item:032d}",
        )
        for item in range(ITEMS)
    ]


def timed(polls: int, work: Callable[[int], None]) -> float:
    """Milliseconds a poll."""
    start = time.perf_counter()
    for number in range(polls):
        work(number)
    return (time.perf_counter() - start) * 1000 / polls


class Floor:
    """The same rows with sqlite3 alone, statements written out, values already converted."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous=FULL")
        names = [
            row[1] for row in self.db.execute("PRAGMA table_info(entry)") if row[1] not in ("revised_at", "pruned_at")
        ]
        self.insert = f"INSERT INTO entry ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        self.at = "2026-03-01 00:00:00.000000"

    def poll(self, some: list[Entry], *, cold: bool) -> None:
        keys = [key for entry in some for key in entry.keys]
        self.db.execute("BEGIN IMMEDIATE")
        marks = ", ".join("?" * len(keys))
        self.db.execute(
            f"SELECT key, entry_id, text_hash FROM entry_key WHERE feed_id = ? AND key IN ({marks})",
            [some[0].feed_id, *keys],
        ).fetchall()
        self.db.execute(
            "UPDATE feed SET poll_seq = poll_seq + 1, next_poll_at = ?, etag = ? WHERE id = ?",
            (self.at, '"e"', some[0].feed_id),
        )
        if cold:
            self._insert(some)
        self.db.execute("COMMIT")

    def _insert(self, some: list[Entry]) -> None:
        last = (self.db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone() or [0])[0]
        rows = [
            (
                last + n,
                e.feed_id,
                e.title,
                e.summary,
                e.content,
                e.url,
                e.author,
                '["ai", "licence"]',
                "[]",
                self.at,
                self.at,
                0,
                e.text_hash,
                e.title_hash,
                e.url_hash,
                0,
            )
            for n, e in enumerate(some, 1)
        ]
        self.db.executemany(self.insert, rows)
        self.db.executemany(
            "INSERT INTO entry_key VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(e.feed_id, key, last + n, e.text_hash) for n, e in enumerate(some, 1) for key in e.keys],
        )


def poll(conn: Connection, some: list[Entry], *, cold: bool) -> None:
    """One poll through the store, as monitor/poll/commit.py does it."""
    [feed_id] = {entry.feed_id for entry in some}
    state = feeds.get(conn, feed_id)
    assert state is not None
    entries.known(conn, feed_id, [key for entry in some for key in entry.keys])
    assert feeds.save(conn, replace(state, next_poll_at=NOW, etag='"e"'), state.poll_seq)
    if cold:
        entries.add(conn, some, now=NOW, baseline=False)


def opened(directory: Path, name: str) -> Database:
    """A fresh database with one feed."""
    database = Database(f"sqlite:///{directory / name}")
    database.upgrade()
    with database.write() as conn:
        feeds.sync_feeds(conn, [Feed("wire", "https://example.org/feed")], lambda _: NOW, NOW)
    return database


def measure(directory: Path, polls: int, batch: int, *, cold: bool) -> tuple[float, float]:
    """Milliseconds a poll: the floor, and the store with `batch` polls in a transaction."""
    name = f"{cold}-{batch}-{time.monotonic_ns()}"
    database = opened(directory, name + ".db")
    opened(directory, name + "-floor.db").close()
    floor = Floor(directory / (name + "-floor.db"))
    documents = [document("wire", number) for number in range(polls)]

    def store(number: int) -> None:
        with database.write() as conn:
            for some in documents[number * batch : (number + 1) * batch]:
                poll(conn, some, cold=cold)

    low = timed(polls, lambda number: floor.poll(documents[number], cold=cold))
    high = timed(polls // batch, store) / batch
    database.close()
    return low, high


def main(polls: int = 400) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as directory:
        print(f"{'':24}{'sqlite3':>10}{'store':>10}{'store, 50 a commit':>22}   ms a poll of {ITEMS} items")
        for cold in (True, False):
            rounds = [
                (measure(Path(directory), polls, 1, cold=cold), measure(Path(directory), polls, 50, cold=cold))
                for _ in range(3)
            ]
            floor, single = (min(one[column] for one, _ in rounds) for column in (0, 1))
            batched = min(many[1] for _, many in rounds)
            print(f"{'cold (all new)' if cold else 'warm (all known)':24}{floor:10.2f}{single:10.2f}{batched:22.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
