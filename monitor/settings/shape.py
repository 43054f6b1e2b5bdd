"""What monitor.yaml and feeds.yaml may say: the dataclasses of the parts, put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from monitor.alerts.decide import AlertPolicy, Ops, Route
from monitor.alerts.receivers import ConfiguredReceiver
from monitor.feeds.identify import EntryPolicy
from monitor.feeds.plan import Polling
from monitor.model import Feed
from monitor.yamlfile import Duration

_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):(?P<port>\d{1,5})")


def _listen_address(text: str) -> str:
    found = _LISTEN.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        raise ValueError("an address and a port are wanted, such as 127.0.0.1:9464 or [::1]:9464")
    return text


@dataclass(frozen=True, slots=True)
class Web:
    """Where health, metrics and the status page answer. `listen: null` switches them off."""

    listen: (
        Annotated[str, AfterValidator(_listen_address), WithJsonSchema({"type": "string", "pattern": r":\d{1,5}$"})]
        | None
    ) = "127.0.0.1:9464"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host (without brackets) and port, or None when switched off."""
        if self.listen is None:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long texts of entries are kept, and stories with their alerts. Identity keys are kept for ever."""

    entries: Duration = timedelta(days=180)
    stories: Duration = timedelta(days=3 * 365)


@dataclass(frozen=True, kw_only=True)
class _Sections:
    """The sections that monitor.yaml and the settings made of it share."""

    polling: Polling = field(default_factory=Polling)
    entries: EntryPolicy = field(default_factory=EntryPolicy)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    retention: Retention = field(default_factory=Retention)
    receivers: tuple[ConfiguredReceiver, ...] = ()
    routes: tuple[Route, ...] = ()
    ops: Ops = field(default_factory=Ops)
    web: Web = field(default_factory=Web)


@dataclass(frozen=True, kw_only=True)
class MonitorFile(_Sections):
    """monitor.yaml as written; every key is optional."""

    database: str | None = None
    state_dir: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings(_Sections):
    """monitor.yaml with the environment worked in: paths are absolute, channels and routes are filled in.

    `database` is a SQLAlchemy URL and may hold a password, so repr leaves it out.
    """

    database: str = field(default="", repr=False)
    state_dir: Path = Path()


@dataclass(frozen=True, slots=True)
class FeedsFile:
    """feeds.yaml as written."""

    feeds: tuple[Feed, ...]
