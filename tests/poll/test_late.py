"""When an entry was said, and when it came to us: what is dated before what was told since is listed in its place."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from monitor.alerts import reading
from monitor.model import Reason, Role, Step, Storyline
from monitor.store import open_stories, stories
from monitor.store.engine import Database
from tests.poll.house import House, item

WEIGHS = "Meta weighs dropping its open-source Behemoth model for a closed one"
DENIAL = "Meta denies report that Behemoth model will be closed"
ANNOUNCED = "Meta announces that Behemoth will be a closed model"
DELAYED = "Meta delays the move: Behemoth goes closed a month later than planned"
EFFECTIVE = "Meta pulls Behemoth weights from Hugging Face: the model is closed now"
REVERSED = "Meta reverses its decision to make Behemoth a closed model"
Life = list[tuple[str, float, float]]


@pytest.fixture
def house(sqlite_database: Database) -> House:
    house = House(sqlite_database)
    for feed in house.feeds:
        house.poll(feed, item("Chip maker opens a plant", f"old-{feed}"))
    return house


def live(house: House, life: Life) -> list[Reason]:
    """Entries (headline, day it was said, day it came) of two feeds in turn; the reasons of what was told."""
    began, told = house.now, []
    for number, (title, said, came) in enumerate(life, 1):
        house.now = began + timedelta(days=came)
        dated = format_datetime(began + timedelta(days=said))
        outcome = house.poll("wire" if number % 2 else "ledger", item(title, number, pubDate=dated))
        told += [one.alert.reason for one in outcome.told if not one.alert.suppressed]
    return told


def line_of(house: House) -> Storyline:
    with house.database.read() as conn:
        found = stories.storyline_of(conn, 1)
    assert found is not None
    return found


def on(steps: tuple[Step, ...], began: datetime) -> list[tuple[str, str, int]]:
    return [(step.reason, step.stage, round((step.at - began) / timedelta(days=1))) for step in steps]


@pytest.mark.parametrize(
    ("life", "told", "steps"),
    [
        pytest.param(
            [(WEIGHS, 0, 6), (ANNOUNCED, 5, 6)],
            ["new story", "stage moved"],
            [("new story", "considering", 0), ("stage moved", "announced", 5)],
            id="after downtime",
        ),
        pytest.param(
            [(WEIGHS, 0, 0), (ANNOUNCED, 5, 5), (DENIAL, 3, 6), (f"{DENIAL}, again", 3.2, 6.1)],
            ["new story", "stage moved"],
            [("new story", "considering", 0), ("denied", "considering", 3), ("stage moved", "announced", 5)],
            id="a denial that the announcement overtook",
        ),
        pytest.param(
            [(ANNOUNCED, 5, 5), (DENIAL, 3, 6), (DENIAL.replace("report", "claim"), 7, 7)],
            ["new story", "denied"],
            [("denied", "rumour", 3), ("new story", "announced", 5), ("denied", "announced", 7)],
            id="a late denial does not hide one that stands",
        ),
        pytest.param(
            [(WEIGHS, 5, 5), (DENIAL, 4, 6)],
            ["new story", "denied"],
            [("denied", "considering", 4), ("new story", "considering", 5)],
            id="nothing was decided since, so the denial stands",
        ),
        pytest.param(
            [(ANNOUNCED, 5, 5), (WEIGHS, 1, 6)],
            ["new story"],
            [("new story", "announced", 5)],
            id="talk of what was announced since",
        ),
        pytest.param(
            [(EFFECTIVE, 9, 9), (WEIGHS, 6.1, 10), (f"{WEIGHS}, sources say", 6.2, 10.1)],
            ["new story"],
            [("new story in storyline", "considering", 6), ("new story", "effective", 9)],
            id="talk of what was done since is a story of its own, and told to nobody",
        ),
        pytest.param(
            [(ANNOUNCED, 0, 0), (EFFECTIVE, 9, 9), (DELAYED, 5, 10)],
            ["new story", "new story in storyline"],
            [
                ("new story", "announced", 0),
                ("delayed", "announced", 5),
                ("new story in storyline", "effective", 9),
            ],
            id="a delay of what came after all",
        ),
        pytest.param(
            [(EFFECTIVE, 0, 0), (REVERSED, 9, 9), (WEIGHS, -3, 10)],
            ["new story", "new story in storyline"],
            [
                ("new story in storyline", "considering", -3),
                ("new story", "effective", 0),
                ("new story in storyline", "reversed", 9),
            ],
            id="talk of what was done and undone",
        ),
        pytest.param(
            [(WEIGHS, 0, 0), (EFFECTIVE, 9, 9), (ANNOUNCED, 1, 10), (f"{ANNOUNCED}, it says", 1.1, 10.1)],
            ["new story", "new story in storyline"],
            [
                ("new story", "considering", 0),
                ("stage moved", "announced", 1),
                ("new story in storyline", "effective", 9),
            ],
            id="an announcement of what was done since",
        ),
        pytest.param(
            [(ANNOUNCED, 0, 0), (REVERSED, 5, 5), (f"{ANNOUNCED} after all", 9, 9), (f"{ANNOUNCED}, it says", 1, 10)],
            ["new story", "new story in storyline", "new story in storyline"],
            [
                ("new story", "announced", 0),
                ("new story in storyline", "reversed", 5),
                ("new story in storyline", "announced", 9),
            ],
            id="a storyline that turned back, and a late report from before",
        ),
        pytest.param(
            [(WEIGHS, 5, 5), (ANNOUNCED, 4, 6)],
            ["new story", "stage moved"],
            [("new story", "considering", 5), ("stage moved", "announced", 5)],
            id="what goes further is news, however it is dated",
        ),
    ],
)
def test_what_comes_late_is_listed_in_its_place(
    house: House, life: Life, told: list[str], steps: list[tuple[str, str, int]]
) -> None:
    """A33: steps carry the day they were said; nothing dated before a later step is told as if it came after it."""
    began = house.now
    assert live(house, life) == told
    line = line_of(house)
    assert on(line.steps, began) == steps
    ahead = {"considering": "weighs", "announced": "announces", "effective": "pulls", "reversed": "reverses"}
    assert ahead[reading.now(line).shift.stage] in reading.now(line).title, "the headline says how things stand"
    assert len(house.outbox(Role.MOVE)) == len(told) - 1
    closing = reading.now(line).shift.direction == "closing"
    assert closing == ("raised: Meta is known for open models" in line.context), "its own steps are no history"
    lowered = "lowered: under consideration" in line.context
    assert lowered == (reading.now(line).shift.stage == "considering"), "what moved the severity of now"


def test_a_promise_that_a_later_report_makes_keeps_the_storyline_awake_over_a_restart(house: House) -> None:
    live(house, [(ANNOUNCED, 0, 0), (f"{ANNOUNCED} in two months", 0.1, 0.1)])
    with house.database.read() as conn:
        [known] = open_stories.as_open(conn, [1])
    assert (len(known.members), known.due_at is not None) == (2, True)


def test_an_edit_says_it_when_it_is_made(house: House) -> None:
    """A18: an entry of Monday that denies since Friday denies on Friday."""
    began = house.now
    live(house, [(WEIGHS, 0, 0), (ANNOUNCED, 5, 5)])
    house.now = began + timedelta(days=6)
    outcome = house.poll("wire", item(DENIAL, 1, pubDate=format_datetime(began)))
    assert [one.alert.reason for one in outcome.told] == [Reason.DENIED]
    assert line_of(house).steps[-1].at == began + timedelta(days=6)


def test_an_older_story_that_repeats_a_step_of_its_storyline_is_no_news(house: House) -> None:
    """A33: who links to the first report and tells what a later story told brings no move."""
    began = house.now
    live(house, [(WEIGHS, 0, 0), (EFFECTIVE, 9, 9)])
    house.now = began + timedelta(days=10)
    outcome = house.poll(
        "ledger", item("Behemoth closed: Meta no longer offers weights", 1, pubDate=format_datetime(house.now))
    )
    assert [(one.alert.reason, one.story.id) for one in outcome.told] == [(Reason.REPEAT, 1)]


def test_a_date_that_cannot_be_or_is_a_bare_day(house: House) -> None:
    """A14: a date to come is when we saw it; a bare day may have been any time of that day."""
    began = house.now
    assert live(house, [(ANNOUNCED, 500, 0)]) == ["new story"]
    assert line_of(house).steps[0].at == began
    midnight = format_datetime(began.replace(hour=0, minute=0))
    house.now = began + timedelta(hours=2)
    outcome = house.poll("wire", item(DENIAL, "denial", pubDate=midnight))
    assert [one.alert.reason for one in outcome.told] == ["denied"], "it may have been said after the announcement"
    assert line_of(house).steps[1].at == began + timedelta(hours=2)
