"""What `run` does once its command line is read: the daemon, or one round through the whole pipeline."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial

from monitor import clock, settings, telemetry
from monitor.cli import output
from monitor.cli.context import Context
from monitor.cli.greeting import FirstRound, baseline_words, greet
from monitor.counts import counted
from monitor.daemon.service import Service
from monitor.model import DeliveryState, Reason
from monitor.poll import Outcome
from monitor.rules.beside import Beside
from monitor.settings import Configuration
from monitor.store import deliveries, facts
from monitor.store.engine import Connection, Database
from monitor.store.lock import DatabaseLock, Holder

Learn = Callable[[], Configuration]
LAST_DELIVERIES = timedelta(minutes=10)
_SWITCH_S = 0.001  # how long polls wait for the thread of the database: in Python's own 5 ms a worker reads a document


def run(context: Context, beside: Beside | None, *, once: bool, every: bool) -> None:
    """Poll and deliver, perhaps with rules that are made beside."""
    sys.setswitchinterval(_SWITCH_S)
    with beside or nullcontext():
        configuration = context.begin(beside)
        redactor = telemetry.set_up(verbose=context.verbose)
        command = "licensewatch run --once" if once else "licensewatch run"
        database = Database(configuration.settings.database, command=once)
        first = once and not database.is_there()
        if beside is not None and not first:
            configuration = _checked(context.with_rules(configuration, beside), beside)
        database.revision()  # beside another program's file no lock of ours is made
        with DatabaseLock(configuration.settings.database, Holder.here(command, clock.now())) as lock:
            database.upgrade()
            service = Service(configuration, database, os.environ, learn_secret=redactor.learn)
            try:
                if once:
                    learn = partial(context.with_rules, configuration, beside) if beside is not None and first else None
                    asyncio.run(_once(service, beside, learn, every=every))
                else:
                    _take_up(service, beside)
                    if beside is not None:
                        beside.close()
                    service.on_outcome = FirstRound().hear
                    asyncio.run(_serve(service, lock))
            finally:
                database.close()


def _checked(configuration: Configuration, beside: Beside | None) -> Configuration:
    """The configuration, once the examples of its rules have held (ConfigError says which do not)."""
    return configuration if beside is None else replace(configuration, rules=beside.checked())


def _take_up(service: Service, beside: Beside | None) -> None:
    """The rules hold (ConfigError says why not): remember that, and say what begins."""
    settings.remember_examples(_checked(service.configuration, beside))
    if beside is not None:
        beside.keep()
    greet(service.configuration, service.database)


async def _serve(service: Service, lock: DatabaseLock) -> None:
    from monitor.daemon.daemon import Daemon  # with scheduler and file watcher: a single round needs neither

    async with service:
        daemon = Daemon(service, lock, os.environ)
        await daemon.run()


async def _once(service: Service, beside: Beside | None, learn: Learn | None, *, every: bool) -> None:
    """One round. Requests go out before new rules are there (`learn` waits for them), and before their examples have
    held; what they bring is read only with the former, and committed with the latter."""
    outcomes: list[Outcome] = []
    async with service:
        service.rounds.may_commit.clear()
        if learn is not None:
            service.rounds.may_read.clear()
        states = await service.pollable(every=every)
        service.start(states)
        if learn is not None:
            await service.take_rules(await asyncio.to_thread(learn))
        if states and all(state.baselined_at is None for state in states):  # every answer will have to be read
            service.rounds.tools.reader.start()  # no sooner: on two cores it would take the core from what asks
        service.rounds.may_read.set()
        if beside is not None:
            await asyncio.to_thread(beside.checked)
        _take_up(service, beside)
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
