"""What the pages show, on both databases, and that texts of feeds stay texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from monitor.alerts import outcome
from monitor.store.engine import Database
from tests.web.conftest import Visitor, served
from tests.web.world import fill

PAGES = (
    "/",
    "/?refresh=30",
    "/stories",
    "/stories?direction=closing&name=northwind",
    "/stories?first=1&page=2",
    "/stories/1",
    "/timeline",
    "/timeline?days=1096&first=1",
    "/timeline?days=30",
    "/feeds",
    "/feeds?health=failing",
    "/rules",
    "/deliveries",
    "/deliveries?state=dead&receiver=licensing",
    "/search",
    "/search?q=northwind+closed",
    "/search?q=%22",
)
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


class Reader(HTMLParser):
    """Reads a page as a strict browser would: every element closed in its turn, every attribute kept."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._foreign = 0
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(answer: httpx.Response) -> Reader:
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Reader(answer.text)


async def test_every_page_is_whole_and_has_its_landmarks(visitor: Visitor) -> None:
    """Elements close, ids are unique, there is one h1, one main, a skip link, a title, and headings skip no level."""
    for path in PAGES:
        answer = await visitor.get(path)
        page = read(answer)
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), path
        assert [len(page.every(tag)) for tag in ("h1", "main", "footer")] == [1, 1, 1], path
        assert re.search("<head>.*<title>[^<]+ · licensewatch</title>.*</head>", answer.text, re.DOTALL), path
        assert page.every("a")[0]["href"] == "#main"
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), (path, levels)
        assert all(attributes.get("lang") == "en" for attributes in page.every("html"))
        assert len(page.every("caption")) == len(page.every("table")), path
        labelled = [one.get("aria-labelledby") for one in page.every("section")]
        assert set(labelled) <= set(ids), path
        fields = [one for tag in ("input", "select") for one in page.every(tag) if one.get("type") != "hidden"]
        assert {one["id"] for one in fields} == {one["for"] for one in page.every("label")}, path


async def test_links_between_pages_lead_somewhere(visitor: Visitor) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        answer = await visitor.get(path)
        assert answer.status_code in (200, 503 if path == "/readyz" else 200), path
        seen.add(path)
        if "html" in answer.headers["content-type"]:
            for one in Reader(answer.text).every("a"):
                href = (one["href"] or "").partition("#")[0]
                if href.startswith("/") and href not in seen and len(seen) + len(waiting) < 60 and href not in waiting:
                    waiting.append(href)
    assert {"/stories", "/timeline", "/feeds", "/rules", "/deliveries", "/search", "/shifts.atom"} <= seen


async def test_the_first_page_says_that_all_is_well(visitor: Visitor) -> None:
    page = read(await visitor.get("/"))
    assert "All is well." in page.text
    assert "12 feeds watched" in page.text
    assert "Nothing waits." not in page.text
    assert "Northwind weighs keeping its next flagship model closed" in page.text
    assert "org Basalt until" in page.text


async def test_the_first_page_says_what_needs_a_person(database: Database, tmp_path: Path) -> None:
    """A30: a parked credential, a rejected configuration, dead and held deliveries, and feeds that fail are on top."""
    async with served(fill(tmp_path, database, troubled=True)) as visitor:
        page = read(await visitor.get("/"))
        story = read(await visitor.get("/stories/3"))  # its message was parked before it was ever tried
    assert "Alerts wait: licensing is parked, and 4 more things need you." in page.text
    for words in ("receiver licensing is parked", "rules/rules.yaml:7:11", "1 dead delivery:", "1 held delivery:"):
        assert words.lower() in page.text.lower()
    assert "The Broken Gazette fails since" in page.text
    assert page.text.index("Late, parked or held") < page.text.index("Latest stories"), "on a phone it is not far down"
    assert "parent" not in page.text
    assert "timeout after the message went out" in page.text
    assert "invalid_auth" in story.text
    assert outcome.remedy("invalid_auth").replace("`", "")[:30] in story.text
    assert "low severity" in story.text


async def test_it_says_when_it_is_not_working(visitor: Visitor) -> None:
    visitor.world.pulse = type(visitor.world.pulse)(tick_s=95, store_ok=False)
    page = read(await visitor.get("/"))
    assert "It is not working." in page.text
    assert "the last tick was 95 s ago: polling stands still" in page.text.replace("The last", "the last")
    assert "database refuses commits" in page.text


async def test_a_story_has_its_record_and_every_decision(visitor: Visitor) -> None:
    text = read(await visitor.get("/stories/1")).text
    for words in ("Leviathan 2", "open → to closed", "considering", "an organisation is named", "people say"):
        assert words in text
    assert "no open story tells this event" in text
    assert "told new story" in text
    assert "not told repeat more coverage of a story already told" in text
    assert (await visitor.get("/stories/999999")).status_code == 404
    assert (await visitor.get("/stories/-1")).status_code == 404


