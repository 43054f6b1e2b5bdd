"""The daily canary: through everything news go through, seen by nobody, and loud when it does not arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from monitor import settings
from monitor.canary import flight, story
from monitor.daemon.service import Service
from monitor.errors import ConfigError
from monitor.feeds.reader import Reading
from monitor.model import CANARY, Delivery, DeliveryState, Document, Feed
from monitor.store import canary as stored
from monitor.store import deliveries, schema
from monitor.store.canary import CanaryState
from monitor.store.engine import Connection, Database
from monitor.testing.installed import Installed, until
from monitor.testing.slack_server import SlackServer
from monitor.web import picture
from monitor.web.asked import Pulse
from monitor.web.ready import reasons

CHANNEL = "C0CANARY"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BREAK, MEND = "ALTER TABLE step RENAME TO step_away", "ALTER TABLE step_away RENAME TO step"


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(rate=None) as server:
        server.bot("xoxb-canary")
        server.channel(CHANNEL, "licensing")
        yield server


@asynccontextmanager
async def service(root: Path, slack: SlackServer, database: Database) -> AsyncIterator[Service]:
    """A service whose outbox is drained, as the daemon does it."""
    installed = Installed(root)
    monitor = f"""state_dir: ../var
receivers: [{{name: licensing, type: slack, channel: {CHANNEL}, api_url: "{slack.api_url}"}}]
routes: [{{to: [licensing]}}]
ops: {{to: [licensing]}}
"""
    installed.configure(monitor, [], settings.packaged_config() / "rules")
    environ = {"SLACK_BOT_TOKEN": "xoxb-canary", "LICENSEWATCH_PACE": "10ms"}
    async with Service(settings.load(installed.config, environ), database, environ) as running:
        draining = asyncio.create_task(drain(running))
        try:
            yield running
        finally:
            draining.cancel()


async def drain(running: Service) -> None:
    while True:
        await running.deliverer.drain_due()
        await asyncio.sleep(0.05)


def rows(database: Database) -> dict[str, int]:
    """How many rows each table holds."""
    with database.read() as conn:
        counted = {
            table.name: conn.scalar(select(func.count()).select_from(table)) or 0
            for table in schema.metadata.sorted_tables
        }
    return counted | {"fact": 0}


async def test_it_comes_through_and_leaves_nothing_behind(
    tmp_path: Path, slack: SlackServer, database: Database
) -> None:
    """Every table is as before, Slack heard nothing, and it is known when it passed."""
    async with service(tmp_path, slack, database) as running:
        before = rows(database)
        state = await running.canary.fly()
        assert state.passed_at is not None
        assert state.failures == 0
        assert rows(database) == before
    assert slack.messages(CHANNEL) == []


async def test_nobody_sees_it_while_it_flies(tmp_path: Path, slack: SlackServer, sqlite_database: Database) -> None:
    """Only its delivery is ever committed, and no list or figure shows that one."""
    async with service(tmp_path, slack, sqlite_database) as running:
        await asyncio.sleep(0.1)
        running.canary.patience_s = 0.5
        running.deliverer.configure(running.configuration.settings.receivers, ())  # its receiver is not served
        before = rows(sqlite_database)
        flying = asyncio.create_task(running.canary.fly())

        def owed() -> bool:
            return rows(sqlite_database)["delivery"] == before["delivery"] + 1

        await until(owed, "the canary's delivery is committed")
        assert rows(sqlite_database) == before | {"delivery": before["delivery"] + 1}
        with sqlite_database.read() as conn:
            assert deliveries.listing(conn) == []
            assert sum(deliveries.counts(conn).values()) == 0
            assert deliveries.oldest_due(conn, datetime.now(UTC) + timedelta(days=1)) is None
        state = await flying
        assert "not delivered" in state.why
        assert rows(sqlite_database) == before


async def test_a_table_that_is_gone_is_told_once_and_so_is_its_recovery(
    tmp_path: Path, slack: SlackServer, database: Database
) -> None:
    """Health turns red, operations hear of it once, and once more when it came through again."""
    async with service(tmp_path, slack, database) as running:
        with database.write() as conn:
            conn.execute(text(BREAK))
        for _ in range(4):
            state = await running.canary.fly()
        assert state.failures == 4
        await until(lambda: len(slack.messages(CHANNEL)) == 1, "operations heard of it")
        with database.read() as conn:
            taken = picture.take(conn, datetime.now(UTC))
        assert any("canary" in problem for problem in picture.problems_of(taken))
        assert any("canary" in reason for reason in reasons(Pulse(0, 0, True), taken.vitals))
        with database.write() as conn:
            conn.execute(text(MEND))
        for _ in range(2):
            state = await running.canary.fly()
        assert state.failures == 0
        await until(lambda: len(slack.messages(CHANNEL)) == 2, "operations heard that it is over")
        with database.read() as conn:
            assert picture.problems_of(picture.take(conn, datetime.now(UTC))) == []
    told = [message["text"] for message in slack.messages(CHANNEL)]
    assert "did not come through" in told[0]
    assert "came through again" in told[1]


async def test_what_a_killed_process_left_of_it_is_swept_at_the_next_start(
    tmp_path: Path, slack: SlackServer, sqlite_database: Database
) -> None:
    async with service(tmp_path, slack, sqlite_database) as running:
        running.deliverer.configure(running.configuration.settings.receivers, ())
        flying = asyncio.create_task(running.canary.fly())
        await until(lambda: rows(sqlite_database)["delivery"] == 1, "the canary's delivery is committed")
        flying.cancel()
    assert rows(sqlite_database)["delivery"] == 1
    async with service(tmp_path, slack, sqlite_database):
        assert rows(sqlite_database)["delivery"] == 0


def test_it_flies_daily_and_sooner_after_a_failure_or_a_clock_that_was_set() -> None:
    """A39: a clock set back does not keep it down for years."""
    well = flight.passed(NOW, 0.1)
    assert flight.is_due(CanaryState(), NOW)
    assert not flight.is_due(well, NOW + timedelta(hours=23))
    assert flight.is_due(well, NOW + timedelta(hours=24))
    assert flight.is_due(well, NOW - timedelta(days=3650))
    once = flight.failed(well, NOW, "why")
    assert not once.told
    assert flight.is_due(once, NOW + timedelta(minutes=1))
    twice = flight.failed(once, NOW, "why")
    assert twice.told
    assert not flight.is_due(twice, NOW + timedelta(minutes=9))
    assert flight.is_due(twice, NOW + timedelta(minutes=10))


def test_a_daemon_whose_canary_stays_away_is_not_well(sqlite_database: Database) -> None:
    """It last passed two days ago, and ticks go on: somebody should look."""
    with sqlite_database.write() as conn:
        stored.remember(conn, flight.passed(NOW - timedelta(days=2), 0.1), NOW)
        taken = replace(picture.take(conn, NOW), last_tick=NOW)
    assert any("last came through" in problem for problem in picture.problems_of(taken))


@pytest.mark.parametrize("own_rules", [True, False])
async def test_rules_that_people_write_do_not_matter_to_it(
    own_rules: bool, tmp_path: Path, slack: SlackServer, sqlite_database: Database
) -> None:
    """A pack without our vocabularies, or none at all, and it comes through all the same."""
    async with service(tmp_path, slack, sqlite_database) as running:
        for file in (tmp_path / "config" / "rules").glob("*.yaml"):
            file.unlink()
        if own_rules:
            rule: Any = "version: 1\nrules:\n  - {id: own, title: Own, severity: low, when: chips}\n"
            (tmp_path / "config" / "rules" / "own.yaml").write_text(rule)
        await running.adopt(settings.load(tmp_path / "config", {}))
        assert (await running.canary.fly()).why == ""


def test_no_configuration_can_take_its_name(tmp_path: Path) -> None:
    installed = Installed(tmp_path)
    installed.configure("", [{"id": CANARY, "url": "https://example.org/feed"}], settings.packaged_config() / "rules")
    with pytest.raises(ConfigError, match=CANARY):
        settings.load(installed.config, {})
    assert story.FEED.id == CANARY


class _Faulty:
    """Rules in force that a fault of ours makes unusable."""

    def match(self, *_: object) -> None:
        raise RuntimeError("broken")


async def test_whatever_goes_wrong_on_its_way_fails_it_and_is_named(
    tmp_path: Path, slack: SlackServer, sqlite_database: Database
) -> None:
    """Read, but not what was written; decided, but told in other words; and rules in force that do not bear it."""
    async with service(tmp_path, slack, sqlite_database) as running:
        sound = running.canary.ground

        def reading_title(title: str) -> flight.Ground:
            async def read(feed: Feed, document: Document, now: datetime) -> Reading:
                reading = await sound.read(feed, document, now)
                return replace(reading, entries=tuple(replace(one, title=title, summary="") for one in reading.entries))

            return replace(sound, read=read)

        async def never_sent(work: Callable[[Connection], Any]) -> Any:
            row = await sound.reading(work)
            return replace(row, state=DeliveryState.SENDING) if isinstance(row, Delivery) else row

        async def gone(work: Callable[[Connection], Any]) -> Any:
            row = await sound.reading(work)
            return None if isinstance(row, Delivery) else row

        faults = {
            "not stored and decided: the rule hit 0 entries": reading_title("The weather is fine"),
            "not delivered: the message does not say": reading_title(story.HEADLINE.replace("weighs", "considers")),
            "not delivered: its delivery stays sending": replace(sound, reading=never_sent),
            "not delivered: its delivery is gone": replace(sound, reading=gone),
            "a fault of this program, RuntimeError": replace(sound, configured=_Faulty),  # type: ignore[arg-type]
        }
        running.canary.patience_s = 2.0
        for why, ground in faults.items():
            running.canary.ground = ground
            assert why in (await running.canary.fly()).why
        running.canary.ground = sound
        assert (await running.canary.fly()).failures == 0
