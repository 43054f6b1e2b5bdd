"""What a page is made from, and what comes of it: plain values, so that a page is a function of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.settings import Configuration
from monitor.store.engine import Connection, Database
from monitor.telemetry import Counters


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the process itself does. Ages are seconds since a thing last happened."""

    tick_s: float = 0.0  # the polls' tick
    deliveries_s: float = 0.0  # the deliveries' tick
    store_ok: bool = True  # False while the database refuses commits


@dataclass(frozen=True, slots=True)
class Source:
    """Where pages take what they show from. The database is only read."""

    database: Database
    configuration: Callable[[], Configuration]
    pulse: Callable[[], Pulse]
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with one state of the database to answer it from."""

    conn: Connection
    configuration: Configuration
    pulse: Pulse
    now: datetime
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, Any] = field(default_factory=dict)

    def word(self, name: str) -> str:
        """A value of the query, cut to what a person would type."""
        return self.query.get(name, "").strip()[:200]

    def number(self, name: str, usual: int, most: int) -> int:
        """A number of the query, from 1 to `most`; `usual` when it is none."""
        given = self.query.get(name, "")
        return min(max(int(given), 1), most) if given.isascii() and given.isdigit() and len(given) < 16 else usual


@dataclass(frozen=True, slots=True)
class Shown:
    """A template, and the values it shows."""

    template: str
    values: Mapping[str, Any]


class NotThere(Exception):  # noqa: N818  # it says what happened
    """There is no such page; the sentence is for a person."""


Page = Callable[[Asked], Shown]
