"""While monitor.yaml is broken the daemon runs on with its last good one; commands that look must see how it does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import clock, settings
from monitor.errors import ConfigError
from monitor.store import facts
from monitor.store.engine import Database
from tests.configured import MONITOR, write

ENV = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def database_at(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.write() as conn:
        facts.set(conn, "last_tick", clock.now().isoformat(), clock.now())
    database.close()


def run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor.cli.main", "--config", str(config), *words]
    return subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=60, check=False)


def test_commands_that_look_work_and_those_that_act_refuse(tmp_path: Path) -> None:
    config = write(tmp_path, monitor="database: sqlite:///../elsewhere.db\npolling: {interval: [fast}\n")
    database_at(tmp_path / "elsewhere.db")
    copy = tmp_path / "copy.db"
    for words in ("status", "deliveries list", "history Meta", "feeds list", f"db backup {copy}"):
        done = run(config, *words.split())
        assert (done.returncode, "monitor.yaml:2:" in done.stderr) == (0, True), (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert copy.stat().st_size
    for words in ("run --once", "deliveries retry --all", "mute add org Meta --for 1d", "db prune", "db upgrade"):
        done = run(config, *words.split())
        assert (done.returncode, "monitor.yaml:2:" in done.stderr) == (2, True), (words, done.stderr)
    assert "1 mistake" in run(config, "status").stderr
    assert run(config, "status", "--check", "--json").returncode == 1
    (config / "monitor.yaml").write_text("database: sqlite:///../elsewhere.db\n")
    database_at(tmp_path / "elsewhere.db")  # it ticks
    assert run(config, "status", "--check").returncode == 0
    with sqlite3.connect(tmp_path / "elsewhere.db") as conn:
        conn.execute("DELETE FROM fact WHERE name = 'last_tick'")
    conn.close()
    assert run(config, "status", "--check").returncode == 1


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("database: sqlite:///../a.db\npolling: {intervall: 5m}\n", "a.db"),  # a key nobody knows
        ("database: sqlite:///../a.db\nroutes: [{to: [nobody]}]\n", "a.db"),  # a receiver nobody knows
        ("polling: {interval: x}\n", "var/licensewatch.db"),
        ("routes: [\n'database' : sqlite:///../a.db  # ours\n", "a.db"),
        ("state_dir: ../s\nweb:\n\tlisten: null\n", "s/licensewatch.db"),
        ("# database: sqlite:///../b.db\n\nops: {\n", "var/licensewatch.db"),
        # in doubt nobody guesses
        ("databse: sqlite:///../a.db\n", None),
        ("databse: sqlite:///../a.db\nops: {\n", None),
        ("database: sqlite:///../a.db\ndatabase: sqlite:///../b.db\n", None),
        ("database: [sqlite:///../a.db]\n", None),
        ("database: 'sqlite:///../a.db\n", None),
        ("database:\n  sqlite:///../a.db\nops: {\n", None),
        ("{database: 'sqlite:///../a.db', ops: {\n", None),
        ("database: mysql://root:geheim@db/x\n", None),
        ("database: sqlite:///../gone.db\nops: {\n", None),  # an empty status would be no help
    ],
)
def test_a_broken_file_says_where_the_database_is_or_nobody_guesses(
    text: str, where: str | None, tmp_path: Path
) -> None:
    config = write(tmp_path, monitor=text)
    for name in ("a.db", "b.db", "s/licensewatch.db", "var/licensewatch.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    if where is None:
        with pytest.raises(ConfigError) as caught:
            settings.readable_settings(config, {})
        assert "geheim" not in str(caught.value)
        return
    found, mistakes = settings.readable_settings(config, {})
    assert (found.database, len(mistakes)) == (f"sqlite:///{tmp_path / where}", 1)


def test_what_the_environment_says_of_the_database_wins_over_a_broken_file(tmp_path: Path) -> None:
    config = write(tmp_path, monitor=MONITOR + "ops: 1\n")
    found, mistakes = settings.readable_settings(config, {"LICENSEWATCH_DATABASE_URL": "postgresql://u@h/x"})
    assert (found.database, bool(mistakes)) == ("postgresql+psycopg://u@h/x", True)
