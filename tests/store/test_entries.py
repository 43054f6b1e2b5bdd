"""Entries and their keys: known once is known for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.model import Entry
from monitor.store import entries
from monitor.store.engine import Connection, Database
from monitor.urls import url_hash

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def an_entry(number: int = 1, **changes: object) -> Entry:
    entry = Entry(
        feed_id="wire",
        keys=(f"g{number:039d}", f"l{number:039d}"),
        title=f"Lab weighs closing model {number}",
        summary="A summary\nof two lines",
        content="The whole text, with «quotes» and 中文",
        url=f"https://Example.org/{number}?utm_source=rss",
        author="A. Writer",
        tags=("ai", "open source"),
        published_at=NOW - timedelta(hours=2),
        text_hash=f"{number:032d}",
        links=("https://example.org/original",),
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def add(conn: Connection, *some: Entry, now: datetime = NOW, baseline: bool = False) -> list[int]:
    return entries.add(conn, some, now=now, baseline=baseline)


def test_an_entry_comes_back_as_it_was_stored(database: Database) -> None:
    with database.write() as conn:
        [entry_id] = add(conn, an_entry(), baseline=True)
    with database.read() as conn:
        assert entries.get(conn, entry_id) == entries.StoredEntry(entry_id, an_entry(), NOW, baseline=True)
        assert entries.get(conn, entry_id + 1) is None


def test_ids_come_in_the_order_of_the_entries(database: Database) -> None:
    some = [an_entry(number) for number in range(2000)]
    with database.write() as conn:
        ids = add(conn, *some)
    assert ids == sorted(set(ids))
    with database.read() as conn:
        for place in (0, 999, 1000, 1999):
            stored = entries.get(conn, ids[place])
            assert stored is not None
            assert stored.entry == some[place]


def test_nothing_to_add_is_no_statement(database: Database) -> None:
    with database.read() as conn:
        assert add(conn) == []


def test_known_keys_name_their_entry_and_its_text(database: Database) -> None:
    with database.write() as conn:
        first, second = add(conn, an_entry(1), an_entry(2))
    wanted = [*an_entry(1).keys, an_entry(2).keys[0], "unknown"]
    with database.read() as conn:
        found = entries.known(conn, "wire", wanted)
        assert found == {
            an_entry(1).keys[0]: entries.Known(first, an_entry(1).text_hash),
            an_entry(1).keys[1]: entries.Known(first, an_entry(1).text_hash),
            an_entry(2).keys[0]: entries.Known(second, an_entry(2).text_hash),
        }
        assert entries.known(conn, "another feed", wanted) == {}


def test_the_keys_of_twenty_thousand_items_are_looked_up(database: Database) -> None:
    """A15: 20,000 items in one document."""
    keys = [f"g{number:039d}" for number in range(20_000)]
    with database.write() as conn:
        entries.add_keys(conn, "wire", 1, keys, "h")
    with database.read() as conn:
        assert len(entries.known(conn, "wire", [*keys, "another"])) == 20_000


def test_an_edit_replaces_the_text_under_all_keys(database: Database) -> None:
    edited = an_entry(title="Lab closes model", text_hash="e" * 32, keys=("new" + "0" * 37,))
    with database.write() as conn:
        [entry_id] = add(conn, an_entry())
        entries.revise(conn, entry_id, edited, NOW + timedelta(hours=1))
        found = entries.known(conn, "wire", [*an_entry().keys, *edited.keys])
        stored = entries.get(conn, entry_id)
    assert {known.text_hash for known in found.values()} == {"e" * 32}
    assert len(found) == 3
    assert stored is not None
    assert (stored.entry.title, stored.revision, stored.revised_at) == ("Lab closes model", 1, NOW + timedelta(hours=1))
    assert (stored.first_seen_at, stored.baseline) == (NOW, False)


def test_a_key_stays_with_the_entry_that_had_it_first(database: Database) -> None:
    with database.write() as conn:
        first, second = add(conn, an_entry(1), an_entry(2, keys=an_entry(1).keys))
        entries.add_keys(conn, "wire", second, [an_entry(1).keys[0], "k" * 40], "x" * 32)
        found = entries.known(conn, "wire", [*an_entry(1).keys, "k" * 40])
    assert [found[key].entry_id for key in (*an_entry(1).keys, "k" * 40)] == [first, first, second]


def test_one_page_is_found_under_all_its_urls(database: Database) -> None:
    with database.write() as conn:
        [entry_id] = add(conn, an_entry())
        found = entries.by_url(conn, url_hash("http://www.example.org/1#top"))
        assert [stored.id for stored in found] == [entry_id]
        assert entries.by_url(conn, url_hash("https://example.org/2")) == []


def test_entries_without_a_link_are_nobodys_page(database: Database) -> None:
    with database.write() as conn:
        add(conn, an_entry(url=""))
        assert entries.by_url(conn, url_hash("")) == []


def test_titles_are_recognised_through_case_and_dashes(database: Database) -> None:
    """A19: a wholesale re-issue shows in titles that were there before."""
    with database.write() as conn:
        add(conn, an_entry(title="Meta weighs open\u2011source move"))
        same, other = entries.title_hash("META weighs open-source move"), entries.title_hash("Something else")
        assert entries.titles_seen(conn, "wire", [same, other]) == {same}
        assert entries.titles_seen(conn, "another feed", [same]) == set()


def test_entries_are_walked_in_pages_from_a_day_on(database: Database) -> None:
    with database.write() as conn:
        add(conn, *(an_entry(number) for number in range(3)), now=NOW - timedelta(days=9))
        ids = add(conn, *(an_entry(number) for number in range(3, 10)))
    with database.read() as conn:
        pages = list(entries.iterate(conn, NOW - timedelta(days=1), page=3))
        assert [[stored.id for stored in page] for page in pages] == [ids[:3], ids[3:6], ids[6:]]
        assert pages[0][0].entry == an_entry(3)
        assert sum(len(page) for page in entries.iterate(conn, None)) == 10


def test_a_walk_lets_the_log_be_folded_back(sqlite_database: Database) -> None:
    """A long backtest beside a running daemon does not make the write-ahead log grow without end."""
    with sqlite_database.write() as conn:
        add(conn, *(an_entry(number) for number in range(10)))
    with sqlite_database.read() as reader:
        walk = entries.iterate(reader, None, page=5)
        next(walk)
        with sqlite_database.write() as conn:
            add(conn, an_entry(11))
        with sqlite_database.maintenance() as conn:
            busy, _in_log, _done = conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        assert busy == 0
        assert [len(page) for page in walk] == [5, 1]


def test_entries_are_counted_by_feed(database: Database) -> None:
    with database.write() as conn:
        add(conn, an_entry(1), an_entry(2), an_entry(3, feed_id="other"))
        assert entries.counts(conn) == {"wire": 2, "other": 1}


def test_text_that_a_database_cannot_hold_does_not_stop_a_poll(database: Database) -> None:
    """A NUL (PostgreSQL) or half a surrogate pair (both) becomes a replacement character."""
    with database.write() as conn:
        hostile = an_entry(title="a\0b\ud800c", summary="\0", tags=("\0\ud800",), author="\ud800")
        [entry_id] = add(conn, hostile)
        stored = entries.get(conn, entry_id)
    assert stored is not None
    assert (stored.entry.title, stored.entry.summary) == ("a\ufffdb\ufffdc", "\ufffd")
