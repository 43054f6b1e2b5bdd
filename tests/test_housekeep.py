"""Housekeeping: texts and old stories go, keys stay, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text

from monitor import housekeep
from monitor.model import Action, Alert, Candidate, Delivery, DeliveryState, Entry, Feed, Reason, Role, Severity, Shift
from monitor.settings import Retention
from monitor.store import alerts, deliveries, entries, facts, feedback, feeds, hits, schema, stories
from monitor.store.engine import Connection, Database

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO = NOW - 200 * DAY


def an_entry(number: int = 1, **changes: object) -> Entry:
    entry = Entry("wire", (f"k{number}",), f"title {number}", "summary", "content", "https://example.org/1", "author")
    return replace(entry, tags=("t",), links=("https://example.org/2",), text_hash="h", **changes)  # type: ignore[arg-type]


def add_entry(conn: Connection, number: int = 1, at: datetime = LONG_AGO) -> int:
    [entry_id] = entries.add(conn, [an_entry(number)], now=at, baseline=False)
    return entry_id


def add_storyline(conn: Connection, at: datetime, *, due_at: datetime | None = None) -> tuple[int, int]:
    """A storyline with one story of one entry, an alert, a step and a posted message; its id and the entry's."""
    entry_id = add_entry(conn, int(at.timestamp()), at)
    line = conn.execute(
        schema.storyline.insert().values(created_at=at, last_news_at=at, due_at=due_at, baseline=False)
    ).inserted_primary_key
    assert line is not None
    shift = {"storyline_id": line[0], "title": "t", "severity": "high", "direction": "closing", "stage": "announced"}
    made = conn.execute(
        schema.story.insert().values(**shift, object="weights", shift={}, first_seen_at=at, last_seen_at=at)
    ).inserted_primary_key
    assert made is not None
    stories.join(conn, made[0], Candidate(an_entry(), Shift(), at, entry_id), "Wire", "first")
    alert_id = alerts.add(conn, Alert(Reason.NEW_STORY, Severity.HIGH), made[0], entry_id, at)
    posted = Delivery(
        f"p{line[0]}", "screen", Role.PARENT, Action.POST, at, state=DeliveryState.SENT, alert_id=alert_id
    )
    deliveries.enqueue(conn, [replace(posted, storyline_id=line[0], story_id=made[0])])
    conn.execute(
        schema.step.insert().values(
            storyline_id=line[0], story_id=made[0], at=at, stage="announced", direction="closing", reason="new story"
        )
    )
    return line[0], entry_id


def test_what_texts_took_of_the_file_is_room_for_new_ones(sqlite_database: Database) -> None:
    """A file that only grows fills the disk one day; and what refers to the entries goes on referring to them."""
    with sqlite_database.write() as conn:
        told = add_storyline(conn, LONG_AGO)[1]
        for number in range(400):
            entries.add(conn, [an_entry(number, content="lorem " * 1500)], now=LONG_AGO, baseline=False)
    with sqlite_database.read() as conn:
        before, known = pages_in_use(conn), [conn.scalar(select(func.count()).select_from(one)) for one in KEPT]
    housekeep.run(sqlite_database, Retention(), NOW)
    with sqlite_database.read() as conn:
        assert pages_in_use(conn) < before / 4
        assert [conn.scalar(select(func.count()).select_from(one)) for one in KEPT] == known
        assert entries.get(conn, told) is not None
        assert conn.execute(text("PRAGMA foreign_key_check")).all() == []


def pages_in_use(conn: Connection) -> int:
    all_, free = (conn.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "freelist_count"))
    return all_ - free


KEPT = (schema.entry, schema.entry_key, schema.story_entry)


def count(database: Database, name: str) -> int:
    with database.read() as conn:
        return conn.scalar(select(func.count()).select_from(schema.metadata.tables[name])) or 0


def test_old_texts_go_and_their_keys_stay(database: Database) -> None:
    with database.write() as conn:
        old, young = add_entry(conn, 1), add_entry(conn, 2, NOW - DAY)
    assert housekeep.run(database, Retention(), NOW).entries == 1
    with database.read() as conn:
        pruned, kept = entries.get(conn, old), entries.get(conn, young)
        assert set(entries.known(conn, "wire", ["k1", "k2"])) == {"k1", "k2"}
        assert entries.counts(conn) == {"wire": 2}
    assert pruned is not None
    assert kept is not None
    assert pruned.entry == Entry("wire", ("k1",), "", url="https://example.org/1", text_hash="h")
    assert pruned.pruned_at == NOW
    assert kept.entry == an_entry(2)


def test_an_entry_of_a_story_keeps_its_title(database: Database) -> None:
    with database.write() as conn:
        _line, entry_id = add_storyline(conn, LONG_AGO)
    housekeep.run(database, Retention(), NOW)
    with database.read() as conn:
        pruned = entries.get(conn, entry_id)
    assert pruned is not None
    assert (pruned.entry.title.split()[0], pruned.entry.content) == ("title", "")


