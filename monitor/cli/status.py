"""`status`: is it working, what is late, what is parked, what did it send."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import current
from monitor.counts import counted
from monitor.model import Feed, FeedHealth, FeedState
from monitor.settings import Configuration
from monitor.store import figures
from monitor.store.faults import database_place
from monitor.web.picture import Picture, health_of, problems_of, take

SHOWN = 5  # rows of a table: all of it fits on a screen of 24 lines


def status(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when it does not run, or a person should see to something.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show whether it works: feeds by health, what is late or parked, what was sent, the last errors.

    Exit 0 once that is shown, whatever it is; with --check only when all is well, for scripts and timers.
    """
    context = current(ctx)
    configuration, mistakes = context.readable()
    now = clock.now()
    with context.database().read() as conn:
        picture = take(conn, now)
        today = figures.sent_counts(conn, now.replace(hour=0, minute=0, second=0, microsecond=0))
    problems = problems_of(picture)
    if mistakes and not picture.rejected:
        problems.append(f"the configuration on disk has {counted(len(mistakes), 'mistake')}, the first: {mistakes[0]}")
    if not configuration.feeds:  # feeds.yaml is being mended: the database knows what is polled
        known = tuple(Feed(state.feed_id, state.config_url) for state in picture.feeds.values())
        configuration = replace(configuration, feeds=known)
    health = health_of(picture, configuration)
    if json_:
        counts = {"sent_today": today[0], "edited_today": today[1]}
        place = {"database": database_place(configuration.settings.database)}
        output.emit_json(_record(picture, health, problems) | counts | place)
    else:
        _show(picture, configuration, health, problems)
        _show_sent(picture, today)
        _show_feeds(health)
    if check and (problems or not picture.running):
        raise typer.Exit(1)


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
        "canary_passed_at": picture.canary.passed_at,
        "workers": [
            {"host": one.host, "pid": one.pid, "version": one.version, "since": one.since, "seen_at": one.seen_at}
            | {"leads": one.leads, "configuration": one.configuration, "jobs": one.jobs}
            for one in picture.workers
        ],
        "jobs_waiting": picture.jobs_waiting if picture.workers else 0,
        "muted": [{"kind": mute.kind, "value": mute.value, "until": mute.until} for mute in picture.mutes],
        "problems": problems,
    }


def _show(
    picture: Picture,
    configuration: Configuration,
    health: dict[FeedHealth, list[tuple[Feed, FeedState | None]]],
    problems: list[str],
) -> None:
    never = f"it never ran on {database_place(configuration.settings.database)}"  # perhaps another than the daemon's
    tick = f"last tick {output.shown(picture.last_tick)} UTC" if picture.last_tick else never
    word, well = ("running", "all well") if picture.running else ("not running", "`licensewatch run` starts it")
    if not picture.running and not picture.vitals.at_rest:
        word = "nothing ticks"  # dead or alive: that is not known here
    output.say(f"{word} ({tick}); " + (well if not problems else "see below"))
    for problem in problems:
        output.warn(problem)
    counts = ", ".join(f"{len(some)} {word}" for word, some in health.items() if some)
    silent = [feed.id for feed, state in health[FeedHealth.ACTIVE] if state and state.notice]
    of_them = f"; silent or moved: {', '.join(silent[:SHOWN])}{' …' * (len(silent) > SHOWN)}" if silent else ""
    output.say(f"feeds      {len(configuration.feeds)}: {counts or 'none'}{of_them}")
    known = counted(picture.entries, "entry", "entries"), counted(picture.hits, "hit")
    output.say(f"memory     {', '.join(known)}, {counted(picture.stories, 'story', 'stories')}")
    if picture.workers:
        jobs = sum(one.jobs for one in picture.workers)
        names = ", ".join(f"{one.host}:{one.pid}{' (leads)' if one.leads else ''}" for one in picture.workers[:SHOWN])
        under_way = counted(jobs, "job")
        output.say(
            f"workers    {len(picture.workers)}: {names}; {under_way} under way, {picture.jobs_waiting:,} waiting"
        )


def _show_sent(picture: Picture, today: tuple[int, int]) -> None:
    """What went out, what waits, what is withheld, and whether the way is open."""
    posted, edited = today
    output.say(f"sent today {counted(posted, 'message')}, {counted(edited, 'edit')}")
    outbox = ", ".join(f"{n:,} {state}" for state, n in picture.deliveries.items() if n)
    late = f"; the oldest is due since {output.shown(picture.oldest_due)} UTC" if picture.oldest_due else ""
    output.say(f"outbox     {outbox or 'nothing yet'}{late}")
    canary = picture.canary
    passed = f"came through {output.shown(canary.passed_at)} UTC" if canary.passed_at else "has not come through yet"
    output.say(
        f"canary     {passed}" + (f"; failed {counted(canary.failures, 'time')} since" if canary.failures else "")
    )
    for mute in picture.mutes:
        output.say(f"muted      {mute.kind} {mute.value} until {output.shown(mute.until)} UTC")


def _show_feeds(health: dict[FeedHealth, list[tuple[Feed, FeedState | None]]]) -> None:
    """Those that fail, and what is polled next."""
    failing = [(feed, state) for word in (FeedHealth.FAILING, FeedHealth.GONE) for feed, state in health[word] if state]
    if failing:
        rows = [(feed.id, state.failing_since, state.last_error) for feed, state in failing[:SHOWN]]
        output.table("Feeds that fail", ("feed", "since", "error"), rows, clipped="error")
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
