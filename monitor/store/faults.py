"""What went wrong with the database, as a sentence for a person: what, where, and the remedy. Never a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from monitor.errors import StoreError
from monitor.store import rights

_BY_ITSELF = "work goes on by itself"  # as it does in a daemon
AGAIN = "then run it again"  # … and not in a command, which ends

# https://www.sqlite.org/rescode.html, by the name of the primary code.
_SQLITE = {
    "SQLITE_FULL": f"the disk (or a quota) is full. Free some space; {_BY_ITSELF}",
    "SQLITE_BUSY": f"another program has it locked. See which one (fuser), or wait; {_BY_ITSELF}",
    "SQLITE_LOCKED": f"another program has it locked. See which one (fuser), or wait; {_BY_ITSELF}",
    "SQLITE_CANTOPEN": "it cannot be opened. `licensewatch db upgrade` makes one; check that its directory exists and"
    " that this user may write there",
    "SQLITE_READONLY": "it is read-only for this user. Run as the user that owns it, or change its owner",
    "SQLITE_PERM": "this user may not open it. Run as the user that owns it, or change its owner",
    "SQLITE_AUTH": "this user may not open it. Run as the user that owns it, or change its owner",
    "SQLITE_NOTADB": "the file is not an SQLite database. Name another file in `database`, or restore a backup",
    "SQLITE_CORRUPT": "the file is damaged. Restore a backup (`licensewatch db backup` makes them)",
    "SQLITE_IOERR": "reading or writing the file failed. Check the disk (dmesg) and its free space",
    "SQLITE_PROTOCOL": "its lock files do not work here. Keep it on a local disk, not on a network share",
    "SQLITE_TOOBIG": "a value is too big for it",
}

_OF_RIGHTS = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")  # where it may be the file's owner

# https://www.postgresql.org/docs/current/errcodes-appendix.html, longest prefix first.
_POSTGRESQL = {
    "28": "the user name or password was refused. Correct `database` or LICENSEWATCH_DATABASE_URL",
    "3D000": "there is no such database on that server. Create it (createdb), then `licensewatch db upgrade`",
    "3F000": "there is no such schema in it. Create it, or correct the URL",
    "42501": "the user lacks a privilege there. Grant it ownership of the schema",
    "42P01": "its tables are missing. Run `licensewatch db upgrade`",
    "42703": "its tables are from another version. Run `licensewatch db upgrade`",
    "25006": "the server takes no writes (a standby?). Name the primary in `database`",
    "53100": f"the server's disk is full. Free some space; {_BY_ITSELF}",
    "53300": "the server has no connection left. Raise max_connections or run fewer workers",
    "53": "the server lacks resources. See its log",
    "55P03": f"a lock was not released in time. Wait; {_BY_ITSELF}",
    "40": f"two transactions stood in each other's way. Wait; {_BY_ITSELF}",
    "57014": f"the server cancelled the statement (a time limit?). Wait; {_BY_ITSELF}",
    "57P": f"the server is shutting down or starting. Wait until it is back; {_BY_ITSELF}",
    "58": "the server failed to read or write its files. See its log",
    "XX": "the server reports damaged data. See its log and restore a backup",
}


def shown(url: URL) -> str:
    """The URL as it may be shown: without the password, and of its query, where one might hide, only where it leads."""
    return url.set(query={name: url.query[name] for name in _PLACE if name in url.query}).render_as_string()


def database_place(url: str) -> str:
    """The same of a URL that is still text."""
    return shown(make_url(url))


_PLACE = ("host", "port")  # a directory of sockets stands there, too


@contextmanager
def explained(place: str, path: Path | None = None, *, then: str = "") -> Iterator[None]:
    """Turn what the driver raises into a StoreError about the database at `place`; a bug of ours goes through.

    `path` is its file, where it has one: whose that is may be all the trouble. `then` is what follows the mend, where
    nothing goes on by itself: a command ends.

    The driver's error is not chained: its text may hold rows, and its traceback the URL.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout:
        raise StoreError(f"The database {place} cannot be used: every connection to it is taken") from None
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _sentence(error, path)
        if sentence is None:
            raise
        sentence = sentence.replace(_BY_ITSELF, then or _BY_ITSELF)
        raise StoreError(f"The database {place} cannot be used: {sentence}.") from None


def _sentence(error: DBAPIError | sqlite3.Error, path: Path | None) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original, path)
    return _of_postgresql(original, lost=isinstance(error, DBAPIError) and error.connection_invalidated)


def _of_sqlite(error: sqlite3.Error, path: Path | None) -> str | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if "no such table" in str(error) or "no such column" in str(error):
        return "its tables are missing or from another version. Run `licensewatch db upgrade`"
    if path is not None and name.startswith(_OF_RIGHTS) and (sentence := rights.refused(path)):
        return sentence
    for code, sentence in _SQLITE.items():
        if name == code or name.startswith(code + "_"):
            return sentence
    return None


def _of_postgresql(error: BaseException | None, *, lost: bool) -> str | None:
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return next((_POSTGRESQL[state[:size]] for size in (5, 3, 2) if state[:size] in _POSTGRESQL), None) or (
            _unreachable(error) if state.startswith("08") else None
        )
    # Without a code the server never answered, or the connection broke.
    operational = type(error).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError")
    return _unreachable(error) if lost or operational else None


def _unreachable(error: BaseException | None) -> str:
    words = " ".join(str(error).split())
    for mark, sentence in _CONNECTING.items():
        if mark in words:
            return sentence
    return "the server does not answer. Check that it runs and that host and port in `database` are right"


# libpq gives no code for what happens before there is a session, only words.
_CONNECTING: dict[str, str] = {
    "password authentication failed": _POSTGRESQL["28"],
    "no password supplied": _POSTGRESQL["28"],
    "does not exist": _POSTGRESQL["3D000"],
    "too many clients": _POSTGRESQL["53300"],
    "remaining connection slots": _POSTGRESQL["53300"],
    "starting up": _POSTGRESQL["57P"],
    "shutting down": _POSTGRESQL["57P"],
    "could not translate host name": "its host name is not known. Correct `database`, or check the name service",
    "failed to resolve host": "its host name is not known. Correct `database`, or check the name service",
    "Name or service not known": "its host name is not known. Correct `database`, or check the name service",
}
