"""Polls beside each other: what waits for a reader keeps nobody from being asked, and memory stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import product

from monitor.clock import monotonic
from monitor.feeds.fetch import LARGE, Fetcher
from monitor.feeds.pace import HostPace
from monitor.feeds.polling import Polling
from monitor.feeds.reader import Briefing, Reader, Reading
from monitor.model import Document, Feed, FeedState
from monitor.poll import Look, Manners, Outcome, Rounds, Tools
from monitor.poll.room import LEAST, Room
from monitor.poll.rounds import MOST_BYTES, MOST_LARGE
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import until

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
POLLING = Polling(allow_private_networks=(ip_network("127.0.0.0/8"),))
SLOTS = 2


class BusyReader(Reader):
    """A reader that has no worker to spare until `free` is set."""

    def __init__(self) -> None:
        super().__init__(1)
        self.free = asyncio.Event()
        self.waiting: list[int] = []  # bytes of each document

    async def read(
        self, feed: Feed, document: Document, now: datetime, briefing: Briefing | None = None, *, slow: bool = False
    ) -> Reading:
        self.waiting.append(len(document.body))
        await self.free.wait()
        return await super().read(feed, document, now, briefing, slow=slow)


async def test_documents_that_wait_for_a_reader_keep_nobody_waiting_and_are_bounded() -> None:
    """A35: with two slots and no reader, feeds are asked until eight megabytes of documents wait; then only what was
    fetched is held, and all of it is read and committed once there is a reader."""
    committed: list[Look] = []
    body = rss("ledger", [{"title": "A chip plant opens", "link": "https://example.org/1"}])
    body += b"\n" * (MOST_BYTES // 20)
    fit = MOST_BYTES // len(body)
    feeds = fit + SLOTS + 5

    async def commit(looks: Sequence[Look]) -> Sequence[Outcome]:
        committed.extend(looks)
        return ()

    reader = BusyReader()
    async with FeedServer() as server, Fetcher(POLLING, "9.9") as fetcher, reader:
        server.document("/feed", body)
        rounds = Rounds(Tools(fetcher, reader, lambda: NOW), commit, Manners(HostPace(0.0)), SLOTS)
        for number in range(feeds):
            url = server.url(f"/feed?{number}")
            state = FeedState(f"f{number}", url, url, created_at=NOW - timedelta(days=1))
            rounds.start(Feed(f"f{number}", url), state)
        # One more is asked, fetched, and waits in its slot, its host with it.
        await until(lambda: len(server.requests) == fit + 1, "all that fit wait")
        await asyncio.sleep(0.2)
        assert len(server.requests) == fit + 1
        assert not committed
        reader.free.set()
        await rounds.join()
        await rounds.close()
    assert len({look.feed.id for look in committed}) == feeds
    assert all(look.reading is not None and look.reading.items == 1 for look in committed)


async def test_what_may_not_be_read_or_committed_waits_and_is_dropped_at_once_at_the_end() -> None:
    """A21: feeds are asked while rules are made, and while their examples run; what is answered waits for these, or for
    nobody."""
    committed: list[Look] = []

    async def commit(looks: Sequence[Look]) -> Sequence[Outcome]:
        committed.extend(looks)
        return ()

    async with FeedServer() as server, Fetcher(POLLING, "9.9") as fetcher, Reader(1) as reader:
        server.document("/feed", rss("ledger", [{"title": "A chip plant opens", "link": "https://example.org/1"}]))
        url = server.url("/feed")
        state = FeedState("f", url, url, created_at=NOW - timedelta(days=1))
        for gate, wanted in product(("may_read", "may_commit"), (1, 0)):
            rounds = Rounds(Tools(fetcher, reader, lambda: NOW), commit, Manners(HostPace(0.0)), SLOTS)
            getattr(rounds, gate).clear()
            rounds.start(Feed("f", url), state)
            asked = len(server.requests)
            await until(lambda asked=asked: len(server.requests) > asked, "it is asked")  # type: ignore[misc]  # bound now
            await asyncio.sleep(0.3)
            assert not committed
            if wanted:
                getattr(rounds, gate).set()
                await rounds.join()
            begin = monotonic()
            await rounds.close()
            assert monotonic() - begin < 2
            assert len(committed) == wanted
            committed.clear()


async def test_room_is_given_in_the_order_of_asking_and_what_is_cancelled_takes_none() -> None:
    """A35: a document larger than all room waits until it is alone, and those behind it wait for it."""
    room = Room(4 * LEAST)
    taken: list[str] = []

    async def take(name: str, size: int) -> int:
        got = await room.take(size)
        taken.append(name)
        return got

    first = await take("small", 1)
    tasks = [asyncio.create_task(take(name, size)) for name, size in (("huge", 99 * LEAST), ("gone", 1), ("last", 1))]
    await asyncio.sleep(0)
    assert taken == ["small"]
    tasks[1].cancel()
    room.give_back(first)
    whole = await tasks[0]
    await asyncio.sleep(0)
    assert taken == ["small", "huge"]
    room.give_back(whole)
    assert await tasks[2] == LEAST
    assert taken == ["small", "huge", "last"]
    waiting = asyncio.create_task(take("cancelled", 99 * LEAST))
    await asyncio.sleep(0)
    behind = asyncio.create_task(take("behind", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await behind == LEAST


async def test_few_large_documents_are_held_and_those_that_wait_keep_nobody_waiting() -> None:
    """A35: of many large documents four are taken in at a time; small ones of other hosts pass by all of them."""
    committed: list[Look] = []

    async def commit(looks: Sequence[Look]) -> Sequence[Outcome]:
        committed.extend(looks)
        return ()

    reader = BusyReader()
    large, small = MOST_LARGE + SLOTS + 2, 3
    hosts = [f"127.0.0.{number}" for number in range(1, large + small + 1)]
    async with FeedServer(hosts) as server, Fetcher(POLLING, "9.9") as fetcher, reader:
        item = {"title": "A chip plant opens", "link": "https://example.org/1"}
        server.document("/small", rss("ledger", [item]))
        server.document("/large", rss("ledger", [item | {"description": "word " * (LARGE // 4)}]))
        rounds = Rounds(Tools(fetcher, reader, lambda: NOW), commit, Manners(HostPace(0.0)), SLOTS)
        for number, host in enumerate(hosts):
            url = server.url("/large" if number < large else "/small", host)
            state = FeedState(f"f{number}", url, url, created_at=NOW - timedelta(days=1))
            rounds.start(Feed(f"f{number}", url), state)
        await until(lambda: len(reader.waiting) == MOST_LARGE + small, "all small ones and some large ones are here")
        await until(lambda: len(server.requests) == large + small, "all were asked")
        await asyncio.sleep(0.2)
        assert sum(size > LARGE for size in reader.waiting) == MOST_LARGE
        reader.free.set()
        await rounds.join()
        await rounds.close()
    assert sorted(look.feed.id for look in committed) == sorted(f"f{number}" for number in range(large + small))
    assert all(look.reading is not None and look.document is not None for look in committed)
    assert not any(look.document.body for look in committed if look.document is not None)
