"""Ticks survive any clock: none is planned in the past, and one planned for too late is brought back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import time_machine

from monitor import clock
from monitor.daemon.ticks import EverySoOften, Ticks
from monitor.errors import StoreError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_runs_missed_over_ten_years_are_one_run() -> None:
    """A39: a clock set ahead lists no run of the years between."""
    trigger = EverySoOften(SECOND)
    following = trigger.get_next_fire_time(NOON, NOON + timedelta(days=3650))
    assert following == NOON + timedelta(days=3650) + SECOND


def test_an_ordinary_run_follows_the_last_one() -> None:
    """No drift: the next run is one interval after the last planned one."""
    assert EverySoOften(SECOND).get_next_fire_time(NOON, NOON + SECOND / 2) == NOON + SECOND


async def _beats(ticks: Ticks, stop: asyncio.Event, beats: list[datetime], count: int) -> None:
    async with asyncio.timeout(20):
        while len(beats) < count:
            await asyncio.sleep(0.02)
    stop.set()


async def test_a_clock_set_back_an_hour_stops_nothing() -> None:
    """A39: set back, the scheduler alone would be silent for an hour; ticks go on within two."""
    ticks, stop, beats = Ticks(), asyncio.Event(), list[datetime]()

    async def beat() -> None:
        beats.append(clock.now())

    ticks.every(timedelta(milliseconds=200), "beat", beat)
    running = asyncio.create_task(ticks.run(stop))
    async with asyncio.timeout(20):
        while len(beats) < 2:
            await asyncio.sleep(0.02)
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
        await _beats(ticks, stop, beats, len(beats) + 2)
        await running
    assert len(beats) >= 4


async def test_a_tick_that_fails_comes_again() -> None:
    """One failure, expected or not, does not end a tick."""
    ticks, stop, beats = Ticks(), asyncio.Event(), list[datetime]()

    async def beat() -> None:
        beats.append(clock.now())
        if len(beats) == 1:
            raise StoreError("the database is away")
        if len(beats) == 2:
            raise ZeroDivisionError

    ticks.every(timedelta(milliseconds=100), "beat", beat)
    await asyncio.gather(ticks.run(stop), _beats(ticks, stop, beats, 3))
    assert len(beats) >= 3
