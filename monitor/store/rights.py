"""Whose a file is that this user may not use, and what to do about it."""

from __future__ import annotations

import os
import pwd
import shlex
from pathlib import Path


def refused(path: Path) -> str:
    """Why this user may not write to the file, or make it, with the remedy; "" when rights are not in the way.

    SQLite writes beside its file, too, so the directory counts as much as the file.
    """
    there = next((at for at in (path, *path.parents) if _is_there(at)), None)
    closed = next((at for at in (there, path.parent) if at is not None and _is_there(at) and not _usable(at)), None)
    if closed is None:
        return ""
    me, owner = _name(os.geteuid()), _name(closed.stat().st_uid)
    what = "it" if closed == path else f"the directory {closed}"
    if owner == me:
        mode = "rwx" if closed.is_dir() else "rw"
        return f"{what} is {me}'s own, but closed. Open it: chmod u+{mode} {_quoted(closed)}"
    # Of a directory nobody knows what else is in it: it may be /var/lib.
    other = f"change its owner: chown {me} {_quoted(path)}*" if closed == path else "name another in `state_dir`"
    return (
        f"{what} belongs to the user {owner}, and {me} may not write there. Run this as that user "
        f"(sudo -u {owner} …), or {other}"
    )


def _is_there(at: Path) -> bool:
    try:
        at.stat()
    except OSError:  # also where a directory above it is closed
        return False
    return True


def _usable(at: Path) -> bool:
    needed = os.W_OK | (os.X_OK if at.is_dir() else os.R_OK)
    return os.access(at, needed, effective_ids=True)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
