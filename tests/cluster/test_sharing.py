"""What processes on one database share: stories, turns at hosts, the lock, and who leads."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from monitor.cluster.batches import BUCKETS, MOST_FEEDS, batches, bucket_of
from monitor.errors import HostAway, LockHeld
from monitor.model import Role
from monitor.poll import Turns, World
from monitor.poll import commit as committed
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.store.feeds import DueFeed
from monitor.store.hosts import Manners
from monitor.store.lock import DatabaseLock, Holder, Leadership
from tests.poll.house import CLOSING, NOW, House, item

GAP = timedelta(milliseconds=150)
HOST = "news.example.org:443"


@pytest.fixture
def house(database: Database) -> House:
    """Two feeds with a first document behind them."""
    made = House(database)
    for feed in ("ledger", "wire"):
        made.poll(feed, item("A quiet day", feed))
    return made


# ---- stories


def test_a_report_joins_the_story_that_another_process_opened(house: House) -> None:
    """A25: two processes hear of one event; the second knows what the first told, though it began before."""
    other = World(house.policy(), lambda: "other", len)
    with house.database.read() as conn:
        other.index(conn, NOW)
    house.commit(house.look("ledger", item(CLOSING, "a")))
    with house.database.write() as conn:
        outcome = committed(conn, house.look("wire", item(CLOSING, "b")), other)
    assert [str(told.alert.reason) for told in outcome.told] == ["repeat"]
    assert len(house.outbox(Role.PARENT)) == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_reports_of_one_event_committed_at_once_are_one_story(house: House) -> None:
    """A25: both transactions are open at the same time, and still only one of them opens the story."""
    looks = [house.look("ledger", item(CLOSING, "a")), house.look("wire", item(CLOSING, "b"))]
    together, numbers = threading.Barrier(2), iter(range(1000))
    worlds = [World(house.policy(), lambda: f"at-once-{next(numbers)}", len) for _ in looks]

    def run(look: object, world: World) -> None:
        with house.database.write() as conn:
            together.wait(10)
            committed(conn, look, world)  # type: ignore[arg-type]  # a look

    threads = [threading.Thread(target=run, args=pair) for pair in zip(looks, worlds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(house.outbox(Role.PARENT)) == 1


def test_what_a_late_worker_brings_is_dropped(house: House) -> None:
    """A24: its look began before another's was committed; nothing of it is stored, no alert, no entry, no state."""
    late = house.look("ledger", item(CLOSING, "late"))
    house.poll("ledger", item("Another day", "b"))
    with house.database.read() as conn:
        before = feed_store.states(conn)["ledger"]
    assert house.commit(late).stale
    with house.database.read() as conn:
        assert feed_store.states(conn)["ledger"] == before
    assert house.outbox() == []


# ---- hosts


def turns(database: Database, who: str, *, lease: timedelta = timedelta(seconds=30)) -> Turns:
    return Turns(database, Manners(who, GAP, lease))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_host_is_asked_by_one_worker_at_a_time_and_a_gap_apart(database: Database) -> None:
    """A7 across machines."""
    in_flight, most, starts = 0, 0, []

    async def ask(mine: Turns) -> None:
        nonlocal in_flight, most
        for _ in range(3):
            await mine.take(HOST, 30)
            in_flight += 1
            most = max(most, in_flight)
            starts.append(time.monotonic())
            await asyncio.sleep(0.01)
            in_flight -= 1
            mine.give_back(HOST)

    async with turns(database, "a") as one, turns(database, "b") as two:
        await asyncio.gather(ask(one), ask(two))
    assert most == 1
    # A turn is taken by the server's clock a little before its taker hears of it.
    assert starts[-1] - starts[0] >= 5 * GAP.total_seconds() * 0.9


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_host_that_asks_one_worker_for_patience_is_left_alone_by_all(database: Database) -> None:
    """A5 across machines: a poll that would wait for longer than it may is let go."""
    async with turns(database, "a") as one, turns(database, "b") as two:
        await one.take(HOST, 5)
        one.block(HOST, timedelta(hours=1))
        one.give_back(HOST)
        await one.take("other.example.org:443", 5)  # what was asked before it is done by now
        with pytest.raises(HostAway, match=r"left alone for another 3[56]"):
            await two.take(HOST, 5)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_turn_that_its_owner_took_to_the_grave_ends_by_itself(database: Database) -> None:
    async with turns(database, "dead", lease=timedelta(milliseconds=300)) as dead:
        await dead.take(HOST, 5)
    async with turns(database, "living") as living:
        await living.take(HOST, 20)


# ---- batches


def due(*hosts: str) -> list[DueFeed]:
    return [DueFeed(NOW, f"f{number}", f"https://{host}/feed/{number}") for number, host in enumerate(hosts)]


def test_feeds_of_one_host_go_into_one_job_and_no_more_than_it_can_take() -> None:
    """A7: a job asks a host for a quarter of a minute at most; the rest stays due."""
    found = batches(due(*["one.example.org"] * 40), timedelta(seconds=1))
    assert found == {bucket_of("https://one.example.org/"): [f"f{number}" for number in range(15)]}
    assert [len(ids) for ids in batches(due(*["one.example.org"] * 90), timedelta(0)).values()] == [MOST_FEEDS]


def test_a_bucket_with_a_job_gets_no_second_one() -> None:
    feeds = due(*(f"h{number}.example.org" for number in range(300)))
    everything = batches(feeds, timedelta(seconds=1))
    busy = set(list(everything)[:100])
    rest = batches(feeds, timedelta(seconds=1), busy)
    assert set(rest) == set(everything) - busy
    assert sum(map(len, everything.values())) == 300
    assert max(everything) < BUCKETS


@pytest.mark.parametrize("limit", [2, 100])
def test_due_feeds_are_found_page_by_page(house: House, limit: int) -> None:
    with house.database.read() as conn:
        page = feed_store.due_page(conn, NOW + timedelta(days=2), limit, None)
        last = page[-1]
        assert [one.id for one in page] == ["ledger", "wire"]
        assert feed_store.due_page(conn, NOW + timedelta(days=2), limit, (last.since, last.id)) == []


# ---- the lock


def here(command: str = "licensewatch worker") -> Holder:
    return Holder.here(command, datetime(2026, 1, 1, tzinfo=UTC))


def test_workers_share_the_lock_and_a_lone_daemon_does_not(cluster_url: str) -> None:
    one, two = (DatabaseLock(cluster_url, here(), shared=True) for _ in range(2))
    with one, two, pytest.raises(LockHeld, match=r"`licensewatch worker` \(process \d+"):
        DatabaseLock(cluster_url, here("licensewatch run")).__enter__()
    with DatabaseLock(cluster_url, here("licensewatch run")), pytest.raises(LockHeld, match="`licensewatch run`"):
        DatabaseLock(cluster_url, here(), shared=True).__enter__()


def test_one_leads_until_it_lets_go(cluster_url: str) -> None:
    one, two = Leadership(cluster_url, here()), Leadership(cluster_url, here())
    assert one.ours()
    assert not two.ours()
    assert one.ours()
    one.release()
    assert two.ours()
    assert not one.ours()
    two.release()
