"""A13: every document of the corpus is read, and never with fewer items than feedparser alone finds."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest

from monitor.errors import ParseError
from monitor.feeds import labels, parse, prolog, quick
from monitor.feeds.normalise import normalise
from monitor.feeds.reader import Reader
from monitor.model import Document, Entry, Feed

ARCHIVE = Path(__file__).parents[3] / "shared" / "feeds" / "documents.tar.xz"
OWN = Path(__file__).parent / "documents"
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
URL = "https://feeds.example/dir/feed.xml"
FEED = Feed("f", URL)


@dataclass(frozen=True, slots=True)
class Sample:
    """A document, and how many entries feedparser by itself finds in it."""

    path: str
    body: bytes
    alone: int
    is_json: bool = False


def own() -> list[Sample]:
    return [
        Sample(path.name, path.read_bytes(), _alone(path.read_bytes()), path.suffix == ".json")
        for path in sorted(OWN.iterdir())
    ]


@pytest.fixture(scope="module")
def corpus() -> list[Sample]:
    if not ARCHIVE.exists():
        pytest.skip("the corpus of feed documents (../shared/feeds) is not there; own documents are tested without it")
    with tarfile.open(ARCHIVE) as archive:
        files = {name: _read(archive, name) for name in archive.getnames()}
    manifest = next(data for name, data in files.items() if name.endswith("manifest.jsonl"))
    rows = [json.loads(line) for line in manifest.splitlines()]
    bodies = {name.removeprefix("./"): data for name, data in files.items()}
    return [
        Sample(row["path"], bodies[row["path"]], row["n_entries_feedparser"], row["kind"] == "jsonfeed") for row in rows
    ]


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    return file.read() if file is not None else b""


def _alone(body: bytes) -> int:
    """The entries that feedparser finds by itself."""
    return len(feedparser.parse(io.BytesIO(body)).entries)


def _read_here(sample: Sample) -> tuple[int, tuple[Entry, ...]]:
    try:
        parsed = parse.parse(sample.body, {})
    except ParseError:
        return 0, ()
    return len(parsed.items), normalise("f", parsed, URL, NOW)


def _faults(samples: list[Sample]) -> Iterator[str]:
    for sample in samples:
        items, entries = _read_here(sample)
        if items < sample.alone:
            yield f"{sample.path}: {items} items, feedparser alone finds {sample.alone}"
        for entry in entries:
            yield from (f"{sample.path}: {fault}" for fault in _entry_faults(entry))


def _entry_faults(entry: Entry) -> Iterator[str]:
    """A14: what no entry may be."""
    for text in (entry.title, entry.summary, entry.content, entry.author, *entry.tags):
        text.encode("utf-8")
        if any(ord(c) < 32 and c != "\n" for c in text):
            yield f"a control character in {text[:60]!r}"
    if entry.url and not entry.url.startswith(("http://", "https://")):
        yield f"a link that is not absolute: {entry.url!r}"
    if entry.published_at and not datetime(1980, 1, 1, tzinfo=UTC) <= entry.published_at <= NOW.replace(month=4):
        yield f"a date that cannot be: {entry.published_at}"
    if "\n" in entry.title or any(len(key) > 40 for key in entry.keys) or not entry.keys:
        yield f"no good title or keys: {entry.title!r} {entry.keys}"


def test_our_own_documents_are_read_like_the_corpus() -> None:
    """A13, A14 on documents of our own: runs everywhere."""
    assert list(_faults(own())) == []


@pytest.mark.corpus
@pytest.mark.slow
def test_no_document_yields_fewer_items_than_feedparser_alone(corpus: list[Sample]) -> None:
    """A13, A14: all 3,174 documents; links absolute, dates true, titles one line of text."""
    assert len(corpus) == 3174
    assert list(_faults(corpus)) == []


def _differences(samples: list[Sample]) -> tuple[int, list[str]]:
    """How many documents the quick reader takes, and those that it reads otherwise than feedparser."""
    taken, differing = 0, []
    for sample in samples:
        body = sample.body.lstrip(b" \t\r\n")
        if not body or prolog.looks_like_json(body):
            continue
        body, headers = labels.mended(body, {})
        harmless, warning = prolog.harmless(body)
        quickly = quick.read(harmless, headers)
        if quickly is not None:
            taken += 1
            if quickly != parse.parse_xml(harmless, headers, warning):
                differing.append(sample.path)
    return taken, differing


def test_the_quick_reader_reads_our_own_documents_as_feedparser_does() -> None:
    taken, differing = _differences([*own(), *_ordinary(), *_odd_heads()])
    assert differing == []
    assert taken >= 5


def _odd_heads() -> list[Sample]:
    """What stands above the entries and makes feedparser say something of its own; the quick reader takes all."""
    atom = '<feed xmlns="http://www.w3.org/2005/Atom">{}<entry><title>A</title><link href="https://x.example/1"/></entry></feed>'
    heads = (
        "<title>AT&amp;amp;T &amp;lt;3</title>",
        '<id>https://lab.example/</id><link rel="self" href="https://lab.example/"/>',
        "<author><name>Ada</name><uri>u</uri><email>e</email></author><contributor><name>Bo</name></contributor>",
    )
    return [Sample(head, atom.format(head).encode(), 1) for head in heads]


def _ordinary() -> list[Sample]:
    """What most publishers send: the quick reader takes these."""
    rss_items = "".join(
        f"<item><title>R&amp;D at lab {n}: it’s open</title><link>https://lab.example/{n}?a=1&amp;b=2</link>"
        f"<guid isPermaLink='false'>{n}</guid><pubDate>Tue, 03 Mar 2026 0{n}:30:00 +0100</pubDate>"
        f"<category>a</category><dc:creator>Ada</dc:creator>"
        f"<description>&lt;p&gt;Text {n} &amp;amp; more&lt;/p&gt;</description>"
        f"<content:encoded><![CDATA[<p>Long {n}</p>]]></content:encoded></item>"
        for n in range(9)
    )
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    rss = f'<rss version="2.0" {spaces}><channel><title>T</title><link>https://lab.example/</link>{rss_items}</channel></rss>'
    atom_entries = "".join(
        f'<entry><id>tag:x,{n}</id><title type="html">A &amp;lt;b&amp;gt; {n}</title>'
        f"<updated>2026-03-0{n + 1}T00:00:00Z</updated>"
        f'<link href="https://lab.example/{n}"/><author><name>Bo</name></author><category term="x" label="X"/>'
        f'<summary>Plain &amp;lt; {n}</summary><content type="html">&lt;p&gt;{n}&lt;/p&gt;</content></entry>'
        for n in range(9)
    )
    atom = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><link href="https://lab.example/"/>{atom_entries}</feed>'
    return [Sample("ordinary rss", rss.encode(), 9), Sample("ordinary atom", atom.encode(), 9)]


def test_the_quick_reader_leaves_the_unusual_to_feedparser() -> None:
    """Facts that feedparser is needed for: each makes the quick reader step back."""
    usual = b'<rss version="2.0"><channel><item><title>A</title><link>https://x.example/1</link></item></channel></rss>'
    assert quick.read(usual, {}) is not None
    for old, new in (
        (b"<rss", b"<!DOCTYPE rss><rss"),
        (b"A</title>", b"A <b>b</b></title>"),
        (b"A</title>", b"A &amp;nbsp; B</title>"),
        (b"A</title>", b"A &nbsp; B</title>"),
        (b"https://x.example/1", b"/1"),
        (b"<channel>", b"<channel xml:base='https://y.example/'>"),
        (b"<item>", b"<item xml:base='https://y.example/'>"),
        (b"<title>A", b"<title>\xe9"),
        (b"<title>A", b"<title>A</title><title>B"),
        (b"<channel>", b"<channel href='https://y.example/'>"),
        (b"<channel>", b"<channel><docs base='/x'>d</docs>"),
        (b"<channel>", b"<channel><docs><item><title>hidden</title></item></docs>"),
        (b"<channel>", b"<channel><image><url><title>B</title></url></image>"),
        (b"<title>A", b"<title><![CDATA[&#55357;&#56832;]]>A"),
        (b"<link>", b"<pubDate>soon</pubDate><link>"),
        (b"<link>", b"<media:title xmlns:media='http://search.yahoo.com/mrss/'>x</media:title><link>"),
        (b"</rss>", b""),
        (b'"2.0"', b'"0.91"'),
    ):
        assert old in usual
        assert quick.read(usual.replace(old, new, 1), {}) is None, new
    assert quick.read(usual, {"content-type": "text/xml; charset=iso-8859-1"}) is None
    entry = b"<entry><link href='https://x.example/1'/><author><name>Bo</name><uri>u</uri></author></entry>"
    usual = b'<feed xmlns="http://www.w3.org/2005/Atom"><author><name>Ada</name></author>' + entry + b"</feed>"
    for old, new in (
        (b"Ada", b"Ada<entry/>"),
        (b">u<", b">u<summary>s</summary><"),
        (b"<name>Bo", b"Cy <name>Bo"),
        (b"<uri>", b"Cy <uri>"),
        (b"Bo", b"B\xc3\x83\xc2\xb6"),
    ):
        assert quick.read(usual, {}) is not None
        assert quick.read(usual.replace(old, new, 1), {}) is None, new


@pytest.mark.corpus
@pytest.mark.slow
def test_the_quick_reader_reads_the_corpus_as_feedparser_does(corpus: list[Sample]) -> None:
    """A13: where the quick reader answers at all, every field of every item is feedparser's."""
    taken, differing = _differences(corpus)
    assert differing == []
    assert taken >= 350


@pytest.mark.corpus
@pytest.mark.slow
async def test_every_document_is_read_in_time_by_a_worker(corpus: list[Sample]) -> None:
    """A13: no crash, no hang, no dead worker, each at most 10 s; JSON feeds included."""
    slowest, read = 0.0, 0
    async with Reader(2) as reader:
        for sample in corpus:
            begun = time.monotonic()
            try:
                found = await reader.read(FEED, Document(URL, 200, {}, sample.body), NOW)
                read += found.items
                assert not sample.is_json or found.format.startswith("json")
            except ParseError as error:
                assert type(error) is ParseError, sample.path
            slowest = max(slowest, time.monotonic() - begun)
    assert slowest <= 10
    assert read >= 11_000
