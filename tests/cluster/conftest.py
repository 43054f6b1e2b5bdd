"""A PostgreSQL database that several processes can use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Postgres


@pytest.fixture
def cluster_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an upgraded database, dropped afterwards."""
    name = postgres.create(postgres.template)
    yield postgres.url(name)
    postgres.drop(name)
