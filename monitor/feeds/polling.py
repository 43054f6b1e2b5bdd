"""Settings of `polling:` in monitor.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from monitor.model import Rhythm
from monitor.yamlfile import Duration, Size

_MIB = 1024 * 1024


def _proxy_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an http or https URL is wanted, such as http://proxy.example.org:3128")
    return text


@dataclass(frozen=True, slots=True)
class Polling:
    """How we poll. `interval` is the fastest we poll a feed; publishers and learning only make it slower."""

    interval: Duration = timedelta(minutes=15)
    rhythm: Rhythm = Rhythm.LEARNT
    max_interval: Duration = timedelta(hours=6)
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 64
    host_gap: Duration = timedelta(seconds=1)
    timeout: Duration = timedelta(seconds=30)
    max_bytes: Size = 15 * _MIB
    contact: str = ""
    proxy: Annotated[str, AfterValidator(_proxy_url)] | None = None
    allow_private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
