"""One poll, from what was seen to what is stored and owed: all of it, or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts.decide import AlertPolicy, Mute, Route
from monitor.feeds.identify import EntryPolicy
from monitor.model import Action, DeliveryState, Direction, Reason, Role, Stage
from monitor.store import alerts, entries, mutes, stories
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.trial import Point
from tests.poll.house import CLOSING, House, item

LABS = ["Meta", "OpenAI", "Google", "Anthropic", "Mistral", "Cohere", "DeepSeek", "Baidu", "Tencent", "IBM", "xAI"]
OTHER_WORDS = "Meta considers dropping open-source Behemoth model in favour of a closed one"
DECIDED = "Meta announces that Behemoth will be a closed model"


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def _different_stories(count: int) -> list[dict[str, str]]:
    """Stories that no reader would take for one: another lab each."""
    return [item(f"{lab} releases the weights of its first open model", n) for n, lab in enumerate(LABS[:count])]


def test_the_first_document_of_a_feed_is_silent(house: House) -> None:
    """A16: old entries that match are stored as baseline stories and owe nobody anything."""
    outcome = house.poll("ledger", item(CLOSING), item("Chip maker opens a plant"))
    assert outcome.baseline
    assert [told.alert.reason for told in outcome.told] == [Reason.BASELINE]
    assert house.outbox() == []
    with house.database.read() as conn:
        [story] = stories.listing(conn, stories.Wanted(baseline=True))
        assert entries.counts(conn) == {"ledger": 2}
    assert story.shift.direction is Direction.CLOSING


def test_backfill_tells_exactly_the_latest(house: House) -> None:
    """A16: `backfill: latest 3` alerts three times on the first poll."""
    house.change(entries=EntryPolicy(backfill="latest 3"))
    house.poll("ledger", *_different_stories(8))
    assert len(house.outbox(Role.PARENT)) == 3


def test_more_backfill_than_a_poll_may_bring_is_held_behind_one_notice(house: House) -> None:
    """A16: above max_per_feed_poll the alerts wait for a person, and one message says so."""
    house.change(entries=EntryPolicy(backfill="latest 11"), alerts=AlertPolicy(max_per_feed_poll=5))
    house.poll("ledger", *_different_stories(11))
    parents = house.outbox(Role.PARENT)
    assert len(parents) > 5
    assert {one.state for one in parents} == {DeliveryState.HELD}
    assert len(house.outbox(Role.NOTICE)) == 1


def test_news_after_the_baseline_is_told(house: House) -> None:
    """An entry that was not there before, and matches, owes each routed receiver one message."""
    house.poll("ledger", item("Chip maker opens a plant"))
    outcome = house.poll("ledger", item(CLOSING), item("Chip maker opens a plant"))
    assert [told.alert.reason for told in outcome.told] == [Reason.NEW_STORY]
    [delivery] = house.outbox()
    assert (delivery.role, delivery.action, delivery.receiver) == (Role.PARENT, Action.POST, "licensing")


def test_replay_and_reordering_tell_nothing_new(house: House) -> None:
    """A17: what was seen once is never new again, whatever order it comes in."""
    items = [item(CLOSING), item("Chip maker opens a plant"), item("A quiet week")]
    house.poll("ledger", items[1])
    house.poll("ledger", *items)
    owed = house.outbox()
    house.poll("ledger", *reversed(items))
    house.poll("ledger", items[2])
    house.poll("ledger", *items)
    assert house.outbox() == owed


def test_coverage_by_another_feed_owes_edits_only(house: House) -> None:
    """A33: a second outlet on the same story brings the message up to date, and one reply lists the coverage."""
    house.poll("ledger", item("Chip maker opens a plant"))
    house.poll("wire", item("Regulator publishes its calendar"))
    house.poll("ledger", item(CLOSING))
    outcome = house.poll("wire", item(OTHER_WORDS, "w"))
    assert [told.alert.reason for told in outcome.told] == [Reason.REPEAT]
    assert [one.role for one in house.outbox() if one.action is Action.POST] == [Role.PARENT, Role.COVERAGE]


def test_a_moved_stage_is_a_broadcast(house: House) -> None:
    """A33: the day it moves from "considers" to "decides" everybody is told, in the same thread."""
    house.poll("ledger", item("Chip maker opens a plant"))
    house.poll("ledger", item(CLOSING))
    outcome = house.poll("ledger", item(DECIDED, "decided"), item(CLOSING))
    [told] = outcome.told
    assert told.alert.reason in {Reason.STAGE_MOVED, Reason.NEW_STORY_IN_STORYLINE}
    [move] = house.outbox(Role.MOVE)
    assert move.broadcast
    with house.database.read() as conn:
        line = stories.storyline_of(conn, told.story.storyline_id)
    assert line is not None
    assert [step.stage for step in line.steps] == [Stage.CONSIDERING, Stage.ANNOUNCED]


def test_an_edit_that_newly_matches_is_told_once_and_later_edits_never(house: House) -> None:
    """A18: fifty edits of a told entry post nothing new."""
    house.poll("ledger", item("Meta has news", 1))
    house.poll("ledger", item(CLOSING, 1))
    assert len(house.outbox(Role.PARENT)) == 1
    for number in range(50):
        house.poll("ledger", item(f"{CLOSING} (update {number})", 1))
    assert [one.role for one in house.outbox() if one.action is Action.POST] == [Role.PARENT]


def test_an_edit_of_a_told_entry_moves_a_storyline_once_each_way_at_most(house: House) -> None:
    """A18: a headline that changes its mind fifty times is one later story, not fifty."""
    house.poll("ledger", item("Chip maker opens a plant"))
    for number in range(50):
        title = CLOSING if number % 2 == 0 else "Meta announces that Behemoth will be a closed model"
        house.poll("ledger", item(title, 1))
    posted = [one.role for one in house.outbox() if one.action is Action.POST]
    assert posted.count(Role.PARENT) == 1
    assert posted.count(Role.MOVE) <= 1
    assert Role.COVERAGE not in posted


def test_an_edited_headline_of_the_baseline_tells_nothing(house: House) -> None:
    """A16, A17: what matched in a feed's first document was never told, and an edit of it is no news."""
    house.poll("ledger", item(CLOSING, 1))
    outcome = house.poll("ledger", item(f"{CLOSING}, people say", 1))
    assert [told.alert.reason for told in outcome.told] == [Reason.BASELINE]
    assert house.outbox() == []


