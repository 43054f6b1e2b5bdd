"""The installed program as a process, from outside: a scratch configuration, commands, a daemon to start and stop."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.out)


@dataclass
class Running:
    """A daemon under way; its output grows in files beside the configuration."""

    process: asyncio.subprocess.Process
    log: Path

    async def stop(self, signal: int = 15, patience_s: float = 120.0) -> int:
        """Send a signal (SIGTERM) and wait for the end; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal)
        return await asyncio.wait_for(self.process.wait(), patience_s)

    def words(self) -> str:
        """Everything it said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Installed:
    """`licensewatch` of this environment on a scratch directory: `config/` and `var/` inside it."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.root / "config"

    def configure(self, monitor: str, feeds: Sequence[Mapping[str, str]], rules: Path | None = None) -> None:
        """Write monitor.yaml and feeds.yaml; `rules` is a directory of rule files to copy."""
        (self.config / "rules").mkdir(parents=True, exist_ok=True)
        (self.config / "monitor.yaml").write_text(monitor, encoding="utf-8")
        lines = ["feeds:"] if feeds else ["feeds: []"]
        for feed in feeds:
            pairs = [f"{key}: {json.dumps(value)}" for key, value in feed.items()]
            lines.append("  - " + "\n    ".join(pairs))
        (self.config / "feeds.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if rules is not None:
            for file in rules.glob("*.yaml"):
                shutil.copy(file, self.config / "rules" / file.name)

    async def command(self, *words: str, patience_s: float = 120.0) -> Finished:
        """Run one command to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._program(),
            *words,
            env=self._environment(),
            cwd=self.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), patience_s)
        return Finished(process.returncode or 0, out.decode(), err.decode())

    async def ask(self, *words: str) -> Any:
        """The data a command prints with --json."""
        done = await self.command(*words, "--json")
        if done.code:
            raise AssertionError(f"{' '.join(words)} ended with {done.code}: {done.err}")
        return done.json

    @asynccontextmanager
    async def running(self, *words: str, command: str = "run", log_name: str = "daemon.log") -> Any:
        """The daemon (or a `worker`), stopped at the end of the block if it has not been."""
        log = self.root / log_name
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                *self._program(),
                command,
                *words,
                env=self._environment(),
                cwd=self.root,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        daemon = Running(process, log)
        try:
            yield daemon
        finally:
            if process.returncode is None:
                await daemon.stop()

    def _program(self) -> list[str]:
        script = Path(sys.executable).with_name("licensewatch")
        start = [str(script)] if script.exists() else [sys.executable, "-m", "monitor.cli.main"]
        return [*start, "--config", str(self.config)]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "LICENSEWATCH_"))}
        return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **self.environ}


async def until(holds: Callable[[], bool | Awaitable[bool]], what: str, patience_s: float = 120.0) -> None:
    """Wait until `holds()` is true; AssertionError names `what` when it does not come true in time.

    The time is what a machine under load may take, not what this takes: who waits goes on as soon as it is true.
    """
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = holds()
        if await found if isinstance(found, Awaitable) else found:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited {patience_s:g} s in vain until {what}")
