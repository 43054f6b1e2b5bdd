"""`licensewatch feeds`, as a person runs it: files that keep their comments, and a polite look at a feed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from monitor import clock, yamlfile
from monitor.cli import feeds_file
from monitor.errors import ConfigError, UsageError
from monitor.feeds import discover, handover, opml, pace, plan
from monitor.feeds.fetch import Fetcher
from monitor.feeds.plan import Polling
from monitor.model import Document, Feed
from monitor.settings import FeedsFile
from monitor.store import feeds as feed_store
from monitor.store.engine import Database
from monitor.testing.feed_server import Answer, FeedServer, rss

DOCUMENTS = Path(__file__).parent / "documents"
FEEDS = """\
# yaml-language-server: $schema=schema/feeds.json
# The feeds we watch.
feeds:
  # Press
  - id: one   # the first
    url: https://one.example/feed
    title: 'One: a feed'
    tags: [a, 'b']

  # A note between two feeds
  - {id: two, url: https://two.example/feed}   # the second
"""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    (directory / "rules").mkdir(parents=True)
    (directory / "monitor.yaml").write_text("polling: {allow_private_networks: [127.0.0.0/8], host_gap: 0s}\n")
    (directory / "feeds.yaml").write_text(FEEDS)
    (directory / "rules" / "own.yaml").write_text(
        "version: 1\nrules:\n  - {id: closes, title: A lab closes, severity: high, when: closes}\n"
    )
    return directory


@pytest.fixture
def run(config: Path) -> Run:
    async def licensewatch(*words: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor.cli.main", "--config", str(config), *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())

    return licensewatch


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as running:
        page = b'<html><head><link rel="alternate" type="application/rss+xml" title="News" href="/feed"></head></html>'
        running.answer("/", Answer(200, page, {"Content-Type": "text/html"}))
        running.document(
            "/feed",
            rss(
                "Orion \u202enews",
                [{"title": "Orion closes \u202e its weights", "guid": "1"}, {"title": "Other", "guid": "2"}],
            ),
            Cache_Control="max-age=3600",
        )
        yield running


# ---- the file


def test_edits_keep_comments_quotes_and_order(config: Path) -> None:
    path = config / "feeds.yaml"
    feeds_file.change(path, "one", paused=True)
    feeds_file.add(path, [{"id": "three", "url": "https://three.example/", "title": "", "tags": ["x"], "interval": ""}])
    expected = FEEDS.replace("    title: 'One", "    paused: true\n    title: 'One")
    assert path.read_text() == expected + "  - id: three\n    url: https://three.example/\n    tags: [x]\n"
    feeds_file.change(path, "one", paused=None)
    assert path.read_text() == FEEDS + "  - id: three\n    url: https://three.example/\n    tags: [x]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_an_edit_by_root_leaves_the_file_to_whom_it_belongs(config: Path) -> None:
    """A20: else the service could not read its feeds any more."""
    path = config / "feeds.yaml"
    os.chown(path, 65534, 65533)
    path.chmod(0o640)
    feeds_file.change(path, "one", paused=True)
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (65534, 65533, 0o640)


def test_line_ends_of_windows_stay(config: Path) -> None:
    path = config / "feeds.yaml"
    path.write_bytes(FEEDS.replace("\n", "\r\n").encode())
    feeds_file.change(path, "two", paused=True)
    feeds_file.change(path, "one", paused=True)
    feeds_file.change(path, "one", paused=None)
    feeds_file.add(path, [{"id": "three", "url": "https://three.example/"}])
    edited = FEEDS.replace("/feed}", "/feed, paused: true}") + "  - id: three\n    url: https://three.example/\n"
    assert path.read_bytes() == edited.replace("\n", "\r\n").encode()


def test_a_comment_on_a_key_outlives_it(config: Path) -> None:
    path = config / "feeds.yaml"
    path.write_text("feeds:\n  - id: one\n    url: https://one.example/\n    paused: true   # until May\n")
    feeds_file.change(path, "one", paused=None)
    assert path.read_text().endswith("    paused: false   # until May\n")


def test_an_edit_that_would_break_the_file_changes_nothing(config: Path) -> None:
    """A20: the daemon never sees a file that we broke."""
    path = config / "feeds.yaml"
    for broken in ({"id": "one", "url": "https://x.example/"}, {"id": "a b", "url": "https://x.example/"}):
        with pytest.raises(ConfigError):
            feeds_file.add(path, [broken])
    with pytest.raises(UsageError):
        feeds_file.change(path, "none", paused=True)
    assert path.read_text() == FEEDS


@pytest.mark.parametrize(
    "text",
    ["", "feeds: []\n", "feeds:\n", "# only a comment", "feeds:\n- id: a\n  url: https://a.example/\n# the end",
     "feeds: [{id: a, url: 'https://a.example/'}]\n", "feeds:\n    - {id: a, url: https://a.example/}",
     "# Ünï → 日本\nfeeds:\n  - id: a\n    url: https://a.example/   # x\n"],
)  # fmt: skip
def test_a_feed_is_added_to_any_form_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(text)
    new = {"id": "new", "url": "https://n.example/?a=1&b=2#c", "title": "A: 'b' # {c} \u202e", "tags": ["x, y", "z"]}
    feeds_file.add(path, [new, {"id": "last", "url": "https://l.example/"}])
    feeds = yamlfile.typed(yamlfile.load(path), FeedsFile).feeds
    assert [feed.id for feed in feeds][-2:] == ["new", "last"]
    assert (feeds[-2].url, feeds[-2].title, feeds[-2].tags) == (new["url"], "A: 'b' # {c} ", ("x, y", "z"))
    for line in text.splitlines():
        if "#" in line:
            assert line in path.read_text()
    for feed in feeds:
        feeds_file.change(path, feed.id, paused=True, title="T: t")
        feeds_file.change(path, feed.id, paused=None, url=feed.url + "x")
    after = yamlfile.typed(yamlfile.load(path), FeedsFile).feeds
    assert [(feed.url, feed.title, feed.paused) for feed in after] == [
        (feed.url + "x", "T: t", False) for feed in feeds
    ]


def test_a_missing_file_is_begun(tmp_path: Path) -> None:
    feeds_file.add(tmp_path / "feeds.yaml", [{"id": "a", "url": "https://a.example/"}])
    assert (tmp_path / "feeds.yaml").read_text().startswith("# yaml-language-server")


@pytest.mark.parametrize(
    ("title", "url", "expected"),
    [
        ("The Decoder", "https://x/", "the-decoder"),
        ("Çafé — Ünï", "https://x/", "cafe-uni"),
        ("", "https://www.lab.example:80/f", "lab-example"),
        ("日本", "https://j.example/", "j-example"),
        ("one", "https://x/", "one-2"),
    ],
)
def test_ids_are_words(title: str, url: str, expected: str) -> None:
    assert feeds_file.new_id(title, url, {"one"}) == expected


async def test_an_import_that_cannot_be_names_the_url_and_adds_nothing(run: Run, config: Path, tmp_path: Path) -> None:
    """A37: lines of feeds.yaml that are not there yet help nobody, and the login in a URL is not shown."""
    listed = tmp_path / "urls"
    listed.write_text("https://lab.example/new\nhttps://eva:CANARY@lab.example/feed\n")
    done = await run("feeds", "import", str(listed))
    assert (done.code, (config / "feeds.yaml").read_text()) == (2, FEEDS)
    assert "Nothing was added, for 'https://…@lab.example/feed' cannot be: the URL holds a user name" in done.err
    assert "CANARY" not in done.err + done.out


# ---- looking at feeds


async def test_test_says_what_a_poll_would_do_and_why(run: Run, server: FeedServer) -> None:
    done = await run("feeds", "test", server.url("/feed"))
    assert done.code == 0
    assert "1 of 2 entries match a rule" in done.out
    assert "It is not in feeds.yaml; otherwise the next poll: " in done.out
    assert "UTC: max-age 3600 from the publisher." in done.out
    assert "\u202e" not in done.out  # A38


async def test_test_tells_of_a_feed_that_nobody_polls(run: Run, server: FeedServer, config: Path) -> None:
    """A paused feed is looked at all the same, and an id that is mistyped is no host."""
    (config / "feeds.yaml").write_text(f"feeds:\n  - {{id: lab, url: '{server.url('/feed')}', paused: true}}\n")
    done = await run("feeds", "test", "lab")
    assert "It is paused until `licensewatch feeds resume lab`; otherwise the next poll: " in done.out
    mistyped = await run("feeds", "test", "lad")
    assert (mistyped.code, mistyped.err) == (2, "error: There is no feed 'lad' in feeds.yaml. Did you mean 'lab'?\n")


async def test_test_as_json(run: Run, server: FeedServer) -> None:
    record = json.loads((await run("feeds", "test", server.url("/feed"), "--json")).out)
    assert (record["status"], record["items"], record["entries"][0]["rules"]) == (200, 2, ["closes"])


@pytest.mark.parametrize(("path", "words"), [("/none", "answered 404"), ("/", "web page")])
async def test_test_says_what_went_wrong(run: Run, server: FeedServer, path: str, words: str) -> None:
    done = await run("feeds", "test", server.url(path))
    assert done.code == 1
    assert words in done.out + done.err


@pytest.mark.parametrize("url", ["http://[::1", "http://u:secret@feeds.example/", "http://feeds.example:99999/"])
async def test_what_cannot_be_a_feeds_url_is_refused_before_anybody_is_asked(run: Run, url: str) -> None:
    done = await run("feeds", "add", url)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: That URL cannot be polled: ")
    assert "secret" not in done.err


async def test_a_host_that_asked_for_rest_is_not_asked_by_hand(run: Run, server: FeedServer, config: Path) -> None:
    """A5: Retry-After holds for every request to the host."""
    assert (await run("db", "upgrade")).code == 0
    until = clock.now() + timedelta(hours=1)
    database = Database(f"sqlite:///{config.parent / 'var' / 'licensewatch.db'}")
    with database.write() as conn:
        feed_store.block_host(conn, pace.host_key(server.url("/")), until)
    for command, path in (("test", "/feed"), ("discover", "/"), ("add", "/feed")):
        done = await run("feeds", command, server.url(path))
        assert done.code == 1
        assert f"asked for rest until {until:%Y-%m-%d %H:%M:%S} UTC (Retry-After)" in done.err
    assert server.requests == []


async def test_discover_names_what_the_page_names_and_guesses_nothing(run: Run, server: FeedServer) -> None:
    done = await run("feeds", "discover", server.url("/"), "--json")
    assert json.loads(done.out) == [{"url": server.url("/feed"), "title": "News", "kind": "RSS"}]
    assert [request.path for request in server.requests] == ["/"]


async def test_add_finds_writes_and_hands_over(run: Run, server: FeedServer, config: Path) -> None:
    """A1: the look of `feeds add` is the feed's one unconditional request; its first poll makes none."""
    done = await run("feeds", "add", server.url("/"), "--tag", "labs")
    assert done.code == 0, done.err
    assert (
        f"  - id: orion-news\n    url: {server.url('/feed')}\n    title: Orion news\n    tags: [labs]\n"
        in (config / "feeds.yaml").read_text()
    )
    polling = Polling(allow_private_networks=(ip_network("127.0.0.0/8"),))
    async with Fetcher(polling, "1", config.parent / "var" / "inbox") as fetcher:
        first = await fetcher.fetch(server.url("/feed"))
        again = await fetcher.fetch(server.url("/feed"), etag=first.headers["etag"])
    assert (first.status, again.status) == (200, 304)
    assert [request.conditional for request in server.of("/feed")] == [False, True]


async def test_a_feed_is_added_once(run: Run, server: FeedServer) -> None:
    assert (await run("feeds", "add", server.url("/feed"))).code == 0
    done = await run("feeds", "add", server.url("/"))
    assert done.code == 2
    assert "already" in done.err


# ---- the list


async def test_list_has_the_fields_that_scripts_rely_on(run: Run) -> None:
    records = json.loads((await run("feeds", "list", "--json")).out)
    assert [record["id"] for record in records] == ["one", "two"]
    names = "id url title state entries items interval_s last_poll_at last_success_at next_poll_at"
    assert set(records[0]) == {*names.split(), "last_status", "last_error", "failures", "notice"}
    assert (records[0]["state"], records[0]["interval_s"]) == ("new", 900)


async def test_pause_and_resume_edit_the_file(run: Run, config: Path) -> None:
    assert (await run("feeds", "pause", "one")).code == 0
    assert json.loads((await run("feeds", "list", "--json")).out)[0]["state"] == "paused"
    assert (await run("feeds", "resume", "one")).code == 0
    assert (config / "feeds.yaml").read_text() == FEEDS
    typo = await run("feeds", "pause", "onee")
    assert (typo.code, "'one'" in typo.err) == (2, True)


async def test_resume_forgets_a_410_and_accept_redirect_writes_the_new_url(run: Run, config: Path) -> None:
    """A9, A10: what a person decides about moved and gone feeds."""
    database = Database(f"sqlite:///{config.parent / 'var' / 'licensewatch.db'}")
    database.upgrade()
    now = clock.now()
    feeds = [Feed("one", "https://one.example/feed"), Feed("two", "https://two.example/feed")]
    with database.write() as conn:
        feed_store.sync_feeds(conn, feeds, lambda feed: plan.first_poll(feed, None, now), now)
        states = feed_store.states(conn)
        gone = replace(states["one"], gone=True, next_poll_at=None, last_poll_at=now)
        assert feed_store.save(conn, gone, states["one"].poll_seq)
        moved = replace(states["two"], url="https://new.example/feed", last_poll_at=now, notice="moved")
        assert feed_store.save(conn, moved, states["two"].poll_seq)
    assert "moved" in (await run("feeds", "list")).out.partition("\ntwo")[2], "what operations were told of shows"
    assert "1 gone; silent or moved: two" in (await run("status")).out
    assert (await run("feeds", "resume", "one")).code == 0
    with database.read() as conn:
        revived = feed_store.states(conn)["one"]
    assert (revived.gone, revived.next_poll_at is not None) == (False, True)
    assert (await run("feeds", "accept-redirect", "two")).code == 0
    assert "{id: two, url: https://new.example/feed}   # the second" in (config / "feeds.yaml").read_text()
    assert (await run("feeds", "accept-redirect", "one")).code == 2
    shown = json.loads((await run("feeds", "show", "two", "--json")).out)
    assert shown["url"] == "https://new.example/feed"


# ---- lists of feeds


async def test_import_adds_what_is_new_and_export_gives_it_back(run: Run, config: Path, tmp_path: Path) -> None:
    done = await run("feeds", "import", str(DOCUMENTS / "feeds.opml"), "--tag", "mine")
    assert (done.code, "2 feeds added" in done.out) == (0, True)
    assert "0 feeds added, 2 were there" in (await run("feeds", "import", str(DOCUMENTS / "feeds.opml"))).out
    exported = opml.read((await run("feeds", "export")).out.encode())
    by_url = {listed.url: listed for listed in exported}
    assert set(by_url) >= {"https://orion.example/feed", "https://cafe.example/rss?a=1&b=2", "https://one.example/feed"}
    assert by_url["https://orion.example/feed"].tags == ("mine", "ai-labs")


def test_a_list_of_lines_is_a_list_of_feeds() -> None:
    text = b"# mine\nhttps://a.example/feed\n\nhttps://b.example/feed # b\n"
    assert [listed.url for listed in opml.read(text)] == ["https://a.example/feed", "https://b.example/feed"]


@pytest.mark.parametrize("data", [b"", b"hello", b"<opml><body/></opml>", b"file:///etc/passwd", b"<html></html>"])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        opml.read(data)


# ---- discovery and handing over


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<link rel=alternate type=application/atom+xml href=a.xml><a href="/feed">x</a>', ["https://p.example/b/a.xml"]),
        ('<base href="https://c.example/"><link rel="alternate" type="application/feed+json" href="f.json">',
         ["https://c.example/f.json"]),
        ('<link rel="alternate" type="application/rss+xml" href="/comments/feed/">'
         '<link rel="alternate" type="application/rss+xml" href="/feed/">',
         ["https://p.example/feed/", "https://p.example/comments/feed/"]),
        ('<a href="/rss.xml">RSS</a><a href="/about">no</a><a href="javascript:x">no</a>', ["https://p.example/rss.xml"]),
        ('<link rel="alternate" type="application/rss+xml" href="http://[::1"><a href="http://[/feed">x</a>', []),
        ('<link rel="stylesheet" type="text/css" href="x.css"><link rel="alternate" hreflang="de" href="/de">', []),
    ],
)  # fmt: skip
def test_candidates_are_what_a_page_says(page: str, expected: list[str]) -> None:
    found = discover.candidates(f"<html><head>{page}</head></html>".encode(), "https://p.example/b/")
    assert [one.url for one in found] == expected