def test_coverage_of_a_baseline_story_is_told(house: House) -> None:
    """Lose no alert: nobody was told of what stood in the first document, so later news of it is told."""
    house.poll("ledger", item(CLOSING))
    house.poll("wire", item("Regulator publishes its calendar"))
    outcome = house.poll("wire", item(OTHER_WORDS, "w"))
    assert [told.alert.reason for told in outcome.told] == [Reason.NEW_STORY]
    assert len(house.outbox(Role.PARENT)) == 1


def test_an_entry_older_than_max_age_is_suppressed_with_its_reason(house: House) -> None:
    """What is older than max_age before the feed's last good poll does not alert, and says why."""
    house.poll("ledger", item("Chip maker opens a plant"))
    old = item(CLOSING, pubDate="Mon, 02 Nov 2026 10:00:00 GMT")
    [told] = house.poll("ledger", old).told
    assert (told.alert.reason, told.alert.suppressed) == (Reason.TOO_OLD, True)
    assert house.outbox() == []


def test_an_outage_loses_nothing(house: House) -> None:
    """max_age counts from the feed's last successful poll: what appeared while it was down still alerts."""
    house.poll("ledger", item("Chip maker opens a plant"))
    house.now += timedelta(days=12)
    [told] = house.poll("ledger", item(CLOSING, pubDate="Tue, 24 Nov 2026 10:00:00 GMT")).told
    assert told.alert.reason is Reason.NEW_STORY


def test_a_mute_withholds_and_says_which(house: House) -> None:
    """A suppression has its reason on record."""
    house.poll("ledger", item("Chip maker opens a plant"))
    with house.database.write() as conn:
        mutes.add(conn, Mute(0, "org", "Meta", house.now + timedelta(days=1), "anna"), house.now)
    [told] = house.poll("ledger", item(CLOSING)).told
    assert told.alert.reason is Reason.MUTED
    assert "by anna" in told.alert.note
    assert house.outbox() == []


