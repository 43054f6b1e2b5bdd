"""Bring a database to the revision of this program, with Alembic.

Revisions are `migrations/versions/NNNN_words.py`, one line without branches; the number is the revision. Knowing which
one a database has needs no Alembic, so that a start which finds everything in order does not load it.

A revision may say `works_with = "NNNN"`: programs of that revision can go on beside its tables, because it only adds
what they need not know (docs/scale.md, "Upgrading while it runs"). Without it, older programs are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

import monitor
from monitor.errors import StoreError, TooOld
from monitor.store import foreign, snapshot

_TABLE = "alembic_version"
# Beside the revision stands "REVISION:OLDEST": programs from OLDEST on can go on with the tables of REVISION.
_SUITS = "suits"
_LOCK = 7_402_113_650_021_337_005  # any number no other program uses for pg_advisory_lock in our database


@dataclass(frozen=True)
class Migrations:
    """A directory of migrations; `shipped()` are the program's own."""

    directory: Path

    def revisions(self) -> tuple[str, ...]:
        """All revisions this program knows, oldest first."""
        return _revisions(self.directory)

    def head(self) -> str:
        """The revision this program works with."""
        return self.revisions()[-1]

    def check(self, revision: str | None, place: str, oldest: str | None = None) -> None:
        """Raise StoreError unless this program can work with the tables of `revision` (`oldest`: `oldest_program`)."""
        self.refuse_newer(revision, place, oldest)
        if revision is None:
            raise StoreError(
                f"The database {place} has no tables yet. Run `licensewatch db upgrade`, or `licensewatch run`."
            )
        if revision < self.head():
            raise StoreError(
                f"The database {place} is of revision {revision}, this program needs {self.head()}. "
                "Run `licensewatch db upgrade` (a copy first: `licensewatch db backup`)."
            )

    def refuse_newer(self, revision: str | None, place: str, oldest: str | None = None) -> None:
        """Raise StoreError when the tables were made by a newer program that this one cannot work beside."""
        works_beside = oldest is not None and oldest <= self.head()
        if revision is not None and revision not in self.revisions() and not works_beside:
            raise TooOld(
                f"The database {place} was made by a newer version of licensewatch (revision {revision}; this one "
                f"knows up to {self.head()}). Install that version again, or restore a backup made before the upgrade."
            )

    def run(self, engine: Engine, place: str) -> bool:
        """Upgrade in one transaction: after a failure the database is as before. True when something was done."""
        with _alone(engine) as connection:
            revision = current(connection)
            foreign.refuse(connection, revision, place)
            self.refuse_newer(revision, place, oldest_program(connection))
            if revision is not None and revision >= self.head():
                return False
            if revision is None and snapshot.build(connection, self):
                return True
            self.build(connection)
            _check_references(connection, place)
            return True

    def build(self, connection: Connection) -> None:
        """Run every migration that the database lacks, and note which programs it then suits."""
        self.apply(connection, self.head())
        self._say_whom_it_suits(connection)

    def _say_whom_it_suits(self, connection: Connection) -> None:
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(self.directory).replace("%", "%%"))
        scripts = ScriptDirectory.from_config(config).walk_revisions()
        oldest = max(getattr(script.module, "works_with", script.revision) for script in scripts)
        if not _says_whom_it_suits(connection):
            connection.execute(text(f"ALTER TABLE {_TABLE} ADD COLUMN {_SUITS} VARCHAR(80)"))
        connection.execute(text(f"UPDATE {_TABLE} SET {_SUITS} = :words"), {"words": f"{self.head()}:{oldest}"})  # noqa: S608  # constants

    def apply(self, connection: Connection, target: str) -> None:
        """Run the migrations up to `target` on an open transaction."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.directory).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, target)


@cache
def shipped() -> Migrations:
    """The program's own: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(monitor.__file__).parent
    inside = package / "_migrations"
    return Migrations(inside if (inside / "env.py").exists() else package.parent / "migrations")


def current(connection: Connection) -> str | None:
    """The revision of the database behind `connection`; None when it has no tables of ours."""
    if not inspect(connection).has_table(_TABLE):
        return None
    revision = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608  # a constant
    return None if revision is None else str(revision)


def oldest_program(connection: Connection) -> str | None:
    """The oldest revision whose programs may go on with the tables as they are; None when nobody said."""
    if not _says_whom_it_suits(connection):
        return None
    revision, _, oldest = suits(connection).partition(":")
    return oldest if revision and revision == current(connection) else None


def suits(connection: Connection) -> str:
    """`REVISION:OLDEST` as it stands in a database that says so: programs from OLDEST on can work beside REVISION."""
    return str(connection.execute(text(f"SELECT {_SUITS} FROM {_TABLE}")).scalar() or "")  # noqa: S608  # constants


def _says_whom_it_suits(connection: Connection) -> bool:
    inspector = inspect(connection)
    return inspector.has_table(_TABLE) and _SUITS in {column["name"] for column in inspector.get_columns(_TABLE)}


@cache
def _revisions(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name[:4] for path in (directory / "versions").glob("[0-9]*.py")))


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        with _without_references(engine) as connection, connection.begin():
            yield connection
        return
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


@contextmanager
def _without_references(engine: Engine) -> Iterator[Connection]:
    # SQLite changes a table by copying it and dropping the old one; with foreign keys on, the drop deletes every row
    # that refers to it. The switch works only outside a transaction.
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.cursor().execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            raw.cursor().execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection, place: str) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise StoreError(
            f"Upgrading the database {place} would leave rows of {broken[0]} without what they refer to; it was left "
            "as it was. Please report this with the revision that `licensewatch db current` shows."
        )
