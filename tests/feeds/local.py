"""How tests fetch from loopback, and what they fetch."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest

from monitor.errors import FetchError
from monitor.feeds.fetch import Fetcher
from monitor.feeds.plan import Polling
from monitor.testing.feed_server import rss

LOCAL = Polling(
    allow_private_networks=(ip_network("127.0.0.0/8"),),
    contact="https://example.org/bot",
    timeout=timedelta(seconds=5),
)
BODY = rss("A feed", [{"title": "One", "guid": "1"}])


async def failure(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(url)
    return caught.value
