"""The ledger as a feed: valid by a grammar of RFC 4287, and read again by our own poller."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from lxml import etree

from monitor.feeds import plan, reading
from monitor.model import Document, Entry
from monitor.poll import Look, Outcome
from monitor.store import entries
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.text import printable
from monitor.web import ledger
from tests.poll.house import House, item

ATOM = {"a": "http://www.w3.org/2005/Atom"}
GRAMMAR = Path(__file__).parents[1] / "data" / "atom.rng"
NASTY = 'Meta weighs dropping open-source Behemoth for a closed model: 1 < 2 & "so" on ]]>'


@pytest.fixture
def writer(sqlite_database: Database) -> House:
    """A house that knows of two shifts, one with words that bite."""
    house = House(sqlite_database)
    house.poll("ledger", item("Chip maker opens a plant"))
    dated = {"pubDate": format_datetime(house.now)}
    house.poll("ledger", item(NASTY, "x?a=1&b=[2]", **dated))
    house.poll("ledger", item("Mistral releases the weights of its Large model under Apache 2.0", **dated))
    return house


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[House]:
    """Another house, which polls what the first one exports."""
    database = Database(f"sqlite:///{tmp_path / 'reader.db'}")
    database.upgrade()
    yield House(database)
    database.close()


def exported(house: House) -> bytes:
    with house.database.read() as conn:
        rows = ledger.latest(conn, 50)
    return ledger.as_atom(rows, house.now, address="https://watch.example.org/shifts.atom").encode()


def polled(house: House, body: bytes) -> Outcome:
    """One poll of the first feed, which answers with this body."""
    document = Document("https://ledger.example.org/feed", 200, {"content-type": "application/atom+xml"}, body)
    order = reading.job("ledger", house.feeds["ledger"].format, document.url, dict(document.headers), house.now)
    read = reading.received(reading.perform(order, document.body), "ledger")
    with house.database.read() as conn:
        state = feed_store.states(conn)["ledger"]
    return house.commit(Look(house.feeds["ledger"], state, house.now, document, read, plan.body_hash(body)))


def test_the_feed_of_shifts_is_what_rfc_4287_asks_for(writer: House) -> None:
    """The grammar, and what no grammar says: each id once, one alternate an entry, updates no older than entries."""
    tree = etree.fromstring(exported(writer))
    grammar = etree.RelaxNG(etree.parse(GRAMMAR))
    assert grammar.validate(tree), grammar.error_log
    shifts = tree.findall("a:entry", ATOM)
    assert len(shifts) == 2
    ids = Counter(one.text for one in tree.iterfind(".//a:id", ATOM))
    assert set(ids.values()) == {1}
    for one in shifts:
        assert len(one.findall("a:link[@rel='alternate']", ATOM)) == 1
        assert one.findtext("a:updated", None, ATOM) >= one.findtext("a:published", None, ATOM)
    assert tree.findtext("a:updated", None, ATOM) == max(one.findtext("a:updated", None, ATOM) for one in shifts)


def test_a_grammar_that_finds_nothing_wrong_would_prove_nothing(writer: House) -> None:
    grammar = etree.RelaxNG(etree.parse(GRAMMAR))
    for tag in ("id", "updated", "title"):
        broken = etree.fromstring(exported(writer))
        entry = broken.find("a:entry", ATOM)
        entry.remove(entry.find(f"a:{tag}", ATOM))
        assert not grammar.validate(broken), tag


def read_by(reader: House) -> dict[str, Entry]:
    with reader.database.read() as conn:
        return {one.entry.title: one.entry for page in entries.iterate(conn, None) for one in page}


def test_our_own_poller_reads_what_we_export(writer: House, reader: House) -> None:
    """Each shift is one entry with its words as they were; news of its storyline revises it, under the same id."""
    first = exported(writer)
    assert [polled(reader, first).new for _ in range(2)] == [2, 0]
    assert read_by(reader)[NASTY].url.endswith("/x?a=1&b=%5B2%5D")
    writer.poll(
        "wire", item("Meta announces that Behemoth will be a closed model", pubDate=format_datetime(writer.now))
    )
    again = polled(reader, exported(writer))
    assert (again.new, again.revised) == (0, 1)
    [read] = [one for title, one in read_by(reader).items() if "Behemoth" in title]
    assert read.title == "Meta announces that Behemoth will be a closed model", "the headline that says how things are"
    assert "Meta-announces" in read.url, "and the article that has it"
    assert "closing · announced (stage moved, Wire)" in (read.summary or read.content)


def test_an_entry_moves_its_update_and_keeps_its_id(writer: House) -> None:
    def told() -> dict[str | None, str | None]:
        tree = etree.fromstring(exported(writer))
        return {
            one.findtext("a:id", None, ATOM): one.findtext("a:updated", None, ATOM)
            for one in tree.iterfind("a:entry", ATOM)
        }

    before = told()
    writer.poll(
        "wire", item("Meta announces that Behemoth will be a closed model", pubDate=format_datetime(writer.now))
    )
    after = told()
    assert after.keys() == before.keys()
    assert sorted(after[one] > before[one] for one in before) == [False, True]


BITES = {
    "=HYPERLINK(1)": "'=HYPERLINK(1)",
    " +1": " '+1",
    "\t@sum": "\\x09@sum",
    "＝1": "'＝1",
    "Meta;=cmd": "Meta;'=cmd",
    "\u202eesolc": "\\u202eesolc",
    "a\x1b[2J\x9b": "a\\x1b[2J\\x9b",
    "GPT-4 = closed; still-open": "GPT-4 = closed; still-open",
}


@pytest.mark.parametrize(("title", "cell"), BITES.items())
def test_what_a_headline_hides_is_written_out_and_nothing_runs(title: str, cell: str) -> None:
    """A38: bidi and control characters as on the page, in every export; in a table, no cell begins like a formula."""
    day = datetime(2026, 3, 4, tzinfo=UTC)
    source = {"outlet": title, "title": title, "url": f"https://a.example/{title.strip()}", "published": day}
    row = dict.fromkeys(ledger.COLUMNS, title) | {"orgs": [title], "models": [], "steps": [], "outlets": [title]}
    row |= {"id": 1, "first_seen": day, "last_seen": day, "sources": [source]}
    [read] = csv.DictReader(io.StringIO(ledger.as_csv([row]), newline=""))
    assert (read["title"], read["evidence"], read["orgs"], read["outlets"]) == (cell,) * 4
    feed = ledger.as_atom([row], day)
    assert feed == printable(feed)
    entry = etree.fromstring(feed.encode()).find("a:entry", ATOM)
    assert entry.findtext("a:title", None, ATOM) == printable(title)
    assert printable(title) in entry.findtext("a:content", None, ATOM)
    assert entry.find("a:link", ATOM).get("href").isprintable()
