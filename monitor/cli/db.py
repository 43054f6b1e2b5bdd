"""`licensewatch db`: the database's revision, copies of it, and what is let go of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from monitor import clock, housekeep
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.counts import counted
from monitor.errors import UsageError
from monitor.settings import Retention, Settings
from monitor.settings.checks import retention_fault
from monitor.store import copying
from monitor.store.backup import backup as copy
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder
from monitor.store.upgrade import shipped
from monitor.yamlfile import parse_duration

app = typer.Typer(help="Upgrade, back up and prune the database.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def upgrade(ctx: typer.Context, json_: Json = False) -> None:
    """Make the database, or bring its tables to this program's revision.

    `run` does the same at its start. Safe to repeat; after a failure the database is as it was. Take a backup first:
    an older program refuses the upgraded database.
    """
    database = Database(current(ctx).settings().database, command=True)
    before = database.revision()
    database.upgrade()
    if not database.is_sqlite:
        from monitor.cluster import prepare

        prepare(database)
    after = database.revision()
    if json_:
        output.emit_json({"database": database.place, "before": before, "revision": after})
    elif before == after:
        output.say(f"{database.place} is of revision {after} already.")
    else:
        output.say(f"{database.place} is now of revision {after}{f' (was {before})' if before else ', new'}.")
    database.close()


@app.command(name="current")
def current_(ctx: typer.Context, json_: Json = False) -> None:
    """Show where the database is, its revision, and whether that is the one this program works with."""
    database = _database(current(ctx))
    revision, needed = database.revision(), shipped().head()
    size = database.path.stat().st_size if database.path is not None and database.is_there() else None
    if json_:
        output.emit_json({"database": database.place, "revision": revision, "needed": needed, "bytes": size})
    else:
        output.say(f"{database.place}: revision {revision or 'none (no tables yet)'}, this program needs {needed}")
        if size is not None:
            output.say(f"{size / 1_000_000:,.1f} MB")
    database.close()
    database.check()


@app.command()
def backup(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A new file or a directory; else beside the database.")
    ] = None,
    json_: Json = False,
) -> None:
    """Copy the database to a new file, consistent while the daemon runs.

    To restore it: stop the daemon, move the database with its -wal and -shm files away, put the copy in its place.
    """
    context = current(ctx)
    database = _database(context)
    if database.path is None:
        place = database.place.replace("+psycopg", "").replace(":***", "")
        raise UsageError(
            "PostgreSQL has its own tool, which copies while licensewatch runs: "
            f"pg_dump --format=custom --file=licensewatch.dump '{place}'"
        )
    if not database.is_there():
        raise UsageError(f"There is no database at {database.path} yet. `licensewatch run` makes it.")
    database.revision()  # a copy of another program's would be found out when it is needed
    target = _target(file, database.path)
    with output.progress("copying") as advance:
        copied = 0

        def hear(left: int, total: int) -> None:
            nonlocal copied
            advance(total - left - copied)
            copied = total - left

        size = copy(database.path, target, hear)
    if json_:
        output.emit_json({"file": target, "bytes": size})
    else:
        output.say(f"{target}: {size / 1_000_000:,.1f} MB, checked.")


@app.command(name="copy")
def copy_(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Argument(metavar="URL", help="An empty one: postgresql+psycopg://user@host/name or sqlite:////…"),
    ],
    json_: Json = False,
) -> None:
    """Copy everything into another, empty database: how to move from SQLite to PostgreSQL, or back.

    Stop the daemon first; nothing is changed here. Then set `database` in monitor.yaml (or LICENSEWATCH_DATABASE_URL)
    to the new one and start: no story is told again. PGPASSWORD and ~/.pgpass keep a password out of the URL.
    """
    source, target = current(ctx).existing(), Database(to, command=True)
    if source.url == target.url:
        raise UsageError(f"{source.place} is the database in use. Name another one to copy it to.")
    with ExitStack() as stack:
        for database in (source, target):
            holder = Holder.here("licensewatch db copy", clock.now())
            stack.enter_context(DatabaseLock(database.url.render_as_string(hide_password=False), holder))
        target.upgrade()
        with output.progress("copying", copying.total(source)) as advance:
            copied = copying.copy(source, target, advance)
    source.close()
    target.close()
    if json_:
        output.emit_json({"from": source.place, "to": target.place, "rows": copied})
        return
    output.say(f"{sum(copied.values()):,} rows are in {target.place}; {source.place} is as it was.")
    output.note("To use it: set `database` in monitor.yaml to it, or LICENSEWATCH_DATABASE_URL, and start.")


@app.command()
def prune(
    ctx: typer.Context,
    entries: Annotated[
        str, typer.Option(metavar="DURATION", help="Keep texts of entries so long; else as configured.")
    ] = "",
    stories: Annotated[str, typer.Option(metavar="DURATION", help="Keep stories so long; else as configured.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much would go.")] = False,
    json_: Json = False,
) -> None:
    """Let go of texts and stories that are older than `retention` says. The daemon does it by itself, little by little.

    What identifies an entry is kept for ever, so that nothing old alerts again. Works beside a running daemon.
    """
    context = current(ctx)
    keep = _kept(context.settings(), {"entries": entries, "stories": stories})
    database, now = context.database(), clock.now()
    texts, lines = housekeep.waiting(database, keep, now)
    if dry_run:
        pruned = housekeep.Pruned(texts, lines)
    else:
        with output.progress("pruning", texts + lines) as advance:
            pruned = housekeep.run(database, keep, now, most_pages=1_000_000, advance=advance)
    database.close()
    if json_:
        output.emit_json(dataclasses.asdict(pruned) | {"dry_run": dry_run})
    else:
        verbs = ("would lose", "would go") if dry_run else ("lost", "went")
        texts_said, lines_said = counted(pruned.entries, "entry", "entries"), counted(pruned.storylines, "storyline")
        output.say(f"{texts_said} {verbs[0]} the text, {lines_said} {verbs[1]}.")


def _database(context: Context) -> Database:
    """The configured database as it is, whatever its revision, to look into (`Context.place`)."""
    return Database(context.place(), command=True)


def _target(given: Path | None, database: Path) -> Path:
    stamp = f"{database.stem}-{clock.now():%Y%m%dT%H%M%SZ}{database.suffix or '.db'}"
    if given is None:
        return database.parent / stamp
    return given / stamp if given.is_dir() else given


def _kept(settings: Settings, given: Mapping[str, str]) -> Retention:
    """What to keep: as configured, or for as long as options say, where that is long enough."""
    keep = settings.retention
    for key, text in given.items():
        if not text:
            continue
        try:
            duration = parse_duration(text)
        except ValueError as error:
            raise UsageError(f"{text!r}: {error}.") from None
        fault = retention_fault(key, duration, settings.entries, settings.alerts)
        if fault:
            raise UsageError(f"--{key}: {fault}.")
        keep = dataclasses.replace(keep, **{key: duration})
    return keep
