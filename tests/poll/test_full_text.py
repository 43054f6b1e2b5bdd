"""Full text: pages of entries that nearly match are fetched with a poll's manners, and rules read them."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor import settings
from monitor.daemon.service import Service
from monitor.errors import ParseError
from monitor.feeds import pages
from monitor.feeds.reader import Limits
from monitor.model import Document
from monitor.store import entries, feeds
from monitor.store.engine import Database
from monitor.testing.feed_server import Answer, FeedServer, rss

TEASER = "Nimbus Labs updates licence of Orion"
STORY = "Nimbus Labs said on Tuesday that the weights of Orion move to a non-commercial licence. " * 8
RULES = """
version: 1
vocabularies:
  lab:
    kind: org
    entities: [{name: Nimbus Labs, terms: [Nimbus Labs]}]
rules:
  - id: closing
    title: A lab closes a model
    severity: high
    when: $lab AND "non-commercial licence"
"""


def item(number: int, title: str, url: str) -> dict[str, str]:
    return {"title": title, "link": url, "guid": f"urn:{number}", "description": "Read on."}


def page(text: str) -> bytes:
    return f"<html><body><nav>Menu</nav><article><p>{text}</p></article></body></html>".encode()


class House:
    """A feed that asks for full text, its pages, and a service that polls it when told."""

    def __init__(self, server: FeedServer, root: Path, more: str = "full_text: true") -> None:
        self.server, self.items = server, [item(0, "Older news", server.url("/0"))]
        config = root / "config"
        (config / "rules").mkdir(parents=True)
        (config / "rules" / "own.yaml").write_text(RULES)
        (config / "monitor.yaml").write_text(
            "database: sqlite:///../w.db\nstate_dir: ../var\nreceivers: [{name: screen, type: console}]\n"
            "polling: {host_gap: 0s, allow_private_networks: [127.0.0.0/8]}\nweb: {listen: null}\n"
        )
        (config / "feeds.yaml").write_text(f"feeds: [{{id: f, url: '{server.url('/feed')}', {more}}}]\n")
        configuration = settings.load(config, {})
        self.database = Database(configuration.settings.database)
        self.database.upgrade()
        self.service = Service(configuration, self.database, {})

    def publish(self, *titles: str, html: str = STORY) -> None:
        """New items on top, each with its page."""
        for title in titles:
            number = len(self.items)
            self.items.insert(0, item(number, title, self.server.url(f"/{number}")))
            self.server.answer(f"/{number}", Answer(200, page(html), {"Content-Type": "text/html; charset=utf-8"}))

    async def poll(self) -> None:
        """Serve what was published, and poll it."""
        self.server.document("/feed", rss("Feed", self.items))
        self.service.start(await self.service.pollable(every=True))
        await self.service.rounds.join()

    def asked(self) -> list[str]:
        """The paths asked for beside the feed, in order."""
        return [one.path for one in self.server.requests if one.path != "/feed"]

    def newest(self) -> entries.StoredEntry:
        with self.database.read() as conn:
            return list(entries.iterate(conn, None))[-1][-1]

    def hits(self) -> int:
        with self.database.read() as conn:
            return conn.exec_driver_sql("SELECT count(*) FROM hit").scalar() or 0


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer(("127.0.0.1", "127.0.0.2")) as running:
        yield running


@pytest.fixture
async def house(server: FeedServer, tmp_path: Path) -> AsyncIterator[House]:
    made = House(server, tmp_path)
    async with made.service:
        await made.poll()
        yield made
    made.database.close()


async def test_the_page_of_an_entry_that_nearly_matches_is_read_by_the_rules(house: House) -> None:
    house.publish(TEASER)
    await house.poll()
    assert house.asked() == ["/robots.txt", "/1"]
    assert "move to a non-commercial licence" in house.newest().entry.content
    assert "Menu" not in house.newest().entry.content
    assert house.hits() == 1


async def test_a_page_is_asked_for_once(house: House) -> None:
    """The next document holds the entry again; its page is not fetched again, and the entry counts as unchanged."""
    house.publish(TEASER)
    await house.poll()
    house.publish("A chip plant opens")
    await house.poll()
    assert house.asked() == ["/robots.txt", "/1"]
    assert house.newest().entry.title == "A chip plant opens"


async def test_what_does_not_nearly_match_costs_no_request(house: House) -> None:
    house.publish("A chip plant opens", "Nimbus Labs hires", "A licence to fish")
    await house.poll()
    assert house.asked() == []


async def test_what_matches_by_itself_costs_no_request(house: House) -> None:
    house.publish("Nimbus Labs puts Orion under a non-commercial licence")
    await house.poll()
    assert (house.asked(), house.hits()) == ([], 1)


async def test_the_first_document_is_baseline_and_costs_no_request(server: FeedServer, tmp_path: Path) -> None:
    house = House(server, tmp_path)
    house.publish(TEASER)
    async with house.service:
        await house.poll()
    assert house.asked() == []


async def test_without_full_text_nothing_is_fetched(server: FeedServer, tmp_path: Path) -> None:
    house = House(server, tmp_path, more="title: Plain")
    async with house.service:
        await house.poll()
        house.publish(TEASER)
        await house.poll()
    assert house.asked() == []


async def test_robots_txt_is_respected(house: House) -> None:
    house.server.answer("/robots.txt", Answer(200, b"User-agent: licensewatch\nDisallow: /1\n"))
    house.publish(TEASER)
    await house.poll()
    assert house.asked() == ["/robots.txt"]
    assert (house.newest().entry.title, house.newest().entry.content) == (TEASER, "")


async def test_a_robots_txt_that_fails_keeps_us_out(house: House) -> None:
    house.server.answer("/robots.txt", Answer(503))
    house.publish(TEASER)
    await house.poll()
    assert house.asked() == ["/robots.txt"]


async def test_robots_txt_is_asked_for_once_a_host(house: House) -> None:
    house.publish(TEASER, f"{TEASER} again")
    await house.poll()
    assert sorted(house.asked()) == ["/1", "/2", "/robots.txt"]


async def test_the_host_of_a_redirect_is_asked_for_its_robots_txt_too(house: House) -> None:
    house.publish(TEASER)
    house.server.redirect("/1", house.server.url("/elsewhere", "127.0.0.2"))
    house.server.answer("/elsewhere", Answer(200, page(STORY), {"Content-Type": "text/html"}))
    await house.poll()
    hosts = [one.host.partition(":")[0] for one in house.server.requests if one.path == "/robots.txt"]
    assert hosts == ["127.0.0.1", "127.0.0.2"]
    assert house.hits() == 1


async def test_one_request_at_a_time_goes_to_a_host(house: House) -> None:
    """A7 holds for pages and redirects as for feeds."""
    house.publish(*(f"{TEASER} {n}" for n in range(4)))
    await house.poll()
    assert set(house.server.most_in_flight.values()) == {1}


async def test_few_pages_are_fetched_in_one_poll(house: House) -> None:
    house.publish(*(f"{TEASER} {n}" for n in range(9)))
    await house.poll()
    assert len(house.asked()) == 1 + 5


async def test_a_page_that_cannot_be_had_leaves_the_entry_as_the_feed_gave_it(house: House) -> None:
    house.publish(TEASER)
    house.server.answer("/1", Answer(500))
    await house.poll()
    assert (house.newest().entry.title, house.newest().entry.content) == (TEASER, "")


async def test_a_page_in_a_private_network_is_not_asked_for(house: House) -> None:
    """A34: links are written by strangers; they pass the same guard."""
    house.items.insert(0, item(1, TEASER, "http://10.0.0.1/secret"))
    await house.poll()
    assert house.newest().entry.title == TEASER
    with house.database.read() as conn:
        state = feeds.get(conn, "f")
    assert state is not None
    assert state.failures == 0


async def test_pages_are_read_in_a_worker_that_is_killed(house: House) -> None:
    """A36: a page that nests without end harms nobody."""
    house.publish(TEASER)
    monster = b"<html><body>" + b"<div><b>" * 150_000 + b"x"
    house.server.answer("/1", Answer(200, monster, {"Content-Type": "text/html"}))
    await house.poll()
    assert house.newest().entry.title == TEASER


HOSTILE_PAGES = {
    "a bomb": Answer(200, gzip.compress(bytes(1 << 24)), {"Content-Type": "text/html", "Content-Encoding": "gzip"}),
    "a page too large": Answer(200, b"<p>x</p>" * 500_000, {"Content-Type": "text/html"}),
    "in circles": Answer(302, b"", {"Location": "?again"}),
    "inwards": Answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"}),
    "a file of its own": Answer(302, b"", {"Location": "file:///etc/passwd"}),
    "a film": Answer(200, bytes(1000), {"Content-Type": "video/mp4"}),
    "no text at all": Answer(200, b"", {"Content-Type": "text/html"}),
    "bytes of chance": Answer(200, bytes(range(256)) * 99, {"Content-Type": "text/html; charset=utf-16"}),
    "an entity of entities": Answer(
        200,
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b;</p>',
        {"Content-Type": "application/xhtml+xml"},
    ),
}


async def test_hostile_pages_cost_their_own_text_alone(house: House) -> None:
    """A34, A35, A36: whatever a page does, its entry stands, the feed is well, and the next page is read."""
    for start in range(0, len(HOSTILE_PAGES), 5):
        some = list(HOSTILE_PAGES.items())[start : start + 5]
        house.publish(*(f"{TEASER} ({name})" for name, _ in some))
        for at, (_, answer) in enumerate(some, start + 1):
            house.server.answer(f"/{at}", answer)
        await house.poll()
    house.publish(TEASER)
    await house.poll()
    with house.database.read() as conn:
        state, kept = feeds.get(conn, "f"), [one for some in entries.iterate(conn, None) for one in some]
    assert state is not None
    assert (state.failures, house.hits()) == (0, 1)
    told = {one.entry.title: one.entry.content for one in kept}
    assert {title for title, content in told.items() if content} <= {TEASER, f"{TEASER} (an entity of entities)"}
    assert len(told) == 2 + len(HOSTILE_PAGES)


async def test_a_page_that_is_nested_without_end_is_given_up() -> None:
    """A36: the HTML parser's time grows with the square of the depth, so pages are read where they can be killed."""
    page = b"<html><head>" + b"<div>" * 100_000 + b'<link rel=alternate type=application/rss+xml href="/feed">'
    document = Document("https://p.example/", 200, {}, page)
    with pytest.raises(ParseError, match="takes more time"):
        await pages.candidates(document, Limits(cpu_s=0.3, memory_mib=200))
