"""Whether the disk that a directory belongs on is there: what /etc/fstab names, and what is mounted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FSTAB, MOUNTED = Path("/etc/fstab"), Path("/proc/self/mountinfo")
_ESCAPE = re.compile(r"\\([0-7]{3})")  # fstab(5), proc(5): a blank in a name is \040


def away(directory: Path, fstab: Path = FSTAB, mounted: Path = MOUNTED) -> Path | None:
    """The mount point of fstab at or above `directory` that nothing is mounted on; None: all is well, or nobody knows.

    An empty mount point looks like a new installation: what it remembers would be forgotten, and land on another disk.
    """
    wanted = [Path(name) for name in _column(fstab, 1) if name.startswith("/")]
    there = {Path(name) for name in _column(mounted, 4)}
    above = [point for point in wanted if point in (directory, *directory.parents)]
    nearest = max(above, key=lambda point: len(point.parts), default=None)
    return nearest if there and nearest is not None and nearest not in there else None


def _column(file: Path, number: int) -> Iterable[str]:
    """The names in one column of a table of mounts; none where it cannot be read."""
    try:
        lines = file.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    for fields in (line.split() for line in lines if not line.lstrip().startswith("#")):
        if len(fields) > number:
            yield _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[number])
