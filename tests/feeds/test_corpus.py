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
from monitor.feeds import parse
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
