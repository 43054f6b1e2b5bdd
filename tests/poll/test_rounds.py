"""Polls beside each other: what waits for a reader keeps nobody from being asked, and memory stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from monitor.feeds.fetch import Fetcher
from monitor.feeds.pace import HostPace
from monitor.feeds.polling import Polling
from monitor.feeds.reader import Briefing, Reader, Reading
from monitor.model import Document, Feed, FeedState
from monitor.poll import Look, Manners, Outcome, Rounds, Tools
from monitor.poll.room import LEAST, Room
from monitor.poll.rounds import MOST_BYTES
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

    async def read(self, feed: Feed, document: Document, now: datetime, briefing: Briefing | None = None) -> Reading:
        await self.free.wait()
        return await super().read(feed, document, now, briefing)


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
