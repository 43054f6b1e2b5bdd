"""One flight of the canary, step by step, and what is remembered and told of how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import structlog

from monitor import clock
from monitor.alerts import dispatch
from monitor.alerts.decide import AlertPolicy, Ops, Route
from monitor.alerts.receivers import BuiltInReceiver
from monitor.canary import story
from monitor.canary.box import Box
from monitor.errors import MonitorError, ParseError
from monitor.feeds import plan
from monitor.feeds.identify import EntryPolicy
from monitor.feeds.plan import Polling
from monitor.feeds.reader import Reading
from monitor.model import CANARY, DeliveryState, Document, Feed, Storyline
from monitor.poll import Look, Policy, World, commit
from monitor.rules.rule_set import RuleSet
from monitor.store import canary as stored
from monitor.store import deliveries, stories
from monitor.store.canary import CanaryState
from monitor.store.engine import Connection
from monitor.stories.assign import StoryIndex

EVERY = timedelta(days=1)
AGAIN = (timedelta(minutes=1), timedelta(minutes=10))  # after the first failure, and after later ones
FAILURES_TO_TELL = 2  # one may be a busy minute
ARRIVAL_S = 90.0  # a pass over the outbox takes a second; this is a stuck one

RECEIVER = BuiltInReceiver(name=CANARY)

log = structlog.get_logger("canary")
T = TypeVar("T")


class Database(Protocol):
    """The service's ways into its database."""

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class Step(StrEnum):
    READ = "read"
    DECIDED = "stored and decided"
    DELIVERED = "delivered"


class _FallError(MonitorError):
    """It did not come through."""

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(f"it was not {step}: {why}")


@dataclass
class Ground:
    """What it flies over: the service's workers, its two ways into the database, its rules in force, its operators."""

    read: Callable[[Feed, Document, datetime], Awaitable[Reading]]
    writing: Database
    reading: Database
    configured: Callable[[], RuleSet]
    ops: Callable[[], Sequence[str]]
    new_id: Callable[[], str]


