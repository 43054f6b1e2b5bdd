"""A server of feeds on loopback, and what fetches from it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monitor.feeds.fetch import Fetcher
from monitor.testing.feed_server import FeedServer
from tests.feeds.local import LOCAL


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(LOCAL, "9.9") as running:
        yield running
