"""A worker that sifts a first document passes over nothing that a rule matches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.daemon import sifting
from monitor.feeds.reader import Briefing, Reader
from monitor.feeds.wire import Sifted
from monitor.model import Document, Entry, Feed
from monitor.rules.document import Subject
from monitor.rules.load import load_rules
from monitor.rules.sieve import Sieve
from monitor.store.engine import Database
from monitor.testing.feed_server import rss
from monitor.yamlfile import load, plain
from tests.poll.house import CLOSING, House, item

PACK = Path(__file__).parents[2] / "config" / "rules"
RULES = load_rules([PACK])
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FEED = Feed("ledger", "https://ledger.example.org/feed", tags=("press",))


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def examples() -> list[Entry]:
    """Every example of the shipped rules, those that match and those that must not."""
    made = []
    for path in sorted(PACK.glob("*.yaml")):
        for rule in plain(load(path)).get("rules", ()):
            for one in (*rule.get("must_match", ()), *rule.get("must_not_match", ())):
                fields = {"title": one} if isinstance(one, str) else {k: one.get(k, "") for k in ("title", "summary")}
                made.append(Entry("ledger", (), **fields))
    return made


def briefing() -> Briefing:
    return sifting.briefing(RULES, FEED.tags)


def test_a_sieve_that_was_sent_finds_what_the_rules_find() -> None:
    """A21: written down and read again, it names the same rules for every example of the pack."""
    sent = Sieve(RULES.sifter[1])
    subjects = [Subject(entry, ("press",)) for entry in examples()]
    assert list(map(sent.candidates, subjects)) == list(map(RULES.index.sieve.candidates, subjects))


async def test_a_worker_passes_over_nothing_that_a_rule_matches() -> None:
    """A21: entries it lets fall match no rule; an order without a briefing, or another one, is answered as it asks."""
    titles = [entry.title for entry in examples() if entry.title]
    body = rss("ledger", [item(title, number) for number, title in enumerate([*titles, "Chip maker opens a plant"])])
    document = Document(FEED.url, 200, {}, body)
    async with Reader(1, program=sifting.PROGRAM) as reader:
        assert (await reader.read(FEED, document, NOW)).sifted == Sifted()
        read = await reader.read(FEED, document, NOW, briefing())
        again = await reader.read(FEED, document, NOW, briefing())
    assert read.sifted == again.sifted
    assert read.sifted.by == RULES.sifter[0]
    passed = dict(read.sifted.passed)
    hits = [RULES.match(entry, feed_tags=FEED.tags) for entry in read.entries]
    assert any(hits)
    assert len(passed) < len(hits)
    for n, entry in enumerate(read.entries):
        assert RULES.match(entry, feed_tags=FEED.tags, among=passed.get(n, ())) == hits[n]


def test_what_other_rules_sifted_is_matched_whole(house: House) -> None:
    """A21: a configuration put in force between reading and commit looks at every entry itself."""
    look = house.look("ledger", item(CLOSING))
    assert look.reading is not None
    stale = replace(look, reading=replace(look.reading, sifted=Sifted("rules of yesterday", ())))
    assert [told.entry.title for told in house.commit(stale).told] == [CLOSING]


@pytest.mark.parametrize("passed", [(), ((0, (-1, 4_000, -4_000)), (17, (0,)))])
def test_what_the_rules_in_force_sifted_is_not_matched_again(
    house: House, passed: tuple[tuple[int, tuple[int, ...]], ...]
) -> None:
    """Rules and entries that are not there, as a worker may name that a document has taken over, are none."""
    look = house.look("ledger", item(CLOSING))
    assert look.reading is not None
    sifted = replace(look, reading=replace(look.reading, sifted=Sifted(house.world.policy.rules.sifter[0], passed)))
    assert house.commit(sifted).told == ()
