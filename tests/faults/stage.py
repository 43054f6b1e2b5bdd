"""The real process, one life long, while everything under it fails and comes back: disk, database, names, clock."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from monitor.testing.feed_server import FeedServer
from monitor.testing.installed import Installed, until
from monitor.testing.judge import Verdict, judge
from monitor.testing.newsroom import Kind, Newsroom
from monitor.testing.slack_server import SlackServer
from tests.violence.rules import write_rules

CHANNEL = "C1"
TOKEN = "xoxb-3141592653-canarytoken-SECRET"
FEEDS, SLACK = "feeds.test", "slack.test"
PATIENCE_S = 90.0


class Feeds(FeedServer):
    """Keeps no connection open, so that a name is asked for at each poll."""

    def document(self, path: str, body: bytes, **headers: str) -> None:
        super().document(path, body, Connection="close", **headers)


@dataclass
class Stage:
    """An installation, its newsroom and its Slack. `told` counts the rows of the matrix that ended well."""

    root: Path
    newsroom: Newsroom
    slack: SlackServer
    page: str
    environ: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    news: int = 0
    lines: list[str] = field(default_factory=list)

    # ---- what happens

    def publish(self) -> str:
        """A storyline nobody heard of; its headline."""
        feed = self.newsroom.feeds[self.news % len(self.newsroom.feeds)]
        report = self.newsroom.write(self.newsroom.storylines, Kind.FIRST, feed)
        self.news += 1
        return report.title

    def is_told(self, headline: str) -> bool:
        return any(headline in str(one) for one in self.slack.top_level(CHANNEL))

    def verdict(self) -> Verdict:
        return judge(self.newsroom.server.requests, self.newsroom, self.slack.messages(CHANNEL))

    # ---- what it says of itself

    async def ready(self) -> tuple[bool, str]:
        """What /readyz says, and why."""
        async with httpx.AsyncClient(timeout=8, trust_env=False) as client:
            try:
                answer = await client.get(f"{self.page}/readyz")
            except httpx.HTTPError as error:
                return False, f"no answer: {error!r}"
        return answer.status_code == 200, "; ".join(answer.json()["reasons"])

    async def status(self) -> dict[str, Any]:
        """What a person is told. Another process, so its clock is the real one."""
        done = await Installed(self.root, self.environ).command("status", "--json")
        return dict(json.loads(done.out)) if done.code == 0 else {"problems": [done.err], "ok": False}

    def polls(self) -> int:
        return len(self.newsroom.server.requests)

    def rss_mib(self) -> int:
        assert self.process is not None
        [line] = [one for one in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if "VmRSS" in one]
        return int(line.split()[1]) // 1024

    def log(self) -> str:
        return (self.root / "daemon.log").read_text(encoding="utf-8", errors="replace")

    # ---- trouble

    @property
    def state(self) -> Path:
        return self.root / "var"

    def fill_disk(self) -> None:
        with suppress(OSError), (self.state / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        (self.state / "filler").unlink()

    def lock_database(self) -> sqlite3.Connection:
        other = sqlite3.connect(self.state / "licensewatch.db", isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        return other

    def names(self, *, known: bool) -> None:
        """The hosts file that the process alone sees, in place: a bind mount follows the inode."""
        lines = f"127.0.0.1 {FEEDS} {SLACK}\n" if known else "# nobody is known\n"
        with (self.root / "hosts").open("r+") as file:
            file.write("127.0.0.1 localhost\n" + lines)
            file.truncate()

    def set_clock(self, off: timedelta) -> None:
        (self.root / "clock.tmp").write_text(str(off.total_seconds()))
        (self.root / "clock.tmp").replace(self.root / "clock")

    # ---- life

    @asynccontextmanager
    async def life(self, command: list[str]) -> AsyncIterator[None]:
        with (self.root / "daemon.log").open("ab") as sink:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        try:
            yield
            assert self.process.returncode is None, f"it died: {self.log()[-3000:]}"
        finally:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            self.code = await asyncio.wait_for(self.process.wait(), 60)

    def command(self, *, apart: bool) -> list[str]:
        """The daemon at DEBUG under a settable clock; `apart`: in a mount namespace with hosts of its own."""
        clocked = Path(__file__).with_name("clocked.py")
        run = [sys.executable, str(clocked), "--config", str(self.root / "config"), "--verbose", "run"]
        if not apart:
            return run
        binds = [
            f"mount --bind {self.root}/hosts /etc/hosts",
            f"mount --bind {self.root}/resolv.conf /etc/resolv.conf",
        ]
        return ["unshare", "--mount", "sh", "-c", " && ".join([*binds, f"exec {shlex.join(run)}"])]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def stage(root: Path, *, names: bool, database: str = "") -> AsyncIterator[Stage]:
    """An installation that watches made-up feeds. `names`: through host names, which can be taken away."""
    async with Feeds() as feeds, SlackServer(rate=None) as slack:
        slack.bot(TOKEN)
        slack.channel(CHANNEL)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "CLOCK_FILE": str(root / "clock")}
        own = {"SLACK_BOT_TOKEN": TOKEN, "LICENSEWATCH_PACE": "50ms", "TZ": "Europe/Berlin", "NO_COLOR": "1"}
        if database:
            own["LICENSEWATCH_DATABASE_URL"] = database
        newsroom = Newsroom(feeds, datetime.now(UTC) - timedelta(hours=1))
        made = Stage(root, newsroom, slack, f"http://127.0.0.1:{free_port()}", kept | paths | own)
        (root / "hosts").touch()
        (root / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        made.names(known=True)
        made.set_clock(timedelta())

        def called(url: str, name: str) -> str:
            return url.replace("127.0.0.1", name) if names else url

        listed = [
            {"id": one, "url": called(feeds.url(f"/{one}.xml"), FEEDS), "title": one.title()} for one in newsroom.feeds
        ]
        monitor = f"""state_dir: ../var
polling: {{interval: 1s, rhythm: fixed, max_interval: 2s, host_gap: 0s, allow_private_networks: [127.0.0.0/8]}}
receivers:
  - {{name: r, type: slack, channel: {CHANNEL}, api_url: "{called(slack.api_url, SLACK)}", settle: 200ms}}
  - {{name: screen, type: console}}
routes: [{{to: [r]}}]
ops: {{to: [screen]}}
web: {{listen: '{made.page.removeprefix("http://")}'}}
"""
        Installed(root).configure(monitor, listed)
        write_rules(root / "config" / "rules")
        newsroom.open()
        yield made


async def settled(one: Stage, headlines: list[str]) -> None:
    """Everything that was published is told, and it says that it is well."""
    for headline in headlines:
        await until(lambda headline=headline: one.is_told(headline), f"{headline!r} is told", PATIENCE_S)

    async def is_ready() -> bool:
        return (await one.ready())[0]

    await until(is_ready, "it is ready again", PATIENCE_S)


async def polled(one: Stage, times: int = 3) -> float:
    """Seconds until the feeds were asked so often again."""
    before, start = one.polls(), time.monotonic()
    await until(lambda: one.polls() >= before + times, f"{times} more polls", PATIENCE_S)
    return time.monotonic() - start
