"""Documents to entries, in worker processes that a document cannot harm us through: they are killed and replaced.

Workers start when there is something to read (or before, where that is certain: `start`): a round that brings nothing
but 304 pays nothing for them. What is likely to take long (a large document, or one of a feed whose last could not be
read) never occupies all of them, and nothing is sent after it before it is read: others with news do not wait for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import NamedTuple, Self

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


class _Begun(NamedTuple):
    """A worker process that has been started, and our end of its socket; it ends when that is closed."""

    process: Popen[bytes]
    ours: socket.socket


def _begin(limits: Limits, work: Work, program: str) -> _Begun:
    """Starts a worker process. Raises OSError when the machine has nothing left for it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", program, str(limits.memory_mib), str(limits.cpu_s), work],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=DEVNULL,
            env=_environment(),
        )
    return _Begun(process, ours)


class _Worker:
    """A worker process and our end of its socket. (asyncio's own subprocesses need a thread or a watcher each.)"""

    def __init__(self, process: Popen[bytes], back: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        self._process, self._back, self._to = process, back, to
        self.briefed = ""  # the name of the briefing it had

    @classmethod
    async def of(cls, begun: _Begun) -> Self:
        """Connects to a process; forking it takes a millisecond, what it imports a third of a second."""
        return cls(begun.process, *await asyncio.open_connection(sock=begun.ours))

    def send(self, order: bytes, body: bytes) -> None:
        """Hand over a job; its answer comes after those of the jobs before it."""
        self._to.write(JOB.pack(len(order), len(body)) + order + body)  # one call of the kernel

    async def answer(self) -> tuple[bytes, bool]:
        """The next answer, and whether the worker ends with it. Raises EOFError or OSError when it died."""
        length, last = ANSWER.unpack(await self._back.readexactly(ANSWER.size))
        if length > _MOST_ANSWER:
            raise EOFError("an answer that cannot be")
        return await self._back.readexactly(length), last

    async def end(self) -> None:
        """Kills it, whatever it does, and waits until it is gone."""
        self._to.close()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


@dataclass(slots=True, eq=False)
class _Job:
    """An order with its document, and the worker that has it."""

    order: bytes
    body: bytes
    briefing: Briefing | None
    sent_to: _Worker | None = None


class _Desk:
    """The place of one worker. What is to be read there next is sent while the document before it is read.

    A worker that had to wait for us after each document would stand still for a quarter of a round.
    """

    def __init__(self, limits: Limits, start: Callable[[], Awaitable[_Worker]]) -> None:
        self._limits, self._start = limits, start
        self._worker: _Worker | None = None
        self._line: list[_Job] = []
        self._turn = asyncio.Lock()  # its holder's answer is the next one
        self.load = 0  # what is read or waits here: 1 for a document, 2 for one that may take long

    @property
    def is_empty(self) -> bool:
        return self._worker is None

    async def perform(self, job: _Job) -> bytes:
        """The answer to a job. Raises ParseInterrupted when it cost too much."""
        self._line.append(job)
        try:
            if self._may_be_sent_ahead(job):
                self._send(job, self._worker)
            async with self._turn:
                return await self._answer(job)
        finally:
            self._line.remove(job)
            await self._let_go(job)

    def _may_be_sent_ahead(self, job: _Job) -> bool:
        worker = self._worker
        if worker is None or (job.briefing is not None and worker.briefed != job.briefing.name):
            return False
        return all(one.sent_to is worker for one in self._line if one is not job)

    def _send(self, job: _Job, worker: _Worker | None) -> None:
        assert worker is not None
        worker.send(job.order, job.body)
        job.sent_to = worker

    async def _answer(self, job: _Job) -> bytes:
        try:
            worker = self._worker = self._worker or await self._start()
        except OSError as error:
            raise ParseInterrupted(f"no worker could be started to read it ({error.strerror})") from error
        seconds, keep = self._limits.wall_s, False
        try:
            async with asyncio.timeout(seconds):
                if job.sent_to is not worker:  # not sent ahead, or to one that ended with the job before
                    await self._brief(worker, job.briefing)
                    self._send(job, worker)
                answer, last = await worker.answer()
            keep = not last
            return answer
        except TimeoutError as error:
            raise ParseInterrupted(f"takes longer than {seconds:g} s to read") from error
        except (EOFError, OSError) as error:
            raise ParseInterrupted("takes more time or memory to read than a document may have") from error
        finally:
            job.sent_to = None
            if not keep or worker is not self._worker:
                self._worker = None
                await worker.end()

    async def _brief(self, worker: _Worker, briefing: Briefing | None) -> None:
        if briefing is not None and worker.briefed != briefing.name:
            worker.send(briefing.order, briefing.body)
            await worker.answer()
            worker.briefed = briefing.name

    async def _let_go(self, job: _Job) -> None:
        """A job that was given up while it waited: nobody will take its answer, so its worker serves nobody else."""
        worker = job.sent_to
        if worker is not None and worker is self._worker:
            self._worker = None
            if not self._turn.locked():  # else whoever it reads for ends it
                await worker.end()

    async def end(self) -> None:
        """Ends the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()


class Reader:
    """Reads documents in at most `workers` processes; an async context manager that ends them."""

    def __init__(
        self,
        workers: int = 2,
        limits: Limits = Limits(),
        work: Work = Work.FEEDS,
        program: str = PROGRAM,
    ) -> None:
        self._begun: list[_Begun] = []  # started before there was anything to read
        self._begin = partial(_begin, limits, work, program)
        self._desks = [_Desk(limits, self._start) for _ in range(workers)]
        self._places = asyncio.Semaphore(2 * workers)  # so that no desk ever holds more than one and the next
        self._slow_places = asyncio.Semaphore(max(workers - 1, 1))

    def start(self) -> None:
        """Start all workers at once: there will be something for each. Where that fails, whoever needs one says so."""
        with suppress(OSError):
            while len(self._begun) < len(self._desks):
                self._begun.append(self._begin())

    async def _start(self) -> _Worker:
        return await _Worker.of(self._begun.pop() if self._begun else self._begin())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(desk.end() for desk in self._desks))
        for process, ours in self._begun:
            ours.close()
            process.kill()
            await asyncio.to_thread(process.wait)
        self._begun.clear()

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
        async with self._slow_places, self._places:  # and one more: nothing else waits behind it
            return wire.received(await self.perform(order, document.body, briefing, load=2), feed.id)

    async def perform(self, order: bytes, body: bytes, briefing: Briefing | None = None, *, load: int = 1) -> bytes:
        """A worker's answer to an order. Raises ParseInterrupted when it cost too much."""
        async with self._places:
            desk = min(self._desks, key=lambda one: (one.load, one.is_empty))
            desk.load += load
            try:
                return await desk.perform(_Job(order, body, briefing))
            finally:
                desk.load -= load
