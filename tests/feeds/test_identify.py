"""A16–A19: what is known, and what reads differently now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import urls
from monitor.feeds import identify
from monitor.feeds.identify import EntryPolicy, Identified, Verdict
from monitor.feeds.normalise import normalise
from monitor.model import Entry, Parsed, RawItem

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
URL = "https://feeds.example/feed.xml"


@dataclass(frozen=True, slots=True)
class Known:
    entry_id: int
    text_hash: str


@dataclass
class Shelf:
    """The least a store does: keys to entries, for ever."""

    keys: dict[str, Known] = field(default_factory=dict)
    entries: int = 0

    def poll(self, *items: RawItem, link: str = "") -> list[str]:
        """The verdicts on a document, which are then remembered."""
        entries = normalise("f", Parsed(items, link=link), URL, NOW)
        asked = identify.lookup_keys(entries)
        found = identify.identify(entries, {key: known for key, known in self.keys.items() if key in asked})
        for one in found:
            self._remember(one)
        return [str(one.verdict) for one in found]

    def _remember(self, one: Identified) -> None:
        entry_id = one.entry_id
        if entry_id is None:
            self.entries += 1
            entry_id = self.entries
        for key in one.new_keys:
            assert key not in self.keys
            self.keys[key] = Known(entry_id, one.entry.text_hash)
        if one.verdict is Verdict.REVISED:
            for key, known in list(self.keys.items()):
                if known.entry_id == entry_id:
                    self.keys[key] = Known(entry_id, one.entry.text_hash)


def story(number: int, **values: object) -> RawItem:
    given = {"guid": f"guid-{number}", "link": f"https://news.example/{number}", "title": f"Story {number}"}
    return RawItem(**{**given, "summary": f"Text {number}", **values})


def test_new_then_same_then_revised() -> None:
    shelf = Shelf()
    assert shelf.poll(story(1), story(2)) == ["new", "new"]
    assert shelf.poll(story(1), story(2)) == ["same", "same"]
    assert shelf.poll(story(1, title="Story 1, corrected"), story(2)) == ["revised", "same"]
    assert shelf.poll(story(1, title="Story 1, corrected"), story(2)) == ["same", "same"]
    assert shelf.entries == 2


@pytest.mark.parametrize(
    "again",
    [
        story(1, guid="http://news.example/1", link="https://news.example/1"),
        story(1, guid="https://www.news.example/1/?utm_source=rss&utm_medium=x#more"),
        story(1, guid="new-scheme-1"),  # the link stays
        story(1, link="https://news.example/moved"),  # the guid stays
        story(1, link="http://news.example/1?fbclid=abc"),
        story(1, published_at=NOW, updated_at=NOW),
        story(1, guid="", link="https://NEWS.example/1#comments"),
    ],
)
def test_the_same_entry_in_other_clothes_is_known(again: RawItem) -> None:
    """A17: http→https, tracking parameters, guid changes with the same link, dates that change: nothing new."""
    shelf = Shelf()
    shelf.poll(story(1, guid="https://news.example/1" if "news.example" in again.guid else "guid-1"))
    assert shelf.poll(again) == ["same"]


def test_reordering_and_replay_are_nothing_new() -> None:
    """A17: order means nothing, and what comes back after a year is known."""
    shelf = Shelf()
    shelf.poll(*(story(n) for n in range(20)))
    shelf.poll(*(story(n) for n in range(10, 20)))
    assert set(shelf.poll(*(story(n) for n in reversed(range(20))))) == {"same"}


def test_a_link_that_items_share_is_no_key() -> None:
    """A changelog links all its items to one page: they are told apart by their text."""
    shelf = Shelf()
    changes = [story(n, guid="", link="https://news.example/changelog") for n in range(5)]
    assert shelf.poll(*changes) == ["new"] * 5
    assert shelf.poll(story(9, guid="", link="https://news.example/changelog"), *changes) == ["new"] + ["same"] * 5


def test_a_guid_that_all_items_carry_is_no_key() -> None:
    shelf = Shelf()
    assert shelf.poll(story(1, guid="0"), story(2, guid="0")) == ["new", "new"]
    assert shelf.poll(story(3, guid="0"), story(1, guid="0")) == ["new", "same"]


def test_a_link_that_becomes_shared_repeats_nothing() -> None:
    """An entry first alone on its page, then one of two there, then alone again, is one entry."""
    shelf = Shelf()
    page = "https://news.example/changelog"
    assert shelf.poll(story(1, guid="", link=page)) == ["new"]
    assert shelf.poll(story(2, guid="", link=page), story(1, guid="", link=page)) == ["new", "same"]
    assert shelf.poll(story(2, guid="", link=page)) in (["same"], ["revised"])


def test_a_link_that_is_shared_no_more_repeats_nothing() -> None:
    """A17: two items shared guid and link and were known by their texts; one of them left alone is still known."""
    both = [story(n, guid="https://lab.example/log", link="https://lab.example/log") for n in (1, 2)]
    shelf = Shelf()
    assert shelf.poll(*both) == ["new", "new"]
    assert shelf.poll(both[1]) == ["same"]


def test_a_guid_that_is_the_site_itself_identifies_nothing() -> None:
    """A17: items that carry the site's address as guid are told by their links."""
    shelf = Shelf()
    assert shelf.poll(story(1, guid="https://lab.example/"), link="https://lab.example/") == ["new"]
    assert shelf.poll(story(2, guid="https://lab.example/"), link="https://lab.example/") == ["new"]


