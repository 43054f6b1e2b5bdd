"""`init` and `check`, run as a person runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from monitor.cli.config import without_password
from monitor.settings import packaged_config


def licensewatch(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "monitor.cli.main", *map(str, arguments)]
    root = str(Path(__file__).parents[2])
    environment = kept | {"PYTHONPATH": root, "COLUMNS": "200"} | env
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd, env=environment)


def starter(directory: Path) -> None:
    """What init writes, faster."""
    for name in ("rules", "schema"):
        shutil.copytree(packaged_config() / name, directory / "config" / name)
    for name in ("monitor.yaml", "feeds.yaml"):
        shutil.copyfile(packaged_config() / name, directory / "config" / name)


def test_init_writes_a_configuration_that_check_finds_good(tmp_path: Path) -> None:
    """A new user's first two commands, in an empty directory."""
    written = licensewatch("init", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert "licensewatch check" in written.stdout
    assert {path.name for path in (tmp_path / "config").iterdir()} == {"monitor.yaml", "feeds.yaml", "rules", "schema"}
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    checked = licensewatch("check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "The configuration is good." in checked.stdout
    assert str(tmp_path / "var") in checked.stdout


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text("mine")
    refused = licensewatch("init", tmp_path, cwd=tmp_path)
    assert refused.returncode == 2
    assert "overwrites nothing" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["feeds.yaml"]


def test_init_says_why_it_cannot_write(tmp_path: Path) -> None:
    """A file in the way ends in a sentence and exit 2, and leaves nothing half written."""
    (tmp_path / "file").write_text("")
    refused = licensewatch("init", tmp_path / "file" / "config", cwd=tmp_path)
    assert refused.returncode == 2
    assert "nothing was written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_check_names_all_mistakes_and_exits_2(tmp_path: Path) -> None:
    starter(tmp_path)
    config = tmp_path / "config"
    (config / "monitor.yaml").write_text("poling: {}\nweb: {listen: 1}\n")
    (config / "feeds.yaml").write_text("feeds: [{id: a, url: nowhere}]\n")
    refused = licensewatch("--config", config, "check", cwd=tmp_path)
    assert refused.returncode == 2
    assert f"error: {config}/monitor.yaml:1:1: unknown key 'poling' (did you mean 'polling'?)" in refused.stderr
    assert "feeds.yaml:1:22: feeds[1].url: found 'nowhere'" in refused.stderr
    assert "3 mistakes" in refused.stderr


def test_check_prints_json(tmp_path: Path) -> None:
    starter(tmp_path)
    config = tmp_path / "config"
    good = json.loads(licensewatch("check", "--json", cwd=tmp_path).stdout)
    assert (good["ok"], good["problems"], good["dir"]) == (True, [], str(config))
    (config / "monitor.yaml").write_text("polling:\n  intervall: 1h\n")
    bad = licensewatch("check", "--json", "--config", config, cwd=tmp_path)
    assert bad.returncode == 2
    assert json.loads(bad.stdout)["problems"] == [
        {
            "file": f"{config}/monitor.yaml",
            "line": 2,
            "column": 3,
            "message": "polling: unknown key 'intervall'",
            "remedy": "did you mean 'interval'?",
        }
    ]


def test_check_never_shows_a_secret(tmp_path: Path) -> None:
    """A37: neither a token nor the password of the database."""
    starter(tmp_path)
    secrets = {"SLACK_BOT_TOKEN": "xoxb-canary", "LICENSEWATCH_DATABASE_URL": "postgresql://me:canary@db/x"}
    told = licensewatch("check", cwd=tmp_path, **secrets)
    assert told.returncode == 0
    assert "canary" not in told.stdout + told.stderr
    assert "credential in the environment variable SLACK_BOT_TOKEN" in told.stdout
    assert "postgresql+psycopg://me@db/x" in told.stdout


def test_no_configuration_says_how_to_get_one(tmp_path: Path) -> None:
    told = licensewatch("check", cwd=tmp_path)
    assert told.returncode == 2
    assert "licensewatch init" in told.stderr


def test_a_database_url_is_shown_without_its_password() -> None:
    assert without_password("postgresql+psycopg://me:p@ss@db/x") == "postgresql+psycopg://me@db/x"
    assert without_password("sqlite:////srv/a@b.db") == "sqlite:////srv/a@b.db"


def test_feeds_export_is_opml_or_json(tmp_path: Path) -> None:
    starter(tmp_path)
    assert licensewatch("feeds", "export", cwd=tmp_path).stdout.startswith("<?xml")
    rows = json.loads(licensewatch("feeds", "export", "--json", cwd=tmp_path).stdout)
    assert {"id", "url", "title", "tags"} == set(rows[0])


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    """`licensewatch … | head` ends well and says nothing."""
    starter(tmp_path)
    (tmp_path / "titles").write_text("Example Lab closes its model\n" * 50)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "monitor.cli.main", "rules", "test", "--file", "titles"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
