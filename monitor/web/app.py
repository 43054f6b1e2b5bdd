"""The addresses of the page, and how each is answered: read in a thread, on one state of the database."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from monitor import __version__, clock
from monitor.errors import StoreError
from monitor.web import (
    deliveries_page,
    feeds_page,
    ledger,
    metrics,
    picture,
    rules_page,
    search_page,
    status_page,
    stories_page,
    timeline_page,
)
from monitor.web.asked import Asked, NotThere, Page, Shown, Source
from monitor.web.gate import Gate
from monitor.web.ready import of_process, reasons
from monitor.web.words import HERE, renderer

PATIENCE_S = 10.0  # for the database; readiness has less
READY_PATIENCE_S = 3.0
SHIFTS_IN_FEED = 200

PAGES: Mapping[str, Page] = {
    "/": status_page.page,
    "/stories": stories_page.page,
    "/stories/{story_id:int}": stories_page.one,
    "/timeline": timeline_page.page,
    "/feeds": feeds_page.page,
    "/rules": rules_page.page,
    "/deliveries": deliveries_page.page,
    "/search": search_page.page,
}
FILES = {"/style.css": ("style.css", "text/css"), "/favicon.svg": ("favicon.svg", "image/svg+xml")}

log = structlog.get_logger("page")
T = TypeVar("T")


@dataclass
class Answers:
    """Answers requests. Reading and rendering happen in threads of its own, few, so that polls have the machine."""

    source: Source
    render: Callable[[Shown, dict[str, Any]], str] = field(default_factory=renderer)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, thread_name_prefix="page"))

    async def read(self, request: Request, work: Callable[[Asked], T], patience_s: float = PATIENCE_S) -> T:
        """What `work` makes of a request, or TimeoutError when the database takes too long."""

        def reading() -> T:
            with self.source.database.read() as conn:
                return work(self._asked(request, conn))

        done = asyncio.get_running_loop().run_in_executor(self.threads, reading)
        return await asyncio.wait_for(done, patience_s)

    def _asked(self, request: Request, conn: Any) -> Asked:
        return Asked(
            conn=conn,
            configuration=self.source.configuration(),
            pulse=self.source.pulse(),
            now=clock.now(),
            query=dict(request.query_params),
            path=request.path_params,
        )

    def shown(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that shows a page, or says in the same dress why it cannot."""

        async def endpoint(request: Request) -> Response:
            def made(asked: Asked) -> str:
                return self.render(page(asked), {"now": asked.now, "path": request.url.path, "version": __version__})

            try:
                return HTMLResponse(await self.read(request, made))
            except NotThere as error:
                return self.trouble(request, 404, "There is no such page", str(error))
            except StoreError as error:
                return self.trouble(request, 503, "The database cannot be read", str(error))
            except TimeoutError:
                words = f"The database did not answer within {PATIENCE_S:.0f} seconds. Polling is not affected."
                return self.trouble(request, 503, "That takes too long", words)

        return endpoint

    def trouble(self, request: Request, status: int, title: str, words: str) -> Response:
        """A page that says what went wrong."""
        common = {"now": clock.now(), "path": request.url.path, "version": __version__}
        return HTMLResponse(self.render(Shown("trouble.html", {"title": title, "words": words}), common), status)

    # ---- for machines

    async def alive(self, _request: Request) -> Response:
        """200 while the loop of the process runs: it is what answers."""
        return JSONResponse({"ok": True, "last_tick_age_s": round(self.source.pulse().tick_s, 1)})

    async def ready(self, request: Request) -> Response:
        """200 while ticks, database and outbox advance; else 503 with the reasons."""
        found = of_process(self.source.pulse())
        try:
            found = await self.read(
                request, lambda asked: reasons(asked.pulse, picture.vitals(asked.conn, asked.now)), READY_PATIENCE_S
            )
        except StoreError as error:
            found.append(str(error))
        except TimeoutError:
            found.append(f"the database did not answer within {READY_PATIENCE_S:.0f} s")
        return JSONResponse({"ready": not found, "reasons": found}, 503 if found else 200)

    async def metrics(self, request: Request) -> Response:
        """What Prometheus scrapes; 503 while the database cannot be read."""
        try:
            told = await self.read(request, lambda asked: metrics.text(asked, self.source.counters))
        except (StoreError, TimeoutError) as error:
            return Response(f"# {error}\n", 503, media_type="text/plain")
        return Response(told, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def atom(self, request: Request) -> Response:
        """The ledger of shifts as a feed, the latest news; 304 for whoever holds what stands there now."""
        address = str(request.url.replace(query=""))

        def made(asked: Asked) -> str:
            return ledger.as_atom(ledger.latest(asked.conn, SHIFTS_IN_FEED), asked.now, address=address)

        try:
            body = await self.read(request, made)
        except (StoreError, TimeoutError) as error:
            return Response(f"{error}\n", 503, media_type="text/plain")
        tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        held = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if tag in held:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(body, media_type="application/atom+xml", headers={"ETag": tag})

    async def missing(self, request: Request, _error: Exception) -> Response:
        """An address that is none of ours."""
        return self.trouble(request, 404, "There is no such page", "The address may be mistyped.")


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        return FileResponse(HERE / "static" / name, media_type=kind, headers={"Cache-Control": "max-age=86400"})

    return endpoint


def application(source: Source, host: str) -> ASGIApp:
    """The page as an ASGI application; `host` is the configured one to listen on."""
    answers = Answers(source)
    routes = [Route(path, answers.shown(page)) for path, page in PAGES.items()]
    routes += [Route(path, _file(*file)) for path, file in FILES.items()]
    routes += [
        Route("/healthz", answers.alive),
        Route("/readyz", answers.ready),
        Route("/metrics", answers.metrics),
        Route("/shifts.atom", answers.atom),
    ]
    missing: Mapping[Any, Any] = {404: answers.missing, HTTPException: answers.missing}
    # The gate stands outside of everything: what goes wrong inside is sealed too.
    return Gate(Starlette(routes=routes, exception_handlers=missing), host)
