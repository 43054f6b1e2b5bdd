"""Alembic's entry: runs migrations on the connection that monitor.store.upgrade hands over."""

from typing import Any, Literal

from alembic import context

from monitor.store.columns import UtcDateTime, Words
from monitor.store.schema import is_modelled, metadata


def _is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    return kind != "table" or name is None or is_modelled(name)


def _plain(kind: str, value: Any, _context: Any) -> str | Literal[False]:
    # Revisions name SQLAlchemy's own types: they must go on working when ours change.
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, Words):
        return "sa.Text()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_is_ours,
    render_as_batch=not context.config.attributes.get("new_tables_only"),  # SQLite changes a table by copying it
    render_item=_plain,
    compare_type=True,
)
context.run_migrations()
