"""The database: where it is, how connections to it are set up, and the two kinds of transaction.

A writing transaction on SQLite begins IMMEDIATE: one that reads first and then writes fails at once beside another
writer, whatever the busy timeout. A reading one begins deferred: it sees one state and stands in nobody's way.
Sources: https://www.sqlite.org/lang_transaction.html, https://www.sqlite.org/wal.html, SQLAlchemy's page on pysqlite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, create_engine, event, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError

from monitor.errors import StoreError
from monitor.store import foreign, rights
from monitor.store.faults import AGAIN, explained, shown
from monitor.store.upgrade import Migrations, current, oldest_program, shipped

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

__all__ = ["Connection", "Database", "forget_pages", "insert_into", "parse_url"]

_BARE = "licensewatch_bare"  # a connection on which no transaction begins

_PAGE = 8192  # an entry of some kilobytes and its keys touch fewer of these than of SQLite's own 4096
_JOURNAL = 16 * 1024 * 1024  # folded back so often: pages that every commit touches are written once for many commits

# A lost network must not hold a worker for the two hours of the kernel's default.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class Database:
    """One database, SQLite or PostgreSQL. Opens connections when asked, not before.

    `patience` is how long a transaction waits for a lock of another program before it fails with StoreError.
    Threads may share it. Relative file names are relative to the working directory. `command`: whoever uses it ends
    with the first trouble, so that nothing goes on by itself.
    """

    def __init__(self, url: str, *, patience: timedelta = timedelta(seconds=5), command: bool = False) -> None:
        self.url = parse_url(url)
        self.place = shown(self.url)
        self.patience = patience
        self._then = AGAIN if command else ""
        self._writer, self._reader = self._engines()

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None for PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def is_there(self) -> bool:
        """Whether its file was made; always so on a server. StoreError when this user may not look."""
        try:
            return self.path is None or self.path.exists()
        except PermissionError:
            sentence = rights.refused(self.path) if self.path else ""
            raise StoreError(f"The database {self.place} cannot be used: {sentence}.") from None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: all of it is durable when the block ends, or nothing when it raises."""
        with (
            explained(self.place, self.path, then=self._then),
            self._folding_a_full_journal(),
            self._writer.begin() as connection,
        ):
            yield connection

    @contextmanager
    def _folding_a_full_journal(self) -> Iterator[None]:
        """On a full disk SQLite's journal cannot grow to where it is folded back by itself. What is in it mostly has a
        place in the database already: folded back now, it leaves room for the next transaction."""
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL":
                with suppress(StoreError), self.maintenance() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One state of the database to read from; writing fails. Keep it short, or read in pages."""
        with explained(self.place, self.path, then=self._then), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """A writing connection outside any transaction, for VACUUM, checkpoints and the like."""
        with explained(self.place, self.path, then=self._then), self._writer.connect() as connection:
            options = {_BARE: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
            yield connection.execution_options(**options)

    def revision(self) -> str | None:
        """The revision of the tables; None when there are none yet. StoreError when they are another program's."""
        if not self.is_there():
            return None
        with self.read() as connection:
            revision = current(connection)
            foreign.refuse(connection, revision, self.place)
            return revision

    def check(self) -> None:
        """Raise StoreError unless this program can work with the tables: they are of its revision, or a newer one
        that says so."""
        revision, migrations = self.revision(), shipped()
        migrations.check(revision, self.place, self._oldest_program(revision, migrations))

    def upgrade(self, migrations: Migrations | None = None) -> bool:
        """Bring the tables up to this program's revision; True when something was done.

        Safe beside other processes that do the same. A database from a newer program is refused untouched.
        """
        migrations = migrations or shipped()
        revision = self.revision()
        migrations.refuse_newer(revision, self.place, self._oldest_program(revision, migrations))
        if revision is not None and revision >= migrations.head():
            return False
        if self.path is not None:
            self._make_directory(self.path.parent)
        with explained(self.place, self.path, then=AGAIN):
            return migrations.run(self._writer, self.place)

    def _oldest_program(self, revision: str | None, migrations: Migrations) -> str | None:
        if revision is None or revision in migrations.revisions():
            return None  # nobody asks
        with self.read() as connection:
            return oldest_program(connection)

    def close(self) -> None:
        """Close every connection."""
        self._writer.dispose()
        self._reader.dispose()

    def _make_directory(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The directory {directory} for the database cannot be made: {error.strerror}. "
                "Make it, or name another place in `database` or `state_dir`."
            ) from None

    def _engines(self) -> tuple[Engine, Engine]:
        return self._sqlite_engines() if self.is_sqlite else self._postgresql_engines()

    def _sqlite_engines(self) -> tuple[Engine, Engine]:
        assert self.path is not None
        seconds = self.patience.total_seconds()
        connect = partial(_connect, self.path.absolute(), seconds)
        # One writing connection: SQLite has one writer, and waiting for a pool is fairer than polling for a lock.
        writer = create_engine(
            "sqlite://",
            creator=partial(connect, write=True),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=seconds + 1,
            hide_parameters=True,
        )
        reader = create_engine(
            "sqlite://",
            creator=partial(connect, write=False),
            poolclass=QueuePool,
            pool_size=2,
            max_overflow=30,
            hide_parameters=True,
        )
        event.listen(writer, "begin", _begin_immediate)
        event.listen(reader, "begin", _begin_deferred)
        return writer, reader

    def _postgresql_engines(self) -> tuple[Engine, Engine]:
        arguments: dict[str, Any] = {key: value for key, value in _LIBPQ.items() if key not in self.url.query}
        engine = create_engine(
            self.url, connect_args=arguments, pool_pre_ping=True, hide_parameters=True, pool_recycle=3600
        )
        event.listen(engine, "connect", partial(_limit_lock_waits, self.patience))
        reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return engine, reader


