"""SQL scripts of a library that keeps tables of its own in our PostgreSQL database: applied once each, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from monitor.errors import StoreError
from monitor.store.engine import Database

_LOCK = text("SELECT pg_advisory_xact_lock(7402116, hashtext(coalesce(current_schema(), '')))")
_COMMENT = text(
    "SELECT coalesce(obj_description(to_regclass(:name), 'pg_class'), '') WHERE to_regclass(:name) IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Scripts:
    """`whole` makes all tables anew; `steps` bring older ones up to date, in order. `library` names them."""

    library: str
    whole: str
    steps: tuple[Path, ...]

    @property
    def newest(self) -> str:
        """The name of the last step, which `whole` includes."""
        return self.steps[-1].name


def run_scripts(database: Database, scripts: Scripts) -> bool:
    """Bring the library's tables up to date in one transaction; True when something was done.

    Which step they are at stands in the comment of its table of jobs. Tables of a newer library are left alone.
    """
    with database.write() as conn:
        conn.execute(text("SET LOCAL lock_timeout = '10min'"))
        conn.execute(_LOCK)
        table = f"{scripts.library}_jobs"
        at = _step_of(conn, table)
        if at == "":
            raise StoreError(
                f"The database {database.place} holds tables of {scripts.library} that another program made. Give "
                "licensewatch a schema of its own (?options=-csearch_path%3Dlicensewatch at the end of the URL)."
            )
        if at is not None and at >= scripts.newest:
            return False
        if at is None:
            _run(conn, scripts.whole)
        else:
            for step in scripts.steps:
                if step.name > at:
                    _run(conn, step.read_text("utf-8"))
        _run(conn, f"COMMENT ON TABLE {table} IS 'licensewatch: {scripts.newest}'")
        return True


def _step_of(conn: Connection, table: str) -> str | None:
    words = conn.execute(
        text(
            "SELECT coalesce(obj_description(to_regclass(:name), 'pg_class'), '') WHERE to_regclass(:name) IS NOT NULL"
        ),
        {"name": table},
    ).scalar()
    return None if words is None else str(words).removeprefix("licensewatch: ")


def _run(conn: Connection, script: str) -> None:
    """Several statements at once, which only a call without parameters may hold."""
    raw = conn.connection.dbapi_connection
    assert raw is not None
    cursor = raw.cursor()
    cursor.execute(script)
    cursor.close()
