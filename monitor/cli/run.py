"""`run`: the daemon, or one round through the whole pipeline."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer

from monitor import clock, settings, telemetry
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.cli.greeting import FirstRound, baseline_words, greet
from monitor.counts import counted
from monitor.daemon import sifting
from monitor.daemon.service import Service
from monitor.errors import MonitorError, UsageError
from monitor.feeds.reader import Begun
from monitor.model import DeliveryState, Reason
from monitor.poll import Outcome
from monitor.rules.beside import Beside
from monitor.store import deliveries, facts
from monitor.store.engine import Connection, Database
from monitor.store.lock import DatabaseLock, Holder

LAST_DELIVERIES = timedelta(minutes=10)


def run(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Poll what is due, deliver, and exit.")] = False,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="With --once: poll every feed, due or not (never against Retry-After, 410 or paused)."
        ),
    ] = False,
) -> None:
    """Watch the feeds and alert, until stopped. With --once: one round, then exit.

    Runs in the foreground; systemd/licensewatch.service keeps it running. Saved edits of the configuration take effect
    within two seconds.
    """
    if every and not once:
        raise UsageError("--all goes with --once: the daemon polls every feed when it is due.")
    context = current(ctx)
    begun = _begun(context) if once else ()
    configuration, examples = context.begin()
    with examples:
        redactor = telemetry.set_up(verbose=context.verbose)
        command = "licensewatch run --once" if once else "licensewatch run"
        database = Database(configuration.settings.database, command=once)
        if not begun:
            configuration = replace(configuration, rules=examples.checked())
        database.revision()  # beside another program's file no lock of ours is made
        with DatabaseLock(configuration.settings.database, Holder.here(command, clock.now())) as lock:
            database.upgrade()
            service = Service(configuration, database, os.environ, learn_secret=redactor.learn, begun=begun)
            try:
                if once:
                    asyncio.run(_once(service, examples, every=every))
                else:
                    _take_up(service, examples)
                    examples.close()
                    service.on_outcome = FirstRound().hear
                    asyncio.run(_serve(service, lock))
            finally:
                database.close()


def _begun(context: Context) -> Sequence[Begun]:
    """Workers that start beside us where there is no database yet; what is wrong with the settings is told later."""
    try:
        return () if Database(context.settings().database).is_there() else sifting.begun()
    except (MonitorError, OSError):
        return ()


def _take_up(service: Service, examples: Beside) -> None:
    """The rules hold (ConfigError says why not): remember that, and say what begins."""
    settings.remember_examples(replace(service.configuration, rules=examples.checked()))
    examples.keep()
    greet(service.configuration, service.database)


async def _serve(service: Service, lock: DatabaseLock) -> None:
    from monitor.daemon.daemon import Daemon  # with scheduler and file watcher: a single round needs neither

    async with service:
        daemon = Daemon(service, lock, os.environ)
        await daemon.run()


async def _once(service: Service, examples: Beside, *, every: bool) -> None:
    """One round. Requests go out before the examples of new rules have held; what they bring is committed only then."""
    outcomes: list[Outcome] = []
    async with service:
        service.rounds.may_commit.clear()
        states = await service.pollable(every=every)
        service.start(states)
        await asyncio.to_thread(examples.checked)
        _take_up(service, examples)
        with output.progress("polling", len(states)) as advance:

            def hear(outcome: Outcome) -> None:
                outcomes.append(outcome)
                advance()

            service.on_outcome = hear
            service.rounds.may_commit.set()
            await service.rounds.join()
        polled = {outcome.feed.id for outcome in outcomes}
        left_alone = [state for state in states if state.feed_id not in polled]
        await service.put_off(left_alone)
        await service.in_database(_tick)
        delivered = await service.deliverer.drain(LAST_DELIVERIES)
        parked = (await service.reading(deliveries.counts))[DeliveryState.PARKED]
    _report(outcomes, delivered=delivered)
    if left_alone:
        feeds = counted(len(left_alone), "feed was", "feeds were")
        output.say(f"{feeds} not asked, for the host wants to be left alone (Retry-After).")
    if parked:
        are = counted(parked, "delivery is", "deliveries are")
        output.warn(f"{are} parked; `licensewatch status` says why")


def _tick(conn: Connection) -> None:
    now = clock.now()
    facts.set(conn, "last_tick", now.isoformat(), now)


def _report(outcomes: list[Outcome], *, delivered: bool) -> None:
    failed = [one for one in outcomes if one.after.failures]
    new = sum(one.new for one in outcomes)
    told = [told for one in outcomes for told in one.told if not told.alert.suppressed]
    baseline = [one for one in outcomes if one.baseline]
    if baseline:
        stories = {told.story.id for one in baseline for told in one.told if told.alert.reason is Reason.BASELINE}
        output.say(baseline_words(sum(one.new for one in baseline), len(stories), len(baseline)))
    polled, entries = counted(len(outcomes), "feed"), counted(new, "new entry", "new entries")
    output.say(f"{polled} polled, {len(failed):,} failed; {entries}, {counted(len(told), 'alert')}.")
    if failed:
        rows = [(one.feed.id, one.after.last_status, one.after.last_error, one.after.why_next) for one in failed]
        output.table("Failed", ("feed", "status", "error", "next"), rows)
    if not delivered:
        output.warn("some deliveries are still waiting; `licensewatch deliveries list` shows them")
