"""A33: a lab's own word on an open story, in words and under a headline that no rule reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

from monitor.alerts import reading
from monitor.model import Alert, Reason, Role, Trust, ranked
from monitor.store import stories
from monitor.store.engine import Database
from tests.poll.house import CLOSING, House, item

KEPT = "We have decided to keep its weights with us for now."
LATER = "We will say more in spring."
UNTOLD = "Mistral weighs dropping open weights of Mistral Large for a closed model"
# What a lab posts while its story is open, by whom, hours later; none of it surely belongs there.
NOT_OF_IT = [
    ("A new data centre in Ohio", "Behemoth will be trained on it. It will open in 2028.", "Meta newsroom", 1),
    ("An update on our work", f"Our largest model so far is ready. {KEPT}", "Meta newsroom", 1),
    ("An update on our work", f"Behemoth is their largest model so far. {KEPT}", "Mistral AI", 1),
    ("An update on our work", f"Behemoth is our largest model so far. {KEPT}", "Newsroom", 1),
    ("An update on our work", f"Behemoth is our largest model so far. {KEPT}", "Meta newsroom", 24 * 9),
    ("An update on our work", f"Mistral Large is our largest model so far. {KEPT}", "Mistral AI", 1),
    ("An update on our work", f"Behemoth 7 is our largest model so far. {KEPT}", "Meta newsroom", 1),
]
# What a lab may take back in words that no rule reads, and the quote people judge by.
TURNS = [
    (
        "Behemoth 8: what we heard from you",
        "Thank you for all of it. We are changing our plans: the weights of Behemoth 8 will be there for everyone.",
        "We are changing our plans: the weights of Behemoth 8 will be there for everyone.",
    ),
    (
        "Behemoth 8: we listened",
        "We are reversing our decision. You get the weights of Behemoth 8 next week. Thank you. More in our paper.",
        "We are reversing our decision. You get the weights of Behemoth 8 next week.",
    ),
    (
        "Behemoth 8: where we stand",
        "Behemoth 8 has weights that you know. What you have read elsewhere is not true. Stay with us.",
        "Behemoth 8 has weights that you know. What you have read elsewhere is not true.",
    ),
]
OF_IT = [
    ("An update on our work", f"Behemoth is our largest model so far. {KEPT} {LATER} Our new campus is in Ohio."),
    ("Where we go from here", "We keep building a mix of open and closed models. No decision was made on Behemoth."),
]


def told(house: House, title: str, words: str, hours: float = 1) -> list[Alert]:
    """What was decided of a post of the feed `wire`, so many hours from now."""
    now = house.now
    house.now += timedelta(hours=hours)
    outcome = house.poll("wire", item(title, f"{title} {words} {hours}", words, pubDate=format_datetime(house.now)))
    house.now = now + timedelta(minutes=1)
    return [one.alert for one in outcome.told]


def test_a_labs_own_word_that_no_rule_reads_is_the_first_primary_source(database: Database) -> None:
    """It is told once with the sentence that says so, and changes neither stage nor headline."""
    house = House(database)
    versioned = CLOSING.replace("Behemoth", "Behemoth 8")
    house.poll("wire", item("Chip maker opens a plant", "old"))
    house.poll("ledger", item(UNTOLD, "old-too", pubDate=format_datetime(house.now)))
    house.poll("ledger", item(versioned, "first", pubDate=format_datetime(house.now)))

    def by(title: str, trust: Trust = Trust.PRIMARY) -> None:
        house.feeds["wire"] = replace(house.feeds["wire"], title=title, trust=trust)

    for title, words, lab, hours in NOT_OF_IT:
        by(lab)
        assert told(house, title, words, hours) == [], (title, words, lab, hours)
    by("Meta newsroom", Trust.PRESS)
    assert told(house, *OF_IT[0]) == [], "the press says nothing that no rule reads"
    by("Meta newsroom")
    decided = [told(house, *post, hours=2 + number) for number, post in enumerate(OF_IT)]
    assert [one.reason for [one] in decided] == [Reason.PRIMARY_SOURCE, Reason.REPEAT]
    [first] = house.outbox(Role.MOVE)
    assert first.facts["evidence"] == f"{KEPT} {LATER}"
    assert first.facts["line"] == "the lab itself speaks: Meta newsroom", "who speaks, not that it is so"
    for number, (title, words, quote) in enumerate(TURNS):
        [alert] = told(house, title, words, hours=5 + number)
        assert (alert.reason, alert.suppressed) == (Reason.PRIMARY_SOURCE, False), "it may take back what was told"
        assert house.outbox(Role.MOVE)[-1].facts["evidence"] == quote
    house.world.undo()  # the open stories are read anew
    house.poll("ledger", item(f"{versioned}, sources say", "third", pubDate=format_datetime(house.now)))
    with house.database.read() as conn:
        [story] = stories.listing(conn)  # what the first poll found stays what nobody was told
        assert stories.why_joined(conn, story.coverage[-1].entry_id).startswith("its lab's own word")
    assert [one.trust for one in story.coverage] == [Trust.PRESS] * 2 + [Trust.PRIMARY] * 5
    assert reading.outlets_of(ranked(story.coverage))[0] == "Ledger", "who reports it stands first"
    assert (story.title, story.shift.stage, story.shift.models) == (versioned, "considering", ("Behemoth 8",))
    assert "a primary source says so" not in story.shift.reasons, "it was not read, so it confirms nothing"
