"""The database: its settings, its two kinds of transaction, and what it says when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from monitor.errors import StoreError
from monitor.model import Entry
from monitor.store import engine, entries, facts, schema
from monitor.store.engine import Database, parse_url
from monitor.store.upgrade import shipped

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
SHORT = timedelta(milliseconds=300)


def test_sqlite_is_set_up_so_that_a_commit_is_durable(sqlite_database: Database) -> None:
    with sqlite_database.write() as conn:
        found = {name: conn.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert conn.scalar(text("PRAGMA busy_timeout")) == 5000
    with sqlite_database.read() as conn:
        assert conn.scalar(text("PRAGMA synchronous")) == 2


def test_the_journal_is_folded_back_every_16_mib_whatever_the_pages(tmp_path: Path) -> None:
    """New databases have larger pages than SQLite's own; one that was made with those keeps them."""
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript("PRAGMA page_size = 4096; CREATE TABLE t (a);")
    old.close()
    for name, page in (("new.db", 8192), ("old.db", 4096)):
        database = Database(f"sqlite:///{tmp_path / name}")
        with database.maintenance() as conn:
            found = [conn.scalar(text(f"PRAGMA {name}")) for name in ("page_size", "wal_autocheckpoint")]
        database.close()
        assert found == [page, 16 * 1024 * 1024 // page]


def test_on_a_full_disk_the_journal_is_folded_back_and_work_goes_on(
    tmp_path: Path, disk: Callable[[Path, str], Path], sqlite_database: Database
) -> None:
    """A40: others filled the disk. What is rewritten has its place in the database, so no new room is needed."""
    place = disk(tmp_path / "small", "8m")
    assert sqlite_database.path is not None
    shutil.copy(sqlite_database.path, place / "a.db")
    database = Database(f"sqlite:///{place / 'a.db'}")
    with database.write() as conn:
        facts.set(conn, "before", "x" * 300_000, NOW)
    database.close()  # the last one out folds the journal back
    with suppress(OSError), (place / "filler").open("wb", buffering=0) as filler:
        while os.statvfs(place).f_bavail > 300:  # pages: 1.2 MB
            filler.write(bytes(4096))
    written, refused = 0, 0
    for number in range(60):
        try:
            with database.write() as conn:
                facts.set(conn, "before", str(number % 10) * 300_000, NOW)
            written += 1
        except StoreError as error:
            assert "full" in str(error)
            refused += 1
    database.close()
    assert (written > 40, refused > 0) == (True, True), (written, refused)


def test_what_a_block_wrote_is_there_after_it_and_nothing_of_one_that_raised(database: Database) -> None:
    with database.write() as conn:
        facts.set(conn, "kept", 1, NOW)
    with pytest.raises(KeyError), database.write() as conn:
        facts.set(conn, "lost", 1, NOW)
        raise KeyError
    with database.read() as conn:
        assert (facts.get(conn, "kept"), facts.get(conn, "lost")) == (1, None)


def test_one_failed_step_can_be_taken_back_within_a_transaction(database: Database) -> None:
    with database.write() as conn:
        facts.set(conn, "before", 1, NOW)
        with pytest.raises(KeyError), conn.begin_nested():
            facts.set(conn, "within", 1, NOW)
            raise KeyError
        facts.set(conn, "after", 1, NOW)
    with database.read() as conn:
        assert [facts.get(conn, name) for name in ("before", "within", "after")] == [1, None, 1]


def test_reading_transactions_cannot_write(database: Database) -> None:
    with pytest.raises((DBAPIError, StoreError)), database.read() as conn:
        facts.set(conn, "x", 1, NOW)


def test_a_reader_sees_one_state_while_a_writer_commits(database: Database) -> None:
    with database.write() as conn:
        facts.set(conn, "x", "before", NOW)
    with database.read() as reader:
        assert facts.get(reader, "x") == "before"
        with database.write() as conn:
            facts.set(conn, "x", "after", NOW)
        assert facts.get(reader, "x") == "before"
    with database.read() as reader:
        assert facts.get(reader, "x") == "after"


def test_reading_then_writing_waits_for_another_writer_instead_of_failing(database: Database) -> None:
    """SQLite refuses a deferred transaction that read before another one wrote; ours take the lock first."""
    other = Database(database.url.render_as_string(hide_password=False))

    def count(mine: Database, times: int) -> None:
        for _ in range(times):
            with mine.write() as conn:
                conn.execute(text("SELECT count(*) FROM fact")).scalar()
                facts.count(conn, "n", 1, NOW)

    threads = [threading.Thread(target=count, args=(one, 20)) for one in (database, database, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as conn:
        assert facts.counted(conn, "n") == {"n": 80}
    other.close()


def test_a_rule_of_the_schema_that_is_broken_is_a_bug_and_shows_no_row(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, database.write() as conn:
        conn.execute(schema.rule.insert().values(id="r", version="v", loaded_at=NOW, title="SECRET", severity=None))
    assert "SECRET" not in str(caught.value).split("DETAIL")[0]


def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="naive datetime"), database.write() as conn:
        facts.set(conn, "x", 1, NOW.replace(tzinfo=None))


# ---- what it says


def said_by(database: Database) -> str:
    with pytest.raises(StoreError) as caught, database.write() as conn:
        facts.set(conn, "x", "y" * 10_000, NOW)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    database.close()
    return str(caught.value)


def test_a_lock_that_another_program_holds_is_waited_for_and_then_named(
    tmp_path: Path, sqlite_database: Database
) -> None:
    """A40: locked for longer than our patience; once it is released, everything works again."""
    impatient = Database(str(sqlite_database.url), patience=SHORT)
    with sqlite3.connect(str(sqlite_database.path), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        assert "another program has it locked" in said_by(impatient)
        assert 0.25 < time.monotonic() - start < 2
        with impatient.read() as conn:
            assert facts.get(conn, "x") is None
        other.execute("COMMIT")
    other.close()
    with impatient.write() as conn:
        facts.set(conn, "x", 1, NOW)
    impatient.close()


def test_a_lock_released_within_our_patience_is_not_noticed(sqlite_database: Database) -> None:
    other = sqlite3.connect(str(sqlite_database.path), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    timer.start()
    with sqlite_database.write() as conn:
        facts.set(conn, "x", 1, NOW)
    timer.join()
    other.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_locks_are_waited_for_and_then_named(database: Database) -> None:
    impatient = Database(database.url.render_as_string(hide_password=False), patience=SHORT)
    with database.write() as conn:
        facts.set(conn, "x", 1, NOW)
        assert "a lock was not released in time" in said_by(impatient)
    with impatient.write() as conn:
        facts.set(conn, "x", 2, NOW)
    impatient.close()


def test_a_full_disk_stores_nothing_and_goes_on_when_there_is_room(sqlite_database: Database) -> None:
    """A40: everything of the transaction is lost, nothing before it, and no restart is needed after it."""
    with sqlite_database.write() as conn:
        facts.set(conn, "kept", 1, NOW)
        conn.exec_driver_sql(f"PRAGMA max_page_count = {conn.scalar(text('PRAGMA page_count'))}")
    with pytest.raises(StoreError, match=r"is full\. Free some space"), sqlite_database.write() as conn:
        facts.set(conn, "small", 1, NOW)
        entries.add(conn, [Entry("f", ("k",), "t", content="x" * 100_000)], now=NOW, baseline=False)
    with sqlite_database.write() as conn:
        assert [facts.get(conn, name) for name in ("kept", "small")] == [1, None]
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")
        entries.add(conn, [Entry("f", ("k",), "t", content="x" * 100_000)], now=NOW, baseline=False)
        assert entries.counts(conn) == {"f": 1}


@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_disk_that_fills_up_under_us_loses_nothing_committed(tmp_path: Path) -> None:
    """A40, on a real file system of 1 MB; also the write-ahead log runs out of room there."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {disk} 2>/dev/null") != 0:
        pytest.skip("mounting is not allowed here")
    try:
        database = Database(f"sqlite:///{disk}/m.db")
        database.upgrade()
        done = 0
        with pytest.raises(StoreError, match="is full"):
            for number in range(1000):
                with database.write() as conn:
                    entry = Entry("f", (f"k{number}",), "t", content="x" * 20_000)
                    entries.add(conn, [entry], now=NOW, baseline=False)
                done = number + 1
        with database.read() as conn:
            assert entries.counts(conn) == {"f": done}
        os.system(f"mount -o remount,size=4m {disk}")
        with database.write() as conn:
            entries.add(conn, [Entry("f", ("after",), "t", content="x" * 20_000)], now=NOW, baseline=False)
        with database.read() as conn:
            assert entries.counts(conn) == {"f": done + 1}
            assert conn.scalar(text("PRAGMA integrity_check")) == "ok"
        database.close()
    finally:
        os.system(f"umount {disk}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    path.write_bytes(b"Dear diary, this is no database.\n" * 100)
    before = path.read_bytes()
    database = Database(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"not an SQLite database\. Name another file"):
        database.upgrade()
    assert path.read_bytes() == before


def test_reading_makes_no_database_where_there_is_none(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'none' / 'm.db'}")
    assert database.revision() is None
    with pytest.raises(StoreError, match="licensewatch db upgrade"), database.read() as conn:
        facts.get(conn, "x")
    assert list(tmp_path.iterdir()) == []


def test_missing_tables_are_named_with_their_remedy(database_url: str) -> None:
    database = Database(database_url)
    assert "licensewatch db upgrade" in said_by(database)


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"directory .*file/deep for the database cannot be made"):
        Database(f"sqlite:///{tmp_path}/file/deep/m.db").upgrade()


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    """A37: the password of the database URL stands in no message."""
    database = Database("postgresql+psycopg://watch:hunter2@127.0.0.1:9/news?connect_timeout=2&password=hunter3")
    said = said_by(database)
    assert "postgresql+psycopg://watch:***@127.0.0.1:9/news cannot be used: the server does not answer" in said
    assert "hunter" not in said + repr(database) + database.place


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": "nowhere"}, "no such database on that server"),
        ({"username": "nobody"}, "refused|no such"),
        ({"host": "no-such-host.invalid"}, "host name is not known"),
    ],
)
def test_what_a_server_refuses_is_named(postgres: object, change: dict[str, str], words: str) -> None:
    url = parse_url(postgres.url("postgres"))  # type: ignore[attr-defined]
    query = {} if "host" in change else dict(url.query)
    database = Database(url.set(**change, query=query).render_as_string(hide_password=False))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=words):
        database.upgrade()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_sessions_that_the_server_ended_are_replaced(database: Database) -> None:
    """A40: a transaction under way fails; the next one works without a restart of ours."""
    with pytest.raises(StoreError, match="Wait until it is back; work goes on by itself"), database.write() as conn:
        with database.write() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        facts.set(conn, "x", 1, NOW)
    with database.write() as conn:
        facts.set(conn, "x", 2, NOW)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root@localhost/x", "begins with mysql:"),
        ("nonsense", "cannot be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql+psycopg2://h/x", r"begins with postgresql\+psycopg2:"),
    ],
)
def test_urls_we_cannot_use_are_refused(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        Database(url)


@pytest.mark.parametrize("url", ["postgresql://h/x", "postgres://h/x", "postgresql+psycopg://h/x"])
def test_postgresql_is_known_under_its_usual_names(url: str) -> None:
    assert parse_url(url).drivername == "postgresql+psycopg"


def test_paths_with_odd_characters_work(tmp_path: Path) -> None:
    path = tmp_path / "my 100% news #1" / "ü&x.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    assert database.revision() == shipped().head()
    assert path.exists()
    database.close()


def test_pages_that_are_forgotten_are_read_again(database: Database) -> None:
    """Also in the middle of a transaction, whose own changes stay."""
    with database.write() as conn:
        facts.set(conn, "kept", "yes", NOW)
        engine.forget_pages(conn)
        facts.set(conn, "later", "yes", NOW)
        assert facts.get(conn, "kept") == "yes"
    with database.read() as conn:
        assert (facts.get(conn, "kept"), facts.get(conn, "later")) == ("yes", "yes")
