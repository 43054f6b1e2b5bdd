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
from monitor.poll.rounds import MOST_DOCUMENTS
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
    """A35: with two slots and no reader, feeds are asked until a hundred documents wait; then only what was fetched is
    held, and all of it is read and committed once there is a reader."""
    committed: list[Look] = []
    feeds = MOST_DOCUMENTS + SLOTS + 5

    async def commit(looks: Sequence[Look]) -> Sequence[Outcome]:
        committed.extend(looks)
        return ()

    reader = BusyReader()
    async with FeedServer() as server, Fetcher(POLLING, "9.9") as fetcher, reader:
        server.document("/feed", rss("ledger", [{"title": "A chip plant opens", "link": "https://example.org/1"}]))
        rounds = Rounds(Tools(fetcher, reader, lambda: NOW), commit, Manners(HostPace(0.0)), SLOTS)
        for number in range(feeds):
            url = server.url(f"/feed?{number}")
            state = FeedState(f"f{number}", url, url, created_at=NOW - timedelta(days=1))
            rounds.start(Feed(f"f{number}", url), state)
        # One more is asked, fetched, and waits in its slot, its host with it.
        await until(lambda: len(server.requests) == MOST_DOCUMENTS + 1, "a hundred documents wait")
        await asyncio.sleep(0.2)
        assert len(server.requests) == MOST_DOCUMENTS + 1
        assert not committed
        reader.free.set()
        await rounds.join()
        await rounds.close()
    assert len({look.feed.id for look in committed}) == feeds
    assert all(look.reading is not None and look.reading.items == 1 for look in committed)