def forget_pages(connection: Connection) -> None:
    """Let go of the pages that SQLite keeps in memory for the next commits, 16 MB after many; PostgreSQL keeps none."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA shrink_memory")


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what happens when the row is there already (`on_conflict_do_…`)."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 0.1 s that SQLite has no use for

    return postgresql.insert(table)


def parse_url(text: str) -> URL:
    """The URL of a database we can use, with its driver; StoreError otherwise."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(
            "The database URL cannot be read. Write sqlite:////var/lib/licensewatch/licensewatch.db "
            "or postgresql+psycopg://user@host/name."
        ) from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(f"The database URL begins with {url.drivername}:, use sqlite: or postgresql+psycopg:.")
    if url.database in (None, "", ":memory:"):
        raise StoreError("The database URL names no file. What is remembered must outlive the process.")
    return url


def _connect(path: Path, seconds: float, *, write: bool) -> sqlite3.Connection:
    # A reader must not make an empty database where there is none.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={'rwc' if write else 'rw'}",
        uri=True,
        timeout=seconds,
        isolation_level=None,  # we say BEGIN ourselves
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )
    try:
        if write:
            connection.execute(f"PRAGMA page_size={_PAGE}")  # of a database that is made now; others keep theirs
            connection.execute("PRAGMA journal_mode=WAL")
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA wal_autocheckpoint={_JOURNAL // page}")
        else:
            connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA synchronous=FULL")  # NORMAL can forget a committed `sent` when power fails
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size={-16_000 if write else -4_000}")
        connection.execute("PRAGMA journal_size_limit=67108864")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _begin_immediate(connection: Connection) -> None:
    if _BARE not in connection.get_execution_options():
        _driver(connection).execute("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    _driver(connection).execute("BEGIN")


def _driver(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _limit_lock_waits(patience: timedelta, connection: Any, _record: object) -> None:
    connection.execute(f"SET lock_timeout = {int(patience.total_seconds() * 1000)}")
    connection.commit()
