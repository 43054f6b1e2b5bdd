"""`licensewatch db`, run as a person runs it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.model import Entry
from monitor.store import entries
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


def test_a_backup_is_named_after_its_time_and_never_replaces_a_file(config: Path) -> None:
    fill(config)
    made = db(config, "backup")
    assert made.returncode == 0, made.stderr
    assert len(list((config.parent / "var").glob("licensewatch-2*Z.db"))) == 1
    (config.parent / "mine.db").touch()
    refused = db(config, "backup", str(config.parent / "mine.db"))
    assert refused.returncode == 1
    assert "never replaces a file" in refused.stderr


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
    wrong = db(config, "prune", "--entries", "soon")
    assert wrong.returncode == 2
    assert "a duration is a number with its unit" in wrong.stderr
