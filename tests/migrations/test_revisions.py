"""Upgrades: from nothing, from every earlier revision with data, and what happens when one cannot be done (A42)."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, func, select

from monitor.errors import StoreError
from monitor.model import Entry, Hit, Severity, Shift
from monitor.store import entries, facts, hits, schema, snapshot
from monitor.store.engine import Database
from monitor.store.upgrade import Migrations, shipped, suits

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def differences(conn: Connection) -> list[object]:
    """What migrations would have to change, as `alembic check` sees it."""
    options = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or schema.is_modelled(name)}
    found: list[object] = compare_metadata(MigrationContext.configure(conn, opts=options), schema.metadata)
    return found


def reflected(conn: Connection) -> MetaData:
    """The tables of the database as it has them now, those of the search index left out."""
    metadata = MetaData()
    metadata.reflect(conn, only=lambda name, _: schema.is_modelled(name))
    return metadata


def test_models_and_migrations_agree(database: Database) -> None:
    """A42: after an upgrade `alembic check` finds nothing to do, on both databases."""
    with database.read() as connection:
        assert differences(connection) == []


def test_a_new_file_is_made_at_once_as_the_migrations_make_it_one_by_one(tmp_path: Path) -> None:
    """A42: word for word. Where this fails after a change of the migrations: `make schemas`."""
    step_by_step, at_once = Database(f"sqlite:///{tmp_path}/steps.db"), Database(f"sqlite:///{tmp_path}/once.db")
    with step_by_step.write() as conn:
        shipped().build(conn)
        built = snapshot.of(conn, suits(conn))
    assert (shipped().directory / snapshot.NAME).read_text("utf-8") == built
    with at_once.write() as conn:
        assert snapshot.build(conn, shipped())
        assert snapshot.of(conn, suits(conn)) == built
        assert not snapshot.build(conn, shipped()), "only where there is nothing yet"
    for database in (step_by_step, at_once):
        database.check()
        database.close()


def test_upgrading_an_empty_database_builds_it_once(database_url: str) -> None:
    database = Database(database_url)
    assert database.revision() is None
    with pytest.raises(StoreError, match=r"no tables yet\. Run `licensewatch db upgrade`"):
        database.check()
    assert database.upgrade()
    assert not database.upgrade()
    assert database.revision() == shipped().head()
    database.check()
    database.close()


def test_revisions_are_one_numbered_line() -> None:
    """What we read from file names is what Alembic reads from the files."""
    config = Config()
    config.set_main_option("script_location", str(shipped().directory))
    scripts = ScriptDirectory.from_config(config)
    line = [script.revision for script in scripts.walk_revisions("base", "heads")]
    assert tuple(reversed(line)) == shipped().revisions()


def test_processes_that_start_at_once_upgrade_once(database_url: str) -> None:
    program = "import sys; from monitor.store.engine import Database; print(Database(sys.argv[1]).upgrade())"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in processes)
    assert said == ["False", "False", "True"]
    assert [process.returncode for process in processes] == [0] * 3


# ---- with data


def fill(conn: Connection) -> dict[str, int]:
    """Two rows in every table as the database has them now; rows by table."""
    metadata = reflected(conn)
    aware = conn.dialect.name == "postgresql"
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        for number in (1, 2):
            row = {}
            for column in table.columns:
                kind = column.type.python_type
                when = NOW if aware else NOW.replace(tzinfo=None)
                values = {
                    bool: True,
                    int: number,
                    float: 1.5,
                    object: {"a": [number]},
                    dict: {"a": [number]},
                    str: f"v{number}",
                    datetime: when,
                }
                row[column.name] = values[kind]
            conn.execute(table.insert().values(row))
    return rows(conn)


def rows(conn: Connection) -> dict[str, int]:
    metadata = reflected(conn)
    return {
        name: conn.scalar(select(func.count()).select_from(table)) or 0
        for name, table in metadata.tables.items()
        if name != "alembic_version"
    }


@pytest.mark.parametrize("revision", shipped().revisions())
def test_every_earlier_revision_upgrades_with_its_data(database_url: str, revision: str) -> None:
    """A42: two rows in every table of the old revision; after the upgrade they are there, and the tables are ours."""
    database = Database(database_url)
    with database.write() as conn:
        shipped().apply(conn, revision)
        before = fill(conn)
    database.upgrade()
    with database.read() as conn:
        after = rows(conn)
        assert differences(conn) == []
    assert {name: after.get(name) for name in before} == before
    database.close()


def a_next_revision(directory: Path, body: str) -> Migrations:
    """The shipped migrations and one more."""
    shutil.copytree(shipped().directory, directory, ignore=shutil.ignore_patterns("__pycache__"))
    head = shipped().head()
    lines = body.strip().splitlines()
    (directory / "versions" / "9001_next.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '9001'\ndown_revision = '{head}'\n\n\n"
        "def upgrade() -> None:\n" + "".join(f"    {line}\n" for line in lines)
    )
    return Migrations(directory)


def fill_entry(database: Database) -> int:
    with database.write() as conn:
        [entry_id] = entries.add(conn, [Entry("wire", ("k",), "title")], now=NOW, baseline=False)
        hits.add(conn, entry_id, [Hit("r", "v", "t", Severity.LOW, Shift())], NOW, False)
    return entry_id


def test_changing_a_table_keeps_the_rows_that_refer_to_it(database: Database, tmp_path: Path) -> None:
    """SQLite changes a column by dropping the old table, which with foreign keys on would delete the hits."""
    entry_id = fill_entry(database)
    further = a_next_revision(
        tmp_path / "next",
        "with op.batch_alter_table('entry') as batch:\n"
        "    batch.alter_column('author', existing_type=sa.Text(), nullable=True)\n"
        "    batch.add_column(sa.Column('language', sa.Text(), nullable=False, server_default='en'))",
    )
    assert database.upgrade(further)
    with database.write() as conn:
        assert len(hits.of_entry(conn, entry_id)) == 1
        assert conn.exec_driver_sql("SELECT language FROM entry").scalar() == "en"
        assert database.revision() == "9001"


def test_an_upgrade_that_fails_leaves_everything_as_it_was(database: Database, tmp_path: Path) -> None:
    fill_entry(database)
    broken = a_next_revision(
        tmp_path / "next",
        "op.add_column('entry', sa.Column('language', sa.Text()))\n"
        "op.execute('DELETE FROM hit')\n"
        "raise RuntimeError('out of luck')",
    )
    with pytest.raises(RuntimeError, match="out of luck"):
        database.upgrade(broken)
    assert database.revision() == shipped().head()
    with database.read() as conn:
        assert hits.total(conn) == 1
        assert differences(conn) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_upgrade_that_would_orphan_rows_is_taken_back(database: Database, tmp_path: Path) -> None:
    fill_entry(database)
    wrong = a_next_revision(tmp_path / "next", "op.execute('DELETE FROM entry')")
    with pytest.raises(StoreError, match="rows of hit without what they refer to"):
        database.upgrade(wrong)
    with database.read() as conn:
        assert entries.counts(conn) == {"wire": 1}


def test_a_database_of_a_newer_program_is_refused_untouched(database: Database, tmp_path: Path) -> None:
    further = a_next_revision(tmp_path / "next", "op.add_column('entry', sa.Column('language', sa.Text()))")
    with database.write() as conn:
        facts.set(conn, "x", 1, NOW)
    database.upgrade(further)
    for use in (database.upgrade, database.check):
        with pytest.raises(StoreError, match=r"newer version of licensewatch \(revision 9001; this one knows up to"):
            use()
    assert database.revision() == "9001"


def test_an_older_database_is_named_until_it_is_upgraded(database: Database, tmp_path: Path) -> None:
    further = a_next_revision(tmp_path / "next", "pass")
    with pytest.raises(
        StoreError, match=r"is of revision \d{4}, this program needs 9001\. Run `licensewatch db upgrade`"
    ):
        further.check(database.revision(), database.place)


def test_tables_of_the_job_queue_are_none_of_our_business(database: Database) -> None:
    """A cluster's job queue keeps its tables in the same database; they are no difference to migrate away."""
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE procrastinate_jobs (id INTEGER PRIMARY KEY)")
        config = Config()
        config.set_main_option("script_location", str(shipped().directory))
        config.attributes["connection"] = conn
        command.check(config)


