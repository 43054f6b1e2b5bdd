"""The job queue of a cluster: the only module that knows Procrastinate.

Jobs carry ids. What is due lives in our own tables, so a job that is lost costs nothing (its work is found due again)
and one that comes twice does nothing (its work is no longer due). `lock` runs the jobs of a key one after the other,
`queueing_lock` lets one wait, heartbeats tell which workers died.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions, jobs, worker
from procrastinate.schema import SchemaManager

from monitor.errors import StoreError
from monitor.store.engine import Database
from monitor.store.scripts import Scripts, run_scripts

POLL, DELIVER = "poll", "deliver"
AGAIN_AFTER_S = 2.0  # the queue cannot be reached
LANES = 64  # deliveries wait more than they work
CONNECTIONS = 4  # for deferring, fetching and finishing; each of the two queues listens on one more

log = structlog.get_logger("jobs")
_BROKEN = (exceptions.ProcrastinateException, psycopg.Error, OSError)


def prepare(database: Database) -> bool:
    """Bring the queue's own tables up to the installed Procrastinate; True when something was done. PostgreSQL only."""
    migrations = Path(SchemaManager.get_migrations_path())
    steps = tuple(sorted(migrations.glob("*.sql")))
    return run_scripts(database, Scripts("procrastinate", SchemaManager.get_schema(), steps))


@dataclass(frozen=True, slots=True)
class Work:
    """What jobs do: poll these feeds, drain the lane of this receiver. `slots`: jobs of polls at once."""

    poll: Callable[[Sequence[str]], Awaitable[None]]
    deliver: Callable[[str], Awaitable[None]]
    slots: int = 16


