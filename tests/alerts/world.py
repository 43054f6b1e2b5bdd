"""Storylines, receivers and a deliverer for the tests of delivery: made by hand, in one place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from monitor.alerts import dispatch
from monitor.alerts.dispatch import Ids, Recipients
from monitor.alerts.receivers import ReceiverSettings, SlackReceiver
from monitor.deliver import Deliverer, Options
from monitor.model import (
    Alert,
    Confidence,
    Coverage,
    Delivery,
    DeliveryState,
    Direction,
    Reason,
    Severity,
    Shift,
    Stage,
    Step,
    Story,
    Storyline,
    Trust,
)
from monitor.store import deliveries
from monitor.store.engine import Database
from monitor.testing.slack_server import SlackServer

T0 = datetime(2025, 7, 12, 14, 3, tzinfo=UTC)
EVIDENCE = "A small group of executives discussed abandoning Behemoth, the most powerful open model, for a closed one."


def coverage(number: int, outlet: str, *, title: str = "", trust: Trust = Trust.PRESS) -> Coverage:
    return Coverage(
        entry_id=number,
        feed_id=outlet.lower().replace(" ", "-"),
        outlet=outlet,
        title=title or f"{outlet} on the plan to close Behemoth",
        url=f"https://{outlet.lower().replace(' ', '')}.example/news/{number}?a=1&b=2",
        trust=trust,
        seen_at=T0 + timedelta(minutes=7 * number),
    )


def storyline(
    number: int = 1, *, title: str = "Meta weighs a closed model instead of Behemoth", outlets: int = 1
) -> Storyline:
    names = [
        "The Decoder",
        "Techsight",
        "Model Weekly",
        "Open Ledger",
        "Daily Byte",
        "AI Brief",
        "Policy Wire",
        "Kernel",
    ]
    shift = Shift(
        direction=Direction.CLOSING,
        stage=Stage.CONSIDERING,
        orgs=("Meta",),
        models=("Behemoth",),
        from_="open",
        to="closed",
        evidence=EVIDENCE,
        confidence=Confidence.MEDIUM,
        reasons=("one outlet", "unnamed sources"),
        marks=((38, 57), (77, 81), (95, 101)),
    )
    story = Story(
        id=number,
        storyline_id=number,
        title=title,
        severity=Severity.HIGH,
        shift=shift,
        rule_ids=("open-to-closed",),
        first_seen_at=T0,
        last_seen_at=T0,
        coverage=tuple(coverage(index, name) for index, name in enumerate(names[:outlets], 1)),
    )
    first = Step(T0, Stage.CONSIDERING, Direction.CLOSING, Reason.NEW_STORY, title, story.coverage[0].url, names[0])
    return Storyline(number, (story,), (first,), context="raised: first closed flagship by Meta")


def moved(before: Storyline, stage: Stage, headline: str, outlet: str, after: timedelta) -> Storyline:
    """The storyline with a later story at this stage."""
    last = before.stories[-1]
    number = last.id + 100
    one = coverage(number, outlet, title=headline)
    story = replace(
        last,
        id=number,
        title=headline,
        shift=replace(last.shift, stage=stage, evidence=f"{headline}, the company said.", marks=()),
        coverage=(one,),
        first_seen_at=T0 + after,
        last_seen_at=T0 + after,
    )
    step = Step(T0 + after, stage, last.shift.direction, Reason.STAGE_MOVED, headline, one.url, outlet)
    return replace(before, stories=(*before.stories, story), steps=(*before.steps, step))


@dataclass
class World:
    """A database, the storylines as they are now, and the receivers; `tell` does what a poll's transaction does."""

    database: Database
    receivers: list[ReceiverSettings]
    secrets: dict[str, str] = field(default_factory=dict)
    storylines: dict[int, Storyline] = field(default_factory=dict)
    screen: StringIO = field(default_factory=StringIO)
    ops: tuple[str, ...] = ()
    pace: timedelta = timedelta(0)
    timeout: timedelta = timedelta(seconds=2)
    offset: timedelta = timedelta(0)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def tell(self, one: Storyline, reason: Reason = Reason.NEW_STORY, line: str = "", **how: Any) -> list[Delivery]:
        """Keep the storyline as it is now, and queue what the alert sends."""
        self.storylines[one.id] = one
        alert = Alert(reason, one.stories[-1].severity, line)
        known = {receiver.name: receiver for receiver in self.receivers}
        with self.database.write() as conn:
            threads = deliveries.threads(conn, one.id)
            to = Recipients(how.pop("routed", tuple(known)), known, threads, **how)
            ids = Ids(story_id=one.stories[-1].id, storyline_id=one.id)
            return deliveries.enqueue(conn, dispatch.dispatch(alert, ids, to, self.now(), self.new_id))

    def new_id(self) -> str:
        return f"delivery-{next(self.ids):04}"

    def options(self, **changes: Any) -> Options:
        given: dict[str, Any] = {
            "pace": self.pace,
            "timeout": self.timeout,
            "ops": self.ops,
            "now": self.now,
            "new_id": self.new_id,
            "storyline": lambda _conn, number: self.storylines.get(number),
            "screen": self.screen,
        }
        return Options(**(given | changes))

    def deliverer(self, **changes: Any) -> Deliverer:
        return Deliverer(self.database, self.receivers, self.secrets.get, self.options(**changes))

    async def drain(self, patience: float = 10.0, **changes: Any) -> bool:
        """One process's life: start, deliver what can be, stop."""
        one = self.deliverer(**changes)
        try:
            return await one.drain(timedelta(seconds=patience))
        finally:
            await one.close()

    def states(self) -> list[str]:
        return [str(one.state) for one in self.rows()]

    def rows(self, *states: DeliveryState) -> list[Delivery]:
        with self.database.read() as conn:
            return deliveries.listing(conn, states=states, limit=10_000)[::-1]


def slack_receiver(slack: SlackServer, name: str = "licensing", channel: str = "C1", **keys: Any) -> SlackReceiver:
    given: Mapping[str, Any] = {"settle": timedelta(seconds=0.1)} | keys
    return SlackReceiver(name=name, channel=channel, api_url=slack.api_url, **given)


@asynccontextmanager
async def connected(database: Database, **server: Any) -> Any:
    """A workspace with one channel, and a world whose only receiver writes to it."""
    async with SlackServer(**({"rate": None} | server)) as slack:
        slack.bot()
        slack.channel("C1", "licensing")
        yield slack, World(database, [slack_receiver(slack)], {"slack_bot_token": "xoxb-test"})