# ---- another program's database


FOREIGN = {
    "tables of other names": ("CREATE TABLE users (id INTEGER)", "CREATE TABLE posts (id INTEGER)"),
    "one of our names": ("CREATE TABLE entry (id INTEGER, words TEXT)", "INSERT INTO entry VALUES (1, 'theirs')"),
    "a view of our name": ("CREATE VIEW story AS SELECT 1 AS id",),
    "Alembic's own revision": (
        "CREATE TABLE users (id INTEGER)",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('ae1027a6acf0')",
    ),
    "a number like ours, without our tables": (
        "CREATE TABLE entry (id INTEGER)",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('0002')",
    ),
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN.keys())
def test_another_programs_database_is_refused_untouched(database_url: str, statements: tuple[str, ...]) -> None:
    """No table of ours is put among theirs, whoever asks; the refusal names the place and the remedy."""
    database = Database(database_url)
    if database.path is not None:  # as the other program makes it: without our pragmas
        with sqlite3.connect(database.path) as raw:
            for statement in statements:
                raw.execute(statement)
        raw.close()
        before = database.path.read_bytes()
    else:
        if statements is FOREIGN["tables of other names"]:
            return  # a server's database may hold others' tables beside ours
        with database.write() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)
    for use in (database.revision, database.check, database.upgrade):
        with pytest.raises(StoreError, match="belongs to another program") as refused:
            use()
        assert database.place in str(refused.value)
        assert "in `database` or" in str(refused.value)
    if database.path is not None:
        assert database.path.read_bytes() == before
    database.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_on_a_server_others_may_have_tables_beside_ours(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE users (id INTEGER)")
    assert database.upgrade()
    database.check()
    database.close()
