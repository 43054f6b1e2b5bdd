"""Who published an entry: the feed's own name, or the publisher that an aggregator hangs on the headline."""

from __future__ import annotations

from monitor.model import Entry
from monitor.stories.traits import address, tail

# They hide the publisher's address behind their own and write "Headline - Publisher".
_AGGREGATORS = (
    "news.google.com",
    "bing.com",
    "news.yahoo.com",
    "apple.news",
    "flipboard.com",
    "msn.com",
    "newsbreak.com",
)


def outlet(entry: Entry, feed_title: str) -> str:
    """The outlet of an entry; the feed's title, or its id, when nothing better is known."""
    host = address(entry.url).partition("/")[0]
    hidden = any(host == one or host.endswith(f".{one}") for one in _AGGREGATORS)
    return (tail(entry.title) if hidden else "") or feed_title or entry.feed_id
