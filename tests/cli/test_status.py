"""`status` on a terminal: all of it on one screen."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import clock
from monitor.model import Feed
from monitor.store import facts, feeds
from monitor.store.engine import Database
from tests.configured import write


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A service of 30 feeds of which none can be reached."""
    now, ids = clock.now(), [f"some-laboratory-{n}" for n in range(30)]
    listed = "".join(f"  - {{id: {one}, url: 'https://{one}.example/feed'}}\n" for one in ids)
    database = Database(f"sqlite:///{tmp_path}/var/licensewatch.db")
    database.upgrade()
    with database.write() as conn:
        facts.set(conn, "last_tick", now.isoformat(), now)
        feeds.sync_feeds(conn, [Feed(one, f"https://{one}.example/feed") for one in ids], lambda _: now, now)
        for state in feeds.states(conn).values():
            error = f"dns: the name {state.feed_id}.example does not resolve"
            after = replace(state, failures=9, failing_since=now - timedelta(hours=9), last_poll_at=now)
            assert feeds.save(conn, replace(after, last_error=error), state.poll_seq)
    database.close()
    return write(tmp_path, feeds=f"feeds:\n{listed}")


def on_a_terminal(*command: str | Path) -> list[str]:
    """The lines that a terminal of 80 columns and 24 lines shows, cursor line included."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = kept | {"COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", "TERM": "dumb"}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(command, stdout=theirs, stderr=theirs, env=env, timeout=60, check=True)
        os.close(theirs)
        assert done.returncode == 0
        return screen.read(64_000).decode().split("\r\n")


def test_status_fits_a_screen_when_every_feed_fails(config: Path) -> None:
    """The worst hour is when it is read: 24 lines of 80 characters, and what is left out is said."""
    lines = on_a_terminal(sys.executable, "-m", "monitor.cli.main", "--config", config, "status")
    assert len(lines) <= 24, lines
    assert max(map(len, lines)) <= 80, lines
    assert sum("dns: the name" in line for line in lines) == 5
    assert any("and 25 more" in line for line in lines)
    assert any("every feed fails" in line for line in lines)


def test_what_ticks_no_more_is_not_called_dead(config: Path) -> None:
    """The process may hang, or wait for its database: `systemctl status` calls that active."""
    with sqlite3.connect(config.parent / "var" / "licensewatch.db") as conn:
        conn.execute("UPDATE fact SET at = datetime(at, '-2 minutes') || '.000000' WHERE name = 'last_tick'")
    conn.close()
    lines = on_a_terminal(sys.executable, "-m", "monitor.cli.main", "--config", config, "status")
    assert lines[0].startswith("nothing ticks (last tick 20")
    assert "hangs" in " ".join(lines)
