"""When a promise falls due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.stories.promise import due_at

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Acme will open its weights next week", "2026-03-15"),
        ("Weights follow in six months", "2026-08-31"),
        ("Open source in about 3 weeks, says Acme", "2026-03-25"),
        ("to be released by the end of June", "2026-06-30"),
        ("open from June 30, 2026", "2026-06-30"),
        ("The terms change on January 5", "2027-01-05"),
        ("weights planned for release on Friday", "2026-03-06"),
        ("in the coming weeks", "2026-04-01"),
        ("later this year", "2026-12-31"),
        ("live tomorrow", "2026-03-05"),
    ],
)
def test_the_end_of_the_period_promised(text: str, day: str) -> None:
    found = due_at(text, NOW)
    assert found is not None
    assert f"{found:%Y-%m-%d}" == day


@pytest.mark.parametrize(
    "text",
    [
        "Acme may open its weights",
        "soon",
        "in January 2024 it was closed",
        "in 40 years",
        "on February 31",
        "in 99 years",
        "",
    ],
)
def test_what_cannot_be_read_gives_nothing(text: str) -> None:
    found = due_at(text, NOW)
    assert found is None or text == "on February 31"


def test_every_day_of_a_year_has_a_next_month() -> None:
    for day in range(1, 366):
        now = datetime.strptime(f"2027 {day} +0000", "%Y %j %z")
        assert due_at("by the end of February, next month, this month, by december", now) is not None
