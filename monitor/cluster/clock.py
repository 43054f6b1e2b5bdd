"""The time that all workers agree on: the database server's, kept going by a local clock that nobody sets."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor import clock
from monitor.store import workers
from monitor.store.engine import Database


class SharedClock:
    """`now` is the server's time as of the last look, plus what passed since. A machine with a wrong clock works."""

    def __init__(self) -> None:
        self._seen = (clock.now(), clock.monotonic())

    def now(self) -> datetime:
        """The time by the server's clock."""
        at, then = self._seen
        return at + timedelta(seconds=clock.monotonic() - then)

    def look(self, database: Database) -> timedelta | None:
        """Ask the server for the time; how far its clock was set since the last look (None: it was not)."""
        before = clock.monotonic()
        with database.read() as conn:
            at = workers.clock(conn)
        after = clock.monotonic()
        moved = at - (self.now() - timedelta(seconds=(after - before) / 2))
        self._seen = (at, (before + after) / 2)
        return moved if abs(moved) > clock.STEP else None
