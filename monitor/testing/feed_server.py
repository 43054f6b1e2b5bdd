"""A feed server on loopback for tests and the demo: real sockets, scripted answers, every request on record.

It knows nothing of this program. A path answers with a document (validators and 304 as a good publisher would), or with
whatever it was told: statuses, headers, redirects, delays, a byte a second, compression bombs.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from aiohttp import web

FEED_TYPE = "application/rss+xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `delay` waits before the head; `trickle` sends the body a byte at a time, so many seconds apart.

    `cut` closes the connection without a word, after that many bytes of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    trickle: float | None = None
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A request as it came: path with query, header names lower case, when (monotonic seconds) and what it was told.

    `body` is what was sent with it, as far as the server knows: whole, unless the answer was to be cut.
    """

    path: str
    headers: Mapping[str, str]
    at: float
    host: str
    status: int = 0
    method: str = "GET"
    body: bytes = b""

    @property
    def conditional(self) -> bool:
        """Whether it carried a validator."""
        return "if-none-match" in self.headers or "if-modified-since" in self.headers


@dataclass(slots=True)
class _Page:
    answers: list[Answer]  # the last one stays
    conditional: bool


def rss(title: str, items: Sequence[Mapping[str, str]], *, channel: str = "") -> bytes:
    """A plain RSS 2.0 document. Items map element names to texts, which are escaped; `channel` is extra XML."""
    entries = "".join(
        "<item>" + "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in item.items()) + "</item>\n"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>{_escaped(title)}</title><link>http://example.org/</link><description/>{channel}\n{entries}"
        "</channel></rss>\n"
    ).encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class FeedServer:
    """Serves on loopback while its context lasts. `requests` is the record, oldest first.

    `hosts` are the addresses it listens on, all with one port: 127.0.0.2 is another host than 127.0.0.1 to a poller.
    """

    def __init__(self, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0) -> None:
        self.hosts = tuple(hosts)
        self.port = port
        self.requests: list[Served] = []
        self.in_flight: dict[str, int] = defaultdict(int)  # by host, now
        self.most_in_flight: dict[str, int] = defaultdict(int)  # by host, ever
        self._pages: dict[str, _Page] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for host in self.hosts:
            site = web.TCPSite(self._runner, host, self.port, backlog=1024)
            await site.start()
            self.port = self.port or _port_of(self._runner)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a path on the first host, or on another."""
        return f"http://{host or self.hosts[0]}:{self.port}{path}"

    def document(self, path: str, body: bytes, **headers: str) -> None:
        """Serves a document with an ETag made of its bytes (unless `ETag` is given; "" for none) and answers 304.

        Header names are given with underscores: `Cache_Control="max-age=60"`. Call it again to change the feed.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", FEED_TYPE)
        named.setdefault("ETag", f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"')
        kept = {name: value for name, value in named.items() if value}
        self._pages[path] = _Page([Answer(200, body, kept)], conditional=True)

    def answer(self, path: str, *answers: Answer) -> None:
        """Answers a path with these in turn; the last one goes on for ever."""
        self._pages[path] = _Page(list(answers), conditional=False)

    def redirect(self, path: str, to: str, status: int = 301) -> None:
        """Redirects a path."""
        self.answer(path, Answer(status, headers={"Location": to}))

    def of(self, path: str) -> list[Served]:
        """The requests a path has had, oldest first."""
        return [request for request in self.requests if request.path == path]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        host = request.host
        self.in_flight[host] += 1
        self.most_in_flight[host] = max(self.most_in_flight[host], self.in_flight[host])
        try:
            return await self._answered(request)
        finally:
            self.in_flight[host] -= 1

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        page = self._pages.get(request.path_qs) or self._pages.get(request.path)
        answer = Answer(404, b"no such feed") if page is None else _next(page, request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        self.requests.append(
            Served(request.path_qs, headers, time.monotonic(), request.host, answer.status, request.method, body)
        )
        await asyncio.sleep(answer.delay)
        if answer.trickle is not None or answer.cut is not None:
            return await self._slowly(request, answer)
        return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))

    async def _slowly(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
        response.content_length = len(answer.body)
        await response.prepare(request)
        for sent in range(len(answer.body)):
            if sent == answer.cut and request.transport is not None:
                request.transport.abort()
                break
            await response.write(answer.body[sent : sent + 1])
            if answer.trickle is not None:
                await asyncio.sleep(answer.trickle)
        return response


def _port_of(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


def _next(page: _Page, request: web.Request) -> Answer:
    answer = page.answers.pop(0) if len(page.answers) > 1 else page.answers[0]
    if page.conditional and _unchanged(answer.headers, request.headers):
        kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
        return replace(answer, status=304, body=b"", headers=kept)
    return answer


def _unchanged(ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """If-None-Match, when sent, decides alone (RFC 9110, 13.1.3)."""
    etag = next((value for name, value in ours.items() if name.lower() == "etag"), None)
    modified = next((value for name, value in ours.items() if name.lower() == "last-modified"), None)
    if "If-None-Match" in theirs:
        return etag is not None and theirs["If-None-Match"] == etag
    return modified is not None and theirs.get("If-Modified-Since") == modified
