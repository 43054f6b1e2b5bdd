"""`status`: is it working, what is late, what is parked, what did it send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import current
from monitor.feeds import plan
from monitor.model import DeliveryState, Feed, FeedHealth, FeedState, Mute
from monitor.settings import Configuration
from monitor.store import deliveries, entries, facts, feeds, hits, mutes, receivers, stories
from monitor.store.engine import Connection
from monitor.store.receivers import ReceiverState

RUNNING = timedelta(seconds=30)  # the daemon writes its last tick every ten
OVERDUE = timedelta(minutes=5)
SHOWN = 10


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

    @property
    def running(self) -> bool:
        """Whether a daemon ticked lately."""
        return self.last_tick is not None and abs(self.now - self.last_tick) < RUNNING


def status(ctx: typer.Context, json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show whether it works: feeds by health, what is late or parked, what was sent, the last errors."""
    context = current(ctx)
    configuration = context.configuration()
    database = context.database()
    with database.read() as conn:
        picture = take(conn, clock.now())
    problems = problems_of(picture)
    health = health_of(picture, configuration)
    if json_:
        output.emit_json(_record(picture, health, problems))
        return
    _show(picture, configuration, health, problems)


def take(conn: Connection, now: datetime) -> Picture:
    """Read the picture from the database."""
    return Picture(
        now=now,
        feeds=feeds.states(conn),
        entries=sum(entries.counts(conn).values()),
        stories=stories.count(conn),
        hits=hits.total(conn),
        deliveries=deliveries.counts(conn),
        oldest_due=deliveries.oldest_due(conn, now),
        receivers=receivers.states(conn),
        mutes=mutes.active(conn, now),
        last_tick=facts.set_at(conn, "last_tick"),
        rejected=facts.get(conn, "configuration_problem") or "",
    )


def problems_of(picture: Picture) -> list[str]:
    """What a person should see to, in words, the gravest first."""
    found = [
        f"receiver {one.name} is parked since {output.shown(one.parked_at)} UTC "
        f"({one.parked_scope}: {one.parked_code}): "
        "`licensewatch slack check` says what is missing"
        for one in picture.receivers.values()
        if one.parked_scope
    ]
    if picture.rejected:
        found.append(f"the edited configuration was rejected, the last good one is in force: {picture.rejected}")
    if picture.deliveries.get(DeliveryState.DEAD):
        found.append(
            f"{picture.deliveries[DeliveryState.DEAD]} dead deliveries: `licensewatch deliveries list --state dead`"
        )
    if picture.deliveries.get(DeliveryState.HELD):
        found.append(
            f"{picture.deliveries[DeliveryState.HELD]} held deliveries: `licensewatch deliveries release` or `discard`"
        )
    if picture.running and picture.oldest_due and picture.now - picture.oldest_due > OVERDUE:
        found.append(f"the oldest delivery waits since {output.shown(picture.oldest_due)} UTC")
    tried = [state for state in picture.feeds.values() if state.last_poll_at is not None]
    if tried and all(state.failures for state in tried):
        found.append("every feed fails: is this machine connected to the network?")
    return found


def health_of(picture: Picture, configuration: Configuration) -> dict[FeedHealth, list[tuple[Feed, FeedState | None]]]:
    """The configured feeds by their health."""
    found: dict[FeedHealth, list[tuple[Feed, FeedState | None]]] = {word: [] for word in FeedHealth}
    for feed in configuration.feeds:
        state = picture.feeds.get(feed.id)
        found[plan.health(feed, state)].append((feed, state))
    return found


def _record(
    picture: Picture, health: dict[FeedHealth, list[tuple[Feed, FeedState | None]]], problems: list[str]
) -> dict[str, Any]:
    waiting = (picture.now - picture.oldest_due).total_seconds() if picture.oldest_due else None
    return {
        "ok": not problems,
        "running": picture.running,
        "feeds": {word: len(some) for word, some in health.items()},
        "entries": picture.entries,
        "stories": picture.stories,
        "hits": picture.hits,
        "deliveries": picture.deliveries,
        "oldest_due_s": waiting,
        "last_tick_at": picture.last_tick,
        "muted": [{"kind": mute.kind, "value": mute.value, "until": mute.until} for mute in picture.mutes],
        "problems": problems,
    }


def _show(
    picture: Picture,
    configuration: Configuration,
    health: dict[FeedHealth, list[tuple[Feed, FeedState | None]]],
    problems: list[str],
) -> None:
    tick = f"last tick {output.shown(picture.last_tick)} UTC" if picture.last_tick else "it never ran here"
    output.say(
        f"{'running' if picture.running else 'not running'} ({tick}); " + ("all well" if not problems else "see below")
    )
    for problem in problems:
        output.warn(problem)
    counts = ", ".join(f"{len(some)} {word}" for word, some in health.items() if some)
    output.say(f"feeds      {len(configuration.feeds)}: {counts or 'none'}")
    output.say(f"memory     {picture.entries:,} entries, {picture.hits:,} hits, {picture.stories:,} stories")
    sent = ", ".join(f"{n:,} {state}" for state, n in picture.deliveries.items() if n)
    output.say(f"deliveries {sent or 'none yet'}")
    for mute in picture.mutes:
        output.say(f"muted      {mute.kind} {mute.value} until {output.shown(mute.until)} UTC")
    failing = [(feed, state) for word in (FeedHealth.FAILING, FeedHealth.GONE) for feed, state in health[word] if state]
    if failing:
        rows = [
            (feed.id, state.failures, state.failing_since, state.last_error, state.next_poll_at)
            for feed, state in failing[:SHOWN]
        ]
        output.table("Feeds that fail", ("feed", "failures", "since", "error", "next"), rows, right=("failures",))
        if len(failing) > SHOWN:
            output.note(f"and {len(failing) - SHOWN} more: `licensewatch feeds list`")
    soon = sorted(
        (state.next_poll_at, feed.id, state.why_next)
        for some in (health[FeedHealth.ACTIVE], health[FeedHealth.NEW])
        for feed, state in some
        if state is not None and state.next_poll_at is not None
    )
    if soon:
        output.table("Next polls", ("at", "feed", "why then"), soon[:5])
