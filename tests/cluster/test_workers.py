"""Real workers as processes: what they refuse, how they share, restart, upgrade and stop."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import facts
from monitor.store.engine import Database
from monitor.store.upgrade import Migrations, shipped
from monitor.testing.installed import Installed, until
from tests.cluster.crowd import OPERATIONS, SOAK, Crowd, baseline, crowd
from tests.conftest import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def workers(tmp_path: Path, cluster_url: str) -> AsyncIterator[Crowd]:
    """Two workers that polled every feed twice."""
    async with crowd(tmp_path, cluster_url, 1) as one:
        await one.start("w0")
        await one.start("w1")
        await baseline(one)
        await until(lambda: len(one.alive()) == 2, "both are at work", 60)
        yield one


async def test_two_workers_share_the_work_and_leave_nothing_behind(workers: Crowd) -> None:
    """A7, A25: one leads, a lone daemon is refused, news is told once; SIGTERM leaves nothing in `sending`."""
    refused = await workers.siege.installed.command("run", "--once")
    assert refused.code == 1
    assert "`licensewatch worker`" in refused.err
    status = await workers.siege.installed.ask("status")
    assert status["running"]
    assert [one["leads"] for one in status["workers"]].count(True) == 1
    assert len({one["configuration"] for one in status["workers"]}) == 1
    workers.siege.newsroom.begin(workers.siege.dice)
    await workers.settle(60)
    assert all(one.good and one.expected for one in workers.verdicts()), workers.verdicts()
    assert set(workers.siege.feeds.most_in_flight.values()) == {1}
    leader = next(one.pid for one in workers.alive() if one.leads)
    first = next(name for name, one in workers.workers.items() if one.process.pid == leader)
    await workers.stop(first)
    await until(lambda: [one.leads for one in workers.alive()] == [True], "the other leads", 30)
    assert (await workers.siege.installed.ask("status"))["running"]
    [last] = workers.workers
    await workers.stop(last)
    assert workers.sending() == 0
    assert workers.alive() == []
    assert not (await workers.siege.installed.ask("status"))["running"]
    assert "Traceback" not in workers.words()
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with workers.database.write() as conn:  # as if all had died then
        facts.set(conn, "last_tick", "x", hour_ago)
        facts.forget(conn, "stopped")
    await workers.start("w0")
    told = workers.siege.slack.messages
    await until(lambda: any("stood still" in one["text"] for one in told(OPERATIONS)), "operations hear of it", 60)


@pytest.mark.skipif(not SOAK, reason="half a minute of waiting: in `make soak`")
async def test_a_frozen_leader_is_replaced_and_follows_when_it_thaws(workers: Crowd) -> None:
    """Its session lives as long as its kernel does, and with it the lead."""
    pid = next(one.pid for one in workers.alive() if one.leads)
    os.kill(pid, signal.SIGSTOP)
    workers.siege.newsroom.begin(workers.siege.dice)
    await until(lambda: [one.leads for one in workers.alive()] == [True], "the other leads", 60)
    os.kill(pid, signal.SIGCONT)
    await until(lambda: sorted(one.leads for one in workers.alive()) == [False, True], "it follows", 60)
    await workers.settle(60)
    assert all(one.good and one.expected for one in workers.verdicts()), workers.verdicts()


async def test_a_lone_daemon_works_on_postgresql_as_on_sqlite(tmp_path: Path, cluster_url: str) -> None:
    """A24, A25, A26: `licensewatch run` on PostgreSQL, killed between the first report of a story and its coverage."""
    async with crowd(tmp_path, cluster_url, 3) as one:
        await one.start("alone", "run")
        await baseline(one)
        for _ in range(3):
            one.siege.news()
            one.siege.spoil()
            await asyncio.sleep(one.siege.dice.uniform(0.5, 2.5))
            await one.kill("alone")
            await one.start("alone", "run")
        one.siege.newsroom.begin(one.siege.dice)
        await one.settle()
        assert all(verdict.good and verdict.expected for verdict in one.verdicts()), one.verdicts()
        await one.stop("alone")
        assert one.sending() == 0


async def test_workers_want_postgresql(tmp_path: Path) -> None:
    installed = Installed(tmp_path)
    installed.configure("web: {listen: null}\n", [])
    refused = await installed.command("worker")
    assert refused.code == 2
    assert "Use `licensewatch run`, or name a server: LICENSEWATCH_DATABASE_URL=" in refused.err


# ---- upgrades


def further(directory: Path, number: str, parent: str, words: str) -> Migrations:
    """The shipped migrations and one more, on top of those in `directory`."""
    if not directory.exists():
        shutil.copytree(shipped().directory, directory, ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "versions" / f"{number}_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f"revision = '{number}'\ndown_revision = '{parent}'\n{words}\n"
    )
    fresh = directory.with_name(f"{directory.name}-{number}")
    shutil.copytree(directory, fresh)
    return Migrations(fresh)


async def test_old_and_new_programs_work_beside_each_other_through_an_upgrade(workers: Crowd, tmp_path: Path) -> None:
    """A42: after an expanding migration old workers go on, and start; after a contracting one they stop and say why."""
    head = shipped().head()
    expand = (
        f"works_with = '{head}'\n\ndef upgrade() -> None:\n    op.add_column('entry', sa.Column('language', sa.Text()))"
    )
    contract = "\n\ndef upgrade() -> None:\n    op.drop_column('entry', 'author')"
    newer = Database(str(workers.database.url.render_as_string(hide_password=False)))
    assert await asyncio.to_thread(newer.upgrade, further(tmp_path / "next", "9001", head, expand))
    workers.siege.newsroom.begin(workers.siege.dice)
    await workers.stop("w1")
    await workers.start("w1")
    await workers.settle(60)
    assert all(one.good and one.expected for one in workers.verdicts()), workers.verdicts()
    assert await asyncio.to_thread(newer.upgrade, further(tmp_path / "next", "9002", "9001", contract))
    newer.close()
    for running in workers.workers.values():
        assert await asyncio.wait_for(running.process.wait(), 60) == 1
        words = running.words()  # it may look before the second is whole
        assert re.search(r"made by a newer version of licensewatch \(revision 900[12]", words), words
    assert workers.sending() == 0
    refused = await workers.siege.installed.command("worker")
    assert refused.code == 1
    assert "revision 9002" in refused.err


# ---- the server restarts


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that nobody else uses: it is ours alone to cut off."""
    server = Postgres.that_crashes(Path("/tmp") / f"licensewatch-own-{tmp_path_factory.getbasetemp().name}")
    yield server
    server.stop()


async def test_workers_live_through_a_restart_of_postgresql(tmp_path: Path, own_postgres: Postgres) -> None:
    """A40: the server is cut off in the middle of the work; no worker is restarted, nothing is lost or doubled."""
    name = own_postgres.create(own_postgres.template)
    async with crowd(tmp_path, own_postgres.url(name), 2) as one:
        await one.start("w0")
        await one.start("w1")
        await baseline(one)
        pids = {running.process.pid for running in one.workers.values()}
        for _ in range(2):
            one.siege.newsroom.begin(one.siege.dice)
            one.siege.newsroom.begin(one.siege.dice)
            await asyncio.sleep(one.siege.dice.uniform(0.2, 1.5))
            await asyncio.to_thread(own_postgres.restart)
        await one.settle()
        assert all(verdict.good and verdict.expected for verdict in one.verdicts()), one.verdicts()
        assert {running.process.pid for running in one.workers.values()} == pids
        assert all(running.process.returncode is None for running in one.workers.values())
        await until(lambda: {state.pid for state in one.alive()} == pids, "both are at work again", 60)