def test_a_document_is_handed_over_once(tmp_path: Path) -> None:
    """A1: taken, it is gone; nothing else is mistaken for it."""
    document = Document("https://a.example/", 200, {"etag": '"é"'}, b"\x00\xff")
    handover.keep(tmp_path / "inbox", "https://a.example/", document)
    assert handover.take(tmp_path / "inbox", "https://b.example/") is None
    assert handover.take(tmp_path / "inbox", "https://a.example/") == document
    assert handover.take(tmp_path / "inbox", "https://a.example/") is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"url": 1}', "not json", '{"url":"x","headers":{},"body":"%"}'])
def test_a_spoilt_handover_is_no_document(tmp_path: Path, content: str) -> None:
    handover.keep(tmp_path, "https://a.example/", Document("https://a.example/", 200, {}, b"x"))
    next(tmp_path.iterdir()).write_text(content)
    assert handover.take(tmp_path, "https://a.example/") is None


def test_an_old_handover_is_not_used(tmp_path: Path) -> None:
    handover.keep(tmp_path, "https://a.example/", Document("https://a.example/", 200, {}, b"x"))
    then = (clock.now() - timedelta(days=3)).timestamp()
    os.utime(next(tmp_path.iterdir()), (then, then))
    assert handover.take(tmp_path, "https://a.example/") is None
