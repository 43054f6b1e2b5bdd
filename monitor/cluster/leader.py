"""What one worker does for all: it finds what is due, and puts it into the queue unless it is there already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor import clock
from monitor.cluster.batches import BUCKETS, batches
from monitor.cluster.jobs import Queue, lane_key, poll_key
from monitor.daemon.service import Service
from monitor.model import CANARY
from monitor.store import due, facts, workers
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection

PAGE = 5_000  # due feeds looked at in one tick; a longer queue is gone through page by page
REMEMBER = timedelta(seconds=10)
PARKED_AGAIN_S = 10.0  # a parked lane is looked at so often: its credential may have been replaced

log = structlog.get_logger("leader")


@dataclass
class Leader:
    """Defers what is due. Every step may be done twice, or by two at once: keys in the queue keep jobs single."""

    service: Service
    queue: Queue
    takeover: timedelta
    waiting: int = 0  # jobs in the queue at the last look
    _canary: asyncio.Task[None] | None = None
    _after: tuple[datetime, str] | None = None
    _remembered: float = float("-inf")
    _parked_looked: float = float("-inf")

    async def tick(self) -> None:
        """Put into the queue what is due and not there."""
        busy, self.waiting = await self.queue.busy()
        await self._polls(busy)
        await self._deliveries(busy)
        if clock.monotonic() - self._remembered >= REMEMBER.total_seconds():
            self._remembered = clock.monotonic()
            await self.service.in_database(self._remember)

    async def _polls(self, busy: frozenset[str]) -> None:
        now = self.service.now()
        page = await self.service.reading(partial(feed_store.due_page, now=now, limit=PAGE, after=self._after))
        self._after = (page[-1].since, page[-1].id) if len(page) == PAGE else None
        taken = {one for one in range(BUCKETS) if poll_key(one) in busy}
        found = batches(page, self.service.configuration.settings.polling.host_gap, taken)
        await self.queue.defer_polls(found)

    async def _deliveries(self, busy: frozenset[str]) -> None:
        parked = clock.monotonic() - self._parked_looked >= PARKED_AGAIN_S
        if parked:
            self._parked_looked = clock.monotonic()
        due = await self.service.deliverer.lanes_due(parked=parked)
        if CANARY in due:  # its message arrives inside the process that sent it off, which is the leader's
            due.discard(CANARY)
            self._canary = asyncio.create_task(self.service.deliverer.run_lane(CANARY, self.takeover))
        await self.queue.defer_deliveries({one for one in due if lane_key(one) not in busy})

    def _remember(self, conn: Connection) -> None:
        now = self.service.now()
        facts.set(conn, "last_tick", now.isoformat(), now)
        facts.set(conn, "jobs_waiting", self.waiting, now)

    async def take_over(self) -> None:
        """What died workers had under way is found due again, once they are cleared away."""
        count = await self.queue.take_over()
        now = self.service.now()
        dead = await self.service.in_database(lambda conn: workers.forget(conn, now - self.takeover))
        for one in dead:
            log.warning("worker lost", host=one.host, pid=one.pid, last_seen=one.seen_at.isoformat())
        if count:
            log.warning("jobs taken over", jobs=count)

    async def shift(self, step: timedelta) -> None:
        """The server's clock was set: due times move with it."""
        log.warning("clock set", moved_s=round(step.total_seconds(), 1), remedy="due times move with it")
        await self.service.in_database(lambda conn: due.shift_due_times(conn, step, self.service.now()))
