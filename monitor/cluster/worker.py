"""One worker: takes jobs from the queue, leads when nobody else does, reloads, and drains on SIGTERM."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING

import sdnotify
import structlog

from monitor import __version__, clock, housekeep
from monitor.cluster.clock import SharedClock
from monitor.cluster.jobs import Queue, Work
from monitor.cluster.leader import Leader
from monitor.daemon.acting import Acting
from monitor.daemon.page import open_page
from monitor.daemon.reload import Reloaded, Reloader
from monitor.daemon.report import report_configuration, tell_operations
from monitor.daemon.service import Service
from monitor.daemon.standstill import among_many, gap
from monitor.daemon.ticks import Ticks
from monitor.errors import LockHeld, StoreError, TooOld
from monitor.settings import Configuration
from monitor.store import due, search, workers
from monitor.store.engine import Connection
from monitor.store.lock import DatabaseLock, Leadership
from monitor.store.workers import WorkerState
from monitor.trial import Trial

if TYPE_CHECKING:
    from monitor.web.asked import Pulse

TICK = timedelta(seconds=1)
BEAT = timedelta(seconds=5)
INDEXING = timedelta(seconds=2)
HOUSEKEEPING = timedelta(minutes=10)
TAKEOVER = timedelta(seconds=30)
LONG_DEAD = timedelta(days=1)
DRAIN = timedelta(seconds=20)
STANDSTILL = timedelta(seconds=30)
CANARY = timedelta(seconds=10)
OUTBOX_STALLED_S = 30.0
INDEXED_AT_ONCE = 50

log = structlog.get_logger("worker")


@dataclass
class Worker:
    """One process of a cluster, until SIGTERM or SIGINT. The service was built with `shared_clock.now`."""

    service: Service
    lock: DatabaseLock
    leadership: Leadership
    shared_clock: SharedClock
    environ: Mapping[str, str]
    slots: int = 16
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: bool = False
    _refused: str = ""
    _acting: asyncio.Task[None] | None = None
    _ticked: float = field(default_factory=clock.monotonic)
    _began: float = field(default_factory=clock.monotonic)

    async def run(self) -> None:
        """Work until told to stop; then finish what is under way and leave nothing in `sending`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, signal.Signals(number).name)
        takeover = Trial.of(self.environ).takeover or TAKEOVER
        self._orphaned = takeover * 4 / 3  # longer than any call to a receiver lasts
        self.queue = Queue(self.service.database, Work(self._poll, self._deliver, self.slots), takeover)
        self.leader = Leader(self.service, self.queue, max(takeover, 3 * BEAT))
        self._systemd = sdnotify.SystemdNotifier()
        self._state = self._introduced()
        self._reloader = Reloader(self.service.configuration, self.environ, self._apply)
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reloader.reload()))
        self.service.listens = True
        ticks = self._ticks(takeover)
        watching = asyncio.create_task(self._reloader.run(self.stop), name="watch configuration")
        jobs = asyncio.create_task(self.queue.run(self.stop, DRAIN.total_seconds()), name="queue")
        page = open_page(self.service, self._pulse)
        try:
            await ticks.run(self.stop)
        finally:
            watching.cancel()
            await self._drain(jobs)
            if page is not None:
                await page.close()
        if self._refused:
            raise StoreError(self._refused)

    def _ticks(self, takeover: timedelta) -> Ticks:
        ticks = Ticks()
        ticks.every(TICK, "due", self._tick)
        ticks.every(min(BEAT, takeover / 3), "beat", self._beat)
        ticks.every(INDEXING, "search", self._index)
        ticks.every(CANARY, "canary", self._canary)
        ticks.every(STANDSTILL, "standstill", self._mind_the_leader)
        ticks.every(HOUSEKEEPING, "housekeeping", self._housekeep)
        ticks.every(min(timedelta(seconds=10), takeover / 3), "assure", self._assure)
        return ticks

    def _stop(self, why: str) -> None:
        log.info("worker stopping", why=why)
        self.stop.set()

    async def _drain(self, jobs: asyncio.Task[None]) -> None:
        self._systemd.notify("STOPPING=1")
        await self._act_from_slack(wanted=False)
        await self.service.rounds.close()
        await self.service.deliverer.close(DRAIN)
        await asyncio.wait([jobs], timeout=DRAIN.total_seconds())
        jobs.cancel()
        await asyncio.to_thread(self.leadership.release)
        try:
            others = await self.service.in_database(self._leave)
        except StoreError:
            others = False
        self.service.leads = not others  # the last one writes down that nothing runs any more
        log.info("worker stopped")

    def _leave(self, conn: Connection) -> bool:
        workers.leave(conn, self._state.id)
        return bool(workers.alive(conn, self.service.now()))

    # ---- jobs

    async def _poll(self, feeds: Sequence[str]) -> None:
        await self.service.poll_these(feeds)

    async def _deliver(self, receiver: str) -> None:
        await self.service.deliverer.run_lane(receiver, self._orphaned)

    # ---- ticks

    async def _tick(self) -> None:
        await self._lead_if_nobody_does()
        if self.service.leads and self.queue.connected and self.service.rounds.store_ok:
            await self.leader.tick()
        if self.queue.connected and self.service.rounds.store_ok:
            self._ticked = clock.monotonic()
            if not self._ready:
                self._ready = True
                self._systemd.notify("READY=1")
                log.info("worker ready", feeds=len(self.service.configuration.feeds), id=self._state.id)
            if self.service.deliverer.stuck_s() < OUTBOX_STALLED_S:
                self._systemd.notify("WATCHDOG=1")

    async def _lead_if_nobody_does(self) -> None:
        ours = await asyncio.to_thread(self.leadership.ours)
        if ours and not self.service.leads:
            await self.service.in_database(self._tell_of_the_gap)
            await self.service.lead()
            log.info("worker leads", why="nobody else does")
        if not ours and self.service.leads:
            log.info("worker follows", why="another worker leads")
        self.service.leads = ours
        await self._act_from_slack(ours)

    async def _mind_the_leader(self) -> None:
        """Whoever leads may wait for something for ever: each worker looks, and one of them tells operations."""
        up = timedelta(seconds=clock.monotonic() - self._began)
        if await self.service.in_database(lambda conn: self._tell_of_the_leader(conn, up)):
            await self.queue.defer_deliveries(
                await self.service.deliverer.lanes_due(parked=False)
            )  # the leader may do no more

    def _tell_of_the_leader(self, conn: Connection, up: timedelta) -> bool:
        told = among_many(conn, self.service.now(), up)
        if told is not None:
            log.warning("leader looked at", text=told["title"])
            tell_operations(conn, told, self.service)
        return told is not None

    def _tell_of_the_gap(self, conn: Connection) -> None:
        told = gap(conn, self.service.now())
        if told is not None:
            log.warning("polls stood still", text=told["text"])
            tell_operations(conn, told, self.service)

    async def _act_from_slack(self, wanted: bool) -> None:
        """The leader answers buttons and commands for all."""
        if wanted and (self._acting is None or self._acting.done()):
            self._acting = asyncio.create_task(Acting(self.service).run(), name="act from Slack")
        elif not wanted and self._acting is not None:
            self._acting.cancel()
            await asyncio.gather(self._acting, return_exceptions=True)
            self._acting = None

    async def _beat(self) -> None:
        now = self.service.now()
        state = WorkerState(
            id=self._state.id,
            host=self._state.host,
            pid=self._state.pid,
            version=__version__,
            since=self._state.since,
            seen_at=now,
            leads=self.service.leads,
            configuration=fingerprint(self.service.configuration),
            jobs=self.queue.running,
        )
        await self.service.in_database(lambda conn: workers.beat(conn, state))

    async def _assure(self) -> None:
        """The lock is ours still, the tables suit us, the clock is right, and no job of the dead stands in the way."""
        try:
            await asyncio.to_thread(self.lock.assure)
            await asyncio.to_thread(self.service.database.check)
        except (LockHeld, TooOld) as error:
            self._refused = str(error)
            self._stop(self._refused)
            return
        step = await asyncio.to_thread(self.shared_clock.look, self.service.database)
        if not self.queue.connected:
            return
        await self.queue.clear_orphans()
        if self.service.leads:
            if step is not None:
                await self.leader.shift(step)
            await self.leader.take_over()
        elif await self.service.reading(self._leader_is_dead):
            log.warning("leader unseated", why="nothing was heard of it")
            await asyncio.to_thread(self.leadership.unseat)

    def _leader_is_dead(self, conn: Connection) -> bool:
        """Whether a worker that led was not heard of for so long that it is dead, and no other leads.

        One that is frozen (a machine paused, SIGSTOP) keeps its session, and with it the lead."""
        leaders = [one for one in workers.alive(conn, self.service.now(), LONG_DEAD) if one.leads]
        silent_since = self.service.now() - self.leader.takeover
        return bool(leaders) and all(one.seen_at < silent_since for one in leaders)

    async def _index(self) -> None:
        """Make new entries findable."""
        for _ in range(20):
            if not self.service.leads or not self.service.rounds.store_ok:
                return
            count = await self.service.in_database(lambda conn: search.catch_up(conn, INDEXED_AT_ONCE))
            if count < INDEXED_AT_ONCE:
                return

    async def _canary(self) -> None:
        if self.service.leads and self.queue.connected:
            await self.service.mind_the_canary()

    async def _housekeep(self) -> None:
        now = await self.service.reading(lambda conn: due.cautious(conn, self.service.now()))
        if self.service.leads:
            retention = self.service.configuration.settings.retention
            await asyncio.to_thread(housekeep.run, self.service.database, retention, now)
        await self.service.in_database(lambda _: self.service.world.forget_quiet(now))
        self.service.pace.forget(clock.monotonic())

    async def _apply(self, reloaded: Reloaded) -> None:
        if not reloaded.problem:
            await self.service.adopt(reloaded.configuration)
        await self.service.in_database(lambda conn: report_configuration(conn, reloaded.problem, self.service))

    def _pulse(self) -> Pulse:
        from monitor.web.asked import Pulse

        age = clock.monotonic() - self._ticked
        return Pulse(age, max(age, self.service.deliverer.stuck_s()), self.service.rounds.store_ok)

    def _introduced(self) -> WorkerState:
        now = self.service.now()
        assert self.service.shared is not None
        return WorkerState(self.service.shared, socket.gethostname(), os.getpid(), __version__, now, now)


def fingerprint(configuration: Configuration) -> str:
    """Equal where the same settings, feeds and rules are in force; what each machine may have of its own left out."""
    settings = configuration.settings
    common = [
        getattr(settings, part.name) for part in fields(settings) if part.name not in ("database", "state_dir", "web")
    ]
    rules = sorted((rule.id, rule.version) for rule in configuration.rules.rules.values())
    return hashlib.sha256(repr((common, configuration.feeds, rules)).encode()).hexdigest()[:12]
