"""The first page: is it working, what needs a person, what was sent today, what is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from monitor.counts import counted
from monitor.model import DeliveryState, FeedHealth
from monitor.store import deliveries, figures, stories
from monitor.web import charts, picture
from monitor.web.asked import Asked, Shown
from monitor.web.ledger import outlets
from monitor.web.ready import stopped

STUCK = (
    DeliveryState.PARKED,
    DeliveryState.UNKNOWN,
    DeliveryState.HELD,
    DeliveryState.DEAD,
    DeliveryState.PENDING,
    DeliveryState.SENDING,
)
HEALTH_ORDER = (FeedHealth.ACTIVE, FeedHealth.NEW, FeedHealth.PAUSED, FeedHealth.FAILING, FeedHealth.GONE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One word for the state of things: well, attention or stopped; the sentence says it to a person."""

    word: str
    sentence: str


def verdict(broken: list[str], problems: list[str], parked: Sequence[str] = ()) -> Verdict:
    """Stopped comes first: what does not run cannot be trusted on the rest. Then that alerts do not reach people."""
    if broken:
        return Verdict("stopped", "It is not working.")
    if parked:
        names = f"{', '.join(parked)} {'is' if len(parked) == 1 else 'are'} parked"
        more = len(problems) - len(parked)
        also = f", and {counted(more, 'more thing')} {'needs' if more == 1 else 'need'} you" if more > 0 else ""
        return Verdict("attention", f"Alerts wait: {names}{also}.")
    if problems:
        return Verdict(
            "attention",
            "Working, and one thing needs you."
            if len(problems) == 1
            else f"Working, and {len(problems)} things need you.",
        )
    return Verdict("well", "All is well.")


def page(asked: Asked) -> Shown:
    """Everything for the first page."""
    now, conn = asked.now, asked.conn
    taken = picture.take(conn, now)
    broken = stopped(asked.pulse, taken.vitals)
    problems = picture.problems_of(taken)
    health = picture.health_of(taken, asked.configuration)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    posted, edited = figures.sent_counts(conn, midnight)
    waiting = deliveries.listing(conn, states=STUCK, limit=12)
    names = {feed.id: feed.title or feed.id for feed in asked.configuration.feeds}
    soon = sorted(
        (
            (state.next_poll_at, names[feed.id], state.why_next)
            for kind in (FeedHealth.ACTIVE, FeedHealth.NEW)
            for feed, state in health[kind]
            if state is not None and state.next_poll_at is not None
        ),
        key=lambda one: one[0],
    )
    values = {
        "verdict": verdict(broken, problems, [one.name for one in taken.receivers.values() if one.parked_scope]),
        "stopped": broken,
        "problems": problems,
        "picture": taken,
        "health": [(kind, len(health[kind])) for kind in HEALTH_ORDER],
        "health_bar": charts.shares([(str(kind), len(health[kind])) for kind in HEALTH_ORDER]),
        "troubled": [(feed, state) for kind in (FeedHealth.FAILING, FeedHealth.GONE) for feed, state in health[kind]][
            :6
        ],
        "posted": posted,
        "edited": edited,
        "sent": figures.sent(conn, midnight, 12),
        "waiting": waiting,
        "titles": figures.titles(conn, {one.story_id for one in waiting if one.story_id is not None}),
        "outlets": outlets,
        "stories": stories.listing(conn, stories.Wanted(limit=6)),
        "entries_today": figures.entries_since(conn, midnight),
        "soon": soon[:5],
        "refresh": asked.number("refresh", 0, 3600) if asked.word("refresh") else 0,
    }
    return Shown("status.html", values)
