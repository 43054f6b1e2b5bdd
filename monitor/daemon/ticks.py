"""APScheduler as our metronome: a handful of fixed ticks that survive any clock.

APScheduler plans by the wall clock: set back an hour it is silent for an hour; set ahead a year it would list every
second of that year. `EverySoOften` never plans a run that is already over, and `Ticks` looks after it from a clock
that nobody sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor import clock
from monitor.errors import MonitorError

LATE_S = 1.5  # a tick this much overdue on the steady clock means that the wall clock was set back
LOOK_AGAIN_S = 0.5

log = structlog.get_logger("tick")


class EverySoOften(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Every `interval`, counted from now when runs were missed: none of those is ever listed."""

    def __init__(self, interval: timedelta) -> None:
        self.interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next run after `previous_fire_time` that is not over at `now`."""
        if previous_fire_time is None:
            return now
        following: datetime = previous_fire_time + self.interval
        return following if following > now else now + self.interval


@dataclass
class _Beat:
    job: Any
    interval_s: float
    last: float  # steady seconds of the last run
    problem: str = ""  # that it failed with, time and again


@dataclass
class Ticks:
    """Runs coroutine functions at fixed intervals, each by itself, one run at a time, late ones once."""

    scheduler: Any = field(default_factory=lambda: AsyncIOScheduler(timezone="UTC"))
    _beats: dict[str, _Beat] = field(default_factory=dict)

    def every(self, interval: timedelta, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Call `work` every `interval` from now on. What it raises is logged, and the next tick comes all the same."""

        async def beat() -> None:
            self._beats[name].last = clock.monotonic()
            try:
                await work()
                self._note(name, "")
            except asyncio.CancelledError:
                log.debug("tick cut short", tick=name)  # we were told to stop; APScheduler would print it as an error
            except MonitorError as error:
                self._note(name, str(error))
            except Exception:
                log.exception("tick failed", tick=name)

        job = self.scheduler.add_job(
            beat, EverySoOften(interval), name=name, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        self._beats[name] = _Beat(job, interval.total_seconds(), clock.monotonic())

    def _note(self, name: str, problem: str) -> None:
        """Say once that a tick fails, and once that it works again, however often it comes meanwhile."""
        known, self._beats[name].problem = self._beats[name].problem, problem
        if problem and problem != known:
            log.error("tick failed", tick=name, problem=problem)
        elif known and not problem:
            log.info("tick works again", tick=name)

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until `stop` is set; a tick that is under way then is left to finish by its own means."""
        self.scheduler.start()
        try:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), LOOK_AGAIN_S)
                except TimeoutError:
                    self._catch_up()
        finally:
            self.scheduler.remove_all_jobs()
            self.scheduler.shutdown(wait=False)

    def _catch_up(self) -> None:
        """Bring ticks back that the scheduler plans for a time that the clock will not show for long."""
        for beat in self._beats.values():
            overdue = clock.monotonic() - beat.last - beat.interval_s
            planned_late = beat.job.next_run_time - clock.now() > timedelta(seconds=beat.interval_s + LATE_S)
            if overdue > LATE_S and planned_late:
                beat.job.modify(next_run_time=clock.now())
