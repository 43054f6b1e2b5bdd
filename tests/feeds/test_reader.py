"""A36: documents are read in workers; whatever a document does, it ends soon, stays small and harms nobody."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from monitor.errors import ParseError, ParseInterrupted
from monitor.feeds import reading, wire
from monitor.feeds.reader import Limits, Reader
from monitor.model import Document, Feed
from monitor.testing.feed_server import FeedServer

FEED = Feed("f", "https://feeds.example/feed")
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
GOOD = (Path(__file__).parent / "documents" / "rss20.xml").read_bytes()


def document(body: bytes) -> Document:
    return Document(FEED.url, 200, {"content-type": "application/rss+xml", "set-cookie": "CANARY"}, body)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    async with Reader(2) as running:
        yield running


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


async def test_a_document_becomes_a_reading(reader: Reader) -> None:
    found = await reader.read(FEED, document(GOOD), NOW)
    assert (found.format, found.title, found.items, len(found.entries)) == ("rss20", "Weights & Measures", 4, 4)
    assert found.hints.skip_hours == (0, 1)
    first = found.entries[0]
    assert (first.feed_id, first.title) == ("f", "Orion drops its open licence")
    assert first.published_at == datetime(2026, 3, 3, 8, 30, tzinfo=UTC)


async def test_what_is_no_feed_is_said_and_the_worker_lives_on(reader: Reader) -> None:
    for _ in range(3):
        with pytest.raises(ParseError, match="web page"):
            await reader.read(FEED, document(b"<html><body>Accept cookies?</body></html>"), NOW)
    assert len(children()) == 1


async def test_what_nobody_foresaw_is_an_answer_and_the_worker_lives_on(reader: Reader) -> None:
    """A36: an error of the reading code itself is said by its name, not taken for a document that costs too much."""
    for _ in range(2):
        with pytest.raises(ParseError, match=r"trips up what reads it \(JSONDecodeError\)") as caught:
            wire.received(await reader.perform(b"no order", b"<rss/>"), FEED.id)
        assert not isinstance(caught.value, ParseInterrupted)
    assert len(children()) == 1


async def test_workers_start_when_there_is_something_to_read(reader: Reader) -> None:
    """A round of 304 pays nothing for workers, and never more of them run than were allowed."""
    assert children() == []
    await asyncio.gather(*(reader.read(FEED, document(GOOD), NOW) for _ in range(20)))
    assert len(children()) == 2


async def test_workers_end_with_the_reader() -> None:
    async with Reader(1) as running:
        await running.read(FEED, document(GOOD), NOW)
        assert children()
    assert children() == []
    async with Reader(2) as running:
        running.start()
        started = set(children())
        assert len(started) == 2
        assert (await running.read(FEED, document(GOOD), NOW)).items == 4
        assert set(children()) == started
    assert children() == []


@pytest.mark.parametrize("slow", [False, True])
async def test_what_may_take_long_never_takes_every_worker(reader: Reader, slow: bool) -> None:
    """A35, A36: beside large documents, and those of feeds that could not be read, others are read at once."""
    await asyncio.gather(*(reader.read(FEED, document(GOOD), NOW) for _ in range(4)))  # both workers have started
    words = b"word " * (100_000 if slow else 120_000)
    big = (
        b"<rss version='2.0'><channel><item><title>a</title><description>" + words + b"</description></item></channel>"
    )
    long = [asyncio.create_task(reader.read(FEED, document(big), NOW, slow=slow)) for _ in range(8)]
    await asyncio.sleep(0)  # they are in line
    await reader.read(FEED, document(GOOD), NOW)
    assert sum(task.done() for task in long) < 6  # in line behind them it would be the ninth
    await asyncio.gather(*long)


async def test_a_killed_worker_is_replaced(reader: Reader) -> None:
    """A worker that dies takes one reading with it at most."""
    await reader.read(FEED, document(GOOD), NOW)
    os.kill(children()[0], signal.SIGKILL)
    with pytest.raises(ParseInterrupted):
        await reader.read(FEED, document(GOOD), NOW)
    assert (await reader.read(FEED, document(GOOD), NOW)).items == 4


async def test_a_cancelled_reading_leaves_no_answer_behind(reader: Reader) -> None:
    """The next document never gets the answer to the last one."""
    slow = asyncio.create_task(reader.read(FEED, document(_items(4000)), NOW))
    await asyncio.sleep(0.3)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    assert (await reader.read(FEED, document(GOOD), NOW)).items == 4


async def test_the_next_document_is_at_the_worker_before_it_answers() -> None:
    """A worker that had to ask for it would stand still: this one answers no document before the next has come."""
    async with Reader(1, Limits(wall_s=20), program="tests.feeds.ahead") as reader:
        await reader.read(FEED, document(GOOD), NOW)
        found = await asyncio.gather(*(reader.read(FEED, document(GOOD), NOW) for _ in range(4)))
    assert [one.format for one in found] == ["rss20"] * 4


async def test_a_document_that_was_sent_ahead_is_read_whatever_becomes_of_the_one_before() -> None:
    """A13, A36: it waits in the pipe of a worker that may die, and its own answer may be given up there."""
    async with Reader(1, Limits(cpu_s=0.2)) as hasty:
        await hasty.read(FEED, document(GOOD), NOW)
        deadly, good = hasty.read(FEED, document(_items(8000)), NOW), hasty.read(FEED, document(GOOD), NOW)
        died, read = await asyncio.gather(deadly, good, return_exceptions=True)
        assert isinstance(died, ParseInterrupted)
        assert isinstance(read, wire.Reading)
        tasks = [asyncio.create_task(hasty.read(FEED, document(body), NOW)) for body in (_items(300), _items(7), GOOD)]
        await asyncio.sleep(0)  # the first is read, the second is sent
        await asyncio.sleep(0)
        tasks[1].cancel()
        first, given_up, last = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(first, wire.Reading)
        assert isinstance(last, wire.Reading)
        assert isinstance(given_up, asyncio.CancelledError)
        assert (first.items, last.items) == (300, 4)
        assert len(children()) == 1


async def test_stop_signals_are_the_main_process_s_business(reader: Reader) -> None:
    """A document under way is read to its end when the unit is stopped."""
    await reader.read(FEED, document(GOOD), NOW)
    for stop in (signal.SIGINT, signal.SIGTERM):
        os.kill(children()[0], stop)
    assert (await reader.read(FEED, document(GOOD), NOW)).items == 4


async def test_no_secret_reaches_a_worker(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A37: the environment of a process that reads what strangers wrote holds no token."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-CANARY")
    await reader.read(FEED, document(GOOD), NOW)
    assert "CANARY" not in Path(f"/proc/{children()[0]}/environ").read_text()


def test_an_answer_that_makes_no_sense_is_an_error() -> None:
    """What comes from a worker is not believed."""
    good = msgspec.msgpack.decode(reading.perform(reading.job("f", FEED.format, FEED.url, {}, NOW), GOOD))
    entry = good["entries"][0]
    wrong = (
        {"items": "many"},
        {"hints": {"skip_hours": ["x"]}},
        {"entries": [entry | {"title": 5}]},
        {"entries": [entry | {"links": "no list"}]},
        {"entries": [entry | {"published_at": "yesterday"}]},
        {"entries": [entry | {"feed_id": "another"}]},
    )
    for broken in ([], {}, [1, 2, 3], "x", *(good | one for one in wrong)):
        with pytest.raises(ParseError, match="makes no sense"):
            wire.received(msgspec.msgpack.encode(broken), "f")
    for noise in (b"", b"\x80\x04.", b"\xff" * 9, b"{", b"{}", b"\x91" * 100_000):
        with pytest.raises(ParseError, match="makes no sense"):
            wire.received(noise, "f")
    assert wire.received(msgspec.msgpack.encode(good), "f").items == 4


# ---- hostile documents


def _rss(inside: str, prolog: str = "") -> bytes:
    return f'<?xml version="1.0"?>{prolog}<rss version="2.0"><channel>{inside}</channel></rss>'.encode()


def _items(count: int) -> bytes:
    return _rss("".join(f"<item><guid>{n}</guid><title>t{n}</title></item>" for n in range(count)))


def _laughs() -> bytes:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10))
    return _rss("<item><title>&l9;</title></item>", f"<!DOCTYPE r [{lines}]>")


def _quadratic() -> bytes:
    declared = f'\n<!DOCTYPE r [\n<!ENTITY a "{"x" * 50_000}">\n]>\n'
    return _rss(f"<item><title>{'&a;' * 50_000}</title></item>", declared)


def _external() -> bytes:
    return _rss("<item><title>&x;</title></item>", '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>')


def _nested_elements() -> bytes:
    return _rss(f"{'<a>' * 50_000}x{'</a>' * 50_000}<item><title>t</title></item>")


def _nested_markup() -> bytes:
    return _rss(f"<item><title>t</title><description><![CDATA[{'<div>' * 50_000}x]]></description></item>")


def _nested_inline() -> bytes:
    return _rss(f"<item><title>t</title><description>{'<div>' * 50_000}x{'</div>' * 50_000}</description></item>")


def _attributes() -> bytes:
    attributes = " ".join(f"a{n}='x'" for n in range(20_000))
    return _rss(f"<item {attributes}><title>t</title></item>")


def _nested_json() -> bytes:
    return b'{"version":"https://jsonfeed.org/version/1","items":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def _open_quotes() -> bytes:
    markup = '<a href="' * 200_000
    return _rss(f"<item><title>t</title><description><![CDATA[{markup}]]></description></item>")


def _comments() -> bytes:
    return _rss(f"<item><title>t</title><description><![CDATA[{'<!--' * 200_000}<script>]]></description></item>")


HOSTILE: list[Callable[[], bytes]] = [
    _laughs,
    _quadratic,
    _external,
    _nested_elements,
    _nested_markup,
    _nested_inline,
    _attributes,
    _nested_json,
    _open_quotes,
    _comments,
]


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__.strip("_"))
async def test_hostile_documents_end_soon_and_small(reader: Reader, make: Callable[[], bytes]) -> None:
    """A36: read or refused in at most 5 s of a core, RSS growth at most 128 MB, and the next document is read."""
    await reader.read(FEED, document(GOOD), NOW)
    worker = children()[0]
    body, before = make(), _rss_kb(worker)
    used, cpu = _cpu_s(worker), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        found = await reader.read(FEED, document(body), NOW)
        assert "root:" not in found.entries[0].title
    except ParseError:
        pass
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu <= 5
    if worker in children():
        assert _cpu_s(worker) - used <= 5
        assert _peak_kb(worker) - before <= 128 * 1024
    assert (await reader.read(FEED, document(GOOD), NOW)).items == 4


def _cpu_s(pid: int) -> float:
    """What a process used of a core so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_kb(pid: int) -> int:
    return _status_kb(pid, "VmRSS")


