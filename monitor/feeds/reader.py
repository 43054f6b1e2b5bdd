"""Documents to entries, in worker processes that a document cannot harm us through: they are killed and replaced.

Workers start when there is something to read, so a round that brings nothing but 304 pays nothing for them. What is
likely to take long (a large document, or one of a feed whose last could not be read) never occupies all of them: others
with news do not wait for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Self

import monitor
from monitor.errors import ParseInterrupted
from monitor.feeds import wire
from monitor.feeds.wire import ANSWER, JOB, READ_HEADERS, Reading
from monitor.model import Document, Feed

__all__ = ["PROGRAM", "Briefing", "Limits", "Reader", "Reading"]

PROGRAM = "monitor.feeds.worker"
_LARGE = 512 * 1024
_MOST_ANSWER = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost: CPU seconds, seconds of waiting (a busy machine), and MiB of memory."""

    cpu_s: float = 8.0
    wall_s: float = 30.0
    memory_mib: int = 120


def _environment() -> dict[str, str]:
    """Nothing of ours but where the code is: no secret reaches a process that reads what strangers wrote."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    kept["PYTHONPATH"] = str(Path(monitor.__file__).parent.parent)
    return kept


class Work(StrEnum):
    """What the workers of a reader do: read feeds, or pages (which takes a bigger library)."""

    FEEDS = "feeds"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a worker must have been told before an order: once, as an order of its own. `tags` go with each order."""

    name: str
    order: bytes
    body: bytes
    tags: Sequence[str] = ()


class _Worker:
    """A worker process and our end of its socket. (asyncio's own subprocesses need a thread or a watcher each.)"""

    def __init__(self, process: Popen[bytes], back: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        self._process, self._back, self._to = process, back, to
        self.briefed = ""  # the name of the briefing it had

    @classmethod
    async def start(cls, limits: Limits, work: Work, program: str) -> Self:
        """Starts one. Raises OSError when the machine has nothing left for it."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = Popen(  # noqa: S603 ASYNC220 - our own interpreter and module; forking takes a millisecond
                [sys.executable, "-P", "-m", program, str(limits.memory_mib), str(limits.cpu_s), work],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=DEVNULL,
                env=_environment(),
            )
        return cls(process, *await asyncio.open_connection(sock=ours))

    async def ask(self, order: bytes, body: bytes) -> tuple[bytes, bool]:
        """The answer, and whether the worker ends with it. Raises EOFError or OSError when it died."""
        self._to.write(JOB.pack(len(order), len(body)) + order + body)  # one call of the kernel
        await self._to.drain()
        length, last = ANSWER.unpack(await self._back.readexactly(ANSWER.size))
        if length > _MOST_ANSWER:
            raise EOFError("an answer that cannot be")
        return await self._back.readexactly(length), last

    async def end(self) -> None:
        """Kills it, whatever it does, and waits until it is gone."""
        self._to.close()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


class Reader:
    """Reads documents in at most `workers` processes; an async context manager that ends them."""

    def __init__(
        self, workers: int = 2, limits: Limits = Limits(), work: Work = Work.FEEDS, program: str = PROGRAM
    ) -> None:
        self._limits = limits
        self._work = work
        self._program = program
        self._slots = asyncio.Semaphore(workers)
        self._slow_slots = asyncio.Semaphore(max(workers - 1, 1))
        self._idle: list[_Worker] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(worker.end() for worker in self._idle))
        self._idle.clear()

    async def read(
        self, feed: Feed, document: Document, now: datetime, briefing: Briefing | None = None, *, slow: bool = False
    ) -> Reading:
        """The entries of a document. Raises ParseError when it is no feed, ParseInterrupted when it cost too much.

        `slow`: it may take long, whatever its size.
        """
        headers = {name: document.headers[name] for name in READ_HEADERS if name in document.headers}
        more = () if briefing is None else (list(briefing.tags),)
        order = wire.job(feed.id, feed.format, document.url, headers, now, *more)
        if not slow and len(document.body) <= _LARGE:
            return wire.received(await self.perform(order, document.body, briefing), feed.id)
        async with self._slow_slots:
            return wire.received(await self.perform(order, document.body, briefing), feed.id)

    async def perform(self, order: bytes, body: bytes, briefing: Briefing | None = None) -> bytes:
        """A worker's answer to an order. Raises ParseInterrupted when it cost too much."""
        async with self._slots:
            return await self._answer(order, body, briefing)

    async def _answer(self, order: bytes, body: bytes, briefing: Briefing | None) -> bytes:
        try:
            worker = self._idle.pop() if self._idle else await _Worker.start(self._limits, self._work, self._program)
        except OSError as error:
            raise ParseInterrupted(f"no worker could be started to read it ({error.strerror})") from error
        keep = False
        try:
            async with asyncio.timeout(self._limits.wall_s):
                if briefing is not None and worker.briefed != briefing.name:
                    await worker.ask(briefing.order, briefing.body)
                    worker.briefed = briefing.name
                answer, last = await worker.ask(order, body)
            keep = not last
            return answer
        except TimeoutError as error:
            raise ParseInterrupted(f"takes longer than {self._limits.wall_s:g} s to read") from error
        except (EOFError, OSError) as error:
            raise ParseInterrupted("takes more time or memory to read than a document may have") from error
        finally:
            if keep:
                self._idle.append(worker)
            else:
                await worker.end()
