"""The units, asked of systemd itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNITS = ("licensewatch.service", "licensewatch-worker@.service")

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"),
]


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]  # options of run


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit; of a template its first instance."""
    made = tmp_path / request.param.replace("@.", "@1.")
    shutil.copy(SYSTEMD / request.param, made)
    return made


def setting(unit: Path, name: str) -> list[str]:
    """What a unit says of a key, in order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def test_the_unit_is_as_closed_as_promised(unit: Path) -> None:
    """A41: at most 1.5 in `systemd-analyze security --offline`."""
    told = run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit)
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d)", told.stdout)
    assert exposure, told.stdout + told.stderr
    assert float(exposure[1]) <= 1.5
    assert told.returncode == 0
    assert "ignoring" not in told.stderr, told.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    """`systemd-analyze verify` is silent once the program is where the unit looks for it."""
    unit.write_text(unit.read_text("utf-8").replace("/opt/licensewatch/bin/licensewatch", "/bin/true"))
    told = run("systemd-analyze", "verify", "--man=no", unit)
    assert [line for line in told.stderr.split("\n") if unit.name in line] == []
    assert told.returncode == 0


def test_systemd_waits_for_readiness_and_watches_the_loop(unit: Path) -> None:
    """A41: Type=notify, a watchdog, and a stop time that is longer than a delivery takes."""
    assert setting(unit, "Type") == ["notify"]
    assert int(setting(unit, "WatchdogSec")[0]) >= 30
    assert int(setting(unit, "TimeoutStopSec")[0]) >= 45


def test_a_missing_credential_file_does_not_stop_the_start(unit: Path) -> None:
    """Each LoadCredential has a SetCredential, which systemd takes for its default."""
    loaded = [value.partition(":")[0] for value in setting(unit, "LoadCredential")]
    assert loaded == [value.partition(":")[0] for value in setting(unit, "SetCredential")]
    assert {"slack_bot_token", "slack_webhook_url", "licensewatch_database_url"} <= {*loaded}


def test_a_worker_has_the_manners_of_the_service() -> None:
    """All that a worker may do the service may do too: the same limits, line by line."""
    service, worker = ((SYSTEMD / one).read_text("utf-8").partition("# Limits")[2] for one in UNITS)
    assert service == worker


def test_sysusers_makes_the_account_of_the_unit(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("systemd-sysusers writes a passwd file for root only")
    (tmp_path / "etc").mkdir()
    with (SYSTEMD / "licensewatch.sysusers").open() as given:
        told = run("systemd-sysusers", f"--root={tmp_path}", "-", stdin=given)
    assert told.returncode == 0, told.stderr
    account = (tmp_path / "etc" / "passwd").read_text().split(":")
    assert [account[0]] == setting(SYSTEMD / UNITS[0], "User")
    assert account[5] == "/var/lib/licensewatch"


def test_tmpfiles_makes_the_directory_of_the_credentials_for_root_alone(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("systemd-tmpfiles sets owners for root only")
    told = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", SYSTEMD / "licensewatch.tmpfiles")
    assert told.returncode == 0, told.stderr
    made = tmp_path / "etc" / "licensewatch" / "credentials"
    assert made.stat().st_mode & 0o777 == 0o700
