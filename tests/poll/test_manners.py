"""A1, A7 over the whole of polling: restarts, and hosts that redirects lead to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from monitor import settings
from monitor.daemon.service import Service
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.testing.feed_server import Answer, FeedServer, rss

ITEMS = [{"title": "A chip plant opens", "link": "https://example.org/1", "guid": "1"}]
HOSTS = tuple(f"127.0.0.{n}" for n in range(1, 7))


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer(HOSTS) as running:
        yield running


def configured(root: Path, urls: list[str], host_gap: str = "0s") -> Path:
    config = root / "config"
    (config / "rules").mkdir(parents=True)
    (config / "monitor.yaml").write_text(
        "database: sqlite:///../w.db\nstate_dir: ../var\nreceivers: [{name: screen, type: console}]\n"
        f"polling: {{host_gap: {host_gap}, allow_private_networks: [127.0.0.0/8]}}\nweb: {{listen: null}}\n"
    )
    feeds = "\n".join(f"  - {{id: f{n}, url: '{url}'}}" for n, url in enumerate(urls))
    (config / "feeds.yaml").write_text(f"feeds:\n{feeds}\n")
    return config


@asynccontextmanager
async def serving(config: Path) -> AsyncIterator[Service]:
    """The service from start to stop."""
    configuration = settings.load(config, {})
    database = Database(configuration.settings.database)
    database.upgrade()
    try:
        async with Service(configuration, database, {}) as service:
            yield service
    finally:
        database.close()


async def one_round(config: Path) -> None:
    """Start, poll everything, stop: what a restart is to a publisher."""
    async with serving(config) as service:
        service.start(await service.pollable(every=True))
        await service.rounds.join()


async def until_quiet(service: Service) -> None:
    """Tick until nothing is due any more."""
    while True:
        await service.poll_due()
        await service.rounds.join()
        now = datetime.now(UTC)
        with service.database.read() as conn:
            if not feed_store.due(conn, now + timedelta(seconds=30), 1):
                return
        await asyncio.sleep(0.1)


async def test_ten_restarts_make_one_unconditional_request(server: FeedServer, tmp_path: Path) -> None:
    """A1: across 10 restarts a feed with validators receives exactly one unconditional GET."""
    server.document("/feed", rss("Feed", ITEMS))
    config = configured(tmp_path, [server.url("/feed")])
    for _ in range(10):
        await one_round(config)
    assert [one.conditional for one in server.of("/feed")] == [False] + [True] * 9


async def next_poll(config: Path) -> datetime:
    """When the one feed is polled next, as a start of the service leaves it."""
    async with serving(config) as service:
        at = (await service.reading(feed_store.states))["f0"].next_poll_at
    assert at is not None
    return at


async def test_a_restart_keeps_an_interval_of_a_week(server: FeedServer, tmp_path: Path) -> None:
    """A4: what is polled weekly is not polled sooner because the service was started in between."""
    server.document("/feed", rss("Feed", ITEMS))
    config = configured(tmp_path, [server.url("/feed")])
    listed = config / "feeds.yaml"
    listed.write_text(listed.read_text().replace("}", ", interval: 7d}"))
    await one_round(config)
    assert await next_poll(config) - datetime.now(UTC) > timedelta(days=6, hours=23)


@pytest.mark.parametrize(("interval", "least"), [("5h", timedelta(hours=4.9)), ("1m", timedelta())])
async def test_an_interval_that_was_edited_while_nothing_ran_is_kept(
    server: FeedServer, tmp_path: Path, interval: str, least: timedelta
) -> None:
    """A4: over a restart, too, a poll is neither nearer nor much further than the settings now say."""
    server.document("/feed", rss("Feed", ITEMS))
    config = configured(tmp_path, [server.url("/feed")])
    await one_round(config)
    settings_file = config / "monitor.yaml"
    settings_file.write_text(settings_file.read_text().replace("host_gap:", f"interval: {interval}, host_gap:"))
    wait = await next_poll(config) - datetime.now(UTC)
    assert least < wait < least + timedelta(minutes=10)


async def test_hosts_that_redirects_lead_to_are_paced(server: FeedServer, tmp_path: Path) -> None:
    """A7: five feeds of five hosts that all moved to a sixth ask it one by one, a gap apart."""
    for n in range(5):
        server.redirect(f"/old{n}", server.url(f"/new{n}", HOSTS[5]))
        server.document(f"/new{n}", rss(f"Feed {n}", ITEMS))
    urls = [server.url(f"/old{n}", HOSTS[n]) for n in range(5)]
    await one_round(configured(tmp_path, urls, host_gap="200ms"))
    starts = sorted(one.at for one in server.requests if one.path.startswith("/new"))
    assert len(starts) == 5
    assert server.most_in_flight[f"{HOSTS[5]}:{server.port}"] == 1
    assert min(later - sooner for sooner, later in pairwise(starts)) >= 0.15  # as the server sees it


@pytest.mark.parametrize("form", ["3600", "date"])
async def test_retry_after_parks_the_host_and_nothing_else(server: FeedServer, tmp_path: Path, form: str) -> None:
    """A5: of 300 feeds on a host that asks for an hour one is asked, over a restart; another host's feed goes on."""
    value = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True) if form == "date" else form
    for n in range(300):
        server.answer(f"/{n}", Answer(429, headers={"Retry-After": value}))
    server.document("/other", rss("Other", ITEMS))
    urls = [*(server.url(f"/{n}") for n in range(300)), server.url("/other", HOSTS[1])]
    config = configured(tmp_path, urls, "1ms")
    for _ in range(2):
        async with serving(config) as service:
            with service.database.write() as conn:  # everything falls due
                for state in feed_store.states(conn).values():
                    feed_store.reschedule(conn, replace(state, next_poll_at=state.created_at))
            await until_quiet(service)
    assert len(server.requests) - len(server.of("/other")) == 1
    assert len(server.of("/other")) == 2
    soonest = datetime.now(UTC) + timedelta(minutes=59)
    with Database(settings.load(config, {}).settings.database).read() as conn:
        due = [state.next_poll_at for state in feed_store.states(conn).values() if state.url != server.url("/other")]
    assert sum(1 for at in due if at is not None and at > soonest) >= 300