def test_items_equal_in_everything_are_one_entry() -> None:
    """A15: ingested once."""
    assert Shelf().poll(story(1), story(1), story(1)) == ["new"]


def test_a_repeated_item_keeps_its_keys() -> None:
    """A17: an item that stands in a document twice is known by its guid all the same when it is edited."""
    shelf = Shelf()
    assert shelf.poll(story(1), story(1)) == ["new"]
    assert shelf.poll(story(1, link="https://lab.example/moved", title="Another headline")) == ["revised"]


def test_whose_guid_it_is_goes_before_whose_link_it_is() -> None:
    """A17: a new item at the address of a known one, above it and edited with it, does not take its place."""
    shelf = Shelf()
    shelf.poll(story(1))
    squatter = story(2, link=story(1).link)
    moved = story(1, link="https://lab.example/moved", title="Another headline")
    assert shelf.poll(squatter, moved) == ["new", "revised"]


def test_items_without_guid_and_link_are_known_by_title_and_day() -> None:
    shelf = Shelf()
    bare = RawItem(title="Orion closes", published_at=NOW)
    assert shelf.poll(bare) == ["new"]
    assert shelf.poll(bare._replace(published_at=NOW + timedelta(hours=3))) == ["same"]
    assert shelf.poll(bare._replace(published_at=NOW - timedelta(days=2))) == ["new"]


def test_a_link_to_the_site_itself_identifies_nothing() -> None:
    """Items that all lead to the home page are not one entry, even one at a time."""
    shelf = Shelf()
    for home in ("https://news.example/", "https://news.example"):
        assert shelf.poll(RawItem(title=f"One {home}", link=home)) == ["new"]
    assert shelf.poll(RawItem(title="A", link="https://x.example/blog/"), link="https://x.example/blog") == ["new"]
    assert shelf.poll(RawItem(title="B", link="https://x.example/blog/"), link="https://x.example/blog") == ["new"]


def test_a_new_story_at_an_old_address_beside_the_old_story_is_new() -> None:
    """Two entries of a document are never one known entry."""
    shelf = Shelf()
    shelf.poll(story(1))
    swapped = story(2, guid="guid-2", link="https://news.example/1")
    assert sorted(shelf.poll(swapped, story(1, link="https://news.example/1-moved"))) in (
        ["new", "revised"],
        ["new", "same"],
    )
    settled = shelf.poll(swapped, story(1, link="https://news.example/1-moved"))
    assert "new" not in settled


def test_a_reissue_with_new_guids_and_links_is_seen_by_its_titles() -> None:
    """A19: all is new by its keys; known titles give it away."""
    shelf = Shelf()
    shelf.poll(*(story(n) for n in range(30)))
    assert set(shelf.poll(*(story(n, guid=f"b{n}", link=f"https://new.example/{n}") for n in range(30)))) == {"new"}
    assert identify.is_reissue(30, 28)
    assert not identify.is_reissue(30, 3)
    assert not identify.is_reissue(2, 2)


