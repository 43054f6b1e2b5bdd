"""`run`: the daemon, or one round through the whole pipeline."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from monitor import __version__, clock, settings, telemetry
from monitor.alerts.receivers import ConsoleReceiver, ReceiverSettings
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.counts import counted
from monitor.daemon import sifting
from monitor.daemon.service import Service
from monitor.errors import MonitorError, UsageError
from monitor.feeds.reader import Begun
from monitor.model import DeliveryState, Reason
from monitor.poll import Outcome
from monitor.settings import Configuration
from monitor.store import deliveries, facts, receivers
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
    configuration = context.configuration()
    redactor = telemetry.set_up(verbose=context.verbose)
    command = "licensewatch run --once" if once else "licensewatch run"
    database = Database(configuration.settings.database, command=once)
    database.revision()  # beside another program's file no lock of ours is made
    with DatabaseLock(configuration.settings.database, Holder.here(command, clock.now())) as lock:
        database.upgrade()
        settings.remember_examples(configuration)
        service = Service(configuration, database, os.environ, learn_secret=redactor.learn, begun=begun)
        try:
            _greet(configuration, database)
            if once:
                asyncio.run(_once(service, every=every))
            else:
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


async def _serve(service: Service, lock: DatabaseLock) -> None:
    from monitor.daemon.daemon import Daemon  # with scheduler and file watcher: a single round needs neither

    async with service:
        daemon = Daemon(service, lock, os.environ)
        await daemon.run()


def _greet(configuration: Configuration, database: Database) -> None:
    """The first lines: what is watched, where alerts go, and how to connect Slack when it is not."""
    chosen = configuration.settings
    feeds, rules = len(configuration.feeds), len(configuration.rules.rules)
    output.note(
        f"licensewatch {__version__}: {feeds} feeds, {rules} rules from {_near(configuration.dir)}; {database.place}"
    )
    for warning in configuration.warnings:
        output.warn(warning)
    slack = [receiver for receiver in chosen.receivers if not isinstance(receiver, ConsoleReceiver)]
    missing = [receiver for receiver in slack if settings.credential(receiver.credential, os.environ) is None]
    connected = [receiver.name for receiver in slack if receiver not in missing]
    if connected:
        output.note(f"Alerts go to {', '.join(connected)}. Log lines follow; Ctrl-C stops.")
    if missing and _ever_worked(slack, database):
        for receiver in missing:
            looked = settings.places_of(receiver.credential, os.environ)
            output.warn(f"{receiver.name}: {receiver.credential} is gone; looked in {looked}. What is for it waits.")
    elif not connected and (missing or not chosen.receivers):
        start = "make run" if Path("Makefile").exists() else f"{_program()} run"
        output.say(HOW_TO_CONNECT.format(program=_program(), start=start))


HOW_TO_CONNECT = """Slack is not connected yet: alerts are printed here. To connect it:
  1. `{program} slack manifest` prints an app manifest; at api.slack.com/apps: Create New App, From a manifest
  2. install the app, copy its Bot User OAuth Token (xoxb-...), and /invite it to a channel
  3. SLACK_BOT_TOKEN=xoxb-... SLACK_CHANNEL=C0123ABCD {start}
`{program} slack check` says what is missing."""


def _ever_worked(slack: Sequence[ReceiverSettings], database: Database) -> bool:
    """Whether a message ever reached one of these; from then on the console stands in for none of them."""
    with database.read() as conn:
        states = receivers.states(conn)
    return any(states[one.name].worked_at is not None for one in slack if one.name in states)


def _program() -> str:
    """How this program is called from here: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != "licensewatch" or shutil.which("licensewatch"):
        return "licensewatch"
    return _near(called)


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@dataclass
class FirstRound:
    """Adds up what the first polls of new feeds read and would have alerted, and says it once they settle."""

    read: int = 0
    feeds: int = 0
    stories: set[int] = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None

    SETTLED_S = 8.0

    def hear(self, outcome: Outcome) -> None:
        """Take a poll's outcome into account."""
        if not outcome.baseline:
            return
        self.feeds += 1
        self.read += outcome.new
        self.stories |= {told.story.id for told in outcome.told if told.alert.reason is Reason.BASELINE}
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self.SETTLED_S, self.speak)

    def speak(self) -> None:
        """Say what the baseline was, and start counting anew."""
        if self.feeds:
            output.say(baseline_words(self.read, len(self.stories), self.feeds))
        self.read, self.feeds, self.stories, self._timer = 0, 0, set(), None


def baseline_words(read: int, stories: int, feeds: int) -> str:
    """The sentence about a first round: "1,240 entries read as baseline, 7 would have alerted: …"."""
    entries, of = counted(read, "entry", "entries"), counted(feeds, "feed")
    look = ": `licensewatch stories list --baseline`" if stories else ""
    return f"{entries} of {of} read as baseline, {stories:,} would have alerted{look}. From now on, news alerts."


async def _once(service: Service, *, every: bool) -> None:
    outcomes: list[Outcome] = []
    async with service:
        states = await service.pollable(every=every)
        with output.progress("polling", len(states)) as advance:

            def hear(outcome: Outcome) -> None:
                outcomes.append(outcome)
                advance()

            service.on_outcome = hear
            service.start(states)
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
