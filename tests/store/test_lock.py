"""One process polls or delivers on a database; the lock dies with it and says who holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.errors import LockHeld, StoreError
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder, Leadership
from tests.conftest import Postgres

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
HOLD = """
import os, subprocess, sys, time
from datetime import UTC, datetime
from monitor.store.lock import DatabaseLock, Holder

with DatabaseLock(sys.argv[1], Holder.here("licensewatch run", datetime.now(UTC))):
"""
WAIT = "print('held', flush=True); time.sleep(60)"


def here() -> Holder:
    return Holder.here("licensewatch run --once", NOW)


@contextmanager
def another_process(url: str, while_held: str = WAIT) -> Iterator[subprocess.Popen[str]]:
    program = HOLD + textwrap.indent(textwrap.dedent(while_held), "    ")
    process = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def take_within(url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with DatabaseLock(url, here()):
                return
        except LockHeld:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def test_the_second_is_told_who_holds_it(database_url: str) -> None:
    with another_process(database_url) as process, pytest.raises(LockHeld) as caught:
        take_within(database_url, 0)
    said = str(caught.value)
    assert "`licensewatch run`" in said
    assert f"process {process.pid} on " in said
    assert f"since {datetime.now(UTC):%Y-%m-%d}" in said
    assert "another `database`" in said


def test_it_dies_with_its_process(database_url: str) -> None:
    with another_process(database_url) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        take_within(database_url, 5)


def test_it_is_let_go_at_the_end_and_can_be_taken_again(database_url: str) -> None:
    for _ in range(2):
        with DatabaseLock(database_url, here()) as lock:
            lock.assure()


def test_readers_and_writers_work_beside_it(database: Database) -> None:
    with DatabaseLock(database.url.render_as_string(hide_password=False), here()), database.write() as conn:
        conn.execute(text("DELETE FROM entry"))


def test_children_do_not_inherit_it(database_url: str) -> None:
    """Neither forked nor started ones: a worker that outlives the daemon must not keep its successor out."""
    while_held = """
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        other = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
        print("held", flush=True)
        print(child, other.pid, flush=True)
        time.sleep(60)
    """
    with another_process(database_url, while_held) as process:
        assert process.stdout is not None
        children = [int(pid) for pid in process.stdout.readline().split()]
        with pytest.raises(LockHeld):
            take_within(database_url, 0)
        process.kill()
        process.wait()
        try:
            for child in children:
                os.kill(child, 0)
            take_within(database_url, 5)
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)


def test_two_names_of_one_file_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("m.db")
    with DatabaseLock(f"sqlite:///{tmp_path}/m.db", here()), pytest.raises(LockHeld):
        take_within(f"sqlite:///{tmp_path}/link.db", 0)


def test_a_removed_lock_file_guards_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    with DatabaseLock(url, here()) as lock:
        (tmp_path / "m.db.lock").unlink()
        with DatabaseLock(url, here()), pytest.raises(LockHeld):
            lock.assure()
        lock.assure()
        with pytest.raises(LockHeld):
            take_within(url, 0)


def test_a_lock_file_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"lock file .*file/m\.db\.lock cannot be opened"):
        take_within(f"sqlite:///{tmp_path}/file/m.db", 0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lock_lost_with_the_server_is_taken_again(database_url: str) -> None:
    """A40: PostgreSQL restarts; the daemon goes on, unless another one was faster."""
    database = Database(database_url)
    end_sessions = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with DatabaseLock(database_url, here()) as lock:
        with database.write() as conn:
            conn.execute(end_sessions)
        lock.assure()
        with pytest.raises(LockHeld):
            take_within(database_url, 0)
        with database.write() as conn:
            conn.execute(end_sessions)
        with another_process(database_url), pytest.raises(LockHeld, match="licensewatch run"):
            lock.assure()
    database.close()


def test_the_lead_is_taken_from_one_that_does_not_use_it(postgresql_database: Database, postgres: Postgres) -> None:
    """A frozen machine keeps its session: another ends it, leads, and the first learns of it. Those who lead on other
    databases of the server go on."""
    url, elsewhere = postgresql_database.url.render_as_string(hide_password=False), postgres.create()
    frozen, other = Leadership(url, here()), Leadership(url, here())
    stranger, its_rival = [Leadership(postgres.url(elsewhere), here()) for _ in range(2)]
    assert (frozen.ours(), other.ours(), stranger.ours()) == (True, False, True)
    other.unseat()
    assert (other.ours(), frozen.ours()) == (True, False)
    assert not its_rival.ours(), "the stranger's session ended"
    stranger.release()
    postgres.drop(elsewhere)
    other.release()
    assert frozen.ours()
    frozen.release()
