"""What a test or a person tells the make-believe Slack over HTTP, and reads from it. Knows nothing of this program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from monitor.testing.slack_faults import Fault
from monitor.testing.slack_page import page_of
from monitor.testing.slack_sockets import Sockets
from monitor.testing.slack_world import World


class Controlled(Protocol):
    """What is controlled: the server, as far as it is needed here."""

    @property
    def world(self) -> World: ...
    @property
    def sockets(self) -> Sockets: ...
    @property
    def calls(self) -> Sequence[Any]: ...
    @property
    def faults(self) -> Sequence[Fault]: ...
    def script(self, *faults: Fault) -> None: ...
    def delete(self, channel_id: str, ts: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Control:
    """The endpoints under `/_control/`, and the page at `/`. What cannot be done is answered with 400 and says why."""

    server: Controlled

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "faults": self._faults,
            "delete": self._delete,
            "token": self._token,
            "archive": self._archive,
            "press": self._press,
            "command": self._command,
            "disconnect": self._disconnect,
        }
        taken = [web.post(f"/_control/{name}", _told(work)) for name, work in posts.items()]
        return [web.get("/", self._page), web.get("/_control/record", self._record), *taken]

    async def _record(self, _request: web.Request) -> web.Response:
        channels = {one.id: one.messages for one in self.server.world.channels.values()}
        calls = [
            {"method": one.method, "at": one.at, "ok": one.ok, "error": one.error, "ts": one.ts, "kept": one.kept}
            for one in self.server.calls
        ]
        envelopes = [
            {"id": one.id, "kind": one.kind, "sent": len(one.sent), "ack_s": one.ack_s, "answers": one.answers}
            for one in self.server.sockets.envelopes
        ]
        return web.json_response({"channels": channels, "calls": calls, "envelopes": envelopes})

    async def _faults(self, wanted: Any) -> dict[str, Any]:
        self.server.script(*(Fault.from_json(one) for one in wanted))
        return {"waiting": sum(1 for one in self.server.faults if one.times > 0)}

    async def _delete(self, wanted: Any) -> dict[str, Any]:
        self.server.delete(wanted["channel"], wanted["ts"])
        return {}

    async def _token(self, wanted: Any) -> dict[str, Any]:
        _only(wanted, "token", "error", "scopes")
        world, token, error = self.server.world, wanted["token"], wanted.get("error", "")
        if token in world.bots:
            world.bots[token].error = error
            if "scopes" in wanted:
                world.bots[token].scopes = set(wanted["scopes"])
        else:
            world.apps[token].error = error
        return {}

    async def _archive(self, wanted: Any) -> dict[str, Any]:
        _only(wanted, "channel", "archived")
        channel = self.server.world.channels[wanted["channel"]]
        self.server.world.archive(channel, archived=bool(wanted.get("archived", True)))
        return {}

    async def _press(self, wanted: Any) -> dict[str, Any]:
        return {"id": (await self.server.sockets.press(**wanted)).id}

    async def _command(self, wanted: Any) -> dict[str, Any]:
        return {"id": (await self.server.sockets.command(**wanted)).id}

    async def _disconnect(self, wanted: Any) -> dict[str, Any]:
        await self.server.sockets.disconnect(**wanted)
        return {}

    async def _page(self, request: web.Request) -> web.Response:
        theme = request.query.get("theme", "light")
        channels = [(one.name, one.messages) for one in self.server.world.channels.values()]
        return web.Response(text=page_of(channels, theme=theme), content_type="text/html")


def _only(wanted: Any, *known: str) -> None:
    """A key that means nothing here is a slip: silently left out it would do the opposite of what was asked."""
    if odd := sorted(set(wanted) - set(known)):
        raise ValueError(f"unknown: {', '.join(odd)}; known: {', '.join(known)}")


def _told(work: Callable[[Any], Awaitable[dict[str, Any]]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await work(await request.json()))
        except (ValueError, TypeError, KeyError, LookupError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return handle
