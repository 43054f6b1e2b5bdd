"""A12: when the network is away, operations hear of it once, and not once a feed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.errors import FetchError, FetchReason
from monitor.model import Feed, Role
from monitor.poll import outage
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from tests.poll.house import NOW, House, item

OLD = item("Chip maker opens a plant")
NAMES = ("ledger", "wire", "post", "lab")


@pytest.fixture
def house(database: Database) -> House:
    """Four feeds that were read."""
    made = opened(database, NOW)
    for name in NAMES:
        made.poll(name, OLD)
    return made


def opened(database: Database, now: datetime) -> House:
    """A process that watches the four."""
    made = House(database, now=now)
    for name in NAMES:
        made.feeds[name] = Feed(name, f"https://{name}.example.org/feed", name.title())
    with database.write() as conn:
        feed_store.sync_feeds(conn, made.feeds.values(), lambda _: now, now)
    return made


def fail(house: House, *names: str, times: int = 7) -> None:
    for _ in range(times):
        for name in names:
            house.commit(house.failed(name))
        house.now += timedelta(hours=1)


def told(house: House) -> list[str]:
    return [one.facts["title"] for one in house.outbox(Role.NOTICE)]


def test_a_network_that_is_away_is_one_notice_and_one_when_it_is_back(house: House) -> None:
    """Not two a feed; and the feeds that come back one after the other add nothing."""
    fail(house, *NAMES)
    assert told(house) == ["No feed answers"]
    [notice] = house.outbox(Role.NOTICE)
    assert "since 2026-11-23 13:00 UTC" in notice.facts["text"]
    assert "no answer in 30 s" in notice.facts["text"]
    for name in NAMES:
        house.poll(name, OLD)
    assert told(house) == ["No feed answers", "Feeds answer again"]


def test_a_feed_that_stays_away_when_others_are_back_is_told_of_then(house: House) -> None:
    """It was hidden by the outage, and must not stay so."""
    fail(house, *NAMES)
    house.poll("wire", OLD)
    fail(house, "ledger", times=1)
    assert told(house) == ["No feed answers", "Feeds answer again", "A feed fails"]
    house.poll("ledger", OLD)
    assert told(house)[3:] == ["A feed is well again"]


def test_another_process_may_bring_the_end(house: House) -> None:
    """What operations were told is in the database: a restart in the middle changes nothing."""
    fail(house, *NAMES)
    again = opened(house.database, house.now)
    again.world.new_id = lambda: f"later-{len(again.outbox())}"
    fail(again, *NAMES, times=2)
    assert told(again) == ["No feed answers"]
    again.poll("post", OLD)
    assert told(again) == ["No feed answers", "Feeds answer again"]


def test_one_feed_that_answers_makes_the_others_their_own_trouble(house: House) -> None:
    """Three of four fail while the fourth is read: three notices."""
    for _ in range(7):
        fail(house, "ledger", "wire", "post", times=1)
        house.poll("lab", OLD)
    assert told(house) == ["A feed fails"] * 3


def test_of_two_feeds_nobody_can_tell_whose_the_trouble_is(database: Database) -> None:
    """Each is told of."""
    house = House(database)
    for name in ("ledger", "wire"):
        house.poll(name, OLD)
    fail(house, "ledger", "wire")
    assert told(house) == ["A feed fails"] * 2


def test_an_end_that_was_not_stored_is_told_by_the_next(house: House) -> None:
    """The transaction of the first answer fails: the second one tells of the end."""
    fail(house, *NAMES)
    house.world.new_id = _full
    with pytest.raises(OSError, match="no room"):
        house.poll("wire", OLD)
    house.world.new_id = lambda: "later"
    house.poll("wire", OLD)
    assert told(house) == ["No feed answers", "Feeds answer again"]


def _full() -> str:
    raise OSError("no room")


# ---- when it is over


def hurry(house: House, *back: str) -> int:
    """These feeds answer; how many of the others are polled sooner for it."""
    outcomes = [house.commit(house.look(name, OLD)) for name in back]
    with house.database.write() as conn:
        return outage.hurry_back(conn, [one.before for one in outcomes if one.recovered], house.world, house.now)


def waits(house: House) -> dict[str, timedelta]:
    with house.database.read() as conn:
        states = feed_store.states(conn)
    return {name: (states[name].next_poll_at or house.now) - house.now for name in house.feeds}


def test_the_first_answer_after_an_outage_ends_the_others_back_off(house: House) -> None:
    """Within minutes and spread, and not before their intervals allow; a second answer moves nothing again."""
    fail(house, *NAMES)
    house.now += timedelta(minutes=30)
    assert min(waits(house).values()) > timedelta(hours=1), "they back off"
    assert hurry(house, "wire") == 3
    others = [wait for name, wait in waits(house).items() if name != "wire"]
    assert timedelta() < min(others) < max(others) <= timedelta(minutes=5)
    with house.database.read() as conn:
        assert feed_store.states(conn)["post"].why_next == "the network is back"
    before = waits(house)
    assert hurry(house, "lab") == 0
    assert {**waits(house), "lab": None} == {**before, "lab": None}


def test_a_feed_that_was_asked_a_moment_ago_is_not_asked_again_at_once(house: House) -> None:
    """A4: its last try may have reached the server, whatever we saw of it."""
    fail(house, *NAMES)
    house.commit(house.failed("post"))
    hurry(house, "wire")
    assert waits(house)["post"] >= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ("answer", "the network was there: three of six were read meanwhile"),
        ("refuse", "servers answered, if only with errors"),
        ("are one host", "of one host it is its own trouble"),
        ("failed before", "they failed for days before this one did"),
    ],
)
def test_what_is_no_outage_ends_no_back_off(database: Database, others: str, why: str) -> None:
    house = opened(database, NOW)
    witnesses = ("x", "y", "z") if others == "answer" else ()
    for name in (*NAMES, *witnesses):
        host = "one" if others == "are one host" and name != "wire" else name
        house.feeds[name] = Feed(name, f"https://{host}.example.org/feed/{name}")
    with database.write() as conn:
        feed_store.sync_feeds(conn, house.feeds.values(), lambda _: NOW, NOW)
    for name in house.feeds:
        house.commit(house.look(name, OLD))
    if others == "failed before":
        fail(house, *NAMES[2:], "ledger", times=50)
    for _ in range(5):
        fail(house, "wire", times=1)
        for name in ("ledger", "post", "lab"):
            failed = house.failed(name)
            refused = FetchError(FetchReason.HTTP, "HTTP 503", status=503)
            house.commit(replace(failed, error=refused) if others == "refuse" else failed)
        for name in witnesses:
            house.commit(house.look(name, OLD))
    house.now += timedelta(minutes=30)
    assert hurry(house, "wire") == 0, why
