"""A37: tokens and webhook URLs show up nowhere, whatever goes wrong, at DEBUG."""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import select

from monitor.alerts.receivers import WebhookReceiver
from monitor.store.engine import Database
from monitor.store.schema import metadata
from monitor.testing import slack_faults as faults
from monitor.testing.slack_faults import Fault
from monitor.testing.slack_server import SlackServer
from tests.alerts.world import World, slack_receiver, storyline

CANARY = "xoxb-canary-7f3a91"

FAULTS = [
    *(make(stored=stored, method="*") for make in (faults.drop, faults.truncated) for stored in (True, False)),
    faults.server_error(stored=False, method="*"),
    faults.html(method="*"),
    faults.not_json(method="*"),
    faults.slow(1, stored=True, method="*"),
    faults.redirect("http://127.0.0.1:9/elsewhere", method="*"),
    faults.rate_limited(0.1),
    *(
        Fault("*", "error", error=code)
        for code in ("invalid_auth", "channel_not_found", "invalid_blocks", "no_service", "fatal_error", "odd_one")
    ),
]


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """All that is logged by anybody, at DEBUG, as plain text and without the redactor."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(stream))
    yield stream
    structlog.reset_defaults()
    root.removeHandler(handler)
    root.setLevel(level)


def columns(database: Database) -> str:
    """Every column of every row."""
    with database.read() as conn:
        return repr([tuple(row) for table in metadata.sorted_tables for row in conn.execute(select(table))])


CASES = [(one, False) for one in FAULTS] + [(faults.html(), True)]


@pytest.mark.parametrize(
    ("fault", "refused"), CASES, ids=[f"{one.answer}-{one.error or one.stored}-{refused}" for one, refused in CASES]
)
async def test_no_secret_in_logs_or_columns(
    sqlite_database: Database, everything: io.StringIO, fault: Fault, refused: bool
) -> None:
    async with SlackServer(rate=None) as slack:
        slack.bot(CANARY)
        slack.channel("C1")
        hook_url = slack.webhook("C1", CANARY)
        secret_path = hook_url.rpartition("/")[2]
        receivers = [slack_receiver(slack), WebhookReceiver(name="hook", settle=timedelta(seconds=0.1))]
        secrets = {"slack_bot_token": CANARY, "slack_webhook_url": hook_url}
        world = World(sqlite_database, receivers, secrets, ops=("licensing", "hook"), timeout=timedelta(seconds=0.3))
        # The webhook has its own: the other receiver, which begins with auth.test, may use up those for any call.
        slack.script(*(replace(fault, method=method) for method in ("webhook", fault.method) for _ in range(4)))
        world.tell(storyline())
        if refused:
            await slack.stop()
        asyncio.get_running_loop().set_debug(True)
        one = world.deliverer()
        try:
            await one.drain(timedelta(seconds=0.8))
        except Exception:  # its traceback is read too
            everything.write(traceback.format_exc())
        await one.close()
        seen = everything.getvalue() + columns(sqlite_database) + repr(one.__dict__) + repr(world.rows())
        assert "licensing" in seen
        for secret in (CANARY, secret_path):
            assert secret not in seen.replace(repr(secrets), "")


@pytest.mark.parametrize("url", ["not a url", "http://[::1/secret0", "ftp://x.example/secret0", "http://x\x00/secret0"])
async def test_a_webhook_url_that_cannot_be_read_is_not_shown(
    sqlite_database: Database, everything: io.StringIO, url: str
) -> None:
    world = World(sqlite_database, [WebhookReceiver(name="hook")], {"slack_webhook_url": url})
    world.tell(storyline())
    await world.drain(0.5)
    assert world.states() == ["parked"]
    assert url not in everything.getvalue() + columns(sqlite_database)
