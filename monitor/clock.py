"""The only place that reads a clock. Everything else is given `now`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=5)  # wall minus monotonic moving more than this between two looks is a step, not drift


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  # this is the entry point that the rule speaks of


# counts while the machine sleeps, so waking up is no clock step; macOS has only the other one
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def monotonic() -> float:
    """Seconds on a clock that nobody sets."""
    return time.clock_gettime(_STEADY)


def stamp(at: datetime) -> str:
    """A time as JSON, Atom and HTML write it: 2026-03-04T12:00:00Z."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(slots=True)
class ClockWatch:
    """Notices that somebody set the wall clock: it moved against the monotonic one."""

    threshold: timedelta = STEP
    last: tuple[datetime, float] | None = None

    def step(self, wall: datetime, mono: float) -> timedelta | None:
        """How far the wall clock was set since the last call (negative: back), or None. `mono` in seconds."""
        last, self.last = self.last, (wall, mono)
        if last is None:
            return None
        moved = (wall - last[0]) - timedelta(seconds=mono - last[1])
        return moved if abs(moved) > self.threshold else None
