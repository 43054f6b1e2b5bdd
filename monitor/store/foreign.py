"""Whose tables a database holds. Ours go into an empty one; another program's are left alone, to the last byte."""

from __future__ import annotations

import re

from sqlalchemy import Connection, inspect

from monitor.counts import counted
from monitor.errors import StoreError
from monitor.store import schema

_REVISION = re.compile(r"\d{4}")  # of ours; Alembic by itself draws twelve hex digits
_EVER_SINCE = frozenset({"feed", "entry", "delivery"})  # every revision has these, the newest as the first
_VERSION = "alembic_version"  # which many programs have
_SHOWN = 4


def refuse(connection: Connection, revision: str | None, place: str) -> None:
    """Raise StoreError unless the tables of the database are ours, or there is room for ours.

    A file belongs to one program. A PostgreSQL database may hold others' tables beside ours, but none of our names.
    """
    inspector = inspect(connection)
    there = {*inspector.get_table_names(), *inspector.get_view_names()}
    if revision is not None and _REVISION.fullmatch(revision) and there >= _EVER_SINCE:
        return
    is_file = connection.dialect.name == "sqlite"
    in_the_way = there - {_VERSION} if is_file else there & schema.metadata.tables.keys()
    if revision is None and not in_the_way:
        return
    remedy = (
        "Name another file in `database` or LICENSEWATCH_DATABASE_URL: it is made by the first start"
        if is_file
        else "Give licensewatch a database of its own (createdb licensewatch) and name it in `database` or "
        "LICENSEWATCH_DATABASE_URL"
    )
    raise StoreError(f"The database {place} belongs to another program: {_found(revision, in_the_way)}. {remedy}.")


def _found(revision: str | None, tables: set[str]) -> str:
    names = sorted(tables)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    has = f"it has {counted(len(names), 'table')} of another's making ({', '.join(names[:_SHOWN])}{more})"
    if revision is None:
        return has
    return f"revision '{revision[:40]}' with such tables is none of licensewatch's" + (f"; {has}" if names else "")
