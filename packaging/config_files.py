"""Put the shipped configuration where the service reads it, and never touch what a person edited.

`python packaging/config_files.py PROGRAM TARGET`: PROGRAM is the installed `licensewatch` with its Python in front.
What was installed is remembered by its hash in TARGET/.installed. A file that is as it was installed is brought up to
date; an edited one stays, with the new text beside it as NAME.new; one that was removed stays away.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main(program: list[str], target: Path) -> None:
    """Install or update every shipped file below `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        shipped = Path(scratch) / "config"
        subprocess.run([*program, "init", str(shipped)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ours
        target.mkdir(parents=True, exist_ok=True)
        record = target / ".installed"
        known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        for file in sorted(path for path in shipped.rglob("*") if path.is_file()):
            name = str(file.relative_to(shipped))
            known[name] = install(file, target / name, known.get(name))
        record.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def install(new: Path, there: Path, installed: str | None) -> str:
    """One file; the hash of what was last installed in its place. `installed`: that hash until now."""
    wanted = digest(new)
    if not there.exists():
        if installed is None:
            write(new, there)
        return wanted
    found = digest(there)
    if found == wanted:
        there.with_name(there.name + ".new").unlink(missing_ok=True)
        return wanted
    if found == installed:
        write(new, there)
        return wanted
    if wanted != installed:
        write(new, there.with_name(there.name + ".new"))
        print(f"  {there} was edited and stays; what this version ships is {there.name}.new beside it")  # noqa: T201
    return wanted


def write(new: Path, there: Path) -> None:
    """Whole or not at all, readable by the service."""
    there.parent.mkdir(parents=True, exist_ok=True)
    beside = there.with_name(there.name + ".tmp")
    beside.write_bytes(new.read_bytes())
    beside.chmod(0o644)
    beside.replace(there)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:-1], Path(sys.argv[-1]))
