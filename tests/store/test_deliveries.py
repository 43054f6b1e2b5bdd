"""The outbox as the database keeps it: order, steps, and what waits for what, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.model import Action, Delivery, DeliveryState, Role
from monitor.store import deliveries, receivers
from monitor.store.engine import Database
from monitor.store.receivers import ReceiverState

NOW = datetime(2025, 7, 12, 14, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
State = DeliveryState


def delivery(name: str, **changes: Any) -> Delivery:
    plain = Delivery(name, "licensing", Role.PARENT, Action.POST, NOW, storyline_id=1, story_id=1)
    return replace(plain, **changes)


def reply(name: str, target: str, **changes: Any) -> Delivery:
    return delivery(name, role=Role.MOVE, target_id=target, **changes)


def edit(name: str, target: str) -> Delivery:
    return delivery(name, action=Action.UPDATE, target_id=target)


def filled(database: Database, *rows: Delivery) -> None:
    with database.write() as conn:
        deliveries.enqueue(conn, rows)


def send(database: Database, name: str, ts: str = "1.0") -> None:
    with database.write() as conn:
        assert deliveries.mark_sending(conn, name, NOW, "0.5")
        assert deliveries.mark_sent(conn, name, NOW, channel="C1", ts=ts)


def due(database: Database, now: datetime = LATER) -> str | None:
    with database.read() as conn:
        found = deliveries.next_due(conn, ["licensing"], now)
    return None if found is None else found.id


def test_a_delivery_comes_back_as_it_went_in(database: Database) -> None:
    one = delivery("a", facts={"line": "x → y", "n": [1, 2]}, next_attempt_at=LATER, broadcast=True, alert_id=7)
    filled(database, one)
    with database.read() as conn:
        assert deliveries.get(conn, "a") == replace(one, position=1)


def test_writers_at_once_get_positions_of_their_own(database: Database) -> None:
    """Positions are unique, also when many processes decide at the same time."""

    def write(number: int) -> None:
        filled(database, delivery(f"a{number}"), delivery(f"b{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    with database.read() as conn:
        positions = [row.position for row in deliveries.listing(conn)]
    assert sorted(positions) == list(range(1, 33))


def test_the_first_of_the_outbox_is_the_next(database: Database) -> None:
    """Those whose time has not come, and other receivers', are passed over."""
    filled(
        database,
        delivery("later", next_attempt_at=LATER + timedelta(hours=1)),
        delivery("other", receiver="second"),
        delivery("first"),
        delivery("second"),
    )
    assert due(database) == "first"


def test_a_reply_and_an_edit_wait_until_their_message_stands_there(database: Database) -> None:
    """A32"""
    filled(database, delivery("parent"), reply("reply", "parent"), edit("edit", "parent"))
    assert due(database) == "parent"
    with database.write() as conn:
        deliveries.mark_sending(conn, "parent", NOW, None)
    assert due(database) is None
    with database.write() as conn:
        deliveries.mark_unknown(conn, "parent", {"next_attempt_at": LATER})
    assert due(database) is None
    with database.write() as conn:
        deliveries.mark_sent(conn, "parent", NOW, channel="C1", ts="1.0")
    assert due(database) == "reply"


def test_two_edits_of_one_message_never_overlap(database: Database) -> None:
    filled(database, delivery("parent"), edit("one", "parent"), edit("two", "parent"))
    send(database, "parent")
    with database.write() as conn:
        deliveries.mark_sending(conn, "one", NOW, None)
    assert due(database) is None


def test_only_a_pending_delivery_begins_to_be_sent(database: Database) -> None:
    """A person who discards, and a second process, are noticed before the POST."""
    filled(database, delivery("a"))
    with database.write() as conn:
        assert deliveries.mark_sending(conn, "a", NOW, "1.0") is not None
        assert deliveries.mark_sending(conn, "a", NOW, "2.0") is None


def test_the_anchor_of_the_first_attempt_is_kept(database: Database) -> None:
    """A later look must reach back to the first time the message may have been taken."""
    filled(database, delivery("a"))
    with database.write() as conn:
        deliveries.mark_sending(conn, "a", NOW, "1.0")
        deliveries.mark_retry(conn, "a", {"next_attempt_at": None})
        row = deliveries.mark_sending(conn, "a", LATER, "2.0")
    assert row is not None
    assert (row.anchor, row.attempts, row.first_attempt_at, row.last_attempt_at) == ("1.0", 2, NOW, LATER)


