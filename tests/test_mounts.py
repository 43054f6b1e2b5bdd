"""A disk that is not mounted is noticed before anything is written where it should be."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.settings.mounts import away
from tests.configured import MONITOR, write

FSTAB = (
    "# what is mounted\nUUID=1 / ext4 defaults 0 1\n/dev/sdb /mnt/my\\040data ext4 noauto 0 2\n/dev/sdc none swap sw\n"
)
NOTHING = "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
DATA = NOTHING + "2 1 8:2 / /mnt/my\\040data rw - ext4 /dev/sdb rw\n"


@pytest.mark.parametrize(
    ("directory", "mounted", "found"),
    [
        ("/mnt/my data", NOTHING, "/mnt/my data"),
        ("/mnt/my data/a/b", NOTHING, "/mnt/my data"),
        ("/mnt/my data/a/b", DATA, None),
        ("/mnt/my database", NOTHING, None),
        ("/var/lib/licensewatch", NOTHING, None),
        ("/mnt/my data", "", None),  # no such table here: nobody knows
    ],
)
def test_a_mount_point_without_its_disk_is_found(
    directory: str, mounted: str, found: str | None, tmp_path: Path
) -> None:
    (tmp_path / "fstab").write_text(FSTAB)
    (tmp_path / "mountinfo").write_text(mounted)
    missing = away(Path(directory), tmp_path / "fstab", tmp_path / "mountinfo")
    assert missing == (Path(found) if found else None)
    assert away(Path(directory), tmp_path / "none", tmp_path / "mountinfo") is None


def test_nothing_starts_on_a_mount_point_whose_disk_is_away(tmp_path: Path) -> None:
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only root may give a process an fstab of its own")
    (tmp_path / "data").mkdir()
    (tmp_path / "fstab").write_text(f"/dev/sdx {tmp_path}/data ext4 defaults 0 2\n")
    config = write(tmp_path, monitor=f"state_dir: {tmp_path}/data\n{MONITOR}")
    run = shlex.join([sys.executable, "-m", "monitor.cli.main", "--config", str(config), "run", "--once"])
    script = f"mount --bind {tmp_path}/fstab /etc/fstab && {run}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, f"{tmp_path}/data is in /etc/fstab" in done.stderr) == (2, True), done.stderr
    assert list((tmp_path / "data").iterdir()) == []
