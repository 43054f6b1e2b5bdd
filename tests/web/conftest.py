"""The page on a real socket, over a real database with a made-up past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from monitor.store.engine import Database
from monitor.web.server import PageServer
from tests.web.world import World, fill


@dataclass
class Visitor:
    """Somebody who reads the page over HTTP."""

    world: World
    base: str
    http: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(self.base + path, headers=headers)


@asynccontextmanager
async def served(world: World, host: str = "127.0.0.1") -> AsyncIterator[Visitor]:
    """The page of a world, on a free port."""
    server = PageServer(world.source(), (host, 0))
    server.start()
    await server.bound.wait()
    async with httpx.AsyncClient(timeout=30) as http:
        yield Visitor(world, f"http://127.0.0.1:{server.port}", http)
    await server.close()


@pytest.fixture
async def visitor(database: Database, tmp_path: Path) -> AsyncIterator[Visitor]:
    """A visitor of a service in good health, on SQLite and on PostgreSQL."""
    async with served(fill(tmp_path, database)) as one:
        yield one


@pytest.fixture
async def quick_visitor(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Visitor]:
    """A visitor of a service in good health, on SQLite."""
    async with served(fill(tmp_path, sqlite_database)) as one:
        yield one
