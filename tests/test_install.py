"""The wheel in a fresh environment, installed as a system service below a scratch root, and removed again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.testing.feed_server import FeedServer, rss

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = (
    "monitor",
    "config",
    "migrations",
    "systemd",
    "packaging",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "Makefile",
)
PYTHON = (f"PYTHON={sys.executable}", "HIDDEN=")  # whoever runs the tests may have theirs at home


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it as a careful root does, whose files nobody else may read unless told otherwise."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        command, cwd=cwd, env=kept | env, capture_output=True, text=True, timeout=240, check=False, umask=0o077
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is shipped, in a directory of its own: building leaves traces."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # Without the set-up, which asks the network: this environment has what that would install.
    built = run("make", "-o", "setup", "wheel", f"BIN={Path(sys.executable).parent}", f"WHEELS={out}", cwd=checkout)
    assert built.returncode == 0, built.stderr
    [made] = out.glob("licensewatch-*.whl")
    return made


def make(checkout: Path, goal: str, root: Path, wheel: Path) -> subprocess.CompletedProcess[str]:
    """`make install` or `uninstall`; dependencies are those of this environment, by a .pth file: no network."""
    site = next(Path(one) for one in sys.path if one.endswith("site-packages"))
    there = f"$$({root}/opt/licensewatch/bin/python -c 'import site; print(site.getsitepackages()[0])')"
    dependencies = f'INSTALL_DEPENDENCIES=echo {site} > "{there}/dependencies.pth"'
    return run("make", goal, f"DESTDIR={root}", f"PACKAGE={wheel}", *PYTHON, dependencies, cwd=checkout)


async def test_the_wheel_installs_starts_and_is_removed_without_its_data(
    checkout: Path, wheel: Path, tmp_path: Path
) -> None:
    """What `pipx install` and `make install` give: init, check and a whole round work; edits and data outlive all."""
    done = make(checkout, "install", tmp_path, wheel)
    assert done.returncode == 0, done.stderr
    closed = [one for one in tmp_path.rglob("*") if not one.is_symlink() and not one.stat().st_mode & 4]
    assert closed == [], "the account of the service reads what root installed"
    config, state = tmp_path / "etc" / "licensewatch", tmp_path / "state"
    unit = (tmp_path / "etc/systemd/system/licensewatch.service").read_text()
    assert "ExecStart=/opt/licensewatch/bin/licensewatch run" in unit
    script = (tmp_path / "opt/licensewatch/bin/licensewatch").read_text()
    assert script.startswith("#!/opt/licensewatch/bin/python")
    command = tmp_path / "usr/local/bin/licensewatch"
    assert command.readlink() == Path("/opt/licensewatch/bin/licensewatch")
    assert "The command is /usr/local/bin/licensewatch, a link" in done.stdout
    await _a_round(tmp_path, config, state)
    _edits_stay(checkout, tmp_path, wheel)
    gone = make(checkout, "uninstall", tmp_path, wheel)
    assert gone.returncode == 0, gone.stderr
    assert "Kept: the configuration in /etc/licensewatch" in gone.stdout
    assert not (tmp_path / "opt/licensewatch").exists()
    assert not command.is_symlink()
    assert not (tmp_path / "etc/systemd/system/licensewatch.service").exists()
    assert (config / "monitor.yaml").exists()
    assert (state / "licensewatch.db").exists()


def test_what_failed_half_way_is_removed_and_what_is_anothers_is_left(checkout: Path, tmp_path: Path) -> None:
    """A disk that filled up, a network that went: the next `make uninstall` or `make install` begins clean."""
    home, command = tmp_path / "opt/licensewatch", tmp_path / "usr/local/bin/licensewatch"
    command.parent.mkdir(parents=True)
    command.write_text("another's")
    broken = (f"DESTDIR={tmp_path}", *PYTHON, "INSTALL_DEPENDENCIES=false")
    assert run("make", "install", *broken, cwd=checkout).returncode != 0
    assert home.exists()
    gone = run("make", "uninstall", *broken, cwd=checkout)
    assert (gone.returncode, home.exists()) == (0, False), gone.stderr
    assert command.read_text() == "another's"
    home.mkdir()
    (home / "precious").touch()
    assert "holds something else" in run("make", "install", *broken, cwd=checkout).stderr
    assert "left as it is" in run("make", "uninstall", *broken, cwd=checkout).stdout
    assert [one.name for one in home.iterdir()] == ["precious"]


@pytest.mark.parametrize(
    "words",
    [
        (f"HIDDEN=/nowhere {Path(sys.base_prefix).resolve()}", "PREFIX=/opt/licensewatch"),  # pyenv, uv, conda
        ("HIDDEN=/nowhere /home", "PREFIX=/home/ann/licensewatch"),
    ],
)
def test_what_the_unit_could_not_start_is_not_installed(words: tuple[str, str], checkout: Path, tmp_path: Path) -> None:
    """ProtectHome=yes: the unit would fail with 203/EXEC, and say no more than that."""
    refused = run("make", "install", f"DESTDIR={tmp_path}", PYTHON[0], *words, cwd=checkout)
    assert (refused.returncode, "(ProtectHome=yes)" in refused.stderr) == (2, True), refused.stderr
    assert not any((tmp_path / words[1].removeprefix("PREFIX=/")).iterdir())


async def _a_round(root: Path, config: Path, state: Path) -> None:
    home, elsewhere = root / "opt/licensewatch", root / "elsewhere"
    elsewhere.mkdir()

    def licensewatch(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        return run(home / "bin/python", "-P", home / "bin/licensewatch", *words, cwd=elsewhere, **env)

    where = licensewatch("--version")
    assert where.returncode == 0, where.stderr
    assert licensewatch("init").returncode == 0
    checked = licensewatch("--config", config, "check")
    assert checked.returncode == 0, checked.stderr
    async with FeedServer() as feeds:
        feeds.document("/feed.xml", rss("Ledger", [{"title": "Chips", "link": "https://ledger.example.org/1"}]))
        text = f"feeds:\n  - {{id: ledger, url: '{feeds.url('/feed.xml')}'}}\n"
        (elsewhere / "config/feeds.yaml").write_text(text)
        (elsewhere / "config/monitor.yaml").write_text("polling: {allow_private_networks: [127.0.0.0/8]}\n")
        once = await asyncio.to_thread(licensewatch, "run", "--once", STATE_DIRECTORY=str(state))
    assert once.returncode == 0, once.stderr
    assert "1 feed polled, 0 failed; 1 new entry" in once.stdout + once.stderr
    listed = licensewatch("feeds", "list", "--json", STATE_DIRECTORY=str(state))
    assert [one["entries"] for one in json.loads(listed.stdout)] == [1]


def _edits_stay(checkout: Path, root: Path, wheel: Path) -> None:
    """An upgrade brings what nobody touched up to date, keeps an edited file, and leaves away a removed one."""
    config = root / "etc/licensewatch"
    (config / "monitor.yaml").write_text("# ours\n")
    (config / "rules/policy.yaml").unlink()
    for name in ("monitor.yaml", "rules/labs.yaml"):
        with (checkout / "config" / name).open("a") as file:
            file.write("# the next version\n")
    _refresh(checkout, root, config)
    assert (config / "monitor.yaml").read_text() == "# ours\n"
    assert "# the next version" in (config / "monitor.yaml.new").read_text()
    assert "# the next version" in (config / "rules/labs.yaml").read_text()
    assert not (config / "rules/policy.yaml").exists()


def _refresh(checkout: Path, root: Path, config: Path) -> None:
    """The part of an upgrade that is about configuration, with the program of the checkout."""
    program = (sys.executable, "-m", "monitor.cli.main")
    env: Mapping[str, str] = {"PYTHONPATH": str(checkout)}
    done = run(sys.executable, checkout / "packaging/config_files.py", *program, config, cwd=root, **env)
    assert done.returncode == 0, done.stderr
    assert "was edited and stays" in done.stdout
