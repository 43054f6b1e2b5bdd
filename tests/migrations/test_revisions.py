"""The tables that migrations build are the tables the program works with (A42)."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from monitor.store.engine import Database
from monitor.store.schema import metadata
from monitor.store.upgrade import shipped


def test_models_and_migrations_agree(database: Database) -> None:
    """A42: after an upgrade `alembic check` finds nothing to do, on both databases."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_upgrading_an_empty_database_builds_it_once(database_url: str) -> None:
    database = Database(database_url)
    assert database.revision() is None
    assert database.upgrade()
    assert not database.upgrade()
    assert database.revision() == shipped().head()
    database.close()
