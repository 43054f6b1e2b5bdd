"""One conditional GET: the HTTP part of a poll.

The httpx API over aiohttp's connections (httpcore's pool costs several times as much a request). Redirects are
followed by hand, at most five, each hop through the guard. Our headers are all that is sent: no cookies, no Referer,
no proxy from the environment. One deadline holds for everything, the last byte included.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import aiohttp
import certifi
import httpx
from httpx_aiohttp import AiohttpTransport

from monitor.errors import FetchError, FetchReason
from monitor.feeds import handover
from monitor.feeds import headers as http
from monitor.feeds.decode import Decoder
from monitor.feeds.failures import fetch_error
from monitor.feeds.guard import Guard, Resolver
from monitor.feeds.polling import Polling
from monitor.model import Document
from monitor.urls import absolute, is_web

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.6, */*;q=0.1"
)
NO_CONTACT = "https://licensewatch.invalid/contact-not-set"  # RFC 2606: nobody is ever found there
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_LONGEST_HEADER = 64 * 1024
_MOST_DNS_THREADS = 32
_AT_A_STRETCH_S = 0.01  # of decoding


@dataclass(frozen=True, slots=True)
class How:
    """What is asked for, and how much of it at most, in decoded bytes (0: `polling.max_bytes`)."""

    accept: str = ACCEPT
    most: int = 0


FEED = How()
PAGE = How("text/html, application/xhtml+xml;q=0.9, text/plain;q=0.5, */*;q=0.1", 3 * 1024 * 1024)
LARGE = 512 * 1024  # bytes of a document that not many may hold at a time; one in five hundred feeds is larger
Hop = Callable[[str], Awaitable[None]]


async def _go_on(*_: str) -> None:
    """Nobody has to be waited for."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What a fetch waits for on its way, outside its deadline: `hop` may refuse, too.

    `hop` comes before a redirect is followed, with its target; `room` once, when a document turns out to be `LARGE`.
    """

    hop: Hop = _go_on
    room: Callable[[], Awaitable[None]] = _go_on


ALONE = Leave()


def user_agent(product_version: str, contact: str) -> str:
    """Who we are, and how to reach us: `licensewatch/1.0 (+https://example.org/bot)`."""
    return f"licensewatch/{product_version} (+{contact or NO_CONTACT})"


@dataclass(frozen=True, slots=True)
class _Answer:
    """The head of an answer (header names lower case) and the stream of its body."""

    url: httpx.URL
    status: int
    headers: Mapping[str, str]
    stream: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What goes out with every hop of a fetch, and how many decoded bytes may come back."""

    conditions: Mapping[str, bytes]
    accept: bytes
    most: int


def _tls() -> ssl.SSLContext | bool:
    """Certificates of the system where it has any (an intranet's own authority is there), else certifi's.

    True: as aiohttp checks by itself, with those of the system, which it reads when it is imported. To read them once
    more takes 0.03 s.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return True
    return ssl.create_default_context(cafile=certifi.where())


def _decoded(value: bytes) -> str | None:
    """A header value that can be sent back byte for byte; None for one that cannot (no UTF-8)."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _basic(url: httpx.URL) -> bytes:
    """The login in a URL as an Authorization header (RFC 7617)."""
    return b"Basic " + base64.b64encode(f"{url.username}:{url.password}".encode())


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _decoded(value)
        if text is not None:
            headers[key] = f"{headers[key]}, {text}" if key in headers and key != "location" else text
    return headers