def test_what_a_dead_process_was_sending_is_unknown_and_due(database: Database) -> None:
    filled(database, delivery("a"), delivery("b"))
    with database.write() as conn:
        deliveries.mark_sending(conn, "a", NOW, "1.0")
        assert deliveries.recover(conn, LATER) == ["a"]
        assert [row.id for row in deliveries.unknown_due(conn, ["licensing"], LATER)] == ["a"]


def test_threads_say_what_each_receiver_holds(database: Database) -> None:
    filled(
        database,
        delivery("parent"),
        delivery("coverage", role=Role.COVERAGE, target_id="parent"),
        delivery("other", receiver="second", state=State.HELD),
        edit("edit", "parent"),
    )
    send(database, "parent")
    with database.read() as conn:
        found = deliveries.threads(conn, 1)
    assert (found["licensing"].parent_id, found["licensing"].parent_state) == ("parent", State.SENT)
    assert (found["licensing"].coverage_id, found["licensing"].waiting) == ("coverage", ("parent",))
    assert found["second"].parent_state is State.HELD


def test_a_replaced_parent_hands_over_what_waits(database: Database) -> None:
    """A32: once; a second discovery uses the successor that is there."""
    filled(database, delivery("old"), reply("reply", "old"), edit("edit", "old"))
    send(database, "old")
    with database.write() as conn:
        old = deliveries.get(conn, "old")
        assert old is not None
        assert deliveries.replace_parent(conn, old, delivery("new"))
        assert not deliveries.replace_parent(conn, old, delivery("newer"))
        waiting, gone = deliveries.get(conn, "reply"), deliveries.get(conn, "edit")
        assert waiting is not None
        assert gone is not None
        assert (waiting.target_id, gone.state) == ("new", State.DISCARDED)
        assert deliveries.threads(conn, 1)["licensing"].parent_id == "new"


def test_a_discarded_parent_takes_along_what_waits_for_it(database: Database) -> None:
    filled(database, delivery("parent", state=State.HELD), reply("reply", "parent"), edit("edit", "parent"))
    with database.write() as conn:
        assert sorted(deliveries.discard(conn, "parent")) == ["edit", "parent", "reply"]
        assert deliveries.counts(conn)["discarded"] == 3


def test_parked_receivers_keep_their_order(database: Database) -> None:
    filled(database, delivery("a"), delivery("b"), delivery("c", receiver="second"))
    with database.write() as conn:
        assert deliveries.park(conn, ["licensing"]) == 2
        assert deliveries.next_due(conn, ["licensing"], LATER) is None
        assert deliveries.unpark(conn, ["licensing"]) == 2
    assert due(database) == "a"


def test_a_park_ends_no_quiet_hours(database: Database) -> None:
    """What waits for its time waits for it after the park as before; a digest is not sent early."""
    morning = LATER + timedelta(hours=1)
    filled(database, delivery("a", next_attempt_at=morning))
    with database.write() as conn:
        assert deliveries.park(conn, ["licensing"]) == 1
        assert deliveries.unpark(conn, ["licensing"]) == 1
        assert deliveries.next_due(conn, ["licensing"], LATER) is None
        assert deliveries.next_due(conn, ["licensing"], morning) is not None


def test_what_waits_for_a_person_is_nothing_to_wait_for(database: Database) -> None:
    """`run --once` ends although a held storyline has replies."""
    filled(database, delivery("parent", state=State.HELD), reply("reply", "parent"))
    with database.read() as conn:
        assert deliveries.next_time(conn, ["licensing"]) is None


def test_a_receiver_remembers_its_park_and_that_it_worked(database: Database) -> None:
    state = ReceiverState("a", parked_scope="credential", parked_code="invalid_auth", parked_at=NOW, retry_at=LATER)
    with database.write() as conn:
        receivers.worked(conn, "a", NOW)
        receivers.worked(conn, "a", LATER)
        assert receivers.park(conn, ["a", "b"], state) == ["a", "b"]
        assert receivers.park(conn, ["a", "b"], replace(state, parked_at=LATER)) == []
        found = receivers.states(conn)
        assert (found["a"].worked_at, found["a"].parked_at, found["b"].parked_code) == (NOW, NOW, "invalid_auth")
        receivers.retry_now(conn, "a", NOW)
        assert receivers.states(conn)["a"].retry_at == NOW
        assert receivers.unpark(conn, ["a", "b", "c"]) == ["a", "b"]
        assert receivers.states(conn)["a"].parked_scope is None
