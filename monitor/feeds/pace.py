"""How gently a host is treated: one request in flight, starts a gap apart, nothing while Retry-After lasts.

Pure state: times are seconds of a clock that never steps (monotonic), handed in. A host is `name:port`; where
sub-domains are tenants of one platform, the platform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

LEAST_LINE = 8  # feeds of one host that may wait for their turn in memory; more where a gap is short
_LINE_S = 2.0  # or as many as a host serves in that time

# Platforms whose sub-domains are one set of servers: politeness is owed to those.
TENANTED = frozenset(
    {
        "blogspot.com",
        "bearblog.dev",
        "beehiiv.com",
        "buttondown.email",
        "feedburner.com",
        "ghost.io",
        "github.io",
        "gitlab.io",
        "hashnode.dev",
        "livejournal.com",
        "medium.com",
        "micro.blog",
        "netlify.app",
        "pages.dev",
        "substack.com",
        "tumblr.com",
        "typepad.com",
        "vercel.app",
        "wixsite.com",
        "wordpress.com",
        "write.as",
    }
)


@lru_cache(4096)
def host_key(url: str) -> str:
    """`host:port` of a URL, lower case; the platform's domain for its tenants; "" when the URL names no host."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if not host:
        return ""
    platform = ".".join(host.split(".")[-2:])
    return f"{platform if platform in TENANTED else host}:{port or (80 if parts.scheme == 'http' else 443)}"


@dataclass
class _Host:
    in_flight: bool = False
    last_start: float = float("-inf")
    not_before: float = float("-inf")


@dataclass
class HostPace:
    """When each host may be asked next. `gap` is in seconds. Idle hosts are forgotten, so it stays small."""

    gap: float
    _hosts: dict[str, _Host] = field(default_factory=dict)

    def wait(self, host: str, now: float) -> float | None:
        """Seconds until the host may be asked: 0 is now; None while a request to it is in flight."""
        known = self._hosts.get(host)
        if known is None:
            return 0.0
        if known.in_flight:
            return None
        return max(known.last_start + self.gap - now, known.not_before - now, 0.0)

    def start(self, host: str, now: float) -> bool:
        """Takes the host for a request that starts now; False (nothing taken) when it must wait."""
        if self.wait(host, now) != 0.0:
            return False
        known = self._hosts.setdefault(host, _Host())
        known.in_flight, known.last_start = True, now
        return True

    def finish(self, host: str) -> None:
        """The request to the host ended, well or not."""
        if host in self._hosts:
            self._hosts[host].in_flight = False

    def block(self, host: str, until: float) -> None:
        """Nothing goes to the host before `until` (Retry-After). A later time already set stays."""
        known = self._hosts.setdefault(host, _Host())
        known.not_before = max(known.not_before, until)

    def rests(self, host: str, now: float) -> float:
        """Seconds for which the host still wants to be left alone; 0: it does not."""
        known = self._hosts.get(host)
        return max(known.not_before - now, 0.0) if known else 0.0

    def put_off(self, host: str, ahead: int, now: float) -> float:
        """Seconds by which a feed that is due had better be put off, with so many of its host before it; 0: not at all.

        A host that rests, or has a long line, must not fill the room that feeds of other hosts need.
        """
        rest = self.rests(host, now)
        if rest:
            return rest + ahead * self.gap
        in_line = self.gap <= 0 or ahead < max(LEAST_LINE, math.ceil(_LINE_S / self.gap))
        return 0.0 if in_line else ahead * self.gap

    def forget(self, now: float) -> None:
        """Drops hosts that owe nobody anything. Call it now and then."""
        free = [host for host, known in self._hosts.items() if not known.in_flight and self.wait(host, now) == 0.0]
        for host in free:
            del self._hosts[host]

    def __len__(self) -> int:
        return len(self._hosts)
