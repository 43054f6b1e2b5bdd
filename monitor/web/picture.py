"""The state of the service at one moment, and what a person should see to: for `status`, the page and readiness."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitor.alerts.outcome import remedy
from monitor.counts import counted
from monitor.feeds import plan
from monitor.model import DeliveryState, Feed, FeedHealth, FeedState, Mute
from monitor.settings import Configuration
from monitor.store import canary, deliveries, entries, facts, feeds, hits, mutes, receivers, stories, workers
from monitor.store.canary import CanaryState
from monitor.store.engine import Connection
from monitor.store.receivers import ReceiverState
from monitor.store.workers import WorkerState

RUNNING = timedelta(seconds=30)  # the daemon writes its last tick every ten
OVERDUE = timedelta(minutes=5)
CANARY_OVERDUE = timedelta(hours=26)  # it flies daily


@dataclass(frozen=True, slots=True)
class Vitals:
    """What tells whether the service works at all."""

    now: datetime
    last_tick: datetime | None
    oldest_due: datetime | None
    receivers: dict[str, ReceiverState]
    stopped: datetime | None = None  # when a process last ended as it should
    canary: CanaryState = field(default_factory=CanaryState)

    @property
    def running(self) -> bool:
        """Whether a daemon ticked lately, and did not end since."""
        return self.last_tick is not None and abs(self.now - self.last_tick) < RUNNING and not self.at_rest

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs because nothing should: it never did, or it was stopped."""
        return self.last_tick is None or (self.stopped is not None and self.stopped >= self.last_tick)


@dataclass(frozen=True, slots=True)
class Picture:
    """The state of the service at one moment, as the database has it."""

    now: datetime
    feeds: dict[str, FeedState]
    entries: int
    stories: int
    hits: int
    deliveries: dict[str, int]
    oldest_due: datetime | None
    receivers: dict[str, ReceiverState]
    mutes: list[Mute]
    last_tick: datetime | None
    rejected: str
    stopped: datetime | None = None
    canary: CanaryState = field(default_factory=CanaryState)
    acting_problem: str = ""  # why nobody listens to Slack's buttons
    workers: list[WorkerState] = field(default_factory=list)  # of a cluster, those that are alive
    jobs_waiting: int = 0
    polls: tuple[datetime | None, datetime | None] = (None, None)  # since when one is due, when the last was stored

    @property
    def running(self) -> bool:
        """Whether a daemon ticked lately, and did not end since."""
        return self.vitals.running

    @property
    def vitals(self) -> Vitals:
        """The part of it that tells whether the service works at all."""
        return Vitals(self.now, self.last_tick, self.oldest_due, self.receivers, self.stopped, self.canary)


def vitals(conn: Connection, now: datetime) -> Vitals:
    """Read what tells whether the service works at all: a few rows, however large the database is."""
    tick, stopped = facts.set_at(conn, "last_tick"), facts.set_at(conn, "stopped")
    owed, canary_ = deliveries.oldest_due(conn, now), canary.state(conn)
    return Vitals(now, tick, owed, receivers.states(conn), stopped, canary_)


def take(conn: Connection, now: datetime) -> Picture:
    """Read the picture from the database."""
    return Picture(
        now=now,
        feeds=feeds.in_brief(conn),
        entries=sum(entries.counts(conn).values()),
        stories=stories.count(conn),
        hits=hits.total(conn),
        deliveries=deliveries.counts(conn),
        oldest_due=deliveries.oldest_due(conn, now),
        receivers=receivers.states(conn),
        mutes=mutes.active(conn, now),
        last_tick=facts.set_at(conn, "last_tick"),
        rejected=facts.get(conn, "configuration_problem") or "",
        stopped=facts.set_at(conn, "stopped"),
        canary=canary.state(conn),
        acting_problem=facts.get(conn, "acting_problem") or "",
        workers=_with_one_leader(workers.alive(conn, now)),
        jobs_waiting=facts.get(conn, "jobs_waiting") or 0,
        polls=feeds.longest_due(conn),
    )


def _with_one_leader(alive: list[WorkerState]) -> list[WorkerState]:
    """A leader that was killed still stands in the list for half a minute, beside the one that took over."""
    newest = max((one.seen_at for one in alive if one.leads), default=None)
    return [replace(one, leads=one.leads and one.seen_at == newest) for one in alive]


def problems_of(picture: Picture) -> list[str]:
    """What a person should see to, in words, the gravest first."""
    found = []
    if not picture.running and not picture.vitals.at_rest:
        found.append(
            f"nothing ticked since {_shown(picture.last_tick)} UTC, and nobody stopped it: the daemon was killed, "
            "hangs, or cannot write its database; its log says which"
        )
    due_at, polled_at = picture.polls
    if picture.running and due_at and picture.now - max(due_at, polled_at or due_at) > OVERDUE:
        found.append(
            f"no poll was stored since {_shown(polled_at or due_at)} UTC, though feeds are due: the disk is full, the "
            "database refuses, or nothing ends; the log says which"
        )
    fault = canary_fault(picture.vitals)
    if fault:
        found.append(fault)
    found += [
        f"receiver {one.name} is parked since {_shown(one.parked_at)} UTC "
        f"({one.parked_scope}: {one.parked_code}): "
        f"{remedy(one.parked_code or '')}; `licensewatch slack check` says whether it helped"
        for one in picture.receivers.values()
        if one.parked_scope
    ]
    if picture.acting_problem:
        found.append(picture.acting_problem)
    if picture.rejected:
        found.append(f"the edited configuration was rejected, the last good one is in force: {picture.rejected}")
    for state, what in (
        (DeliveryState.DEAD, "`licensewatch deliveries list --state dead`"),
        (DeliveryState.HELD, "`licensewatch deliveries release` or `discard`"),
    ):
        if count := picture.deliveries.get(state):
            found.append(f"{counted(count, f'{state} delivery', f'{state} deliveries')}: {what}")
    if picture.running and picture.oldest_due and picture.now - picture.oldest_due > OVERDUE:
        found.append(f"the oldest delivery waits since {_shown(picture.oldest_due)} UTC")
    if len({one.configuration for one in picture.workers}) > 1:
        found.append("workers run with different configurations: bring the same files to every machine")
    tried = [state for state in picture.feeds.values() if state.last_poll_at is not None]
    if tried and all(state.failures for state in tried):
        found.append("every feed fails: is this machine connected to the network?")
    return found


def canary_fault(now_: Vitals) -> str:
    """What the daily canary says against trusting the pipeline; empty when it is well."""
    known = now_.canary
    if known.told:
        return f"the canary does not come through since {_shown(known.failing_since)} UTC: {known.why}"
    if now_.running and known.passed_at is not None and now_.now - known.passed_at > CANARY_OVERDUE:
        return f"the daily canary last came through {_shown(known.passed_at)} UTC: it should fly every day"
    return ""


def health_of(picture: Picture, configuration: Configuration) -> dict[FeedHealth, list[tuple[Feed, FeedState | None]]]:
    """The configured feeds by their health."""
    found: dict[FeedHealth, list[tuple[Feed, FeedState | None]]] = {word: [] for word in FeedHealth}
    for feed in configuration.feeds:
        state = picture.feeds.get(feed.id)
        found[plan.health(feed, state)].append((feed, state))
    return found


def _shown(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else "an unknown time"
