"""Which addresses we connect to: an explicit table, asked for every socket at the moment it is made.

`ipaddress.is_global` is no such table: it calls NAT64 and 6to4 forms of private addresses global, and multicast. The
check is where the socket is made, so the address that was checked is the address that is connected to: IP literals in
every spelling, redirects and DNS answers that change between two look-ups all come by here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Network = IPv4Network | IPv6Network

AT_ONCE = 16 * 1024  # bytes; an ordinary feed comes in one to three, which costs a hundredth of its poll
_BLOCKED_V4: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), words)
    for network, words in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT relays"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "a private network"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_BLOCKED_V6: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), words)
    for network, words in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("::/96", "an IPv4-compatible address"),
        ("::ffff:0:0:0/96", "an IPv4-translated address"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard-only"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # all that is given out to the world; the rest is refused unnamed


class RefusedError(OSError):
    """The socket to this address was not made. An OSError, as aiohttp expects of what makes sockets."""


def why_blocked(address: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why we do not connect to the address, in words; None when we do.

    `allowed` opens exactly what it names, in the form it is named: 127.0.0.0/8 does not open ::ffff:127.0.0.1.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    if any(ip.version == network.version and ip in network for network in allowed):
        return None
    table = _BLOCKED_V4 if ip.version == 4 else _BLOCKED_V6
    found = next((words for network, words in table if ip in network), None)
    if found is None and ip.version == 6 and ip not in _GLOBAL_V6:
        return "not given out to anybody"
    return found


class _Socket(socket.socket):
    """A socket that hands out little at a time.

    What is handed out is taken apart at a stretch, and it may be five thousand empty answers (1xx) or forty thousand
    chunks of a byte: a few such hosts held up everybody else for seconds.
    """

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        return super().recv(min(size, AT_ONCE), flags)

    def recv_into(self, buffer: WriteableBuffer, size: int = 0, flags: int = 0, /) -> int:
        return super().recv_into(buffer, min(size or memoryview(buffer).nbytes, AT_ONCE), flags)


class Guard:
    """Makes sockets to allowed addresses only, and resolves names to them."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)

    def check(self, address: str) -> None:
        """Raises RefusedError for an address we never connect to."""
        why = why_blocked(address, self._allowed)
        if why:
            raise RefusedError(f"{address} is {why}, and polling.allow_private_networks does not name it")

    def socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """The `socket_factory` of aiohttp's connector: checks the very address that is connected to next."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]))
        made = _Socket(family=family, type=kind, proto=protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


class Resolver(AbstractResolver):
    """Names to allowed addresses, on threads of its own: a DNS outage must not fill the threads others need."""

    def __init__(self, guard: Guard | None, threads: int) -> None:
        self._guard = guard
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="dns")

    async def addresses(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, int, str]]:
        """Each family, protocol and address of a host.

        Raises OSError when there is none, RefusedError when none is allowed.
        """
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        )
        found: list[tuple[int, int, str]] = [
            (info[0], info[2], str(info[4][0])) for info in infos if info[0] in (socket.AF_INET, socket.AF_INET6)
        ]
        return found if self._guard is None else _allowed_of(self._guard, found)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, protocol, address in await self.addresses(host, port, family)
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _allowed_of(guard: Guard, found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept, refused = [], None
    for item in found:
        try:
            guard.check(item[2])
        except RefusedError as error:
            refused = error
        else:
            kept.append(item)
    if refused and not kept:
        raise refused
    return kept
