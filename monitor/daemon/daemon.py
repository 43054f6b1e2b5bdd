"""The daemon: builds the service, ticks, reloads, tells systemd how it is, and drains on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sdnotify
import structlog

from monitor import clock, housekeep
from monitor.daemon import memory
from monitor.daemon.acting import Acting
from monitor.daemon.page import open_page
from monitor.daemon.reload import Reloaded, Reloader
from monitor.daemon.report import report_configuration, tell_operations
from monitor.daemon.service import Service
from monitor.daemon.standstill import Standstill, gap
from monitor.daemon.ticks import Ticks
from monitor.errors import LockHeld, StoreError
from monitor.store import due, engine, facts, search
from monitor.store.engine import Connection
from monitor.store.lock import DatabaseLock

if TYPE_CHECKING:
    from monitor.web.asked import Pulse

TICK = timedelta(seconds=1)
INDEXING = timedelta(seconds=2)
HOUSEKEEPING = timedelta(minutes=10)
CANARY = timedelta(seconds=30)
ASSURE = timedelta(seconds=10)
STANDSTILL = timedelta(seconds=30)
OUTBOX_STALLED_S = 30.0
REMEMBER_TICK = timedelta(seconds=10)
DRAIN = timedelta(seconds=20)
MANY_POLLS = 200
INDEXED_AT_ONCE = 50  # entries: some ten milliseconds of the database's time
INDEXING_S = 0.04  # of each INDEXING: what is left of a large first round is found a little later, at 2 % of a core

log = structlog.get_logger("daemon")


@dataclass
class Daemon:
    """One running service, until SIGTERM or SIGINT."""

    service: Service
    lock: DatabaseLock
    environ: Mapping[str, str]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    outbox_patience_s: float = OUTBOX_STALLED_S  # looked through longer ago than this, it stalls
    _tick_remembered: datetime | None = None
    _ready: bool = False
    _polled_when_slim: int = 0
    _standstill: Standstill = field(default_factory=Standstill)
    _lost: str = ""
    _delivered: float = field(default_factory=clock.monotonic)  # the outbox was last looked through
    _ticked: float = field(default_factory=clock.monotonic)

    async def run(self) -> None:
        """Poll and deliver until told to stop; then finish what is under way and leave nothing in `sending`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, signal.Signals(number).name)
        self._reloader = Reloader(self.service.configuration, self.environ, self._apply)
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._hang_up()))
        self._systemd = sdnotify.SystemdNotifier()
        self.service.alone = True
        await self.service.in_database(self._tell_of_the_gap)
        ticks = Ticks()
        ticks.every(TICK, "polls", self._tick)
        ticks.every(TICK, "deliveries", self._deliver)
        ticks.every(INDEXING, "search", self._index)
        ticks.every(HOUSEKEEPING, "housekeeping", self._housekeep)
        ticks.every(CANARY, "canary", self.service.mind_the_canary)
        ticks.every(STANDSTILL, "standstill", self._mind_the_ticks)
        ticks.every(ASSURE, "lock", self._assure_lock)
        watching = asyncio.create_task(self._reloader.run(self.stop), name="watch configuration")
        watching.add_done_callback(_report_death)
        self.service.listens = True
        acting = asyncio.create_task(Acting(self.service).run(), name="act from Slack")
        acting.add_done_callback(_report_death)
        page = open_page(self.service, self._pulse)
        try:
            await ticks.run(self.stop)
        finally:
            watching.cancel()
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
            await self._drain()
            if page is not None:
                await page.close()
        if self._lost:
            raise LockHeld(self._lost)

    def _stop(self, why: str) -> None:
        log.info("daemon stopping", why=why)
        self.stop.set()

    async def _drain(self) -> None:
        self._systemd.notify("STOPPING=1")
        await self.service.rounds.close()
        await self.service.deliverer.close(DRAIN)
        log.info("daemon stopped")

    async def _tick(self) -> None:
        await self.service.mind_the_clock()
        await self.service.poll_due()
        await self._remember_tick()
        if not self._ready:
            self._ready = True
            self._systemd.notify("READY=1")
            log.info("daemon ready", feeds=len(self.service.configuration.feeds))
        if self.service.rounds.store_ok and clock.monotonic() - self._delivered < self.outbox_patience_s:
            self._systemd.notify("WATCHDOG=1")
        self._ticked = clock.monotonic()

    def _pulse(self) -> Pulse:
        from monitor.web.asked import Pulse

        now = clock.monotonic()
        return Pulse(now - self._ticked, now - self._delivered, self.service.rounds.store_ok)

    async def _index(self) -> None:
        """Make new entries findable: a few while there are polls, more when there are none; the latest come first."""
        begun = clock.monotonic()
        while self.service.rounds.store_ok:
            count = await self.service.in_database(lambda conn: search.catch_up(conn, INDEXED_AT_ONCE))
            tired = clock.monotonic() - begun > INDEXING_S
            if count < INDEXED_AT_ONCE or tired or self.service.rounds.under_way:
                return

    async def _deliver(self) -> None:
        await self.service.mind_the_clock()  # a message that waits for its hour does not go an hour early
        await self.service.deliverer.drain_due()
        self._delivered = clock.monotonic() - self.service.deliverer.stuck_s()

    async def _assure_lock(self) -> None:
        """Two daemons on one database would post twice: stop when another took over while ours was lost."""
        try:
            await asyncio.to_thread(self.lock.assure)
        except LockHeld as error:
            self._lost = str(error)
            self._stop(self._lost)
        except StoreError as error:
            log.warning("lock not assured", problem=str(error), remedy="tried again in 10 s")

    async def _mind_the_ticks(self) -> None:
        age_s = clock.monotonic() - self._ticked
        told = self._standstill.notice(age_s, clock.now())
        if told is not None:
            await self.service.in_database(lambda conn: tell_operations(conn, told, self.service))
            log.warning("polls stand still", text=told["title"])
            self._standstill.said(age_s)

    def _tell_of_the_gap(self, conn: Connection) -> None:
        told = gap(conn, clock.now())
        if told is not None:
            log.warning("polls stood still", text=told["text"])
            tell_operations(conn, told, self.service)

    async def _remember_tick(self) -> None:
        now = clock.now()
        if self._tick_remembered is None or not timedelta() <= now - self._tick_remembered < REMEMBER_TICK:
            await self.service.in_database(lambda conn: facts.set(conn, "last_tick", now.isoformat(), now))
            self._tick_remembered = now
            await self._slim_down()

    async def _slim_down(self) -> None:
        """Once many polls are over, give the memory they took back."""
        polled = sum(n for (name, _), n in self.service.counters.values.items() if name == "polls")
        if polled - self._polled_when_slim >= MANY_POLLS and not self.service.rounds.under_way:
            self._polled_when_slim = polled
            await self.service.in_database(engine.forget_pages)
            memory.give_back()

    async def _housekeep(self) -> None:
        now = await self.service.reading(lambda conn: due.cautious(conn, clock.now()))
        retention = self.service.configuration.settings.retention
        await asyncio.to_thread(housekeep.run, self.service.database, retention, now)
        await self.service.in_database(lambda _: self.service.world.forget_quiet(now))
        self.service.pace.forget(clock.monotonic())

    # ---- configuration

    async def _hang_up(self) -> None:
        log.info("reload asked for", why="SIGHUP")
        await self._reloader.reload()

    async def _apply(self, reloaded: Reloaded) -> None:
        if not reloaded.problem:
            await self.service.adopt(reloaded.configuration)
        await self.service.in_database(lambda conn: report_configuration(conn, reloaded.problem, self.service))


def _report_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error(
            "task stopped", name=task.get_name(), problem=str(task.exception()), remedy="restart to have it again"
        )