def test_an_alert_without_a_route_is_on_record(house: House) -> None:
    """Nothing is silent without a reason: no route is one."""
    house.change(routes=(Route(to="licensing", match=replace(Route(to="x").match, direction=Direction.OPENING)),))
    house.poll("ledger", item("Chip maker opens a plant"))
    [told] = house.poll("ledger", item(CLOSING)).told
    assert (told.alert.reason, told.alert.suppressed) == (Reason.NO_ROUTE, True)
    assert "direction is closing" in told.alert.note


def test_a_wholesale_reissue_is_held(house: House) -> None:
    """A19: new guids and links for what was known become one held notice, not a storm."""
    known = _different_stories(8)
    house.poll("ledger", *known)
    renewed = [{**one, "link": one["link"] + "/v2", "guid": one["guid"] + "/v2"} for one in known]
    house.poll("ledger", *renewed)
    assert {one.state for one in house.outbox(Role.PARENT)} <= {DeliveryState.HELD}
    assert len(house.outbox(Role.NOTICE)) <= 1


def test_a_poll_that_lost_the_race_leaves_no_trace(house: House) -> None:
    """A24: the fence drops a look whose feed was committed meanwhile."""
    house.poll("ledger", item("Chip maker opens a plant"))
    late = house.look("ledger", item(CLOSING))
    house.poll("ledger", item("A quiet week", 2))
    outcome = house.commit(late)
    assert outcome.stale
    assert house.outbox() == []
    with house.database.read() as conn:
        assert entries.counts(conn) == {"ledger": 2}


def test_a_commit_that_fails_half_way_leaves_nothing(house: House) -> None:
    """A24: entries, hits, stories, alerts and outbox rows commit together or not at all."""
    house.poll("ledger", item("Chip maker opens a plant"))
    look = house.look("ledger", item(CLOSING))
    good, house.world.new_id = house.world.new_id, _full
    with pytest.raises(OSError, match="no room"):
        house.commit(look)
    with house.database.read() as conn:
        assert entries.counts(conn) == {"ledger": 1}
        assert stories.listing(conn) == []
        assert feed_store.states(conn)["ledger"].poll_seq == 1
        assert alerts.counts(conn)[Reason.NEW_STORY] == 0
    house.world.new_id = good
    assert [told.alert.reason for told in house.commit(look).told] == [Reason.NEW_STORY]
    assert len(house.outbox(Role.PARENT)) == 1


INSIDE = [Point.COMMIT_FENCED, Point.COMMIT_ENTRIES, Point.COMMIT_PLACED, Point.COMMIT_QUEUED, Point.COMMIT_READY]


@pytest.mark.parametrize("point", INSIDE)
def test_a_commit_that_ends_at_any_point_leaves_nothing_and_tells_all_the_next_time(house: House, point: Point) -> None:
    """A24: no part of a poll is committed by itself, so what was stored is never owed to nobody."""
    house.poll("ledger", item("Chip maker opens a plant"))
    look = house.look("ledger", item(CLOSING))

    def ends(passed: Point) -> None:
        if passed is point:
            raise OSError("the end")

    house.world.reached, goes_on = ends, house.world.reached
    with pytest.raises(OSError, match="the end"):
        house.commit(look)
    house.world.reached = goes_on
    with house.database.read() as conn:
        assert entries.counts(conn) == {"ledger": 1}
        assert feed_store.states(conn)["ledger"].poll_seq == 1
    assert house.outbox() == []
    assert [told.alert.reason for told in house.commit(look).told] == [Reason.NEW_STORY]
    assert len(house.outbox(Role.PARENT)) == 1


def _full() -> str:
    raise OSError("no room")


def test_a_feed_that_keeps_failing_is_told_once_and_once_when_it_recovers(house: House) -> None:
    """A12: one notice to operations, and one when it is well again."""
    house.poll("ledger", item("Chip maker opens a plant"))
    for _ in range(12):
        house.commit(house.failed("ledger"))
        house.now += timedelta(hours=1)
    assert len(house.outbox(Role.NOTICE)) == 1
    house.poll("ledger", item("Chip maker opens a plant"), item("A quiet week"))
    assert [one.facts["title"] for one in house.outbox(Role.NOTICE)] == ["A feed fails", "A feed is well again"]