_items = st.fixed_dictionaries(
    {
        "guid": st.sampled_from(
            ["", "0", "1", "2", "http://n.example/1", "https://n.example/1", "https://n.example/2"]
        ),
        "link": st.sampled_from(["", "/", "/a", "/b", "/b?utm_source=x", "https://n.example/1"]),
        "title": st.sampled_from(["", "A", "B", "C"]),
        "summary": st.sampled_from(["", "x", "y"]),
        "published_at": st.sampled_from([None, NOW, NOW - timedelta(days=1)]),
    }
).map(lambda given: RawItem(**given))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(_items, max_size=6), min_size=1, max_size=4))
def test_a_document_polled_again_is_never_news(documents: list[list[RawItem]]) -> None:
    """A17: whatever came before, polling the last document again brings nothing new and changes nothing."""
    shelf = Shelf()
    for document in documents:
        shelf.poll(*document)
    shelf.poll(*documents[-1])  # texts of items that share everything may settle once
    before = shelf.entries
    assert "new" not in shelf.poll(*documents[-1])
    assert shelf.entries == before


@settings(max_examples=300, deadline=None)
@given(st.lists(_items, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_order_never_makes_news(document: list[RawItem], random: object) -> None:
    """A17: the same items in any order are known."""
    shelf = Shelf()
    shelf.poll(*document)
    shuffled = list(document)
    random.shuffle(shuffled)
    assert "new" not in shelf.poll(*shuffled)


# ---- settings


def entry(published_at: datetime | None) -> Entry:
    return Entry("f", ("k",), "t", published_at=published_at)


@pytest.mark.parametrize(
    ("backfill", "expected"),
    [
        ("none", set()),
        ("latest 2", {1, 2}),
        ("latest 99", {0, 1, 2, 3}),
        ("since 2026-03-02", {1, 2}),
    ],
)
def test_backfill_chooses_among_the_first_document(backfill: str, expected: set[int]) -> None:
    """A16: none, the latest by date (undated last), or since a day."""
    found = [entry(datetime(2026, 3, day, tzinfo=UTC)) for day in (1, 4, 2)] + [entry(None)]
    assert identify.backfilled(found, EntryPolicy(backfill=backfill)) == expected


def test_age_counts_from_the_last_successful_poll() -> None:
    """An outage of a week loses nothing: max_age starts before it."""
    policy, last = EntryPolicy(max_age=timedelta(days=3)), NOW - timedelta(days=7)
    assert not identify.too_old(entry(NOW - timedelta(days=9)), policy, last, NOW)
    assert identify.too_old(entry(NOW - timedelta(days=11)), policy, last, NOW)
    assert identify.too_old(entry(NOW - timedelta(days=4)), policy, None, NOW)
    assert not identify.too_old(entry(None), policy, last, NOW)
    ahead = NOW + timedelta(days=3650)
    assert not identify.too_old(entry(NOW - timedelta(days=1)), policy, ahead, NOW)


def test_a_clock_far_from_the_servers_is_noticed() -> None:
    """A39: by the answer's Date; an answer without one says nothing."""
    same = "Sun, 29 Mar 2026 00:30:00 GMT"
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert not identify.clocks_differ(same, at + timedelta(hours=23))
    assert identify.clocks_differ(same, at + timedelta(hours=25))
    assert identify.clocks_differ(same, at - timedelta(days=3650))
    assert not identify.clocks_differ("", at)
    assert not identify.clocks_differ("yesterday", at)


def test_the_time_is_righted_only_by_steps_that_explain_it() -> None:
    """A39: a publisher whose own clock is wrong moves nothing."""
    date, years = "Sun, 29 Mar 2026 00:30:00 GMT", timedelta(days=3650)
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert identify.righted(at + years, date, years) == at
    assert identify.righted(at + years, date, timedelta()) == at + years
    assert identify.righted(at, date, years) == at


# ---- canonical URLs


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.Example.org:80/a/?utm_source=x&b=1&fbclid=2#top", "https://example.org/a?b=1"),
        ("https://example.org", "https://example.org"),
        ("https://example.org/", "https://example.org"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("https://example.org/x?ref=rss", "https://example.org/x"),
        ("https://example.org/x?ref=main", "https://example.org/x?ref=main"),
        ("https://example.org/x?id=", "https://example.org/x?id="),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://me:pw@example.org/x", "https://example.org/x"),
        ("ftp://example.org/x", ""),
        ("https://", ""),
        ("https://[bad/", ""),
        ("https://example.org:port/", ""),
        ("not a url", ""),
    ],
)
def test_canonical_urls(url: str, expected: str) -> None:
    assert urls.canonical(url) == expected


@given(st.text(max_size=80))
def test_canonical_never_fails_and_is_stable(text: str) -> None:
    for url in (text, "http://" + text, "https://x.example/" + text):
        once = urls.canonical(url)
        assert urls.canonical(once) == once
        urls.url_hash(url)
        urls.absolute("https://x.example/", url)
