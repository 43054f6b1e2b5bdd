"""The feeds: how each does, in which rhythm it has news, its last error, and when it is polled next and why."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model import Feed, FeedHealth, FeedState
from monitor.store import entries, feeds
from monitor.web import charts, picture
from monitor.web.asked import Asked, Shown

PAGE = 100
WORST_FIRST = (FeedHealth.FAILING, FeedHealth.GONE, FeedHealth.NEW, FeedHealth.ACTIVE, FeedHealth.PAUSED)


@dataclass(frozen=True, slots=True)
class Row:
    """A feed as the page shows it."""

    feed: Feed
    state: FeedState | None
    health: FeedHealth
    entries: int
    rhythm: charts.Sparkline


def page(asked: Asked) -> Shown:
    """The feeds of one health, or all of them, what fails on top."""
    taken = picture.take(asked.conn, asked.now)
    health = picture.health_of(taken, asked.configuration)
    wanted = asked.word("health")
    kinds = [kind for kind in WORST_FIRST if kind == wanted] or list(WORST_FIRST)
    listed = [(feed, state, kind) for kind in kinds for feed, state in sorted(health[kind], key=_by_title)]
    number = asked.number("page", 1, 10_000)
    counted = entries.counts(asked.conn)
    listed_here = listed[(number - 1) * PAGE : number * PAGE]
    whole = feeds.some(asked.conn, [feed.id for feed, _, _ in listed_here])
    rows = [
        Row(feed, state, kind, counted.get(feed.id, 0), _rhythm(whole.get(feed.id), asked))
        for feed, state, kind in listed_here
    ]
    values = {
        "rows": rows,
        "counts": [(kind, len(health[kind])) for kind in WORST_FIRST],
        "health_bar": charts.shares([(str(kind), len(health[kind])) for kind in WORST_FIRST]),
        "wanted": kinds[0] if len(kinds) == 1 else "",
        "total": len(listed),
        "all": len(asked.configuration.feeds),
        "number": number,
        "pages": -(-len(listed) // PAGE),
    }
    return Shown("feeds.html", values)


def _rhythm(state: FeedState | None, asked: Asked) -> charts.Sparkline:
    return charts.sparkline(state.polls if state else (), asked.now)


def _by_title(one: tuple[Feed, FeedState | None]) -> str:
    return (one[0].title or one[0].id).casefold()
