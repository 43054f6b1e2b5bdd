"""Housekeeping: what is too old is let go of, a page at a time, so that nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.store import feedback, feeds, retention, search
from monitor.store.engine import Connection, Database

PAGE = 500  # rows a transaction: a few milliseconds
MOST_PAGES = 200  # a run; the next run goes on
BREATH_S = 0.01  # between pages, so that polls and deliveries get their turn


class Retention(Protocol):
    """How long texts of entries are kept, and stories with their alerts (the settings say). Keys are kept for ever."""

    @property
    def entries(self) -> timedelta: ...

    @property
    def stories(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run let go of. `done` is False when there is more to do than one run does."""

    entries: int = 0
    storylines: int = 0
    deliveries: int = 0
    records: int = 0
    indexed: int = 0
    done: bool = True


def run(
    database: Database,
    keep: Retention,
    now: datetime,
    *,
    most_pages: int = MOST_PAGES,
    advance: Callable[[int], None] = lambda _: None,
) -> Pruned:
    """Prune, and index what search does not know yet, in short transactions of their own.

    `advance` hears how many entries and storylines each page let go of.

    Raises StoreError when the database cannot be used; what was pruned before stays pruned.
    """
    texts, stories = now - keep.entries, now - keep.stories
    pages = iter(range(most_pages))

    def every(page: Callable[[Connection], int]) -> int:
        return sum(_pages(database, pages, page, advance))

    entries = every(lambda conn: retention.prune_entries(conn, texts, now, PAGE))
    storylines = every(lambda conn: retention.prune_storylines(conn, stories, PAGE // 10))
    deliveries = every(lambda conn: retention.prune_deliveries(conn, texts, PAGE))
    indexed = sum(_pages(database, pages, lambda conn: search.catch_up(conn, PAGE // 4), lambda _: None))
    with database.write() as conn:
        records = retention.prune_records(conn, stories)
        feeds.forget_hosts(conn, now - timedelta(days=1))
        feedback.forget_presses(conn, now - timedelta(days=7))
    _optimise(database)
    return Pruned(entries, storylines, deliveries, records, indexed, done=next(pages, None) is not None)


def waiting(database: Database, keep: Retention, now: datetime) -> tuple[int, int]:
    """How many entries and storylines a run would prune."""
    with database.read() as conn:
        return retention.waiting(conn, now - keep.entries, now - keep.stories)


def _pages(
    database: Database, pages: Iterator[int], page: Callable[[Connection], int], advance: Callable[[int], None]
) -> Iterator[int]:
    for _ in pages:
        with database.write() as conn:
            count = page(conn)
        if not count:
            return
        advance(count)
        yield count
        time.sleep(BREATH_S)


def _optimise(database: Database) -> None:
    """Let SQLite renew its statistics, as its authors advise for long-lived programs; PostgreSQL does by itself."""
    if database.is_sqlite:
        with database.maintenance() as conn:
            conn.exec_driver_sql("PRAGMA analysis_limit=400")
            conn.exec_driver_sql("PRAGMA optimize")
