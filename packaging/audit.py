"""Ask whether a locked dependency has a known vulnerability. Exit 0: none known; 1: some; 3: nobody could be asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

UNREACHABLE = 3


def main(locks: list[str]) -> int:
    """Check each lock with pip-audit, as it stands: nothing is installed or resolved."""
    return max(audit(lock) for lock in locks)


def audit(lock: str) -> int:
    """One lock, in words."""
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "audit.json"
        asked = [
            "-r",
            lock,
            "--require-hashes",
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "--timeout",
            "20",
        ]
        command = [sys.executable, "-m", "pip_audit", *asked, "-f", "json", "-o", str(told)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours
        if not told.exists():
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            say(f"{lock}: NOT CHECKED, the advisory service cannot be asked from here ({why[:200]}).")
            say("  Nothing is known against it, and nothing for it: run `make audit` again with a network.")
            return UNREACHABLE
        found = json.loads(told.read_text(encoding="utf-8"))["dependencies"]
    bad = [one for one in found if one.get("vulns")]
    for one in bad:
        for vulnerability in one["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            say(f"{lock}: {one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}")
    say(f"{lock}: {len(found)} dependencies, {len(bad)} with a known vulnerability.")
    return 1 if bad else 0


def say(text: str) -> None:
    print(text)  # noqa: T201  # what it is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