class Queue:
    """Takes jobs out of the queue and puts some in. `takeover`: a worker not heard of for so long is dead."""

    def __init__(self, database: Database, work: Work, takeover: timedelta) -> None:
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._work = work
        self._takeover_s = takeover.total_seconds()
        self._app: procrastinate.App | None = None
        self._workers: list[worker.Worker] = []
        self._running: set[int] = set()
        self._orphans: set[int] = set()

    @property
    def connected(self) -> bool:
        """Whether jobs come in at the moment."""
        return self._app is not None

    @property
    def running(self) -> int:
        """How many jobs this process has under way."""
        return len(self._running)

    async def run(self, stop: asyncio.Event, grace_s: float) -> None:
        """Work off jobs until `stop`; then none is begun, and those under way get `grace_s` to end."""
        while not stop.is_set():
            try:
                await self._serve(stop, grace_s)
                lost = not stop.is_set()
            except _BROKEN as error:
                lost = True
                log.debug("queue broken", kind=type(error).__name__, problem=str(error))
            if lost:
                log.error("queue disconnected", problem="its connection broke", again_in_s=AGAIN_AFTER_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AGAIN_AFTER_S)

    async def _serve(self, stop: asyncio.Event, grace_s: float) -> None:
        app = self._built()
        stopping = asyncio.create_task(stop.wait())
        try:
            async with app.open_async():
                self._workers = [
                    self._worker(app, POLL, self._work.slots, grace_s),
                    self._worker(app, DELIVER, LANES, grace_s),
                ]
                runs: list[Coroutine[Any, Any, None]] = [one.run() for one in self._workers]  # type: ignore[no-untyped-call]
                tasks = [asyncio.create_task(one, name="jobs") for one in runs]
                self._app = app
                log.info("queue open", slots=self._work.slots)
                await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
                self._app = None
                for one in self._workers:
                    one.stop()  # type: ignore[no-untyped-call]  # theirs
                for ended in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(ended, BaseException):
                        raise ended
        finally:
            self._app = None
            self._workers = []
            stopping.cancel()

    def _worker(self, app: procrastinate.App, queue: str, slots: int, grace_s: float) -> worker.Worker:
        return worker.Worker(
            app,
            queues=[queue],
            name=queue,
            concurrency=slots,
            delete_jobs=jobs.DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            shutdown_graceful_timeout=grace_s,
            update_heartbeat_interval=self._takeover_s / 3,
            stalled_worker_timeout=self._takeover_s,
        )

    def _built(self) -> procrastinate.App:
        keep_alive = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        connector = procrastinate.PsycopgConnector(
            conninfo=self._url, min_size=1, max_size=CONNECTIONS, timeout=10, kwargs=keep_alive
        )
        app = procrastinate.App(connector=connector)

        @app.task(name=POLL, queue=POLL, pass_context=True)
        async def poll(context: procrastinate.JobContext, feeds: list[str]) -> None:
            await self._do(context, self._work.poll(feeds))

        @app.task(name=DELIVER, queue=DELIVER, pass_context=True)
        async def deliver(context: procrastinate.JobContext, receiver: str) -> None:
            await self._do(context, self._work.deliver(receiver))

        return app

    async def _do(self, context: procrastinate.JobContext, work: Awaitable[None]) -> None:
        job = context.job.id or 0
        self._running.add(job)
        try:
            await work
        except StoreError as error:
            log.error("job failed", job=context.job.task_name, problem=str(error), remedy="it is found due again")
        except Exception:
            log.exception("job met a bug", job=context.job.task_name)
        finally:
            self._running.discard(job)

    # ---- what the leader does

    async def busy(self) -> tuple[frozenset[str], int]:
        """The keys that have a job waiting or under way, and how many jobs wait."""
        waiting, doing = [await self._manager().list_jobs_async(status=one) for one in ("todo", "doing")]
        waiting = list(waiting)
        return frozenset(job.lock for job in (*waiting, *doing) if job.lock), len(waiting)

    async def defer_polls(self, batches: Mapping[int, Sequence[str]]) -> None:
        """A job for each bucket of feeds that has none."""
        await asyncio.gather(*(self._defer(POLL, poll_key(one), feeds=list(ids)) for one, ids in batches.items()))

    async def defer_deliveries(self, receivers: Collection[str]) -> None:
        """A job for each lane that has none; a lane is named by its first receiver."""
        await asyncio.gather(*(self._defer(DELIVER, lane_key(one), receiver=one) for one in receivers))

    async def _defer(self, task: str, key: str, **ids: str | list[str]) -> None:
        app = self._opened()
        try:
            await app.configure_task(task, queue=task, lock=key, queueing_lock=key).defer_async(**ids)  # type: ignore[arg-type]  # JSON
        except exceptions.AlreadyEnqueued:
            return
        except _BROKEN as error:
            raise _unreachable(error) from None

    async def take_over(self) -> int:
        """Clear away the jobs of workers that died; their work is found due again. How many."""
        manager = self._manager()
        try:
            await manager.prune_stalled_workers(self._takeover_s)
            stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=self._takeover_s))
            for job in stalled:
                await self._clear(job.id)
        except _BROKEN as error:
            raise _unreachable(error) from None
        return len(stalled)

    # ---- what every worker does

    async def clear_orphans(self) -> int:
        """Clear away jobs that stand as ours and are not: their end could not be written down. Seen twice, they go."""
        try:
            found: set[int] = set()
            for one in self._workers:
                if one.worker_id is not None:
                    held = await self._manager().list_jobs_async(status="doing", worker_id=one.worker_id)
                    found |= {job.id for job in held if job.id is not None} - self._running
            gone, self._orphans = found & self._orphans, found
            for job in gone:
                await self._clear(job)
        except _BROKEN as error:
            raise _unreachable(error) from None
        return len(gone)

    async def _clear(self, job: int | None) -> None:
        if job is not None:
            with suppress(exceptions.ConnectorException):  # somebody was faster
                await self._manager().finish_job_by_id_async(job, jobs.Status.FAILED, delete_job=True)

    def _opened(self) -> procrastinate.App:
        if self._app is None:
            raise StoreError("The job queue cannot be reached at the moment. Work goes on by itself.")
        return self._app

    def _manager(self) -> procrastinate.manager.JobManager:
        return self._opened().job_manager


def poll_key(bucket: int) -> str:
    """The key of the polls of a bucket."""
    return f"{POLL}/{bucket}"


def lane_key(receiver: str) -> str:
    """The key of the deliveries of a lane."""
    return f"{DELIVER}/{receiver}"


def _unreachable(error: BaseException) -> StoreError:
    return StoreError(f"The job queue cannot be used: {type(error).__name__}. Work goes on by itself.")
