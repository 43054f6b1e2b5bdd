"""What rounds of polls cost, beside a floor (and a peer) in the same run.

    python bench/poll.py [FEEDS]                cold, warm and mixed rounds of FEEDS (500) feeds
    python bench/poll.py 2000 --peer PYTHON     the same beside lemon24/reader, installed where PYTHON is
    python bench/poll.py 200 --adverse          some slow, some failing: beside the slowest answer
    python bench/poll.py 2000 --large 10000     what a feed costs among 10,000, beside what it costs among 2,000
    python bench/poll.py 10000 --daemon 300     the daemon: memory after a full round, ticks in it, CPU when idle

nginx on loopback serves RSS documents of 25 entries; `run --once --all` polls them as a process of its own, start-up
and configuration with the shipped rules included: cold (a fresh store, all 200), warm (all 304), mixed (one in ten has
news). The floor does the least a poller can do with the same tools: aiohttp fetches, lxml parses, nothing is stored.
The server shares the machine with all of them. Wall times mislead on a busy machine; CPU is that of all processes of a
poller.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from _farm import ITEMS, SLOW_S, Farm, farm
from lxml import etree

PEER_SETUP = """
import sys; from reader import make_reader
r = make_reader(sys.argv[1]); [r.add_feed(u.strip()) for u in open(sys.argv[2])]
"""
PEER_ROUND = """
import sys; from reader import make_reader
make_reader(sys.argv[1]).update_feeds(workers=8, scheduled=False)
"""


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds of one round."""

    wall: float
    cpu: float


def timed(command: Sequence[str]) -> Cost:
    """What a process cost, its children included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # ourselves, or the peer
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def configured(root: Path, urls: list[str]) -> Path:
    """A configuration with the shipped rules that polls these URLs."""
    config = root / "config"
    config.mkdir()
    shutil.copytree(Path(__file__).parents[1] / "config" / "rules", config / "rules")
    (config / "monitor.yaml").write_text(
        "database: sqlite:///../bench.db\nstate_dir: ../var\nreceivers: [{name: screen, type: console}]\n"
        "polling: {host_gap: 0s, allow_private_networks: [127.0.0.0/8]}\nweb: {listen: null}\n"
    )
    lines = [f"  - {{id: f{number}, url: '{url}'}}" for number, url in enumerate(urls)]
    (config / "feeds.yaml").write_text("\n".join(["feeds:", *lines, ""]))
    return config


def program(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "monitor.cli.main", "--config", str(config), "run", *words]


async def floor(urls: list[str]) -> Cost:
    """Fetching and parsing, 64 at once, in a process that is running already."""
    slots = asyncio.Semaphore(64)
    start, cpu = time.perf_counter(), time.process_time()
    async with aiohttp.ClientSession() as session:

        async def one(url: str) -> int:
            async with slots, session.get(url) as answer:
                return len(etree.fromstring(await answer.read()).findall(".//item"))

        found = sum(await asyncio.gather(*(one(url) for url in urls)))
    if found != len(urls) * ITEMS:
        raise RuntimeError(f"{found} items, {len(urls) * ITEMS} were served")
    return Cost(time.perf_counter() - start, time.process_time() - cpu)


def row(name: str, feeds: int, cost: Cost, against: Cost | None = None) -> None:
    ratio = f"{cost.wall / against.wall:14.2f}" if against else ""
    print(f"{name:28} {feeds / cost.wall:8.0f} {cost.cpu / feeds * 1000:13.2f}{ratio}", flush=True)


def rounds(grown: Farm, feeds: int, peer: str | None) -> None:
    """Cold, warm and mixed, ours and the peer's in turn."""
    least = asyncio.run(floor(grown.urls(feeds)))
    print(f"{feeds} feeds of {ITEMS} entries         feeds/s   CPU ms/feed   x floor (wall)")
    row("floor: aiohttp and lxml", feeds, least)
    with tempfile.TemporaryDirectory() as root:
        pollers = {"run --once --all": program(configured(Path(root), grown.urls(feeds)), "--once", "--all")}
        if peer:
            (Path(root) / "urls").write_text("\n".join(grown.urls(feeds)))
            subprocess.run([peer, "-c", PEER_SETUP, f"{root}/peer.db", f"{root}/urls"], check=True)
            pollers["reader, 8 workers"] = [peer, "-c", PEER_ROUND, f"{root}/peer.db"]
        for word in ("cold", "warm", "mixed"):
            if word == "mixed":
                grown.change(feeds, 1)
            for name, command in pollers.items():
                row(f"{name}, {word}", feeds, timed(command), least)


