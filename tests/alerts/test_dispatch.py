"""An alert becomes deliveries: what is posted, what is edited, and what is left alone. Pure values."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from monitor.alerts.decide import AlertPolicy, Digest, QuietHours
from monitor.alerts.dispatch import MOVES, Ids, Recipients, dispatch, hurried, notice
from monitor.alerts.receivers import ConsoleReceiver, SlackReceiver, WebhookReceiver
from monitor.model import Action, Alert, Delivery, DeliveryState, Reason, Role, Severity, Thread

NOW = datetime(2025, 7, 12, 23, 30, tzinfo=UTC)
KNOWN = {
    "licensing": SlackReceiver(name="licensing", channel="C1"),
    "hook": WebhookReceiver(name="hook"),
    "screen": ConsoleReceiver(name="screen"),
}
SENT = DeliveryState.SENT


def made(reason: Reason, *, routed: tuple[str, ...] = ("licensing",), **how: Any) -> tuple[Delivery, ...]:
    numbers = itertools.count(1)
    alert = Alert(reason, how.pop("severity", Severity.HIGH), "a → b", suppressed=reason is Reason.REPEAT)
    known = how.pop("known", KNOWN)
    to = Recipients(routed, known, **how)
    return dispatch(alert, Ids(1, 2, 3), to, NOW, lambda: f"d{next(numbers)}")


def shape(rows: tuple[Delivery, ...]) -> list[tuple[str, Role, Action, str | None]]:
    return [(row.receiver, row.role, row.action, row.target_id) for row in rows]


def test_a_new_story_is_posted_to_each_routed_receiver() -> None:
    rows = made(Reason.NEW_STORY, routed=("licensing", "hook"))
    assert shape(rows) == [
        ("licensing", Role.PARENT, Action.POST, None),
        ("hook", Role.PARENT, Action.POST, None),
    ]
    assert {(row.alert_id, row.story_id, row.storyline_id) for row in rows} == {(1, 2, 3)}


@pytest.mark.parametrize("reason", sorted(MOVES))
def test_a_move_is_a_broadcast_reply_and_an_edit(reason: Reason) -> None:
    """A33"""
    rows = made(reason, threads={"licensing": Thread("p", SENT)})
    assert shape(rows) == [
        ("licensing", Role.MOVE, Action.POST, "p"),
        ("licensing", Role.PARENT, Action.UPDATE, "p"),
    ]
    assert (rows[0].broadcast, rows[0].facts["line"], rows[0].facts["story_id"]) == (True, "a → b", 2)


def test_a_new_story_of_a_storyline_that_stands_there_is_a_reply() -> None:
    """No wrong silence: its first entries may have been muted or too old, and now it is news."""
    rows = made(Reason.NEW_STORY, threads={"licensing": Thread("p", SENT)})
    assert shape(rows)[0] == ("licensing", Role.MOVE, Action.POST, "p")


def test_a_repeat_edits_the_parent_and_posts_or_edits_the_one_coverage_reply() -> None:
    """A33"""
    first = made(Reason.REPEAT, threads={"licensing": Thread("p", SENT)})
    later = made(Reason.REPEAT, threads={"licensing": Thread("p", SENT, "c", SENT)})
    assert shape(first)[1] == ("licensing", Role.COVERAGE, Action.POST, "p")
    assert shape(later) == [
        ("licensing", Role.PARENT, Action.UPDATE, "p"),
        ("licensing", Role.COVERAGE, Action.UPDATE, "c"),
    ]
    assert not any(row.broadcast for row in (*first, *later))
    dropped = Thread("p", SENT, "c", DeliveryState.DISCARDED)
    again = made(Reason.REPEAT, threads={"licensing": dropped})
    assert shape(again)[1] == ("licensing", Role.COVERAGE, Action.POST, "p"), "that was a list of a re-issued feed"
    gone = made(Reason.REPEAT, threads={"licensing": replace(dropped, coverage_deleted=True)})
    assert len(gone) == 1


@pytest.mark.parametrize(
    "thread",
    [
        Thread("p", DeliveryState.PENDING, "c", DeliveryState.PENDING),
        Thread("p", DeliveryState.PARKED, "c", DeliveryState.HELD),
        Thread("p", SENT, "c", SENT, waiting=("p", "c")),
    ],
    ids=["not sent yet", "parked", "edits wait"],
)
def test_what_waits_needs_no_second_edit(thread: Thread) -> None:
    assert made(Reason.REPEAT, threads={"licensing": thread}) == ()


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.UNKNOWN])
def test_what_is_under_way_needs_an_edit(state: DeliveryState) -> None:
    """It was rendered before this change."""
    rows = made(Reason.REPEAT, threads={"licensing": Thread("p", state, "c", SENT)})
    assert ("licensing", Role.PARENT, Action.UPDATE, "p") in shape(rows)


@pytest.mark.parametrize("state", [DeliveryState.DEAD, DeliveryState.DISCARDED])
def test_a_parent_that_never_came_to_stand_is_posted_anew_by_a_move(state: DeliveryState) -> None:
    """No wrong silence after a dead letter; but a repeat alone tells nobody anew."""
    thread = {"licensing": Thread("p", state)}
    assert shape(made(Reason.STAGE_MOVED, threads=thread)) == [("licensing", Role.PARENT, Action.POST, None)]
    assert made(Reason.REPEAT, threads=thread) == ()


def test_webhooks_and_the_console_get_a_follow_up_on_moves_only() -> None:
    threads = {"hook": Thread("h", SENT), "screen": Thread("s", SENT)}
    rows = made(Reason.DENIED, routed=(), threads=threads)
    assert shape(rows) == [("hook", Role.MOVE, Action.POST, "h"), ("screen", Role.MOVE, Action.POST, "s")]
    assert not any(row.broadcast for row in rows)
    assert made(Reason.REPEAT, routed=(), threads=threads) == ()


@pytest.mark.parametrize("reason", [Reason.BASELINE, Reason.TOO_OLD, Reason.NO_ROUTE])
def test_suppressions_send_nothing(reason: Reason) -> None:
    assert made(reason, threads={"licensing": Thread("p", SENT)}) == ()


def test_a_muted_move_still_brings_the_parent_up_to_date() -> None:
    rows = made(Reason.MUTED, threads={"licensing": Thread("p", SENT)})
    assert shape(rows) == [("licensing", Role.PARENT, Action.UPDATE, "p")]


def test_held_alerts_wait_for_a_person() -> None:
    assert [row.state for row in made(Reason.NEW_STORY, held=True)] == [DeliveryState.HELD]
    assert [row.state for row in made(Reason.HELD)] == [DeliveryState.HELD]


def test_quiet_hours_delay_messages_and_no_edits() -> None:
    """They withhold nothing; a receiver's own hours win; what is excepted goes at once."""
    quiet = QuietHours(time(22), time(7), except_=(Severity.CRITICAL,))
    policy = AlertPolicy(quiet_hours=quiet)
    morning = datetime(2025, 7, 13, 7, tzinfo=UTC)
    move, update = made(Reason.STAGE_MOVED, threads={"licensing": Thread("p", SENT)}, policy=policy)
    assert (move.next_attempt_at, update.next_attempt_at) == (morning, None)
    (urgent,) = made(Reason.NEW_STORY, policy=policy, severity=Severity.CRITICAL)
    assert urgent.next_attempt_at is None
    own = {"licensing": SlackReceiver(name="licensing", channel="C1", quiet_hours=QuietHours(time(23), time(23, 45)))}
    (one,) = made(Reason.NEW_STORY, policy=policy, known=own)
    assert one.next_attempt_at == NOW + timedelta(minutes=15)


