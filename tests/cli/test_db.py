"""`licensewatch db`, run as a person runs it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.context import Context
from monitor.errors import StoreError
from monitor.model import Alert, Entry, Mute, Reason, Severity
from monitor.store import alerts, entries, facts, mutes, search
from monitor.store.engine import Database
from monitor.store.lock import DatabaseLock, Holder
from monitor.store.upgrade import shipped

NOW = datetime.now(UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    (directory / "rules").mkdir(parents=True)
    (directory / "monitor.yaml").write_text("retention: {entries: 30d}\n")
    (directory / "feeds.yaml").write_text("feeds: []\n")
    return directory


def db(config: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor.cli.main", "--config", str(config), "db", *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"} | env
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_the_advice_on_copying_postgresql_can_be_pasted(config: Path) -> None:
    """The server's own tool gets our URL, sockets' directory included, and no password."""
    url = "postgresql+psycopg://watch:geheim@/news?host=/run/pg&port=5433&password=geheim"
    done = db(config, "backup", LICENSEWATCH_DATABASE_URL=url)
    assert done.returncode == 2
    assert "pg_dump" in done.stderr
    assert "'postgresql://watch@/news?host=%2Frun%2Fpg&port=5433'" in done.stderr.replace("\n", "")
    assert "geheim" not in done.stderr


def test_a_full_disk_under_a_command_is_mended_and_the_command_run_again(config: Path) -> None:
    """A40: a daemon goes on by itself, a command has ended."""
    fill(config)
    database = Context(config).existing()
    with pytest.raises(StoreError, match=r"full\. Free some space; then run it again\.$"), database.write() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1")
        conn.exec_driver_sql("CREATE TABLE filler AS SELECT randomblob(4000000)")
    database.close()


def opened(config: Path) -> Database:
    return Database(f"sqlite:///{config.parent / 'var' / 'licensewatch.db'}")


def fill(config: Path) -> None:
    database = opened(config)
    database.upgrade()
    with database.write() as conn:
        for days in (1, 40, 400):
            entries.add(conn, [Entry("wire", (f"k{days}",), "t")], now=NOW - timedelta(days=days), baseline=False)
    database.close()


def test_upgrade_makes_the_database_and_says_so_once(config: Path) -> None:
    first, second = db(config, "upgrade"), db(config, "upgrade")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert f"is now of revision {shipped().head()}, new." in first.stdout
    assert f"is of revision {shipped().head()} already." in second.stdout


def test_current_says_what_is_there_and_what_is_needed(config: Path) -> None:
    missing = db(config, "current")
    assert missing.returncode == 1
    assert "none (no tables yet)" in missing.stdout
    assert "Run `licensewatch db upgrade`" in missing.stderr
    db(config, "upgrade")
    there = json.loads(db(config, "current", "--json").stdout)
    assert (there["revision"], there["needed"]) == (shipped().head(), shipped().head())
    assert there["bytes"] > 0


def test_a_database_of_a_newer_program_stays_untouched(config: Path) -> None:
    db(config, "upgrade")
    path = opened(config).path
    assert path is not None
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    conn.close()
    for command in ("upgrade", "prune"):
        refused = db(config, command)
        assert refused.returncode == 1
        assert "newer version of licensewatch (revision 9999" in refused.stderr


def test_a_backup_is_made_while_the_database_is_in_use_and_can_be_restored(config: Path) -> None:
    """`db backup` beside a running daemon, then the copy put in the place of a lost database."""
    fill(config)
    path = opened(config).path
    assert path is not None
    with DatabaseLock(f"sqlite:///{path}", Holder.here("licensewatch run", NOW)):
        made = db(config, "backup", str(config.parent), "--json")
        assert made.returncode == 0, made.stderr
    copy = Path(json.loads(made.stdout)["file"])
    assert copy.parent == config.parent
    path.write_bytes(b"lost")
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    assert db(config, "prune").returncode == 1
    copy.rename(path)
    assert db(config, "current").returncode == 0
    with opened(config).read() as conn:
        assert entries.counts(conn) == {"wire": 3}


def test_nothing_is_made_beside_another_programs_database(config: Path) -> None:
    """Neither a copy, which would be found out when it is needed, nor a lock file."""
    theirs = config.parent / "theirs.db"
    with sqlite3.connect(theirs) as conn:
        conn.execute("CREATE TABLE users (id INTEGER)")
    conn.close()
    before = theirs.read_bytes()
    for words in (("db", "backup"), ("run", "--once")):
        refused = licensewatch(config, *words, LICENSEWATCH_DATABASE_URL=f"sqlite:///{theirs}")
        assert (refused.returncode, "belongs to another program" in refused.stderr) == (1, True), refused.stderr
    assert theirs.read_bytes() == before
    assert {path.name for path in config.parent.glob("theirs*")} == {"theirs.db"}


def test_a_backup_is_named_after_its_time_and_never_replaces_a_file(config: Path) -> None:
    fill(config)
    made = db(config, "backup")
    assert made.returncode == 0, made.stderr
    assert len(list((config.parent / "var").glob("licensewatch-2*Z.db"))) == 1
    (config.parent / "mine.db").touch()
    refused = db(config, "backup", str(config.parent / "mine.db"))
    assert refused.returncode == 1
    assert "never replaces a file" in refused.stderr
    unmounted = config.parent / "nodisk" / "backups" / "x.db"
    refused = db(config, "backup", str(unmounted))
    assert (refused.returncode, "Mount its disk, or make the" in refused.stderr) == (1, True), refused.stderr
    assert not unmounted.parents[1].exists()


def test_postgresql_is_backed_up_with_its_own_tool(config: Path) -> None:
    """A37: the command it suggests holds no password."""
    said = db(config, "backup", LICENSEWATCH_DATABASE_URL="postgresql+psycopg://watch:hunter2@db.example/news")
    assert said.returncode == 2
    assert "pg_dump --format=custom --file=licensewatch.dump 'postgresql://watch@db.example/news'" in said.stderr
    assert "hunter2" not in said.stdout + said.stderr


def test_prune_says_what_would_go_and_then_lets_go_of_it(config: Path) -> None:
    fill(config)
    tried = json.loads(db(config, "prune", "--dry-run", "--json").stdout)
    assert (tried["entries"], tried["dry_run"]) == (2, True)
    assert json.loads(db(config, "prune", "--entries", "365d", "--json").stdout)["entries"] == 1
    assert "1 entry lost the text, 0 storylines went." in db(config, "prune").stdout
    why = licensewatch(config, "why", "2").stdout
    assert "text    gone since" in why
    for words, said in (
        (("--entries", "soon"), "a duration is a number with its unit"),
        (("--stories", "0d"), "--stories: found 0s, shorter than alerts.repeat_after (30d)"),
    ):
        wrong = db(config, "prune", *words)
        assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr


def licensewatch(config: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Another noun than db."""
    command = [sys.executable, "-m", "monitor.cli.main", "--config", str(config), *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"} | env
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_a_command_that_looks_makes_no_database(config: Path) -> None:
    """A file of root's in the state directory would keep the daemon from its own."""
    for words in (("status",), ("stories", "list"), ("deliveries", "list"), ("feeds", "list")):
        looked = licensewatch(config, *words)
        assert looked.returncode == 0
        if words == ("status",):  # the daemon may work on another, that a credential of its unit names
            assert f"it never ran on sqlite:///{config.parent}/var/licensewatch.db" in looked.stdout
    assert not (config.parent / "var").exists()
    refused = licensewatch(config, "mute", "add", "org", "Meta", "--for", "1d")
    assert refused.returncode in (1, 2)
    assert not (config.parent / "var").exists()


def test_a_command_that_looks_upgrades_nothing(config: Path) -> None:
    """An older daemon may be at work on it: only `run` and `db upgrade` take it along."""
    fill(config)
    path = opened(config).path
    assert path is not None
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0001'")
    conn.close()
    for words in (("status",), ("stories", "list"), ("history",), ("db", "prune")):
        refused = licensewatch(config, *words)
        assert refused.returncode == 1
        assert "Run `licensewatch db upgrade`" in refused.stderr
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    conn.close()


def test_everything_moves_to_postgresql_and_back(config: Path, postgres: Any) -> None:
    """Rows arrive as they were, ids go on where they stopped, texts are found; a second copy is refused."""
    fill(config)
    source = opened(config)
    with source.write() as conn:
        facts.set(conn, "last_tick", NOW.isoformat(), NOW)
        mutes.add(conn, Mute(0, "org", "Meta", NOW + timedelta(days=1), "ann"), NOW)
        last = alerts.add(conn, Alert(Reason.NO_ROUTE, Severity.HIGH, "a line – with a dash", True), None, 1, NOW)
    name = postgres.create()
    url = postgres.url(name)
    moved = licensewatch(config, "db", "copy", url, "--json")
    assert moved.returncode == 0, moved.stderr
    rows = json.loads(moved.stdout)["rows"]
    assert (rows["entry"], rows["entry_key"], rows["mute"], rows["alert"]) == (3, 3, 1, 1)
    target = Database(url)
    with target.write() as conn:
        assert facts.set_at(conn, "last_tick") == NOW
        assert [mute.value for mute in mutes.active(conn, NOW)] == ["Meta"]
        assert alerts.get(conn, last).alert.line == "a line – with a dash"  # type: ignore[union-attr]
        assert alerts.add(conn, Alert(Reason.NO_ROUTE, Severity.LOW), None, 1, NOW) == last + 1
        assert search.catch_up(conn, 10) == 3
    again = licensewatch(config, "db", "copy", url)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    restored = dumped_and_restored(config, url, postgres)
    with Database(postgres.url(restored)).read() as conn:
        assert (entries.counts(conn), facts.set_at(conn, "last_tick")) == ({"wire": 3}, NOW)
    seen = json.loads(licensewatch(config, "status", "--json", LICENSEWATCH_DATABASE_URL=postgres.url(restored)).stdout)
    assert (seen["entries"], [mute["value"] for mute in seen["muted"]]) == (3, ["Meta"])
    postgres.drop(restored)
    back = licensewatch(config, "db", "copy", f"sqlite:///{config.parent}/back.db", LICENSEWATCH_DATABASE_URL=url)
    assert back.returncode == 0, back.stderr
    with Database(f"sqlite:///{config.parent}/back.db").read() as conn:
        assert entries.counts(conn) == {"wire": 3}
    target.close()
    postgres.drop(name)


def dumped_and_restored(config: Path, url: str, postgres: Any) -> str:
    """The name of a database that was restored as docs/operations.md says, from the dump that `db backup` tells of."""
    told = licensewatch(config, "db", "backup", LICENSEWATCH_DATABASE_URL=url).stderr
    dump = "pg_dump" + told.replace("\n", "").partition("pg_dump")[2]
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    [restore] = [line for line in page.splitlines() if line.startswith("pg_restore ")]
    name = str(postgres.create())
    plain = postgres.url(name).replace("+psycopg", "")
    restore = restore.replace("postgresql://watch@db.example/news2", plain)
    environment = {"PATH": f"{postgres.tools}:{os.environ['PATH']}"}
    for command in (dump, restore):
        done = subprocess.run(
            command, shell=True, cwd=config.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    return name


def test_nothing_is_copied_under_a_running_daemon(config: Path) -> None:
    """What it wrote meanwhile would be missing."""
    fill(config)
    with DatabaseLock(f"sqlite:///{opened(config).path}", Holder.here("licensewatch run", NOW)):
        refused = licensewatch(config, "db", "copy", f"sqlite:///{config.parent}/other.db")
    assert refused.returncode == 1
    assert "licensewatch run" in refused.stderr
