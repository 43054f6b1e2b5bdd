"""All tables of the newest revision as one script: a new SQLite database is made by it, without loading Alembic.

`migrations/sqlite.sql` holds what the migrations build, word for word; its first line names the revision and the oldest
program it suits. `make schemas` writes it anew, a test compares, and one of another revision is not used.
`python -m monitor.store.snapshot FILE` writes it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from monitor.store.upgrade import Migrations

NAME = "sqlite.sql"
_HEAD = "-- revision "
_END = ";\n"
# Tables that SQLite itself makes beside others: for ids that are never given twice, and for a full-text index.
_OURS = "name NOT LIKE 'sqlite^_%' ESCAPE '^' AND name NOT LIKE 'entry^_search^_%' ESCAPE '^'"
_MADE = text(f"SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND {_OURS} ORDER BY rowid")  # noqa: S608  # constants
_ANY = text("SELECT count(*) FROM sqlite_master")


def of(connection: Connection, suits: str) -> str:
    """The script that makes the tables of this database anew, with what `suits` says of them."""
    revision = suits.partition(":")[0]
    rows = f"INSERT INTO alembic_version (version_num, suits) VALUES ('{revision}', '{suits}')"  # noqa: S608  # ours
    return f"{_HEAD}{suits}\n" + "".join(f"{sql}{_END}" for sql in (*connection.scalars(_MADE), rows))


def build(connection: Connection, migrations: Migrations) -> bool:
    """Make all tables in an empty database, in the caller's transaction; False where that is the migrations' to do."""
    if connection.dialect.name != "sqlite" or connection.scalar(_ANY):
        return False
    try:
        script = (migrations.directory / NAME).read_text("utf-8")
    except OSError:
        return False
    head, _, rest = script.partition("\n")
    if not head.startswith(f"{_HEAD}{migrations.head()}:"):
        return False
    for statement in rest.split(_END):
        if statement:
            connection.exec_driver_sql(statement)
    return True


def write(path: Path) -> None:
    """Write the script of the shipped migrations, which this runs one by one."""
    from monitor.store.engine import Database
    from monitor.store.upgrade import shipped, suits

    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/new.db")
        with database.write() as connection:
            shipped().build(connection)
            script = of(connection, suits(connection))
        database.close()
    path.write_text(script, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
