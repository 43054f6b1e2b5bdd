"""The deliverer: starts lanes that have something to do, and lets them go in peace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from monitor.alerts.receivers import ReceiverSettings, lane
from monitor.deliver.lane import Ground, Lane
from monitor.deliver.options import Credentials, Options
from monitor.errors import MonitorError
from monitor.store import deliveries, receivers
from monitor.store.engine import Connection, Database
from monitor.trial import Point

log = structlog.get_logger("deliver")
T = TypeVar("T")

_BREATH_S = 5.0  # a lane that ended by a bug starts again after so long
_FORGOTTEN_S = 60.0  # one that was not started again by then has nothing to do, or another process does it
_LAST_WORDS = timedelta(seconds=5)  # to write down what a cut call leaves behind


@dataclass
class _Falls:
    """A lane that ends by a bug each time it is started. Monotonic seconds; `attempts` that it had made by then."""

    first: float
    last: float
    attempts: int


class Deliverer:
    """Drains the outbox. `drain_due` and `drain` want to be alone on a database: two would attempt the same delivery.

    Where several processes deliver, `lanes_due` says what there is to do and `run_lane` does it; whoever calls sees to
    it that each lane is run by one process at a time.

    `credentials` gives the secret of a name now, or None; it is asked before each use, so a new one counts at once.
    """

    def __init__(
        self,
        database: Database,
        settings: Sequence[ReceiverSettings],
        credentials: Credentials,
        options: Options | None = None,
    ) -> None:
        self._database = database
        self._ground = Ground(database, credentials, options or Options(), tuple(settings))
        self._lanes: dict[tuple[str, ...], Lane] = {}
        self._tasks: dict[tuple[str, ...], asyncio.Task[None]] = {}
        self._falls: dict[tuple[str, ...], _Falls] = {}
        self._started = False

    async def drain_due(self) -> None:
        """One pass: every idle lane with something to do starts. Returns at once; lanes go on by themselves.

        Raises StoreError when the database cannot be read. A bug that ends a lane is logged, and ends no other.
        """
        if not self._started:
            await self._start()
        self._reap()
        now = self._ground.options.now()
        due = await self._read(lambda conn: deliveries.receivers_due(conn, now))
        due |= {name for name, state in (await self._read(receivers.states)).items() if state.parked_scope}
        await self._arrange()
        for key, one in self._lanes.items():
            if key not in self._tasks and due & one.settings.keys() and self._has_rested(key):
                self._tasks[key] = asyncio.create_task(one.run(), name=f"lane {key[-1]}")

    def stuck_s(self) -> float:
        """For how many seconds a lane has ended by a bug each time; 0 when none does."""
        now = self._ground.options.monotonic()
        return max((now - one.first for key, one in self._falls.items() if self._falls_still(key, now)), default=0.0)

    def _falls_still(self, key: tuple[str, ...], now: float) -> bool:
        """Whether it neither ended well nor made an attempt since, nor is left to another process."""
        falls, there = self._falls[key], self._lanes.get(key)
        return there is not None and there.attempts == falls.attempts and now - falls.last < _FORGOTTEN_S

    def _has_rested(self, key: tuple[str, ...]) -> bool:
        falls = self._falls.get(key)
        return falls is None or self._ground.options.monotonic() - falls.last >= _BREATH_S

    async def drain(self, patience: timedelta) -> bool:
        """Go on until nothing is waiting for its turn or its retry, or patience ends (`run --once`). True: all out.

        Raises whatever bug ended a lane.
        """
        clock = self._ground.options.monotonic
        end = clock() + patience.total_seconds()
        while True:
            await self.drain_due()
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=max(0.0, end - clock()))
            for bug in self._reap():
                raise bug
            soonest = await self._read(self._next_time)
            left = end - clock()
            if soonest is None:
                return True
            wait = (soonest - self._ground.options.now()).total_seconds()
            if wait > left or left <= 0:
                return False
            await asyncio.sleep(min(max(wait, 0.05), 1.0))

    async def lanes_due(self, *, parked: bool) -> set[str]:
        """The lanes with something to do, each by the name of its first receiver; parked ones only when asked for."""
        now = self._ground.options.now()
        due = await self._read(lambda conn: deliveries.receivers_due(conn, now) | deliveries.receivers_sending(conn))
        states = await self._read(receivers.states)
        away = {name for name, state in states.items() if state.parked_scope}
        due = due | away if parked else due - away
        return {min(names) for names in self._names_of_lanes() if due & names}

    def _names_of_lanes(self) -> list[set[str]]:
        found: dict[tuple[str, ...], set[str]] = {}
        for one in self._ground.every:
            found.setdefault(lane(one), set()).add(one.name)
        return list(found.values())

    async def run_lane(self, receiver: str, orphaned: timedelta) -> None:
        """Drain the lane of a receiver until nothing is due. Attempts begun longer ago than `orphaned` have lost their
        process: their outcome is unclear. Nothing happens when this configuration has no such receiver."""
        await self._arrange()
        key = next((key for key, one in self._lanes.items() if receiver in one.settings), None)
        if key is None or key in self._tasks:
            return
        one = self._lanes[key]
        one.handed_over()
        now, names = self._ground.options.now(), list(one.settings)
        left = await self._write(lambda conn: deliveries.recover(conn, now, names, now - orphaned))
        if left:
            log.warning("deliveries recovered", deliveries=left, state="unknown", of=names)
        task = self._tasks[key] = asyncio.create_task(one.run(), name=f"lane {key[-1]}")
        try:
            await task
        finally:
            self._tasks.pop(key, None)
            if task.done():
                self._note_end(key, task)

    def _next_time(self, conn: Connection) -> datetime | None:
        return deliveries.next_time(conn, [one.name for one in self._ground.every])

    def configure(self, settings: Sequence[ReceiverSettings], ops: Sequence[str]) -> None:
        """Take over a new configuration; attempts under way end as they began."""
        self._ground.every = tuple(settings)
        self._ground.options = replace(self._ground.options, ops=tuple(ops))

    async def close(self, grace: timedelta = timedelta(seconds=10)) -> None:
        """Stop: calls under way get `grace` to end, then they are cut and their outcome is unknown, not `sending`."""
        for one in self._lanes.values():
            one.stop()
        tasks = list(self._tasks.values())
        for wait in (grace, _LAST_WORDS):
            if tasks:
                await asyncio.wait(tasks, timeout=wait.total_seconds())
            for one in self._lanes.values():
                one.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._lanes.values():
            await one.close()
        self._tasks.clear()

    async def _start(self) -> None:
        now = self._ground.options.now()
        left = await self._write(lambda conn: self._recover(conn, now))
        self._ground.options.reached(Point.RECOVERED)
        if left:
            log.warning("deliveries recovered", deliveries=left, state="unknown")
        self._started = True

    def _recover(self, conn: Connection, now: datetime) -> list[str]:
        left = deliveries.recover(conn, now)
        self._ground.options.reached(Point.RECOVER_RECORDED)
        return left

    def _reap(self) -> list[Exception]:
        """Lanes that ended make room; the bugs that ended some of them."""
        bugs = []
        for key in [key for key, task in self._tasks.items() if task.done()]:
            end = self._note_end(key, self._tasks.pop(key))
            if isinstance(end, Exception) and not isinstance(end, MonitorError):
                log.error("deliveries met a bug", receivers=list(self._lanes[key].settings), exc_info=end)
                bugs.append(end)
            elif end is not None:
                raise end
        return bugs

    def _note_end(self, key: tuple[str, ...], task: asyncio.Task[None]) -> BaseException | None:
        end = None if task.cancelled() else task.exception()
        if end is None:
            self._falls.pop(key, None)
        elif not isinstance(end, MonitorError):
            now = self._ground.options.monotonic()
            first = self._falls[key].first if key in self._falls and self._falls_still(key, now) else now
            self._falls[key] = _Falls(first, now, self._lanes[key].attempts)
        return end

    async def _arrange(self) -> None:
        """Lanes as the configuration has them; one that is at work keeps what it works with."""
        wanted: dict[tuple[str, ...], list[ReceiverSettings]] = {}
        for one in self._ground.every:
            wanted.setdefault(lane(one), []).append(one)
        for key, settings in wanted.items():
            if key in self._lanes and key not in self._tasks:
                self._lanes[key].settings = {one.name: one for one in settings}
            self._lanes.setdefault(key, Lane(settings, self._ground))
        for key in [key for key in self._lanes if key not in wanted and key not in self._tasks]:
            await self._lanes.pop(key).close()

    async def _read(self, step: Callable[[Connection], T]) -> T:
        def work() -> T:
            with self._database.read() as conn:
                return step(conn)

        return await asyncio.to_thread(work)

    async def _write(self, step: Callable[[Connection], T]) -> T:
        def work() -> T:
            with self._database.write() as conn:
                return step(conn)

        return await asyncio.to_thread(work)
