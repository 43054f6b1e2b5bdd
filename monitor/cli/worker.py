"""`worker`: one of many processes that poll and deliver together, on any number of machines."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from monitor import clock, settings, telemetry
from monitor.cli.context import current
from monitor.cli.greeting import greet
from monitor.daemon.service import Service
from monitor.errors import UsageError
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder, Leadership

if TYPE_CHECKING:
    from monitor.cluster import Worker

NEEDS_POSTGRESQL = (
    "Workers share a PostgreSQL database; {place} is SQLite, which belongs to one process. Use `licensewatch run`, or "
    "name a server: LICENSEWATCH_DATABASE_URL=postgresql+psycopg://user@host/name (docs/scale.md)."
)


def worker(
    ctx: typer.Context,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=200, help="Jobs of polls at once, of up to 50 feeds each; polling.concurrency bounds"),
    ] = 16,
) -> None:
    """Poll and deliver together with other workers on one PostgreSQL database, until stopped.

    Start as many as you like, on as many machines, with the same configuration; one of them leads, and another takes
    over when it dies. `run` and workers refuse to work beside each other.
    """
    context = current(ctx)
    configuration = context.configuration()
    redactor = telemetry.set_up(verbose=context.verbose)
    database = Database(configuration.settings.database)
    if database.is_sqlite:
        raise UsageError(NEEDS_POSTGRESQL.format(place=database.place))
    from monitor.cluster import SharedClock, Worker, prepare

    who = Holder.here("licensewatch worker", clock.now())
    with DatabaseLock(configuration.settings.database, who, shared=True) as lock:
        database.upgrade()
        prepare(database)
        settings.remember_examples(configuration)
        shared = SharedClock()
        shared.look(database)
        name = uuid.uuid4().hex
        service = Service(configuration, database, os.environ, learn_secret=redactor.learn, now=shared.now, shared=name)
        leadership = Leadership(configuration.settings.database, who)
        greet(configuration, database, worker=True)
        try:
            asyncio.run(_serve(Worker(service, lock, leadership, shared, os.environ, concurrency)))
        finally:
            database.close()


async def _serve(worker: Worker) -> None:
    async with worker.service:
        await worker.run()
