"""A copy of an SQLite database, consistent while others write to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from monitor.errors import StoreError
from monitor.store.faults import AGAIN, explained

_PAGES = 2000  # copied between two calls of `advance`: 8 MB


def backup(source: Path, target: Path, advance: Callable[[int, int], None]) -> int:
    """Copy the database to a new file, checked and on disk when this returns; its size in bytes.

    `advance` hears how many pages are left and how many there are. StoreError when the target exists or cannot be
    written; then there is no new file. https://www.sqlite.org/backup.html
    """
    part = target.with_name(target.name + ".part")
    _claim(target, part)
    try:
        with explained(f"{target}, a copy of {source},", then=AGAIN):
            _copy(source, part, advance)
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise StoreError(f"The backup {target} cannot be written: {error.strerror}. Name another place.") from None
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _claim(target: Path, part: Path) -> None:
    if target.exists():
        raise StoreError(f"The file {target} exists. A backup never replaces a file: name another one.")
    if not target.parent.is_dir():  # on a disk that is not mounted: a copy made there would lie beside what it saves
        raise StoreError(
            f"The backup {target} cannot be written: there is no directory {target.parent}. "
            "Mount its disk, or make the directory: `mkdir -p` does."
        )
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(f"The backup {target} cannot be written: {error.strerror}. Name another place.") from None


def _copy(source: Path, part: Path, advance: Callable[[int, int], None]) -> None:
    reader = sqlite3.connect(f"file:{quote(str(source.absolute()))}?mode=rw", uri=True, isolation_level=None)
    writer = sqlite3.connect(part, isolation_level=None)
    try:
        # One reading transaction around all steps: without it, SQLite begins anew after every commit of others.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        reader.backup(writer, pages=_PAGES, progress=lambda _status, left, total: advance(left, total))
        problem = writer.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise StoreError(f"The database {source} is damaged ({problem}). Keep it, and restore an earlier backup.")
    finally:
        writer.close()
        reader.close()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