def adverse(grown: Farm, feeds: int) -> None:
    """One round among feeds that are slow or fail, beside the slowest answer."""
    with tempfile.TemporaryDirectory() as root:
        cost = timed(program(configured(Path(root), grown.adverse(feeds)), "--once", "--all"))
    print(
        f"{feeds} feeds, 5 % of them answering after {SLOW_S:g} s: {cost.wall:.1f} s, {cost.wall / SLOW_S:.2f} x that"
    )


def large(grown: Farm, few: int, many: int) -> None:
    """What a feed costs among many, beside what it costs among few."""
    costs = {}
    for feeds in (few, many):
        with tempfile.TemporaryDirectory() as root:
            costs[feeds] = timed(program(configured(Path(root), grown.urls(feeds)), "--once", "--all"))
        row(f"cold, {feeds} feeds", feeds, costs[feeds])
    a, b = costs[few], costs[many]
    print(f"a feed costs {b.wall / many / (a.wall / few):.2f} x the time, {b.cpu / many / (a.cpu / few):.2f} x the CPU")


class Daemon:
    """A daemon at work, and what /proc and its database say of it."""

    def __init__(self, root: Path) -> None:
        self.database = root / "bench.db"
        self.process = subprocess.Popen(program(root / "config"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def ask(self, question: str) -> str:
        with sqlite3.connect(self.database, timeout=30) as connection:
            return str(connection.execute(question).fetchone()[0])

    def memory(self) -> float:
        """VmRSS of the main process, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    def cpu(self) -> float:
        """CPU seconds of the main process and its workers so far."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ticks = 0
        for one in (pid, *children):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15] if one == pid else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


def daemon(grown: Farm, feeds: int, seconds: float) -> None:
    """A full round by the daemon, its memory a minute later; then what it takes of a core when little is new."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        configured(root, grown.urls(feeds))
        running, start = Daemon(root), time.monotonic()
        latest = 0.0
        while int(_or_zero(running, "SELECT count(*) FROM feed WHERE last_poll_at IS NOT NULL")) < feeds:
            time.sleep(1)
            ticked = _or_zero(running, "SELECT value FROM fact WHERE name = 'last_tick'").strip('"')
            if ticked != "0":
                latest = max(latest, (datetime.now(UTC) - datetime.fromisoformat(ticked)).total_seconds())
        took = time.monotonic() - start
        print(f"a round of {feeds} by the daemon: {took:.0f} s; the last tick was noted {latest:.0f} s before at most")
        time.sleep(60)
        print(f"VmRSS of the main process a minute later: {running.memory():.0f} MB")
        running.stop()
        _spread(root / "bench.db")
        grown.change(feeds, 1)
        running = Daemon(root)
        time.sleep(20)
        cpu, polls, start = running.cpu(), int(running.ask("SELECT sum(poll_seq) FROM feed")), time.monotonic()
        time.sleep(seconds)
        share = (running.cpu() - cpu) / (time.monotonic() - start)
        polls = int(running.ask("SELECT sum(poll_seq) FROM feed")) - polls
        print(
            f"idle, {feeds} feeds every 15 min, nine in ten 304: {share:.1%} of a core, {polls / seconds:.1f} polls/s"
        )
        running.stop()


def _or_zero(running: Daemon, question: str) -> str:
    try:
        return running.ask(question)
    except (sqlite3.Error, TypeError):  # not there yet
        return "0"


def _spread(database: Path) -> None:
    """Due times as when a daemon has run for long, spread over the quarter of an hour; search is up to date."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with sqlite3.connect(database, timeout=30) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM feed")]
        due = [(str(now + timedelta(seconds=10 + 900 * n / len(ids))), one) for n, one in enumerate(ids)]
        connection.executemany("UPDATE feed SET next_poll_at = ? WHERE id = ?", due)
        connection.execute("DELETE FROM unsearched")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("feeds", type=int, nargs="?", default=500)
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--adverse", action="store_true")
    parser.add_argument("--large", type=int, metavar="FEEDS")
    parser.add_argument("--daemon", type=float, metavar="SECONDS")
    asked = parser.parse_args()
    with farm(max(asked.feeds, asked.large or 0)) as grown:
        if asked.adverse:
            adverse(grown, asked.feeds)
        elif asked.large:
            large(grown, asked.feeds, asked.large)
        elif asked.daemon:
            daemon(grown, asked.feeds, asked.daemon)
        else:
            rounds(grown, asked.feeds, asked.peer)


if __name__ == "__main__":
    main()
