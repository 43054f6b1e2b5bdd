"""The clock: steps of the wall clock are noticed, drift is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor import clock
from monitor.clock import ClockWatch

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def test_the_first_look_is_no_step() -> None:
    assert ClockWatch().step(NOON, 100.0) is None


@pytest.mark.parametrize(
    "moved", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=3653), timedelta(days=-3653)]
)
def test_a_step_is_told_once_with_its_size(moved: timedelta) -> None:
    """A39: an hour or ten years, forth or back: the step is what the wall clock moved beside the steady one."""
    watch = ClockWatch()
    watch.step(NOON, 100.0)
    assert watch.step(NOON + timedelta(seconds=1) + moved, 101.0) == moved
    assert watch.step(NOON + timedelta(seconds=2) + moved, 102.0) is None


def test_time_that_passes_is_no_step() -> None:
    """A tick that came an hour late (a suspended process) moved both clocks."""
    watch = ClockWatch()
    watch.step(NOON, 100.0)
    assert watch.step(NOON + timedelta(hours=1), 3700.0) is None


def test_drift_below_the_threshold_is_no_step() -> None:
    watch = ClockWatch()
    watch.step(NOON, 100.0)
    assert watch.step(NOON + timedelta(seconds=5.9), 101.0) is None
    assert watch.step(NOON + timedelta(seconds=12.1), 102.0) == timedelta(seconds=5.2)


def test_the_wall_clock_is_utc_and_the_steady_one_runs() -> None:
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
