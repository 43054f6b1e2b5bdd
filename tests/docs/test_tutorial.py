"""docs/tutorial.md, done as a reader does it: files written, commands run in order, what they show compared."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from monitor.testing.slack_server import SlackServer

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
KEEP = "\nexport -p > .environment\n"


@dataclass
class Reader:
    """Somebody who follows a page in an empty directory. `instead` is what stands for what the page makes up."""

    home: Path
    instead: dict[str, str]
    environ: dict[str, str]
    groups: list[int] = field(default_factory=list)
    seen: str = ""
    commands: int = 0

    def follow(self, language: str, path: str | None, text: str) -> None:
        if language == "text":
            self.compare(text)
        elif path is not None:
            self.write(path, self.real(text))
        else:
            assert language == "sh", f"a block of {language} that is neither file nor command"
            self.run(self.real(text))

    def real(self, text: str) -> str:
        for made_up, there in self.instead.items():
            text = text.replace(made_up, there)
        return text

    def write(self, path: str, text: str) -> None:
        file = self.home / path
        assert file.parent.is_dir(), f"the page writes {path} before there is a place for it"
        file.write_text(text, encoding="utf-8")
        self.commands += 1
        os.utime(file, (time.time() + self.commands,) * 2)  # http.server tells changes by the second

    def run(self, script: str) -> None:
        log = self.home / ".output"
        known = self.home / ".environment"
        start = f". {known}\n" if known.exists() else ""
        with log.open("wb") as sink:
            shell = subprocess.Popen(
                ["bash", "-e", "-c", start + script + KEEP],
                cwd=self.home, env=self.environ, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                start_new_session=True,
            )  # fmt: skip
            self.groups.append(shell.pid)
            code = shell.wait(timeout=240)
        self.seen = log.read_text(encoding="utf-8", errors="replace")
        self.commands += sum(1 for line in script.splitlines() if line.strip())
        assert code == 0, f"{script}\nended with {code}:\n{self.seen}"

    def compare(self, text: str) -> None:
        flat = " ".join(self.seen.split())
        for line in filter(None, map(str.strip, text.splitlines())):
            assert " ".join(line.split()) in flat, f"the page shows {line!r}, but:\n{self.seen}"

    def leave(self) -> None:
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.slow
async def test_every_command_of_the_tutorial_works_as_written(tmp_path: Path, postgres: Any) -> None:
    """Against a feed of http.server, a Slack stand-in that knows one token, and a real PostgreSQL."""
    database = postgres.create()
    async with SlackServer(rate=None) as slack:
        slack.bot("xoxb-your-token")
        slack.channel("C0123ABCD", "licensing")
        instead = {
            "8000": str(free_port()),
            "127.0.0.1:9464": f"127.0.0.1:{free_port()}",
            "type: slack, channel: C0123ABCD": f'type: slack, channel: C0123ABCD, api_url: "{slack.api_url}"',
            "postgresql+psycopg://licensewatch@db.example.org/licensewatch": postgres.url(database),
        }
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        people = {
            f"GIT_{who}_{what}": "reader@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        reader = Reader(tmp_path, instead, kept | people | {"PATH": path, "COLUMNS": "160", "NO_COLOR": "1"})
        try:
            for block in BLOCK.finditer((DOCS / "tutorial.md").read_text(encoding="utf-8")):
                await asyncio.to_thread(reader.follow, block["language"], block["path"], block["text"])
        finally:
            reader.leave()
            postgres.drop(database)
        told = [message["text"] for message in slack.messages("C0123ABCD")]
    assert reader.commands > 30
    assert sum("export licence" in text for text in told) == 1, "told once, after the token was mended"
    assert not any("Behemoth" in text for text in told), "told on the screen before, and not again"


def test_every_block_of_the_tutorial_is_one_that_is_run() -> None:
    """No fence escapes the reader above."""
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    assert len(BLOCK.findall(page)) * 2 == len(re.findall(r"^```", page, re.MULTILINE))


def test_links_between_pages_of_the_documentation_lead_somewhere() -> None:
    """Every relative link of README and docs names a file that is there."""
    for page in (DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