class Fetcher:
    """Fetches documents politely and safely; an async context manager that owns the connections.

    `inbox` is where `feeds add` leaves documents for the first poll (handover.py).

    `fetch` raises FetchError, and nothing else, for whatever a publisher or the network does.
    """

    def __init__(self, polling: Polling, product_version: str, inbox: Path | None = None) -> None:
        self._polling = polling
        self._inbox = inbox
        self._headers = [
            (b"User-Agent", user_agent(product_version, polling.contact).encode()),
            (b"Accept-Encoding", b"gzip"),
        ]
        self._guard = Guard(polling.allow_private_networks)
        self._stack = AsyncExitStack()
        self._transport: AiohttpTransport | None = None
        self._resolver: Resolver | None = None

    async def __aenter__(self) -> Self:
        # The proxy is the operator's and may well live in a private network, so only what is behind it is checked.
        proxied = self._polling.proxy is not None
        self._resolver = Resolver(None if proxied else self._guard, min(self._polling.concurrency, _MOST_DNS_THREADS))
        connector = aiohttp.TCPConnector(
            limit=0,  # the daemon bounds concurrency; a queue here would eat the deadline of those who wait
            resolver=self._resolver,
            ssl=_tls(),
            socket_factory=None if proxied else self._guard.socket,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        proxy = httpx.Proxy(self._polling.proxy) if self._polling.proxy else None
        # What it would verify with has no part in it: the session's connector does all of that.
        nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._transport = AiohttpTransport(verify=nothing, client=session, proxy=proxy, trust_env=False)
        await self._stack.enter_async_context(self._transport)
        self._stack.push_async_callback(self._resolver.close)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        how: How = FEED,
        leave: Leave = ALONE,
    ) -> Document:
        """GETs a document, or learns that it has not changed (304, only when a validator was sent).

        Validators go out byte for byte. Raises FetchError; its `retry_after` and `gone` say when to come back.
        """
        if self._inbox is not None and not (etag or last_modified):
            kept = handover.take(self._inbox, url)
            if kept is not None:
                return kept
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        asked = _Asked(
            {name: value.encode("utf-8") for name, value in conditions.items() if value},
            how.accept.encode(),
            min(how.most or self._polling.max_bytes, self._polling.max_bytes),
        )
        seconds = self._polling.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await self._follow(url, asked, _outside(deadline, leave))
        except TimeoutError as error:
            raise FetchError(FetchReason.TIMEOUT, f"no whole answer within {seconds:g} s") from error
        except FetchError:
            raise
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise fetch_error(error) from error

    async def _follow(self, url: str, asked: _Asked, leave: Leave) -> Document:
        """The answer at the end of at most five redirects."""
        hop, permanent = url, True
        for _ in range(MOST_REDIRECTS + 1):
            async with self._answer(hop, asked, keep_login=hop == url) as answer:
                if answer.status not in _REDIRECTS:
                    unchanged = answer.status == 304 and bool(asked.conditions)
                    if not unchanged and answer.status not in (200, 203):
                        raise _refusal(answer, settled=permanent)
                    body = b"" if unchanged else await _body(answer, asked.most, leave.room)
                    moved = hop if permanent and hop != url else None
                    return Document(hop, 304 if unchanged else 200, answer.headers, body, moved)
                permanent = permanent and answer.status in _PERMANENT
                hop = _next_hop(hop, answer)
            await leave.hop(hop)
        raise FetchError(FetchReason.REDIRECTS, f"more than {MOST_REDIRECTS} redirects")

    @asynccontextmanager
    async def _answer(self, url: str, asked: _Asked, *, keep_login: bool) -> AsyncIterator[_Answer]:
        if self._transport is None:
            raise RuntimeError("Fetcher is used outside its context")
        target = httpx.URL(url)
        if not is_web(url) or not target.host:
            raise FetchError(FetchReason.BAD_URL, "only http and https URLs with a host are polled")
        conditions = ((name.encode(), value) for name, value in asked.conditions.items())
        headers = [*self._headers, (b"Accept", asked.accept), *conditions]
        if target.userinfo and keep_login:
            headers.append((b"Authorization", _basic(target)))
        if target.userinfo or target.fragment:
            target = target.copy_with(userinfo=b"", fragment=None)
        if self._polling.proxy:
            await self._check_behind_proxy(target.host)
        # The transport itself: httpx's client adds a cookie jar, redirects and half the cost of a request.
        request = httpx.Request("GET", target, headers=headers)
        response = await self._transport.handle_async_request(request)
        try:
            yield _Answer(target, response.status_code, _headers(response.headers.raw), response.aiter_raw())
        finally:
            await response.aclose()

    async def _check_behind_proxy(self, host: str) -> None:
        """Addresses behind a proxy can be checked, not pinned; names only the proxy can resolve are left to it."""
        try:
            ip_address(host)
            found = [host]
        except ValueError:
            try:
                found = [address for _, _, address in await self._addresses(host)]
            except OSError:
                return
        for address in found:
            self._guard.check(address)

    async def _addresses(self, host: str) -> list[tuple[int, int, str]]:
        if self._resolver is None:
            raise RuntimeError("Fetcher is used outside its context")
        return await self._resolver.addresses(host, 0)


async def _body(answer: _Answer, limit: int, room: Callable[[], Awaitable[None]]) -> bytes:
    if int(_number(answer.headers.get("content-length", ""))) > limit:
        raise FetchError(FetchReason.TOO_LARGE, f"the document is larger than {limit} bytes")
    decoder = Decoder(answer.headers.get("content-encoding", ""), limit)
    now, is_large = asyncio.get_running_loop().time, False
    async for chunk in answer.stream:
        since = now()
        for _ in decoder.feed(chunk):
            if decoder.size > LARGE and not is_large:
                is_large = True
                await room()
            if now() - since > _AT_A_STRETCH_S:
                await asyncio.sleep(0)  # others run, and so does the deadline
                since = now()
    return decoder.body()


def _outside(deadline: asyncio.Timeout, leave: Leave) -> Leave:
    """`leave` with the deadline put off by as long as it takes: waiting for others is no fault of the host."""

    async def wait(what: Awaitable[None]) -> None:
        when, start = deadline.when(), asyncio.get_running_loop().time()
        deadline.reschedule(None)
        await what
        if when is not None:
            deadline.reschedule(when + asyncio.get_running_loop().time() - start)

    return Leave(lambda url: wait(leave.hop(url)), lambda: wait(leave.room()))


def _number(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 20 else "0"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # an I/O edge; only a Retry-After that is a date is held against it


def _next_hop(url: str, answer: _Answer) -> str:
    location = answer.headers.get("location", "")
    target = absolute(url, location)
    if not target:
        raise FetchError(FetchReason.REDIRECTS, f"{answer.status} leads nowhere we can go", status=answer.status)
    return target.partition("#")[0]


def _refusal(answer: _Answer, *, settled: bool) -> FetchError:
    """The error for a status that brings no document. A 410 behind a temporary redirect is not the feed's own."""
    status, host = answer.status, answer.url.host
    wait = http.retry_after(answer.headers, _now()) if status >= 400 else None
    if status == 410 and settled:
        return FetchError(FetchReason.GONE, f"{host} says 410 Gone", status=status, url=str(answer.url))
    reason = FetchReason.RATE_LIMITED if status == 429 else FetchReason.HTTP
    return FetchError(reason, f"{host} answered {status}", status=status, retry_after=wait, url=str(answer.url))
