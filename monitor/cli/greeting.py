"""The first words of a service: what is watched, where alerts go, what the first round found.

A person on a terminal gets sentences, the journal gets events, one JSON object a line like all that follow.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from monitor import __version__, settings, telemetry
from monitor.alerts.receivers import ConsoleReceiver, ReceiverSettings
from monitor.cli import output
from monitor.counts import counted
from monitor.model import Reason
from monitor.poll import Outcome
from monitor.settings import Configuration
from monitor.store import receivers
from monitor.store.engine import Database

log = structlog.get_logger("run")

HOW_TO_CONNECT = """Slack is not connected yet: alerts are printed here. To connect it:
  1. `{program} slack manifest` prints an app manifest; at api.slack.com/apps: Create New App, From a manifest
  2. install the app, copy its Bot User OAuth Token (xoxb-...), and /invite it to a channel
  3. SLACK_BOT_TOKEN=xoxb-... SLACK_CHANNEL=C0123ABCD {start}
`{program} slack check` says what is missing."""


def greet(configuration: Configuration, database: Database, *, worker: bool = False) -> None:
    """Say what begins: what is watched and with which database, what is doubtful, and where alerts go."""
    chosen = configuration.settings
    slack = [receiver for receiver in chosen.receivers if not isinstance(receiver, ConsoleReceiver)]
    missing = [receiver for receiver in slack if settings.credential(receiver.credential, os.environ) is None]
    connected = [receiver.name for receiver in slack if receiver not in missing]
    gone = missing if missing and _ever_worked(slack, database) else []
    if telemetry.under_systemd():
        facts = {"feeds": len(configuration.feeds), "rules": len(configuration.rules.rules)}
        places = {"configuration": str(configuration.dir), "database": database.place}
        log.info(
            "worker starting" if worker else "daemon starting", version=__version__, **facts, **places, slack=connected
        )
    else:
        _say_what_begins(configuration, database, worker=worker)
    for warning in configuration.warnings:
        _warn("configuration doubtful", warning)
    if connected and not telemetry.under_systemd() and not worker:
        output.note(f"Alerts go to {', '.join(connected)}. Log lines follow; Ctrl-C stops.")
    for receiver in gone:
        looked = settings.places_of(receiver.credential, os.environ)
        words = f"{receiver.name}: {receiver.credential} is gone; looked in {looked}. What is for it waits."
        _warn("credential gone", words)
    if not gone and not connected and (missing or not chosen.receivers):
        _say_how_to_connect()


def _say_what_begins(configuration: Configuration, database: Database, *, worker: bool) -> None:
    feeds, rules = counted(len(configuration.feeds), "feed"), counted(len(configuration.rules.rules), "rule")
    who = f"licensewatch {__version__}{' worker' if worker else ''}"
    output.note(f"{who}: {feeds}, {rules} from {_near(configuration.dir)}; {database.place}")


def _warn(event: str, words: str) -> None:
    if telemetry.under_systemd():
        log.warning(event, text=words)
    else:
        output.warn(words)


def _say_how_to_connect() -> None:
    if telemetry.under_systemd():
        log.warning(
            "receiver not connected", remedy="`licensewatch slack check` says what is missing; alerts stand here"
        )
        return
    start = "make run" if Path("Makefile").exists() else f"{_program()} run"
    output.say(HOW_TO_CONNECT.format(program=_program(), start=start))


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
        if self.feeds and telemetry.under_systemd():
            log.info("feeds first read", entries=self.read, stories=len(self.stories), feeds=self.feeds)
        elif self.feeds:
            output.say(baseline_words(self.read, len(self.stories), self.feeds))
        self.read, self.feeds, self.stories, self._timer = 0, 0, set(), None


def baseline_words(read: int, stories: int, feeds: int) -> str:
    """The sentence about a first round: "1,240 entries read as baseline, 7 would have alerted: …"."""
    entries, of = counted(read, "entry", "entries"), counted(feeds, "feed")
    look = ": `licensewatch stories list --baseline`" if stories else ""
    return f"{entries} of {of} read as baseline, {stories:,} would have alerted{look}. From now on, news alerts."
