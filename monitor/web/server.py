"""The page's server: uvicorn in the daemon's own loop. It may fail; polling goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog
import uvicorn

from monitor.web.asked import Source

AGAIN_S = 30.0  # a port that was taken is tried again: its owner may be our predecessor on its way out
FAREWELL_S = 2
MOST_CONNECTIONS = 64

log = structlog.get_logger("page")


class Server(uvicorn.Server):
    """Signals are the daemon's: uvicorn would take SIGTERM, stop, and raise it again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


@dataclass
class PageServer:
    """Serves the page until closed. Nothing it does, or fails to do, reaches its caller."""

    source: Source
    address: tuple[str, int]
    again_s: float = AGAIN_S
    _server: Server | None = None
    _task: asyncio.Task[None] | None = None
    bound: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0  # bound now; it differs from the configured one where that is 0

    def start(self) -> None:
        """Begin to serve, soon."""
        self._task = asyncio.create_task(self._run(), name="page")

    async def close(self) -> None:
        """Answer what is under way, for two seconds at most, and stop."""
        if self._task is None:
            return
        if self._server is not None and not self._task.done():
            self._server.should_exit = True
            await asyncio.wait([self._task], timeout=FAREWELL_S + 1)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            sockets = await self._listen()
            await self._serve(sockets)
        except Exception:
            log.exception("status page stopped", remedy="polling goes on; restart to have the page again")

    async def _serve(self, sockets: list[socket.socket]) -> None:
        from monitor.web.app import application  # it imports templates and metrics: not before they are wanted

        app = await asyncio.to_thread(application, self.source, self.address[0])
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=FAREWELL_S,
        )
        self._server = Server(config)
        self.port = sockets[0].getsockname()[1]
        self.bound.set()
        log.info("status page open", at=f"http://{_shown(self.address[0])}:{self.port}/")
        await self._server.serve(sockets)

    async def _listen(self) -> list[socket.socket]:
        """Sockets on the configured address, as soon as it can be had; the first failure is told."""
        host, port = self.address
        told = False
        while True:
            try:
                return await _bind(host, port)
            except OSError as error:
                if not told:
                    log.warning(
                        "status page not open",
                        at=f"{_shown(host)}:{port}",
                        problem=error.strerror or str(error),
                        remedy="polling goes on; free the port, or set another in `web.listen` and restart",
                    )
                told = True
                await asyncio.sleep(self.again_s)


async def _bind(host: str, port: int) -> list[socket.socket]:
    """A socket for every address of the host; OSError when one of them cannot be had."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(_listening(family, address))
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def _listening(family: int, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> socket.socket:
    # asyncio sends without delay only on sockets that say they are TCP.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setblocking(False)
        made.bind(address)
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
