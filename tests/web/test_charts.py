"""Charts as geometry: everything is drawn once, inside its picture, and nothing covers anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Direction, Severity, Stage
from monitor.store.figures import Mark
from monitor.web import charts

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)


def mark(days: float, org: str = "Northwind", direction: Direction = Direction.CLOSING) -> Mark:
    at = NOW - timedelta(days=days)
    return Mark(1, at, "title", direction, Stage.ANNOUNCED, Severity.LOW, (org,) if org else (), (), False)


marks = st.lists(
    st.builds(
        mark,
        st.floats(0, 89.9),
        st.sampled_from(["A", "B", "C", ""]),
        st.sampled_from(Direction),
    ),
    max_size=60,
)


@given(marks, st.sampled_from([340, 1040]), st.sampled_from([30, 90, 400]))
def test_columns_hold_every_shift_inside_the_picture(some: list[Mark], width: int, days: int) -> None:
    since = NOW - timedelta(days=days)
    within = [one for one in some if one.at >= since]
    chart = charts.columns(within, since, NOW, width)
    assert sum(sum(counts.values()) for _, counts in chart.periods) == len(within)
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= chart.width
        assert 0 <= bar.y <= bar.y + bar.height <= chart.height
        assert bar.height > 0


@given(marks, st.sampled_from([340, 1040]))
def test_dots_stand_apart_inside_their_lanes(some: list[Mark], width: int) -> None:
    chart = charts.lanes(some, SINCE, NOW, width)
    assert sum(len(lane.dots) for lane in chart.lanes) == len(some)
    for lane in chart.lanes:
        assert all(chart.left < dot.x < width and lane.y < dot.y < lane.y + lane.height for dot in lane.dots)
        for number, one in enumerate(lane.dots):
            assert all(abs(one.x - other.x) > 14 or one.y != other.y for other in lane.dots[:number])


def test_orgs_without_room_are_counted() -> None:
    chart = charts.lanes([mark(1, f"Org {n}") for n in range(20)], SINCE, NOW, 1040, most=14)
    assert (len(chart.lanes), chart.others) == (14, 6)


@pytest.mark.parametrize("days", [30, 90, 365, 1096])
@pytest.mark.parametrize("width", [340, 1040])
def test_dates_on_an_axis_do_not_touch(days: int, width: int) -> None:
    since = NOW - timedelta(days=days)
    for chart in (charts.columns([], since, NOW, width), charts.lanes([], since, NOW, width)):
        places = sorted(label.x for label in chart.axis)
        assert len(places) >= 2
        assert all(later - earlier >= 44 for earlier, later in pairwise(places))


@given(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 5000)), max_size=60))
def test_a_sparkline_stays_inside(polls: list[tuple[float, int]]) -> None:
    line = charts.sparkline([(NOW - timedelta(hours=hours), news) for hours, news in sorted(polls, reverse=True)], NOW)
    assert all(0 <= x <= line.width for x in line.ticks)
    assert len(line.bars) == sum(1 for _, news in polls if news)
    assert all(0 <= bar.y <= bar.y + bar.height <= line.height and 0 <= bar.x <= line.width for bar in line.bars)


def test_a_sparkline_says_in_words_what_it_shows() -> None:
    polls = [(NOW - timedelta(hours=6), 0), (NOW - timedelta(hours=3), 2), (NOW, 0)]
    assert charts.sparkline(polls, NOW).words == "3 polls in 6 hours, 1 with news"
    assert charts.sparkline((), NOW).words == "no polls yet"


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=5))
def test_shares_fill_the_bar_and_small_ones_are_seen(counts: list[int]) -> None:
    bars = charts.shares([(f"k{n}", count) for n, count in enumerate(counts)])
    assert len(bars) == sum(1 for count in counts if count)
    assert all(bar.width >= 1 for bar in bars)
    assert not bars or abs(bars[-1].x + bars[-1].width - 100) < 0.1
