"""Copies of a database that is in use."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.model import Entry
from monitor.store import entries, facts
from monitor.store.backup import backup
from monitor.store.engine import Database

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def quiet(left: int, total: int) -> None:
    """Nobody watches."""


def fill(database: Database, count: int = 500) -> None:
    some = [Entry("wire", (f"k{number}",), "title", content="x" * 20_000) for number in range(count)]
    with database.write() as conn:
        entries.add(conn, some, now=NOW, baseline=False)


def test_a_copy_made_beside_a_busy_writer_is_one_state_and_works(sqlite_database: Database, tmp_path: Path) -> None:
    """Every commit of the writer sets two facts to one number; the copy holds equal ones, and can be worked with."""
    fill(sqlite_database)
    stop = threading.Event()
    written = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with sqlite_database.write() as conn:
                facts.set(conn, "first", number, NOW)
                facts.set(conn, "second", number, NOW)
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    assert sqlite_database.path is not None
    seen: list[tuple[int, int]] = []
    try:
        size = backup(sqlite_database.path, tmp_path / "copy.db", lambda left, total: seen.append((left, total)))
    finally:
        stop.set()
        writer.join()
    assert size > 10_000_000
    assert seen[-1][0] == 0
    assert len(written) > 5
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    copy.check()
    with copy.write() as conn:
        assert facts.get(conn, "first") == facts.get(conn, "second")
        assert entries.counts(conn) == {"wire": 500}
        facts.set(conn, "third", 1, NOW)
    copy.close()
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]


def test_a_backup_never_replaces_a_file(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    assert sqlite_database.path is not None
    with pytest.raises(StoreError, match=r"copy.db exists\. A backup never replaces a file"):
        backup(sqlite_database.path, tmp_path / "copy.db", quiet)
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_place_that_cannot_be_written_is_a_sentence(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert sqlite_database.path is not None
    with pytest.raises(StoreError, match=r"backup .*copy.db cannot be written"):
        backup(sqlite_database.path, tmp_path / "file" / "copy.db", quiet)


def test_a_full_disk_is_mended_and_the_command_run_again(sqlite_database: Database, tmp_path: Path) -> None:
    """Nothing of a command goes on by itself."""
    assert sqlite_database.path is not None
    with pytest.raises(StoreError, match=r"disk .* is full\. Free some space; then run it again\.$"):
        backup(sqlite_database.path, tmp_path / "copy.db", full)
    assert not list(tmp_path.glob("copy.db*"))


def full(_left: int, _total: int) -> None:
    """What SQLite says of a disk without room, said by SQLite."""
    with closing(sqlite3.connect(":memory:")) as small:
        small.execute("PRAGMA max_page_count = 1")
        small.execute("CREATE TABLE t (a)")


def test_a_damaged_database_is_not_passed_off_as_a_backup(sqlite_database: Database, tmp_path: Path) -> None:
    fill(sqlite_database, 50)
    sqlite_database.close()
    path = sqlite_database.path
    assert path is not None
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA journal_mode=DELETE")
        [root] = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pk_entry_key'").fetchone() or [4]
    conn.close()
    damaged = bytearray(path.read_bytes())
    damaged[root * 4096 : root * 4096 + 3000] = b"\xff" * 3000
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"damaged|cannot be used"):
        backup(path, tmp_path / "copy.db", quiet)
    assert not (tmp_path / "copy.db").exists()
    assert not (tmp_path / "copy.db.part").exists()
