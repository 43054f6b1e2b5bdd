"""Search over entries, on both databases: the words of monitor.text, whatever the database's own idea of a word is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from monitor.model import Entry
from monitor.store import entries, retention, search
from monitor.store.engine import Connection, Database
from monitor.store.upgrade import shipped

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TITLES = (
    "A laboratory weighs a closed model",
    "Café Lumière releases gpt‑oss‑120b under Apache-2.0",
    "通义千问 changes its licence",
    "Version 3.1 of the usage policy is in force",
    "O'Brien on open weights, and on weights that open",
)


def add(conn: Connection, *titles: str) -> list[int]:
    return entries.add(
        conn,
        [Entry("wire", (f"k{n}",), title, "Nobody knows more yet.") for n, title in enumerate(titles)],
        now=NOW,
        baseline=False,
    )


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as conn:
        add(conn, *TITLES)
    return database


def found(database: Database, typed: str) -> list[str]:
    with database.write() as conn:
        while search.catch_up(conn, 500):
            pass
    with database.read() as conn:
        return [one.title for one in search.find(conn, search.terms(typed))]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("laboratory", [0]),
        ("CLOSED Model", [0]),
        ("cafe lumiere", [1]),
        ("gpt-oss-120b", [1]),
        ("gpt 120b oss", [1]),
        ('"oss gpt"', []),
        ("Apache-2.0", [1]),
        ("千问", [2]),
        ("问千", []),
        ("3.1", [3]),
        ("polic*", [3]),
        ("polic", []),
        ('"open weights"', [4]),
        ("weights -open", []),
        ("nobody -laboratory -gpt-oss", [4, 3, 2]),
        ("nobody", [4, 3, 2, 1, 0]),
        ("", []),
        ("-nobody", []),
        ("\" ' ( ) * : & | ! <-> NEAR AND", []),
        ("weighs AND", []),
        ('unclosed "closed model', []),
        ("\u202elaboratory\x00", [0]),
    ],
)
def test_words_phrases_beginnings_and_exclusions(filled: Database, typed: str, wanted: list[int]) -> None:
    """Both databases answer alike; nothing typed is an error."""
    assert found(filled, typed) == [TITLES[position] for position in wanted]


def test_pages_go_back_in_time(filled: Database) -> None:
    found(filled, "nobody")
    with filled.read() as conn:
        first = search.find(conn, search.terms("nobody"), limit=2)
        rest = search.find(conn, search.terms("nobody"), before=first[-1].id)
    assert [one.title for one in (*first, *rest)] == list(reversed(TITLES))


def test_an_edit_replaces_what_is_found(database: Database) -> None:
    with database.write() as conn:
        [entry_id] = add(conn, "Old headline")
        stored = entries.get(conn, entry_id)
        assert stored is not None
    assert found(database, "old") == ["Old headline"]
    with database.write() as conn:
        entries.revise(conn, entry_id, replace(stored.entry, title="New headline"), NOW)
    assert found(database, "old") == []
    assert found(database, "new") == ["New headline"]


def test_what_lost_its_text_is_not_found(filled: Database) -> None:
    later = NOW + timedelta(days=1)
    assert found(filled, "nobody")
    with filled.write() as conn:
        retention.prune_entries(conn, later, later, 500)
    assert found(filled, "nobody") == []


def test_long_and_strange_texts_are_indexed(database: Database) -> None:
    """Encoded data, half a surrogate pair and a text of a megabyte harm nobody; the beginning is found."""
    with database.write() as conn:
        add(conn, "x" * 5000, "half \ud83d pair", "early " + "word " * 200_000 + "late", 'a\'b\\c "d" {e}')
    assert found(database, "half") == ["half � pair"]
    assert len(found(database, "early")) == 1
    assert found(database, "late") == []
    assert len(found(database, "c d e")) == 1


def test_entries_of_an_earlier_revision_are_found_after_the_upgrade(database_url: str) -> None:
    """A42: the index is made of what was stored before there was one."""
    database = Database(database_url)
    with database.write() as conn:
        shipped().apply(conn, "0001")
        row = (
            "INSERT INTO entry (feed_id, title, tags, links, first_seen_at, revision, text_hash, title_hash, url_hash,"
            " baseline) VALUES ('wire', :title, '[]', '[]', '2026-03-04 12:00:00', 0, '', '', '', :no)"
        )
        for number in range(1203):
            conn.execute(text(row), {"title": f"Entry {number} of old", "no": False})
    database.upgrade()
    assert found(database, '"entry 1202 of old"') == ["Entry 1202 of old"]
    assert found(database, '"entry 0"') == ["Entry 0 of old"]
    database.close()