def _peak_kb(pid: int) -> int:
    return _status_kb(pid, "VmHWM")


def _status_kb(pid: int, name: str) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


async def test_external_entities_reach_no_server(reader: Reader) -> None:
    """A36: XXE makes no request."""
    async with FeedServer() as server:
        url = server.url("/x.dtd")
        declared = f'<!DOCTYPE r SYSTEM "{url}" [<!ENTITY x SYSTEM "{url}"><!ENTITY % p SYSTEM "{url}"> %p;]>'
        await reader.read(FEED, document(_rss("<item><title>&x;</title></item>", declared)), NOW)
        assert server.requests == []


async def test_time_is_limited_by_the_kernel() -> None:
    """A36: a document that takes too much CPU time ends its worker, and only that."""
    async with Reader(1, Limits(cpu_s=0.5)) as hasty:
        with pytest.raises(ParseInterrupted):
            await hasty.read(FEED, document(_items(20_000)), NOW)
        assert (await hasty.read(FEED, document(GOOD), NOW)).items == 4


async def test_memory_is_limited_by_the_kernel() -> None:
    """A36: a document that takes too much memory is refused, and the next one is read by a fresh worker."""
    async with Reader(1, Limits(memory_mib=24)) as narrow:
        with pytest.raises(ParseError, match="memory"):
            await narrow.read(FEED, document(_rss(f"<item><title>{'word ' * 2_000_000}</title></item>")), NOW)
        assert (await narrow.read(FEED, document(GOOD), NOW)).items == 4


async def test_a_large_document_leaves_no_large_worker(reader: Reader) -> None:
    """A13: a worker that grew is replaced, so memory does not pile up."""
    big = _rss(f"<item><title>t</title><description>{'word ' * 2_500_000}</description></item>")
    assert (await reader.read(FEED, document(big), NOW)).items == 1
    await reader.read(FEED, document(GOOD), NOW)
    assert _rss_kb(children()[0]) < 100 * 1024


@pytest.mark.parametrize("tag", [b"<b>x", b"<item><title>a", b"<a "])
async def test_megabytes_of_elements_that_are_never_closed_end_at_once(reader: Reader, tag: bytes) -> None:
    """A13: feedparser would take longer for them than a document may take."""
    body = b"<rss version='2.0'><channel><item><title>a</title><description>" + tag * (3_000_000 // len(tag))
    start = time.monotonic()
    with pytest.raises(ParseError, match="never closes"):
        await reader.read(FEED, document(body), NOW)
    assert time.monotonic() - start < 10
