"""What a round of polls costs, beside a floor in the same run. Run: `python bench/poll.py [feeds]`.

A feed server of our own on loopback serves RSS documents of 25 entries; `run --once --all` polls them as a process of
its own, start-up and configuration included: cold (a fresh store, all 200) and warm (all 304). The floor does the least
a poller can do with the same tools: aiohttp fetches, lxml parses, nothing is stored. The server shares the machine
with both, and takes as long to answer either.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from lxml import etree

from monitor.testing.feed_server import FeedServer, rss

HOSTS = tuple(f"127.0.0.{n}" for n in range(2, 66))
ITEMS = 25
# Ordinary news: rules find next to nothing in it, as they do in most of what feeds carry.
WORDS = ("harbour", "council", "match", "river", "season", "police", "school", "storm", "hospital", "film", "train")


def document(number: int) -> bytes:
    """A feed of about 38 KB; the same number gives the same bytes."""
    chance = random.Random(number)  # no secret

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    items = [
        {
            "title": text(9),
            "link": f"https://news.example.org/{number}/{item}?utm_source=rss",
            "guid": f"https://news.example.org/{number}/{item}",
            "pubDate": f"Mon, 02 Mar 2026 {item % 24:02d}:00:00 GMT",
            "category": chance.choice(WORDS),
            "description": f"<p>{text(60)}</p><p>{text(150)} <a href='https://example.org/{item}'>more</a></p>",
        }
        for item in range(ITEMS)
    ]
    return rss(f"Feed {number}", items)


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


def ours(config: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one round, workers included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "monitor.cli.main", "--config", str(config), "run", "--once", "--all"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # ourselves
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def floor(urls: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of fetching and parsing, 64 at once, in a process that is running already."""
    slots = asyncio.Semaphore(64)
    start, cpu = time.perf_counter(), time.process_time()
    async with aiohttp.ClientSession() as session:

        async def one(url: str) -> int:
            async with slots, session.get(url) as answer:
                return len(etree.fromstring(await answer.read()).findall(".//item"))

        found = sum(await asyncio.gather(*(one(url) for url in urls)))
    if found != len(urls) * ITEMS:
        raise RuntimeError(f"{found} items, {len(urls) * ITEMS} were served")
    return time.perf_counter() - start, time.process_time() - cpu


def serve(feeds: int, ready: int) -> None:
    """Serve the documents until killed; the port goes down the pipe."""

    async def forever() -> None:
        async with FeedServer(HOSTS) as server:
            for number in range(feeds):
                server.document(f"/{number}", document(number % 200))
            os.write(ready, f"{server.port}\n".encode())
            await asyncio.Event().wait()

    asyncio.run(forever())


def main() -> None:
    feeds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    read, write = os.pipe()
    server = os.fork()
    if server == 0:
        serve(feeds, write)
    try:
        port = int(os.read(read, 16))
        urls = [f"http://{HOSTS[number % len(HOSTS)]}:{port}/{number}" for number in range(feeds)]
        with tempfile.TemporaryDirectory() as root:
            config = configured(Path(root), urls)
            least, least_cpu = asyncio.run(floor(urls))
            print(f"{feeds} feeds of {ITEMS} entries         feeds/s   CPU ms/feed   x floor (wall)")
            print(f"floor: aiohttp and lxml only    {feeds / least:8.0f} {least_cpu / feeds * 1000:13.2f}")
            for word in ("cold", "warm"):
                wall, cpu = ours(config)
                row = f"{feeds / wall:8.0f} {cpu / feeds * 1000:13.2f} {wall / least:16.1f}"
                print(f"run --once --all, {word}          {row}")
    finally:
        os.kill(server, 9)
        os.waitpid(server, 0)


if __name__ == "__main__":
    main()