async def test_stories_are_found_by_direction_and_name(visitor: Visitor) -> None:
    closing = read(await visitor.get("/stories?direction=closing")).text
    assert "Northwind weighs keeping" in closing
    assert "Tidewater publishes" not in closing
    named = read(await visitor.get("/stories?name=TIDEWATER&direction=opening")).text
    assert "Tidewater publishes" in named
    assert "Northwind weighs" not in named
    assert "No story is like that" in read(await visitor.get("/stories?name=Nobody")).text
    second = read(await visitor.get("/stories?page=2")).text
    assert "Page 2" in second
    assert "Northwind weighs keeping" not in second


async def test_feeds_show_rhythm_error_and_next_poll(database: Database, tmp_path: Path) -> None:
    async with served(fill(tmp_path, database, troubled=True)) as visitor:
        page = read(await visitor.get("/feeds?health=failing"))
        assert "7 failures in a row since" in page.text
        assert "answers HTML, not a feed" in page.text
        assert "backing off: 7 failures in a row" in page.text
        assert "Sample Wire" not in page.text
        every = read(await visitor.get("/feeds"))
        labels = [one.get("aria-label") or "" for one in every.every("svg")]
        assert any(re.fullmatch(r"40 polls in \d+ (hours|days), \d+ with news", label) for label in labels)
        assert "none until licensewatch feeds resume paused" in every.text


async def test_rules_show_hits_versions_and_precision(visitor: Visitor) -> None:
    text = read(await visitor.get("/rules")).text
    assert "A lab moves from open to closed models open-to-closed high" in text
    assert "85 % 13 judged" in text
    assert "2 earlier versions of open-to-closed" in text
    assert "A rule that left old-rule" in text


async def test_the_timeline_draws_every_shift_once_a_size(visitor: Visitor) -> None:
    page = read(await visitor.get("/timeline?days=365"))
    found = re.search(r"(\d+) shifts: in which direction", page.text)
    assert found
    dots = [one for one in page.every("a") if one.get("class") == "dot"]
    assert len(dots) == 2 * int(found[1])  # wide and narrow
    with_first = read(await visitor.get("/timeline?days=365&first=1"))
    assert len([one for one in with_first.every("a") if one.get("class") == "dot"]) > len(dots)


async def test_search_marks_what_it_found(visitor: Visitor) -> None:
    answer = await visitor.get("/search?q=" + quote('"flagship model" -people'))
    page = read(answer)
    assert "<mark>flagship model</mark>" in answer.text
    assert "Tells story 1" in page.text
    assert "people say" not in page.text
    assert "No entry has that" in read(await visitor.get("/search?q=zeppelin")).text
    assert "add a word that must" in read(await visitor.get("/search?q=-flagship")).text


async def test_texts_of_feeds_stay_texts(database: Database, tmp_path: Path) -> None:
    """A38: no markup, no script, no handler, no control or bidi character and no other scheme gets through; the
    longest headline is cut."""
    world = fill(tmp_path, database, hostile=True)
    with database.read() as conn:
        last = conn.exec_driver_sql("SELECT max(id) FROM story").scalar() or 0
    paths = [*PAGES, "/search?q=endless*", "/search?q=script", *(f"/stories/{last - n}" for n in range(5))]
    async with served(world) as visitor:
        for path in paths:
            answer = await visitor.get(path)
            page = read(answer)
            assert not page.every("script") and not page.every("img"), path
            assert len(answer.content) < 400_000, path
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", answer.text), (
                path
            )
            for tag, attributes in page.elements:
                assert not any(name.startswith("on") or name == "style" for name in attributes), (path, tag, attributes)
            for link in page.every("a"):
                href = link["href"] or ""
                scheme = urlsplit(href).scheme
                assert scheme in ("", "http", "https"), (path, href)
                if scheme:
                    assert {"noreferrer", "noopener"} <= set((link.get("rel") or "").split()), (path, href)
        shown = read(await visitor.get(f"/stories/{last - 4}")).text
        assert "<script>alert('x')</script> & \"quotes\"" in shown
        assert (
            "Weights \\u202egnihton\\u202c are open\\x1b[31m now"
            in read(await visitor.get(f"/stories/{last - 3}")).text
        )


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/stories/abc",
        "/stories/99999999999999999999999999",
        "/../../etc/passwd",
        "/static/style.css",
        "/templates/base.html",
    ],
)
async def test_other_addresses_are_not_there(quick_visitor: Visitor, path: str) -> None:
    answer = await quick_visitor.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=99999999999999999999", "page=٣", "page=x", "first=%00"])
async def test_odd_queries_are_harmless(quick_visitor: Visitor, query: str) -> None:
    for path in ("/feeds", "/stories", "/deliveries", "/timeline"):
        assert (await quick_visitor.get(f"{path}?{query}")).status_code == 200


async def test_an_empty_service_has_pages_too(database: Database, tmp_path: Path) -> None:
    """On its first day there is nothing to show, and every page says so."""
    from monitor import clock
    from tests.web.world import World, configure

    async with served(World(database, configure(tmp_path, database), clock.now())) as visitor:
        for path in PAGES:
            if path != "/stories/1":
                assert read(await visitor.get(path)).text
