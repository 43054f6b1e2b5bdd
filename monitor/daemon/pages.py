"""Full text, put together: which entries are fresh, which nearly match, and what fetches and reads their pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from monitor import clock
from monitor.feeds.fetch import Fetcher
from monitor.feeds.identify import Verdict
from monitor.feeds.pages import LIMITS, Pages
from monitor.feeds.reader import Reader, Work
from monitor.model import Entry
from monitor.poll.commit import identified
from monitor.poll.full_text import FullText
from monitor.poll.look import Look
from monitor.poll.world import World
from monitor.rules.nearly import nearly
from monitor.store.engine import Connection

Reading = Callable[[Callable[[Connection], list[Entry]]], Awaitable[list[Entry]]]


def page_reader() -> Reader:
    """One worker for pages and robots.txt files, started when the first is to be read."""
    return Reader(1, LIMITS, Work.PAGES)


def full_text(fetcher: Fetcher, reader: Reader, world: World, reading: Reading) -> FullText:
    """What polls need to fetch pages; `reading` runs a function on a state of the database."""

    def near(look: Look, entry: Entry) -> str:
        return nearly(world.policy.rules, entry, feed_tags=look.feed.tags, feed_id=look.feed.id)

    return FullText(Pages(fetcher, reader, clock.monotonic), lambda look: reading(partial(_fresh, look=look)), near)


def _fresh(conn: Connection, look: Look) -> list[Entry]:
    return [one.entry for one in identified(conn, look) if one.verdict is not Verdict.SAME]
