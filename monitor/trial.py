"""What tests may ask of the real process, by its environment and nowhere else: where it dies, and how fast it delivers.

Both are off unless their variable is set, and are said loudly at start when one is (CONTRIBUTING.md, "Violence").
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from monitor import yamlfile
from monitor.errors import UsageError

CRASH_AT = "LICENSEWATCH_CRASH_AT"
PACE = "LICENSEWATCH_PACE"
TAKEOVER = "LICENSEWATCH_TAKEOVER"


class Point(StrEnum):
    """Where a crash is interesting. "recorded" and "…ed" inside a transaction are not committed yet."""

    START_LISTED = "start-listed"  # feeds and rules are written down, inside the transaction
    RECOVER_RECORDED = "recover-recorded"  # `sending` of a dead process became `unknown`, inside the transaction
    RECOVERED = "recovered"  # … committed
    POLL_DUE = "poll-due"  # before the request
    POLL_FETCHED = "poll-fetched"  # the answer is there, nothing is read
    POLL_READ = "poll-read"  # entries are there, nothing is stored
    COMMIT_FENCED = "commit-fenced"  # inside the transaction: the feed's state is written
    COMMIT_ENTRIES = "commit-entries"  # … entries and hits
    COMMIT_PLACED = "commit-placed"  # … stories
    COMMIT_QUEUED = "commit-queued"  # … alert and outbox rows of one entry
    COMMIT_READY = "commit-ready"  # … everything of one poll
    COMMIT_DONE = "commit-done"  # committed
    SEND_RECORDED = "send-recorded"  # `sending`, inside the transaction
    SEND_COMMITTED = "send-committed"  # `sending` is committed, nothing was posted
    SEND_ANSWERED = "send-answered"  # Slack said yes, nothing is written down
    SENT_RECORDED = "sent-recorded"  # `sent`, inside the transaction
    SENT_COMMITTED = "sent-committed"
    FAILED = "failed"  # Slack said no, or nobody knows; nothing is written down
    FAILURE_RECORDED = "failure-recorded"  # what became of it, inside the transaction
    FAILURE_COMMITTED = "failure-committed"
    LOOK_ANSWERED = "look-answered"  # the history was read, nothing is written down
    LOOK_COMMITTED = "look-committed"


Reached = Callable[[Point], object]


@dataclass(frozen=True, slots=True)
class Trial:
    """`reached` is told each point that is passed; `pace` is between two messages to one place (None: as always);
    `takeover` is how long a worker may be silent before another does its work (None: as always)."""

    reached: Reached = len  # nobody watches
    pace: timedelta | None = None
    takeover: timedelta | None = None
    words: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Trial:
        """What the environment asks for: normally nothing. Raises UsageError when it makes no sense."""
        asked = {name: environ[name] for name in (CRASH_AT, PACE, TAKEOVER) if environ.get(name)}
        at = asked.get(CRASH_AT, "")
        words = ", ".join(f"{name}={value}" for name, value in asked.items())
        return cls(_dying(at) if at else len, _duration(PACE, asked), _duration(TAKEOVER, asked), words)


def _dying(at: str) -> Reached:
    """Kills this process the so-many-th time it passes a point: `send-answered:2`."""
    name, _, count = at.partition(":")
    if name not in set(Point) or not (count or "1").isdigit():
        raise UsageError(f"{CRASH_AT}={at}: wanted NAME:COUNT with a name of {', '.join(Point)}")
    left = int(count or "1")

    def reached(point: Point) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


def _duration(name: str, asked: Mapping[str, str]) -> timedelta | None:
    if name not in asked:
        return None
    try:
        return yamlfile.parse_duration(asked[name])
    except ValueError as error:
        raise UsageError(f"{name}={asked[name]}: {error}") from None
