"""Whether the service may see the interpreter it would run on: systemd hides homes from it (ProtectHome=yes).

    python3 packaging/seen_by_unit.py DIRECTORY...        the directories that are hidden

A virtual environment is a link to the Python that made it, so one of pyenv, uv or conda below /root or /home lets an
installation succeed whose unit then fails with 203/EXEC. Exit 1 and a sentence when it is so.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(hidden: list[str]) -> int:
    """Look at the interpreter that runs this, behind all links and virtual environments."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    for place in (base, Path(sys.base_prefix).resolve()):
        above = next((one for one in hidden if Path(one) in (place, *place.parents)), None)
        if above is not None:
            sys.stderr.write(
                f"{place} lies below {above}, which the unit hides from the service (ProtectHome=yes): it would not"
                " start. Name a Python of the system: make install PYTHON=/usr/bin/python3\n"
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
