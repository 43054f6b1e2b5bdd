"""Health, readiness, metrics and the feed of shifts: what machines read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
from prometheus_client.parser import text_string_to_metric_families

from monitor.store import facts, workers
from monitor.store.engine import Database
from monitor.store.workers import WorkerState
from monitor.web.asked import Pulse
from tests.web.conftest import Visitor, served
from tests.web.past import SCRIPT
from tests.web.world import fill

ATOM = "{http://www.w3.org/2005/Atom}"


async def test_it_is_alive_while_its_loop_runs(visitor: Visitor) -> None:
    answer = await visitor.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "last_tick_age_s": 0.4}


async def test_it_is_ready_when_all_advances(visitor: Visitor) -> None:
    answer = await visitor.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def reasons(visitor: Visitor) -> list[str]:
    answer = await visitor.get("/readyz")
    assert answer.status_code == (503 if answer.json()["reasons"] else 200)
    found: list[str] = answer.json()["reasons"]
    return found


async def test_it_is_not_ready_when_ticks_or_commits_stand_still(visitor: Visitor) -> None:
    """A40: health tells the truth while ticks, the outbox or the database stand still, and when they move again."""
    world = visitor.world
    world.pulse = Pulse(tick_s=40)
    assert await reasons(visitor) == ["the last tick was 40 s ago: polling stands still"]
    world.pulse = Pulse(deliveries_s=90)
    assert await reasons(visitor) == ["deliveries stand still for 90 s, all or those to one place: see the log"]
    world.pulse = Pulse(store_ok=False)
    assert await reasons(visitor) == ["the database refuses commits: what polls find waits in memory"]
    world.pulse = Pulse()
    with world.database.write() as conn:
        facts.set(conn, "last_tick", "x", world.now - timedelta(minutes=2))
    assert await reasons(visitor) == ["no tick was written to the database for half a minute"]
    with world.database.write() as conn:
        facts.set(conn, "last_tick", "x", world.now)
    assert await reasons(visitor) == []


async def test_it_is_not_ready_while_a_credential_is_parked(database: Database, tmp_path: Path) -> None:
    """A30: health turns red."""
    async with served(fill(tmp_path, database, troubled=True)) as visitor:
        found = await reasons(visitor)
    assert "receiver licensing is parked: invalid_auth" in found
    assert any(words.startswith("the outbox does not move: a delivery is due since") for words in found)


async def test_without_its_database_it_says_so_everywhere(quick_visitor: Visitor, tmp_path: Path) -> None:
    """A40: the loop lives, readiness is red with the reason, and pages say it in their own dress."""
    world = quick_visitor.world
    world.database.close()
    assert world.database.path is not None
    world.database.path.rename(tmp_path / "away.db")
    assert (await quick_visitor.get("/healthz")).status_code == 200
    assert any("cannot be opened" in words for words in await reasons(quick_visitor))
    for path in ("/", "/feeds", "/metrics", "/shifts.atom", "/search?q=x"):
        answer = await quick_visitor.get(path)
        assert answer.status_code == 503
        assert "cannot be opened" in answer.text
    (tmp_path / "away.db").rename(world.database.path)
    assert await reasons(quick_visitor) == []


async def test_metrics_are_what_prometheus_reads(visitor: Visitor) -> None:
    answer = await visitor.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["licensewatch_polls_total", "unchanged"] == 812
    assert found["licensewatch_new_entries_total",] == 143
    assert found["licensewatch_alerts_total", "repeat"] == 11
    assert found["licensewatch_alerts_total", "muted"] == 0
    assert found["licensewatch_feeds", "active"] == 10
    assert found["licensewatch_deliveries", "sent"] == 7
    assert found["licensewatch_deliveries", "dead"] == 0
    assert found["licensewatch_entries",] == 144
    assert found["licensewatch_hits",] > 100
    assert found["licensewatch_last_tick_age_seconds",] == 0.4
    assert found["licensewatch_ready",] == 1
    assert found["process_resident_memory_bytes",] > 1e6


async def test_shifts_that_a_poller_holds_are_not_sent_again(database: Database, tmp_path: Path) -> None:
    """A conditional request gets 304 while nothing was told since, whatever else the poller holds."""
    async with served(fill(tmp_path, database)) as visitor:
        first = await visitor.get("/shifts.atom")
        headers = {"If-None-Match": f'"older", W/{first.headers["etag"]}'}
        again = await visitor.get("/shifts.atom", **headers)
        other = await visitor.get("/shifts.atom", **{"If-None-Match": '"older"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (other.status_code, other.content) == (200, first.content)


async def test_shifts_are_a_valid_feed(database: Database, tmp_path: Path) -> None:
    """RFC 4287: what an element must have is there and unique, links are http, and hostile titles are text."""
    async with served(fill(tmp_path, database, hostile=True)) as visitor:
        answer = await visitor.get("/shifts.atom?since=x")
    assert answer.headers["content-type"] == "application/atom+xml"
    root = ET.fromstring(answer.content)
    assert [root.findtext(ATOM + name, "") != "" for name in ("id", "title", "updated")] == [True] * 3
    assert [one.get("href") for one in root.findall(ATOM + "link")] == [f"{visitor.base}/shifts.atom"]
    entries = root.findall(ATOM + "entry")
    ids = [one.findtext(ATOM + "id") for one in entries]
    assert len(ids) == len(set(ids)) > 70
    for one in entries:
        assert one.findtext(ATOM + "title")
        assert one.findtext(ATOM + "updated", "").endswith("Z")
        assert all((link.get("href") or "").startswith("https://") for link in one.findall(ATOM + "link"))
    parsed = feedparser.parse(BytesIO(answer.content))
    assert not parsed.bozo
    assert SCRIPT in {one.findtext(ATOM + "title") for one in entries}


async def test_pulses_are_read_anew_for_each_answer(quick_visitor: Visitor) -> None:
    quick_visitor.world.pulse = replace(quick_visitor.world.pulse, tick_s=7.25)
    assert (await quick_visitor.get("/healthz")).json()["last_tick_age_s"] == 7.2


async def test_metrics_show_what_workers_are_at(visitor: Visitor) -> None:
    """The jobs of all workers that live, and those that wait for one; a worker that died counts no more."""
    world = visitor.world
    with world.database.write() as conn:
        for name, ago_s, jobs in (("a", 1, 3), ("b", 2, 4), ("dead", 300, 9)):
            seen = world.now - timedelta(seconds=ago_s)
            workers.beat(conn, WorkerState(name, "host", 1, "0.1.0", world.now, seen, jobs=jobs))
        facts.set(conn, "jobs_waiting", 5, world.now)
    answer = await visitor.get("/metrics")
    for line in ("workers 2.0", "jobs_under_way 7.0", "jobs_waiting 5.0"):
        assert f"\nlicensewatch_{line}\n" in answer.text
