"""The server beside the daemon: a port that is taken, signals, slow visitors, the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import structlog

from monitor.store.engine import Database
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import Installed, until
from monitor.web.server import PageServer
from tests.web.conftest import Visitor, served
from tests.web.world import fill


def taken_port() -> tuple[socket.socket, int]:
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    return other, other.getsockname()[1]


async def test_a_port_that_is_taken_is_a_warning_and_tried_again(sqlite_database: Database, tmp_path: Path) -> None:
    other, port = taken_port()
    with structlog.testing.capture_logs() as logs:
        page = PageServer(fill(tmp_path, sqlite_database).source(), ("127.0.0.1", port), again_s=0.1)
        page.start()
        await asyncio.sleep(0.5)
        assert not page.bound.is_set()
        other.close()
        await asyncio.wait_for(page.bound.wait(), 20)
        await page.close()
    told = [(one["log_level"], one["event"]) for one in logs]
    assert told == [("warning", "status page not open"), ("info", "status page open")]
    assert "in use" in logs[0]["problem"]


async def test_a_host_that_is_not_ours_is_a_warning(sqlite_database: Database, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        page = PageServer(fill(tmp_path, sqlite_database).source(), ("no-such-host.invalid", 9464))
        page.start()
        await asyncio.sleep(1)
        await page.close()
    assert [one["event"] for one in logs] == ["status page not open"]


async def test_signals_stay_the_daemons(sqlite_database: Database, tmp_path: Path) -> None:
    """uvicorn would take SIGTERM for itself, stop, and raise it again."""
    heard: list[int] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.append, 15)
    async with served(fill(tmp_path, sqlite_database)) as visitor:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert heard == [15]
        assert (await visitor.get("/healthz")).status_code == 200
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_visitors_that_say_nothing_keep_nobody_waiting(quick_visitor: Visitor) -> None:
    """Connections that send half a request neither slow the loop nor the end."""
    port = int(quick_visitor.base.rpartition(":")[2])
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
    for _, writer in idle:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert (await quick_visitor.get("/healthz")).status_code == 200
    for _, writer in idle:
        writer.close()


async def test_many_pages_at_once_leave_the_loop_to_others(quick_visitor: Visitor) -> None:
    """While thirty pages are made, the loop that polls keeps getting its turn (made on the loop, it would get six)."""
    turns = 0
    running = True

    async def watch() -> None:
        nonlocal turns
        while running:
            await asyncio.sleep(0.005)
            turns += 1

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(*(quick_visitor.get("/timeline?days=1096") for _ in range(30)))
    running = False
    await watching
    assert {one.status_code for one in answers} == {200}
    assert turns >= 20


def monitor_yaml(port: int) -> str:
    return f"""state_dir: ../var
polling: {{interval: 2s, rhythm: fixed, host_gap: 0s, allow_private_networks: [127.0.0.0/8]}}
receivers: [{{name: screen, type: console}}]
web: {{listen: "127.0.0.1:{port}"}}
"""


RULES = """version: 1
rules:
  - {id: closing, title: A lab closes, severity: high, when: closed, shift: {direction: closing}}
"""


async def test_the_daemon_serves_its_page(tmp_path: Path) -> None:
    """Beside a running daemon: pages, readiness, search over what was just read; SIGTERM ends both."""
    other, port = taken_port()
    other.close()
    async with FeedServer() as feeds:
        item = {"title": "A model is closed", "link": "https://a.example.org/1", "guid": "1", "description": "x"}
        feeds.document("/a.xml", rss("A", [item]))
        installed = Installed(tmp_path)
        installed.configure(monitor_yaml(port), [{"id": "a", "title": "Paper A", "url": feeds.url("/a.xml")}])
        (installed.config / "rules" / "rules.yaml").write_text(RULES, "utf-8")
        async with installed.running() as daemon, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def shows(path: str, words: str, status: int = 200) -> bool:
                try:
                    answer = await http.get(path)
                except httpx.TransportError:
                    return False
                return answer.status_code == status and words in answer.text

            await until(lambda: shows("/healthz", "true"), "the page is open", 60)
            await until(lambda: shows("/feeds", "Paper A"), "the feed is listed")
            await until(lambda: shows("/search?q=model+closed", "<mark>model</mark>"), "the entry is found")
            await until(lambda: shows("/readyz", '"ready":true'), "it is ready")
            await until(lambda: shows("/metrics", 'licensewatch_feeds{health="active"} 1.0'), "metrics count the feed")
            before = time.monotonic()
            assert await daemon.stop() == 0
            assert time.monotonic() - before < 15
    assert "Traceback" not in daemon.words()


async def test_a_taken_port_stops_no_poll(tmp_path: Path) -> None:
    other, port = taken_port()
    async with FeedServer() as feeds:
        feeds.document("/a.xml", rss("A", []))
        installed = Installed(tmp_path)
        installed.configure(monitor_yaml(port), [{"id": "a", "url": feeds.url("/a.xml")}])
        (installed.config / "rules" / "rules.yaml").write_text(RULES, "utf-8")
        async with installed.running() as daemon:
            await until(lambda: len(feeds.of("/a.xml")) >= 2, "the feed was polled twice", 60)
            assert await daemon.stop() == 0
    other.close()
    assert "status page not open" in daemon.words()
    assert "polling goes on" in daemon.words()
