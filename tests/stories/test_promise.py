"""When a promise falls due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.stories.promise import due_at, sentences_ahead

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
        ("goes closed a month later than planned", "2026-04-03"),
        ("delays its weights by two weeks", "2026-03-18"),
        ("OpenAI puts its model off to later this summer", "2026-08-31"),
        ("open by the end of the year", "2026-12-31"),
        ("open at year-end", "2026-12-31"),
        ("out by the end of the month", "2026-03-31"),
        ("weights in Q3", "2026-09-30"),
        ("weights in the first quarter of 2027", "2027-03-31"),
        ("next winter", "2027-02-28"),
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


def test_only_sentences_about_what_is_to_come_promise() -> None:
    text = (
        "Behemoth comes through the API in six weeks. The lab was founded in May! It will be closed. In June it fell."
    )
    assert sentences_ahead(text) == "Behemoth comes through the API in six weeks. It will be closed."


def test_every_day_of_a_year_has_a_next_month() -> None:
    for day in range(1, 366):
        now = datetime.strptime(f"2027 {day} +0000", "%Y %j %z")
        assert due_at("by the end of February, next month, this month, by december", now) is not None
