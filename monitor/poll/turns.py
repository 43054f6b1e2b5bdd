"""Turns at hosts that other processes ask too: taken and given back through the database, many in one transaction."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

import structlog

from monitor.clock import monotonic
from monitor.errors import HostAway, StoreError
from monitor.store import hosts
from monitor.store.engine import Database
from monitor.store.hosts import Manners

AGAIN_AFTER_S = 1.0  # the database cannot be asked

log = structlog.get_logger("poll")


@dataclass
class _Wishes:
    """What the next transaction does."""

    take: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    give_back: set[str] = field(default_factory=set)
    block: dict[str, timedelta] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.take or self.give_back or self.block)


class Turns:
    """Leave to ask hosts, shared with other processes. An async context manager; a host is asked for once at a time."""

    def __init__(self, database: Database, manners: Manners) -> None:
        self.manners = manners
        self._database = database
        self._wishes = _Wishes()
        self._wished = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="turns")
        self._task = asyncio.create_task(self._work(), name="turns")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._wishes:
            self._wishes.take.clear()
            with suppress(StoreError):
                await asyncio.to_thread(self._transaction, self._wishes)
        self._thread.shutdown()

    async def take(self, host: str, patience_s: float) -> None:
        """Wait for the turn at a host. Raises HostAway when that would take longer than `patience_s`."""
        end = monotonic() + patience_s
        while True:
            asked = self._wishes.take[host] = asyncio.get_running_loop().create_future()
            self._wished.set()
            try:
                wait = await asked
            except asyncio.CancelledError:
                self.give_back(host)  # it may be ours by now
                raise
            if not wait:
                return
            if monotonic() + wait > end:
                raise HostAway(timedelta(seconds=wait))
            await asyncio.sleep(wait)

    def give_back(self, host: str) -> None:
        """The request to the host ended."""
        self._wishes.take.pop(host, None)
        self._wishes.give_back.add(host)
        self._wished.set()

    def block(self, host: str, wait: timedelta) -> None:
        """The host asked all of us for patience."""
        self._wishes.block[host] = max(wait, self._wishes.block.get(host, wait))
        self._wished.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wished.wait()
            self._wished.clear()
            wishes, self._wishes = self._wishes, _Wishes()
            try:
                waits = await loop.run_in_executor(self._thread, self._transaction, wishes)
            except StoreError as error:
                log.warning("turns at hosts not taken", problem=str(error), again_in_s=AGAIN_AFTER_S)
                await self._later(wishes)
                continue
            for host, asked in wishes.take.items():
                if not asked.done():
                    asked.set_result(waits.get(host, AGAIN_AFTER_S))

    async def _later(self, wishes: _Wishes) -> None:
        """Nothing of it was done: ask anew in a while."""
        await asyncio.sleep(AGAIN_AFTER_S)
        self._wishes.give_back |= wishes.give_back
        self._wishes.block = wishes.block | self._wishes.block
        self._wished.set()
        for asked in wishes.take.values():
            if not asked.done():
                asked.set_result(AGAIN_AFTER_S / 10)

    def _transaction(self, wishes: _Wishes) -> dict[str, float]:
        with self._database.write() as conn:
            hosts.block(conn, wishes.block)
            hosts.give_back(conn, wishes.give_back, self.manners.who)
            return hosts.take(conn, wishes.take, self.manners)