def test_what_is_excepted_from_quiet_hours_takes_its_waiting_message_along() -> None:
    """A critical move at night must not wait for the morning because the story began at night."""
    policy = AlertPolicy(quiet_hours=QuietHours(time(22), time(7), except_=(Severity.CRITICAL,)))
    cases = [
        (Reason.STAGE_MOVED, Severity.CRITICAL, DeliveryState.PENDING, False, ("p",)),
        (Reason.NEW_STORY, Severity.CRITICAL, DeliveryState.PENDING, False, ("p",)),
        (Reason.STAGE_MOVED, Severity.HIGH, DeliveryState.PENDING, False, ()),
        (Reason.REPEAT, Severity.CRITICAL, DeliveryState.PENDING, False, ()),
        (Reason.STAGE_MOVED, Severity.CRITICAL, DeliveryState.HELD, False, ()),
        (Reason.STAGE_MOVED, Severity.CRITICAL, SENT, False, ()),
        (Reason.STAGE_MOVED, Severity.CRITICAL, DeliveryState.PENDING, True, ()),
    ]
    for reason, severity, state, held, wanted in cases:
        to = Recipients(("licensing",), KNOWN, {"licensing": Thread("p", state)}, policy, held)
        assert hurried(Alert(reason, severity), to, NOW) == wanted, (reason, severity, state, held)


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.PARKED])
def test_a_message_that_has_not_gone_needs_no_follow_up_where_nothing_can_be_edited(state: DeliveryState) -> None:
    """A33: it will say how things stand when it goes; the follow-up would be the same news again."""
    assert made(Reason.STAGE_MOVED, routed=("hook",), threads={"hook": Thread("p", state)}) == ()
    (follow,) = made(Reason.STAGE_MOVED, routed=("hook",), threads={"hook": Thread("p", SENT)})
    assert (follow.role, follow.broadcast) == (Role.MOVE, False)


def test_a_receiver_with_a_digest_gets_its_alerts_bundled() -> None:
    own = {"licensing": SlackReceiver(name="licensing", channel="C1", digest=Digest(at=time(8)))}
    (one,) = made(Reason.NEW_STORY, known=own)
    assert (one.role, one.next_attempt_at) == (Role.DIGEST, datetime(2025, 7, 13, 8, tzinfo=UTC))
    assert made(Reason.REPEAT, known=own) == ()


def test_a_receiver_that_is_configured_no_more_is_left_alone() -> None:
    assert made(Reason.STAGE_MOVED, routed=("gone",), threads={"gone": Thread("p", SENT)}) == ()


def test_a_notice_goes_to_each_ops_receiver() -> None:
    rows = notice({"title": "x"}, ["a", "b"], NOW, iter("12").__next__)
    assert [(row.id, row.receiver, row.role, row.facts) for row in rows] == [
        ("1", "a", Role.NOTICE, {"title": "x"}),
        ("2", "b", Role.NOTICE, {"title": "x"}),
    ]