def test_an_edit_brings_the_text_back(database: Database) -> None:
    with database.write() as conn:
        entry_id = add_entry(conn)
    housekeep.run(database, Retention(), NOW)
    with database.write() as conn:
        entries.revise(conn, entry_id, an_entry(), NOW)
    assert housekeep.run(database, Retention(), NOW).entries == 0
    with database.read() as conn:
        stored = entries.get(conn, entry_id)
    assert stored is not None
    assert (stored.entry, stored.pruned_at) == (an_entry(), None)


def test_old_storylines_go_with_all_that_hangs_on_them(database: Database) -> None:
    with database.write() as conn:
        old, entry_id = add_storyline(conn, NOW - 1200 * DAY)
        hits.add(conn, entry_id, [], NOW, False)
        young, _ = add_storyline(conn, NOW - 1000 * DAY)
        conn.execute(schema.storyline.update().where(schema.storyline.c.id == young).values(previous_id=old))
        awaited, _ = add_storyline(conn, NOW - 1300 * DAY, due_at=NOW + DAY)
    assert housekeep.run(database, Retention(), NOW).storylines == 1
    with database.read() as conn:
        left = conn.execute(select(schema.storyline.c.id, schema.storyline.c.previous_id)).all()
    assert sorted(tuple(row) for row in left) == [(young, None), (awaited, None)]
    assert [count(database, name) for name in ("story", "story_entry", "step", "alert", "delivery")] == [2] * 5
    assert count(database, "entry") == 3


def test_finished_edits_and_notices_go_and_messages_that_stand_stay(database: Database) -> None:
    def a_delivery(id_: str, state: DeliveryState, role: Role, action: Action = Action.POST) -> Delivery:
        return Delivery(id_, "screen", role, action, LONG_AGO, state=state)

    with database.write() as conn:
        deliveries.enqueue(
            conn,
            [
                a_delivery("parent", DeliveryState.SENT, Role.PARENT),
                a_delivery("edit", DeliveryState.SENT, Role.PARENT, Action.UPDATE),
                a_delivery("notice", DeliveryState.SENT, Role.NOTICE),
                a_delivery("parked", DeliveryState.PARKED, Role.NOTICE),
            ],
        )
    assert housekeep.run(database, Retention(), NOW).deliveries == 2
    with database.read() as conn:
        assert {one.id for one in deliveries.listing(conn)} == {"parent", "parked"}


def test_records_nobody_asks_for_any_more_go(database: Database) -> None:
    with database.write() as conn:
        facts.count(conn, "polls/2020-01-01", 3, NOW - 1200 * DAY)
        facts.set(conn, "last_tick", "x", NOW - 1200 * DAY)
        alerts.add(conn, Alert(Reason.NOTICE, Severity.LOW), None, None, NOW - 1200 * DAY)
        feeds.block_host(conn, "example.org:443", NOW - 2 * DAY)
        feeds.block_host(conn, "patient.example:443", NOW + DAY / 2)
        for days in (6, 8):
            feedback.first_report(conn, f"pressed {days} days ago", NOW - days * DAY)
    assert housekeep.run(database, Retention(), NOW).records == 2
    with database.write() as conn:
        assert facts.get(conn, "last_tick") == "x"
        assert [*feeds.host_blocks(conn, NOW)] == ["patient.example:443"]
        assert not feedback.first_report(conn, "pressed 6 days ago", NOW), "Slack may still repeat it"
        assert feedback.first_report(conn, "pressed 8 days ago", NOW)
    assert count(database, "host") == 1


def test_a_run_stops_after_its_pages_and_the_next_goes_on(database: Database) -> None:
    some = [an_entry(number) for number in range(3 * housekeep.PAGE)]
    seen: list[int] = []
    with database.write() as conn:
        entries.add(conn, some, now=LONG_AGO, baseline=True)
    assert housekeep.waiting(database, Retention(), NOW) == (len(some), 0)
    first = housekeep.run(database, Retention(), NOW, most_pages=2, advance=seen.append)
    assert (first.entries, first.done, seen) == (2 * housekeep.PAGE, False, [housekeep.PAGE] * 2)
    second = housekeep.run(database, Retention(), NOW)
    assert (second.entries, second.done) == (housekeep.PAGE, True)
    assert housekeep.waiting(database, Retention(), NOW) == (0, 0)


def test_polls_are_stored_while_it_works(sqlite_database: Database) -> None:
    """Retention of 8,000 entries never keeps a poll's commit waiting for more than a page."""
    with sqlite_database.write() as conn:
        entries.add(conn, [an_entry(number) for number in range(8_000)], now=LONG_AGO, baseline=True)
        feeds.sync_feeds(conn, [Feed("wire", "https://example.org/feed")], lambda _: NOW, NOW)
    worker = threading.Thread(target=housekeep.run, args=(sqlite_database, Retention(), NOW))
    waits = []
    began = time.monotonic()
    worker.start()
    while worker.is_alive():
        start = time.monotonic()
        with sqlite_database.write() as conn:
            state = feeds.states(conn)["wire"]
            assert feeds.save(conn, state, state.poll_seq)
        waits.append(time.monotonic() - start)
        time.sleep(0.005)
    worker.join()
    assert len(waits) > 10
    assert max(waits) < (time.monotonic() - began) / 3
