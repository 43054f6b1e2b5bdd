"""What is shipped: the wheel's list of packages, the locks, and what no file of ours may name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_lists_every_package() -> None:
    """A package left out of the list would be missing after `pip install`, and only there."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "monitor").rglob("__init__.py")}
    shown = {"monitor.web.static", "monitor.web.templates"}  # directories of files, which setuptools calls packages
    assert there | shown == {name for name in listed if "._" not in name}


def test_locks_hold_hashes_and_name_no_host() -> None:
    """Installing is reproducible and leaves the choice of an index to the machine."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE | re.IGNORECASE)
        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
        assert "--index" not in text


def test_every_declared_dependency_is_locked() -> None:
    """`make run` installs exactly the lock, so a dependency missing there would be missing at run time."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = _pinned(ROOT / "requirements.lock")
    dev = run | _pinned(ROOT / "requirements-dev.lock")
    assert {_name(one) for one in project["dependencies"]} <= run
    assert {_name(one) for one in project["optional-dependencies"]["dev"]} <= dev


def _pinned(lock: Path) -> set[str]:
    return {_name(line) for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=;!~ ]", requirement)[0].lower().replace("_", "-").replace(".", "-")