@dataclass
class Canary:
    """Flies when it is due. `box` is its receiver, `storyline` what the deliverer renders for it."""

    ground: Ground
    box: Box = field(default_factory=Box)
    patience_s: float = ARRIVAL_S
    _told: Storyline | None = None

    async def mind(self) -> None:
        """Fly if it is time. Raises StoreError when not even the outcome can be written down."""
        known = await self.ground.reading(stored.state)
        if is_due(known, clock.now()):
            await self.fly()

    async def fly(self) -> CanaryState:
        """One flight; how things stand after it. Operations hear of the second failure in a row, and of the end."""
        start = clock.monotonic()
        try:
            await self._through()
            why = ""
        except MonitorError as error:
            why = str(error)
        except Exception as error:
            log.exception("canary met a bug")
            why = f"a fault of this program, {type(error).__name__}: please report it with the log"
        took = clock.monotonic() - start
        return await self.ground.writing(lambda conn: self._land(conn, why, took))

    def storyline(self, conn: Connection, storyline_id: int) -> Storyline | None:
        """The storyline to render: the canary's is in no table any more."""
        if self._told is not None and self._told.id == storyline_id:
            return self._told
        return stories.storyline_of(conn, storyline_id)

    # ---- the way

    async def _through(self) -> None:
        now = clock.now()
        document = story.document(now)
        try:
            reading = await self.ground.read(story.FEED, document, now)
        except ParseError as error:
            raise _FallError(Step.READ, str(error)) from error
        look = Look(story.FEED, story.before(now), now, document, reading, plan.body_hash(document.body))
        delivery_id = await self.ground.writing(lambda conn: self._commit(conn, look))
        message = await self.box.taken(delivery_id, self.patience_s)
        if message is None:
            raise _FallError(Step.DELIVERED, f"no message came out of the outbox within {self.patience_s:g} s")
        fault = story.fault_of_message(message) or await self._unsettled(delivery_id)
        if fault:
            raise _FallError(Step.DELIVERED, fault)

    def _commit(self, conn: Connection, look: Look) -> str:
        """The transaction of a poll, read back and taken back; what is left of it is the delivery, whose id it is."""
        stored.sweep(conn)
        stored.list_feed(conn, look.before)
        outcome = commit(conn, look, self._world())
        fault = story.fault_of_decision(outcome)
        if fault:
            raise _FallError(Step.DECIDED, fault)
        [told] = outcome.told
        self.ground.configured().match(told.entry)  # the rules in force need not hit it, only bear it
        self._told = stories.storyline_of(conn, told.story.storyline_id)
        if self._told is None:
            raise _FallError(Step.DECIDED, "its story cannot be read back")
        [owed] = deliveries.of_storyline(conn, self._told.id)
        stored.take_back(conn)
        return owed.id

    def _world(self) -> World:
        policy = Policy(
            feeds={CANARY: story.FEED},
            rules=story.rules(),
            polling=Polling(),
            entries=EntryPolicy(),
            alerts=AlertPolicy(),
            receivers={CANARY: RECEIVER},
            routes=(Route(to=CANARY),),
            ops=Ops(),
        )
        world = World(policy, self.ground.new_id)
        world.start_with(StoryIndex())  # it meets no other story
        return world

    async def _unsettled(self, delivery_id: str) -> str:
        """Empty once the delivery is known to be sent; else what became of it."""
        end = clock.monotonic() + self.patience_s
        while True:
            row = await self.ground.reading(lambda conn: deliveries.get(conn, delivery_id))
            if row is None or row.state is DeliveryState.SENT:
                return "" if row is not None else "its delivery is gone"
            if clock.monotonic() > end:
                return f"its delivery stays {row.state}"
            await asyncio.sleep(0.1)

    # ---- the outcome

    def _land(self, conn: Connection, why: str, took: float) -> CanaryState:
        self._told = None
        now = clock.now()
        known = stored.state(conn)
        after = passed(now, took) if not why else failed(known, now, why)
        stored.sweep(conn)
        stored.remember(conn, after, now)
        facts = notice(known, after)
        if facts:
            deliveries.enqueue(conn, dispatch.notice(facts, self.ground.ops(), now, self.ground.new_id))
        if why:
            log.error("canary failed", why=why, failures=after.failures, told=after.told)
        else:
            log.info("canary passed", took_s=round(took, 2))
        return after


def is_due(known: CanaryState, now: datetime) -> bool:
    """Whether it flies now: daily, soon again after a failure, and at once when it never flew or the clock was set."""
    if known.tried_at is None:
        return True
    wait = AGAIN[min(known.failures, len(AGAIN)) - 1] if known.failures else EVERY
    return not timedelta() <= now - known.tried_at < wait


def passed(now: datetime, took_s: float) -> CanaryState:
    """How things stand after it came through."""
    return CanaryState(tried_at=now, passed_at=now, took_s=round(took_s, 3))


def failed(known: CanaryState, now: datetime, why: str) -> CanaryState:
    """How things stand after it did not."""
    failures = known.failures + 1
    return replace(
        known,
        tried_at=now,
        failures=failures,
        failing_since=known.failing_since or now,
        why=why,
        told=known.told or failures >= FAILURES_TO_TELL,
    )


def notice(before: CanaryState, after: CanaryState) -> dict[str, Any] | None:
    """What to tell operations; None: nothing that they do not know."""
    if after.told and not before.told:
        return {
            "title": "The canary did not come through",
            "text": f"A made-up story, sent through as news would be: {after.why}. News may be lost on the same way.",
            "remedy": "`licensewatch status` and the log say more. It is tried again every ten minutes.",
        }
    if before.told and not after.told:
        since = f"{before.failing_since:%Y-%m-%d %H:%M} UTC" if before.failing_since else "a while"
        return {
            "title": "The canary came through again",
            "text": f"The made-up story was read, stored, decided and delivered. It had failed since {since}.",
        }
    return None
