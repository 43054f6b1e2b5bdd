"""Socket Mode of the make-believe Slack: real websockets, envelopes that want an acknowledgement, answers in private.

Knows nothing of this program. Sources: https://docs.slack.dev/apis/events-api/using-socket-mode,
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and
https://docs.slack.dev/interactivity/handling-user-interaction (response_url).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from monitor.testing.slack_limits import error_of
from monitor.testing.slack_world import SlackError, World

ANSWERS = 5  # a response_url takes so many


@dataclass(slots=True)
class Envelope:
    """Something a person did, on its way to the app. Times are monotonic seconds."""

    id: str
    kind: str
    payload: dict[str, Any]
    sent: list[float] = field(default_factory=list)
    acked: list[float] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)  # what its person alone was told

    @property
    def ack_s(self) -> float | None:
        """How long the app took to acknowledge it."""
        return self.acked[0] - self.sent[0] if self.acked and self.sent else None


@dataclass(slots=True)
class Sockets:
    """The app's connections. An envelope that is not acknowledged within `patience` seconds is sent again, twice."""

    world: World
    url: str = ""  # of the server
    patience: float = 3.0
    connections: list[web.WebSocketResponse] = field(default_factory=list)
    connected: int = 0  # connections ever
    envelopes: list[Envelope] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    # --- what people do --------------------------------------------------------------------------------------------

    async def press(
        self, channel_id: str, ts: str, action_id: str, *, user: str = "U0ANN", name: str = "ann"
    ) -> Envelope:
        """Somebody presses a button of a message that stands there. LookupError: there is no such button."""
        channel = self.world.channels[channel_id]
        message = channel.find(ts)
        pressed = next(iter(_buttons(message or {}, action_id)), None)
        if message is None or pressed is None:
            raise LookupError(f"no button {action_id} on message {ts}")
        at = f"{time.time():.6f}"
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": name, "name": name, "team_id": "T0"},
            "api_app_id": message.get("app_id", "A0APP"),
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": False},
            "trigger_id": f"{next(self._numbers)}.T0",
            "team": {"id": "T0", "domain": "example"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": channel.name},
            "message": {key: value for key, value in message.items() if key not in ("accepted_at", "channel")},
            "state": {"values": {}},
            "actions": [{**pressed, "action_ts": at}],
        }
        return await self.send("interactive", payload)

    async def command(
        self, text: str, *, command: str, user: str = "U0ANN", name: str = "ann", channel: str = "C0TEST"
    ) -> Envelope:
        """Somebody types a slash command."""
        payload = {
            "token": "deprecated",
            "team_id": "T0",
            "team_domain": "example",
            "channel_id": channel,
            "channel_name": channel.lower(),
            "user_id": user,
            "user_name": name,
            "command": command,
            "text": text,
            "api_app_id": "A0APP",
            "is_enterprise_install": "false",
            "trigger_id": f"{next(self._numbers)}.T0",
        }
        return await self.send("slash_commands", payload)

    async def send(self, kind: str, payload: Mapping[str, Any]) -> Envelope:
        """Hand an envelope to the connection opened last."""
        envelope = Envelope(f"env-{next(self._numbers)}", kind, dict(payload))
        answers = f"{self.url}/actions/T0/{envelope.id}/secret{next(self._numbers)}"
        envelope.payload.setdefault("response_url", answers)
        self.envelopes.append(envelope)
        await self._hand_over(envelope)
        task = asyncio.ensure_future(self._insist(envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return envelope

    async def again(self, envelope: Envelope) -> None:
        """Deliver an envelope once more, as happens when an acknowledgement was lost."""
        await self._hand_over(envelope)

    async def _insist(self, envelope: Envelope) -> None:
        for _ in range(2):
            await asyncio.sleep(self.patience)
            if envelope.acked:
                return
            await self._hand_over(envelope)

    async def _hand_over(self, envelope: Envelope) -> None:
        envelope.sent.append(time.monotonic())
        wanted: dict[str, Any] = {
            "envelope_id": envelope.id,
            "type": envelope.kind,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind == "slash_commands",
        }
        if len(envelope.sent) > 1:
            wanted |= {"retry_attempt": len(envelope.sent) - 1, "retry_reason": "timeout"}
        for socket in reversed(self.connections):
            if not socket.closed:
                await socket.send_str(json.dumps(wanted))
                return

    # --- connections -----------------------------------------------------------------------------------------------

    def ticket(self, token: str) -> dict[str, Any]:
        """apps.connections.open: an address for one websocket. Only an app's own token gets one."""
        app = self.world.apps.get(token)
        if app is None:
            raise SlackError("not_allowed_token_type" if token.startswith("xoxb-") else "invalid_auth")
        if app.error:
            raise SlackError(app.error)
        if "connections:write" not in app.scopes:
            raise SlackError("missing_scope", needed="connections:write", provided=",".join(sorted(app.scopes)))
        made = f"ticket{next(self._numbers)}"
        self._tickets.add(made)
        return {"url": f"{self.url.replace('http', 'ws', 1)}/_socket/{made}"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """One websocket, from hello to its end. A ticket is good once."""
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=404, text="ticket not found")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        self.connections.append(socket)
        self.connected += 1
        hello = {"type": "hello", "num_connections": len(self.connections), "connection_info": {"app_id": "A0APP"}}
        try:
            await socket.send_str(json.dumps(hello))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(json.loads(message.data))
        except ConnectionError:
            pass  # it went while we greeted it
        finally:
            self.connections.remove(socket)
        return socket

    def _acknowledged(self, ack: Mapping[str, Any]) -> None:
        for envelope in self.envelopes:
            if envelope.id == ack.get("envelope_id"):
                envelope.acked.append(time.monotonic())

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to go and come back, as Slack does every few hours, and close it."""
        for socket in list(self.connections):
            await socket.send_str(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {}}))

    async def cut(self) -> None:
        """Every connection dies without a word."""
        for socket in list(self.connections):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for socket in list(self.connections):
            await socket.close()

    # --- answers ---------------------------------------------------------------------------------------------------

    async def answered(self, request: web.Request) -> web.Response:
        """A response_url: takes five answers, which only the person who acted sees."""
        envelope = next((one for one in self.envelopes if one.payload.get("response_url") == str(request.url)), None)
        if envelope is None or len(envelope.answers) >= ANSWERS:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        answer = await request.json()
        refused = error_of(answer)
        if refused is not None:
            return web.json_response({"ok": False, "error": refused[0]}, status=400)
        envelope.answers.append(answer)
        return web.Response(text="ok")


def _buttons(message: Mapping[str, Any], action_id: str) -> Iterator[dict[str, Any]]:
    for block in message.get("blocks") or ():
        if block.get("type") == "actions":
            for element in block["elements"]:
                if element.get("action_id") == action_id:
                    yield {**element, "block_id": block.get("block_id", "b1")}
