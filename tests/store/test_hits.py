"""Hits, rule versions and facts in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.model import Confidence, Direction, Entry, Hit, Severity, Shift, ShiftObject, Span, Stage
from monitor.store import entries, facts, hits, rules
from monitor.store.engine import Connection, Database

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

SHIFT = Shift(
    direction=Direction.CLOSING,
    stage=Stage.CONSIDERING,
    object=ShiftObject.WEIGHTS,
    orgs=("Meta",),
    models=("Behemoth",),
    from_="open",
    to="closed",
    evidence="The team weighs it",
    confidence=Confidence.HIGH,
    reasons=("two sources",),
    denied=True,
    marks=((4, 8), (9, 15)),
)
HIT = Hit(
    rule_id="open-to-closed",
    rule_version="v1",
    rule_title="A lab closes",
    severity=Severity.HIGH,
    shift=SHIFT,
    spans=(Span("title", 0, 4), Span("content", 10, 12)),
    tags=("openness",),
)


def an_entry_id(conn: Connection) -> int:
    [entry_id] = entries.add(conn, [Entry("wire", ("k",), "title")], now=NOW, baseline=False)
    return entry_id


def test_a_hit_comes_back_as_it_was_stored(database: Database) -> None:
    plain = replace(HIT, rule_id="other", shift=Shift(), spans=(), tags=())
    with database.write() as conn:
        entry_id = an_entry_id(conn)
        first, second = hits.add(conn, entry_id, [HIT, plain], NOW, False)
    assert first < second
    with database.read() as conn:
        assert hits.of_entry(conn, entry_id) == [HIT, plain]
        assert hits.of_entry(conn, entry_id + 1) == []


def test_a_version_that_matches_again_after_an_edit_is_read_anew(database: Database) -> None:
    edited = replace(HIT, shift=replace(SHIFT, stage=Stage.ANNOUNCED), spans=(Span("title", 5, 9),))
    with database.write() as conn:
        entry_id = an_entry_id(conn)
        before = hits.add(conn, entry_id, [HIT], NOW, False)
        assert hits.add(conn, entry_id, [edited, replace(HIT, rule_version="v2")], NOW, False)[0] == before[0]
        assert hits.of_entry(conn, entry_id) == [edited, replace(HIT, rule_version="v2")]


def test_hits_are_counted_by_rule_without_the_baseline(database: Database) -> None:
    with database.write() as conn:
        hits.add(conn, an_entry_id(conn), [HIT, replace(HIT, rule_version="v2")], NOW, False)
        [other] = entries.add(conn, [Entry("wire", ("k2",), "title")], now=NOW, baseline=True)
        hits.add(conn, other, [HIT], NOW, True)
        assert hits.counts(conn) == {"open-to-closed": 2}
        assert hits.counts(conn, NOW + timedelta(seconds=1)) == {}
        assert hits.total(conn) == 3


def test_a_rule_version_keeps_the_date_it_was_first_loaded(database: Database) -> None:
    later = NOW + timedelta(days=1)
    with database.write() as conn:
        rules.remember(conn, [("r", "v1", "Title", "high")], NOW)
        rules.remember(conn, [("r", "v1", "Title", "high"), ("r", "v2", "Title", "low")], later)
        rules.remember(conn, [], later)
        assert rules.loaded_at(conn) == {("r", "v1"): NOW, ("r", "v2"): later}


def test_facts_are_replaced_and_forgotten(database: Database) -> None:
    with database.write() as conn:
        facts.set(conn, "tick", {"at": 1}, NOW)
        facts.set(conn, "tick", ["two", None], NOW + timedelta(seconds=1))
        facts.set(conn, "tack", 3, NOW)
        assert facts.get(conn, "tick") == ["two", None]
        assert facts.set_at(conn, "tick") == NOW + timedelta(seconds=1)
        facts.forget(conn, "tick")
        assert facts.get(conn, "tick") is None


def test_counters_add_up(database: Database) -> None:
    with database.write() as conn:
        facts.count(conn, "polls/2026-03-29", 1, NOW)
        facts.count(conn, "polls/2026-03-29", 2.5, NOW)
        facts.set(conn, "polls/note", "no counter", NOW)
        assert facts.counted(conn, "polls/") == {"polls/2026-03-29": 3.5}
