"""What systemd is told, and what operations are told of a process that ended on its own: asked of the real process."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import text

from monitor import settings
from monitor.daemon.daemon import Daemon
from monitor.daemon.service import Service
from monitor.daemon.standstill import Standstill, among_many, gap
from monitor.model import Action, Delivery, Role
from monitor.store import deliveries, facts
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder
from monitor.testing import slack_faults as faults
from monitor.testing.installed import until
from tests.configured import write
from tests.faults.stage import CHANNEL, Stage, polled, stage


class Notified:
    """The socket that systemd would hold."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.path = path
        self.silent_since = 0.0  # as `heard_nothing` counts

    def words(self) -> list[str]:
        """What came since the last time."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def heard_nothing_for(self, seconds: float, now: float) -> bool:
        """Whether so long nothing came. What came is read meanwhile: a full socket would stop who writes into it."""
        if self.words() or not self.silent_since:
            self.silent_since = now
        return now - self.silent_since > seconds


@pytest.fixture
def notified() -> Iterator[Notified]:
    short = Path(tempfile.mkdtemp(prefix="lw-"))  # paths of sockets are short
    held = Notified(short / "notify")
    yield held
    held.socket.close()
    shutil.rmtree(short)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_watchdog_is_fed_only_while_loop_and_database_advance(tmp_path: Path, notified: Notified) -> None:
    """A41: READY once, WATCHDOG while all is well; silence while the loop or the database stands; nothing `sending`."""
    async with stage(tmp_path, names=False) as one:
        one.environ["NOTIFY_SOCKET"] = str(notified.path)
        async with one.life(one.command(apart=False)):
            assert one.process is not None
            await polled(one, 6)
            words = notified.words()
            assert words.count("READY=1") == 1
            assert words.index("READY=1") < words.index("WATCHDOG=1")
            await _starves(notified, one, lambda: one.process.send_signal(signal.SIGSTOP))  # type: ignore[union-attr]
            one.process.send_signal(signal.SIGCONT)
            await until(lambda: "WATCHDOG=1" in notified.words(), "it is fed again", 60)
            other = one.lock_database()
            await until(lambda: _refused(one), "the database refuses", 60)
            await _starves(notified, one, lambda: None)
            other.execute("ROLLBACK")
            other.close()
            await until(lambda: "WATCHDOG=1" in notified.words(), "it is fed again", 60)
            one.slack.script(faults.slow(30.0, stored=True))
            one.publish()
            await until(lambda: any(call.method == "chat.postMessage" for call in one.slack.calls), "a call hangs", 60)
        assert one.code == 0
        assert "STOPPING=1" in notified.words()
    with sqlite3.connect(tmp_path / "var" / "licensewatch.db") as conn:
        states = [state for (state,) in conn.execute("SELECT state FROM delivery")]
    conn.close()
    assert states
    assert "sending" not in states


async def _refused(one: Stage) -> bool:
    return "refuses commits" in (await one.ready())[1]


async def _starves(notified: Notified, one: Stage, begin: object) -> None:
    """After at most what was on its way, nothing comes for three seconds, in which three would."""
    begin()  # type: ignore[operator]
    await asyncio.sleep(0.3)
    notified.words()
    await asyncio.sleep(3.2)
    assert "WATCHDOG=1" not in notified.words()


async def test_it_starves_when_the_outbox_stalls_and_due_times_move_with_the_clock_at_each_tick(
    tmp_path: Path, notified: Notified, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A39, A41: also of a service that has no feed to poll, whose commits would notice as well."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(notified.path))
    hook = "{name: hook, type: slack_webhook}"
    config = write(
        tmp_path,
        monitor=f"receivers: [{{name: screen, type: console}}, {hook}]\nweb: {{listen: null}}\n",
        feeds="feeds: []",
    )
    noon = datetime.now(UTC)
    failed = Delivery("d", "screen", Role.NOTICE, Action.POST, noon, attempts=1, first_attempt_at=noon)
    waits = replace(failed, next_attempt_at=noon + timedelta(minutes=10))
    with sqlite_database.write() as conn:
        deliveries.enqueue(conn, [waits, Delivery("e", "hook", Role.NOTICE, Action.POST, noon)])
    lock = DatabaseLock(f"sqlite:///{sqlite_database.path}", Holder.here("test", noon))
    secrets = {"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/services/T/B/X"}
    tripped: list[str] = []
    with lock:
        async with Service(settings.load(config, {}), sqlite_database, secrets, learn_secret=tripped.index) as service:
            daemon = Daemon(service, lock, {}, outbox_patience_s=1.5)
            await daemon._deliver()
            with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
                await daemon._deliver()  # before any other tick
                assert _due(sqlite_database) > noon + timedelta(minutes=65)
            async with _running(daemon):
                await until(lambda: notified.heard_nothing_for(2.0, daemon._ticked), "a lane meets a bug each time", 20)
                tripped.append(secrets["SLACK_WEBHOOK_URL"])
                await until(lambda: "WATCHDOG=1" in notified.words(), "it is fed", 60)
                assert _due(sqlite_database) < noon + timedelta(minutes=15), "the clock is right again"
                _rename(sqlite_database, "receiver", "elsewhere")
                await until(
                    lambda: notified.heard_nothing_for(2.0, daemon._ticked), "it starves, though ticks go on", 20
                )
                assert service.rounds.store_ok
                _rename(sqlite_database, "elsewhere", "receiver")
                await until(lambda: "WATCHDOG=1" in notified.words(), "it is fed again", 20)


@asynccontextmanager
async def _running(daemon: Daemon) -> AsyncIterator[None]:
    running = asyncio.create_task(daemon.run())
    try:
        yield
    finally:
        daemon.stop.set()
        await running


def _due(database: Database) -> datetime:
    with database.read() as conn:
        row = deliveries.get(conn, "d")
    assert row is not None
    assert row.next_attempt_at is not None
    return row.next_attempt_at


def _rename(database: Database, table: str, name: str) -> None:
    with database.write() as conn:
        conn.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@pytest.mark.slow
async def test_operations_hear_of_a_process_that_ended_on_its_own(tmp_path: Path) -> None:
    """A stopped tick is told at the next start, once; a stop by a person is not."""
    async with stage(tmp_path, names=False) as one:
        config = one.root / "config" / "monitor.yaml"
        config.write_text(config.read_text().replace("ops: {to: [screen]}", "ops: {to: [r]}"))
        async with one.life(one.command(apart=False)):
            await polled(one, 4)
        with sqlite3.connect(tmp_path / "var" / "licensewatch.db") as conn:
            hour_ago = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None).isoformat(" ")
            conn.execute("UPDATE fact SET at = ? WHERE name = 'last_tick'", (hour_ago,))
            conn.execute("DELETE FROM fact WHERE name = 'stopped'")
        conn.close()
        async with one.life(one.command(apart=False)):
            await until(lambda: len(one.slack.messages(CHANNEL)) == 1, "operations heard of it", 60)
        async with one.life(one.command(apart=False)):
            await polled(one, 4)
        assert ["stood still" in one_["text"] for one_ in one.slack.messages(CHANNEL)] == [True]


def test_polls_that_stand_still_are_told_once_and_so_is_their_end() -> None:
    watch, now = Standstill(), datetime.now(UTC)
    assert watch.notice(5.0, now) is None
    assert "stands still" in watch.notice(61.0, now)["title"]  # type: ignore[index]
    watch.said(61.0)
    assert watch.notice(300.0, now) is None
    assert "goes on" in watch.notice(0.5, now)["title"]  # type: ignore[index]
    watch.said(0.5)
    assert watch.notice(0.5, now) is None


def test_a_standstill_of_which_nobody_could_be_told_is_told_when_it_is_over() -> None:
    """What stops the ticks, a locked database say, stops the notice as well; its beginning is remembered."""
    watch, noon = Standstill(), datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    for minutes in (2, 5, 30):
        assert watch.notice(60.0 * minutes, noon + timedelta(minutes=minutes)) is not None  # and could not be written
    told = watch.notice(0.5, noon + timedelta(minutes=31))
    assert told is not None
    assert told["title"] == "Polling stood still, and goes on"
    assert "from 2026-03-04 12:00 UTC until now (12:31 UTC)" in told["text"]
    watch.said(0.5)
    assert watch.notice(0.5, noon + timedelta(minutes=32)) is None


@pytest.mark.parametrize(("stopped", "told"), [(None, True), (-30, True), (1, False)])
def test_an_end_counts_as_ordered_only_when_it_came_after_the_last_tick(
    sqlite_database: Database, stopped: int | None, told: bool
) -> None:
    """A stop of an earlier life says nothing of this one."""
    noon = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    with sqlite_database.write() as conn:
        facts.set(conn, "last_tick", "x", noon)
        if stopped is not None:
            facts.set(conn, "stopped", "x", noon + timedelta(minutes=stopped))
        assert (gap(conn, noon + timedelta(hours=1)) is not None) is told
        assert gap(conn, noon + timedelta(minutes=4)) is None


def test_of_many_workers_one_tells_that_the_leader_stands_still_and_one_that_it_goes_on(database: Database) -> None:
    """What happened before a worker was there is told at its start, and not by this."""
    noon = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

    def looks(minutes: float, up: timedelta = timedelta(days=1)) -> str | None:
        with database.write() as conn:
            told = among_many(conn, noon + timedelta(minutes=minutes), up)
        return told["title"] if told else None

    def leader_ticks(minutes: float) -> None:
        with database.write() as conn:
            facts.set(conn, "last_tick", "x", noon + timedelta(minutes=minutes))

    assert looks(0) is None, "nobody ever ticked"
    leader_ticks(0)
    assert looks(0.9) is None
    assert looks(60, up=timedelta(seconds=50)) is None
    assert [looks(2), looks(2), looks(30)] == ["Polling stands still", None, None]
    leader_ticks(31)
    assert [looks(31.1), looks(31.2)] == ["Polling goes on", None]
    assert looks(33) == "Polling stands still"
