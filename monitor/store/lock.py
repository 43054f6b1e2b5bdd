"""One process polls or delivers on a database: a kernel lock that dies with it, and says who holds it.

Processes that are made to work beside each other (`licensewatch worker`) share it, and one of them leads.

On SQLite a flock on `<database file>.lock`; on PostgreSQL a session's advisory lock, so a pooler between us and the
server must keep sessions (PgBouncer: pool_mode=session). Child processes do not inherit it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import weakref
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import LockHeld, StoreError
from monitor.store import rights
from monitor.store.engine import parse_url
from monitor.store.faults import explained, shown


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: a process, where it runs, since when, and the command it was started with."""

    pid: int
    host: str
    since: datetime
    command: str

    @classmethod
    def here(cls, command: str, now: datetime) -> Self:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), now, command)

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid} on {self.host}, since {self.since:%Y-%m-%d %H:%M:%S} UTC)"


class DatabaseLock:
    """Hold it while polling or delivering: `with DatabaseLock(url, Holder.here("licensewatch run", now)):`.

    Entering raises LockHeld when another process has it, at once and without waiting. `shared` (PostgreSQL): beside
    others that share it, but not beside one that holds it alone.
    """

    def __init__(self, url: str, who: Holder, *, shared: bool = False) -> None:
        parsed = parse_url(url)
        is_file = parsed.get_backend_name() == "sqlite"
        if is_file and shared:
            raise StoreError("A lock on an SQLite database is not shared: it belongs to one process.")
        self._lock: _Lock = _FileLock(parsed, who) if is_file else _AdvisoryLock(parsed, who, _AT_WORK, shared=shared)

    def __enter__(self) -> Self:
        self._lock.take()
        lock = weakref.ref(self._lock)
        os.register_at_fork(after_in_child=lambda: _disown(lock()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    def assure(self) -> None:
        """Raise unless the lock is ours still; take it again when it was lost (a PostgreSQL restart).

        LockHeld: another process took it meanwhile, and this one must stop. StoreError: it cannot be told now.
        """
        if not self._lock.is_ours():
            self._lock.take()


class Leadership:
    """Who of those that share a PostgreSQL database does what is done once for all. It dies with its session."""

    def __init__(self, url: str, who: Holder) -> None:
        self._lock = _AdvisoryLock(parse_url(url), who, _LEADS)

    def ours(self) -> bool:
        """Whether it is ours; takes it when nobody has it. StoreError: that cannot be told now."""
        if self._lock.is_ours():
            return True
        try:
            self._lock.take()
        except LockHeld:
            return False
        return True

    def unseat(self) -> None:
        """Take the lead from whoever has it and does not use it: its session is ended."""
        self._lock.evict()

    def release(self) -> None:
        """Let another lead."""
        self._lock.release()


class _Lock(Protocol):
    def take(self) -> None: ...
    def is_ours(self) -> bool: ...
    def release(self) -> None: ...
    def disown(self) -> None: ...


def _disown(lock: _Lock | None) -> None:
    if lock is not None:
        lock.disown()


class _FileLock:
    def __init__(self, url: URL, who: Holder) -> None:
        database = Path(os.path.realpath(url.database or ""))  # two names of one file are one database
        self._path = database.with_name(database.name + ".lock")
        self._place = shown(url)
        self._who = who
        self._file: int | None = None

    def take(self) -> None:
        while not self.is_ours():
            self.release()
            self._file = self._opened()
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self._read_holder()
                self.release()
                raise LockHeld(_sentence(self._place, holder)) from None
            # Loops when the file was removed between opening and locking it: that lock guards nothing.
        assert self._file is not None
        line = json.dumps(asdict(self._who) | {"since": self._who.since.isoformat()}) + "\n"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, line.encode(), 0)

    def is_ours(self) -> bool:
        if self._file is None:
            return False
        try:
            there = self._path.stat()
        except OSError:
            return False
        here = os.fstat(self._file)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def disown(self) -> None:
        # In a forked child: closing leaves the parent's lock alone, unlocking would not.
        self.release()

    def _opened(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            why = rights.refused(self._path) or f"{error.strerror}. Name another place in `database` or `state_dir`"
            raise StoreError(f"The lock file {self._path} cannot be opened: {why}.") from None

    def _read_holder(self) -> Holder | None:
        assert self._file is not None
        for _ in range(10):
            try:
                said = json.loads(os.pread(self._file, 4096, 0))
                return Holder(**(said | {"since": datetime.fromisoformat(said["since"]).astimezone(UTC)}))
            except (ValueError, TypeError, KeyError):
                time.sleep(0.02)  # it has the lock and is about to write who it is
        return None


_AT_WORK, _LEADS = 7402113, 7402115  # first halves of keys; no other program uses them in our database
# pg_locks shows the two halves of the key as unsigned; the schema's name keeps installations in one database apart.
_KEYS = ":key, hashtext(coalesce(current_schema(), ''))"
_ROW = """l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = CAST(:key AS bigint)::oid
  AND l.objid = (hashtext(coalesce(current_schema(), ''))::bigint & 4294967295)::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_TAKE = text(f"SELECT pg_try_advisory_lock({_KEYS})")
_SHARE = text(f"SELECT pg_try_advisory_lock_shared({_KEYS})")
_MINE = text(f"SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid() AND {_ROW}")  # noqa: S608  # constants
_HOLDER = text(
    "SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "  # noqa: S608
    f"WHERE {_ROW}"
)
_EVICT = text(f"SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE {_ROW}")  # noqa: S608  # constants
# The server lets go of a host that vanished after a minute, not after the two hours of its kernel's default.
_ALIVE = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"


class _AdvisoryLock:
    def __init__(self, url: URL, who: Holder, key: int, *, shared: bool = False) -> None:
        self._place = shown(url)
        self._key = {"key": key}
        self._take = _SHARE if shared else _TAKE
        name = json.dumps([who.pid, who.host[:20], who.command])[:63]  # PostgreSQL keeps 63 bytes
        self._engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"application_name": name, "connect_timeout": 10},
        )
        self._session: Connection | None = None

    def take(self) -> None:
        self.release()
        with explained(self._place):
            session = self._engine.connect()
            try:
                session.exec_driver_sql(_ALIVE)
                if session.scalar(self._take, self._key):
                    self._session = session
                    return
                holder = _holder_of(session, self._key)
            except BaseException:
                session.close()
                raise
            session.close()
        raise LockHeld(_sentence(self._place, holder))

    def is_ours(self) -> bool:
        if self._session is None:
            return False
        try:
            return bool(self._session.scalar(_MINE, self._key))
        except SQLAlchemyError:
            return False

    def evict(self) -> None:
        """End the session that holds the lock, whoever's it is."""
        with explained(self._place), self._engine.connect() as session:
            session.execute(_EVICT, self._key)

    def release(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def disown(self) -> None:
        # In a forked child: the socket is the parent's too, so it must be neither used nor closed politely.
        if self._session is None or self._session.closed or self._session.invalidated:
            return
        raw = self._session.connection.dbapi_connection
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, raw.fileno())  # type: ignore[union-attr]  # psycopg's connection
        os.close(nothing)


def _holder_of(session: Connection, key: dict[str, int]) -> Holder | None:
    row = session.execute(_HOLDER, key).first()
    if row is None or not row[0]:
        return None
    try:
        pid, host, command = json.loads(row[0])
    except ValueError:
        return None
    return Holder(pid, host, row[1].astimezone(UTC), command)


def _sentence(place: str, holder: Holder | None) -> str:
    who = str(holder) if holder else "another process, which has not said who it is,"
    return f"{who} already polls and delivers on {place}. Stop it first, or give this one another `database`."
