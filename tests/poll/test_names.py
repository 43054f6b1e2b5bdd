"""Which lab and model a story is of, where one report of its storyline names them and another does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from monitor.alerts.decide import Match, Route
from monitor.model import Reason, Role, Stage
from monitor.store import stories
from monitor.store.engine import Database
from tests.poll.house import House, item

VAGUE = "Meta weighs dropping its most powerful open-source model for a closed one"
NAMED = "Meta weighs dropping Behemoth, its open-source model, for a closed one"
NAMED_DECISION = "Meta announces that Behemoth will be a closed model"
VAGUE_DEED = "Meta makes its most powerful model closed"
NAMED_DEED = "Meta pulls Behemoth weights: its model is closed now"


def test_who_holds_a_message_hears_of_its_moves_whatever_the_routes_say_of_them(sqlite_database: Database) -> None:
    """A33: a route for talk brought the storyline there; what becomes of it is told there, too."""
    house = House(sqlite_database, routes=(Route(to="licensing", match=Match(stage=Stage.CONSIDERING)),))
    for feed in house.feeds:
        house.poll(feed, item("Chip maker opens a plant", f"old-{feed}"))
    house.poll("wire", item(NAMED, "first"))
    [told] = house.poll("ledger", item(NAMED_DECISION, "second")).told
    assert (told.alert.reason, told.alert.suppressed) == (Reason.STAGE_MOVED, False)
    assert [one.receiver for one in house.outbox(Role.PARENT)] == ["licensing"]


def test_an_outlets_name_at_the_end_of_its_headline_is_no_part_of_it(sqlite_database: Database) -> None:
    """Neither in the headline of story and step, nor in the quote; whoever else is named there stays."""
    house = House(sqlite_database)
    house.feeds["wire"] = replace(house.feeds["wire"], title="The Daily Wire: AI")
    house.poll("wire", item("Chip maker opens a plant"))
    house.poll("wire", item(f"{VAGUE} - Daily Wire", "first"))
    house.poll("ledger", item("Chip maker opens a plant"))
    house.poll("ledger", item(f"{NAMED} | TechSite", "second"))
    with house.database.read() as conn:
        [story] = stories.listing(conn)
        [step] = stories.steps(conn, story.storyline_id)
        quotes = [one.shift.evidence for one in stories.members(conn, story.id)]
    assert [story.title, step.headline] == [VAGUE] * 2
    assert [one.title for one in story.coverage] == [VAGUE, f"{NAMED} | TechSite"]
    assert quotes == [VAGUE, f"{NAMED} | TechSite"]


@pytest.mark.parametrize(
    ("life", "found"),
    [
        pytest.param([(VAGUE, 0), (NAMED, 1)], [("Behemoth",)], id="a later report of one story"),
        pytest.param([(VAGUE, 0), (NAMED_DEED, 9)], [("Behemoth",)] * 2, id="a later story names it"),
        pytest.param([(VAGUE, 0), (NAMED_DECISION, 4)], [("Behemoth",)] * 2, id="a decision names it"),
        pytest.param([(NAMED, 0), (VAGUE_DEED, 9)], [("Behemoth",)] * 2, id="a later story means what the first named"),
        pytest.param(
            [(VAGUE, 0), (VAGUE_DEED, 9), (f"{NAMED_DEED}, users find", 9.5)],
            [("Behemoth",)] * 2,
            id="a later report of the later story",
        ),
    ],
)
def test_a_storyline_is_of_the_model_that_one_of_its_reports_names(
    sqlite_database: Database, life: list[tuple[str, float]], found: list[tuple[str, ...]]
) -> None:
    """A33: record, routes and search by model see every story of the storyline; a receiver of one model hears of it."""
    house = House(sqlite_database, routes=(Route(to="licensing", match=Match(model="Behemoth")),))
    for feed in house.feeds:
        house.poll(feed, item("Chip maker opens a plant", f"old-{feed}"))
    began, told = house.now, []
    for number, (title, day) in enumerate(life):
        house.now = began + timedelta(days=day)
        outcome = house.poll(
            "ledger" if number % 2 else "wire", item(title, number, pubDate=format_datetime(house.now))
        )
        told += [one.alert.reason for one in outcome.told]
    with house.database.read() as conn:
        listed = stories.listing(conn, stories.Wanted(name="behemoth"))
    assert [one.shift.models for one in listed] == found
    assert any(reason is not Reason.NO_ROUTE for reason in told)