async def test_the_host_that_asked_for_rest_is_the_one_left_alone(server: FeedServer, tmp_path: Path) -> None:
    """A5: where a redirect led to a 503, the host that answered rests; the one that redirected is asked on."""
    server.redirect("/a", server.url("/busy", HOSTS[1]), 302)
    server.answer("/busy", Answer(503, headers={"Retry-After": "3600"}))
    server.document("/b", rss("B", ITEMS))
    server.document("/c", rss("C", ITEMS))
    config = configured(tmp_path, [server.url("/a"), server.url("/b"), server.url("/c", HOSTS[1])])
    for _ in range(2):
        await one_round(config)
    assert {path: len(server.of(path)) for path in ("/busy", "/b")} == {"/busy": 1, "/b": 2}
    assert len(server.of("/c")) <= 1  # it may have been asked before the other was refused


async def test_hosts_that_redirect_to_each_other_do_not_wait_for_ever(server: FeedServer, tmp_path: Path) -> None:
    for n, other in ((0, 1), (1, 0)):
        server.redirect(f"/old{n}", server.url(f"/new{n}", HOSTS[other]))
        server.document(f"/new{n}", rss(f"Feed {n}", ITEMS))
    config = configured(tmp_path, [server.url(f"/old{n}", HOSTS[n]) for n in range(2)])
    start = datetime.now(UTC)
    await asyncio.wait_for(one_round(config), 20)
    assert datetime.now(UTC) - start < timedelta(seconds=20)
    assert {one.path for one in server.requests} == {"/old0", "/old1", "/new0", "/new1"}


async def test_after_an_outage_the_first_answer_brings_the_others_back(server: FeedServer, tmp_path: Path) -> None:
    """A40: four feeds of four hosts back off for hours; one answers, and the others are polled within minutes."""
    server.document("/feed", rss("Feed", ITEMS))
    config = configured(tmp_path, [server.url("/feed", host) for host in HOSTS[:4]])
    now = datetime.now(UTC)
    away = {"failures": 6, "failing_since": now - timedelta(hours=9), "last_error": "dns: no such name"}
    away |= {"last_poll_at": now - timedelta(hours=1), "next_poll_at": now + timedelta(hours=7)}
    async with serving(config) as service:
        known = (await service.reading(feed_store.states)).values()
        with service.database.write() as conn:
            assert all(feed_store.save(conn, replace(one, **away), one.poll_seq) for one in known)
        service.start([(await service.reading(feed_store.states))["f0"]])
        await service.rounds.join()
        waits = {name: one.next_poll_at - now for name, one in (await service.reading(feed_store.states)).items()}
    assert timedelta(minutes=14) < waits.pop("f0")
    assert max(waits.values()) < timedelta(minutes=6)
