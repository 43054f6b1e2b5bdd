"""A Slack on loopback for tests and the demo: real sockets, real limits, scripted faults, everything on record.

It knows nothing of this program: any client of the Web API or of incoming webhooks can be held against it. Methods:
auth.test, chat.postMessage, chat.update, chat.delete, conversations.history, conversations.replies,
conversations.info, apps.connections.open with its websocket; webhooks under `/services/…`. `python -m
monitor.testing.slack_server --help` says how to run it by itself, with `/_control/` to script faults, to press buttons
and to read what was accepted, and `/` to look at the messages.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from monitor.testing.slack_answers import arguments_of, as_json, as_words, spoilt
from monitor.testing.slack_control import Control
from monitor.testing.slack_faults import Fault
from monitor.testing.slack_limits import error_of
from monitor.testing.slack_sockets import Sockets
from monitor.testing.slack_world import ALL_SCOPES, App, Bot, Channel, SlackError, World, page

_POSTING = frozenset({"chat.postMessage", "chat.update", "webhook"})


@dataclass(slots=True)
class Call:
    """A request as it came, and what it led to. `at` is monotonic seconds; `ts` of the message kept or edited."""

    method: str
    arguments: Mapping[str, Any]
    at: float
    ok: bool = False
    error: str = ""
    ts: str = ""
    fault: Fault | None = None
    kept: bool = False  # it took effect, whatever was answered


@dataclass(slots=True)
class SlackServer:
    """An async context manager. `rate`: messages a second and channel (None: unlimited), `burst` of them at once."""

    rate: float | None = 1.0
    burst: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    world: World = field(init=False)
    sockets: Sockets = field(init=False)
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.world = World(self.rate, self.burst)
        self.sockets = Sockets(self.world)

    # --- setting the scene -----------------------------------------------------------------------------------------

    def bot(self, token: str = "xoxb-test", scopes: frozenset[str] = ALL_SCOPES, **names: str) -> Bot:  # noqa: S107
        """An installed app with this token."""
        self.world.bots[token] = Bot(token, set(scopes), **names)
        return self.world.bots[token]

    def app(self, token: str = "xapp-test") -> App:  # noqa: S107  # no secret: a test's token
        """An app-level token, with which websockets can be opened."""
        self.world.apps[token] = App(token)
        return self.world.apps[token]

    def channel(
        self, channel_id: str, name: str = "", *, private: bool = False, members: tuple[str, ...] = ()
    ) -> Channel:
        """A channel; without `members` every bot is in it."""
        known = set(members) or {bot.bot_id for bot in self.world.bots.values()}
        made = Channel(channel_id, name or channel_id.lower(), private, members=known)
        self.world.channels[channel_id] = made
        return made

    def webhook(self, channel_id: str, token: str = "xoxb-test") -> str:  # noqa: S107  # no secret: a test's token
        """The URL of a new incoming webhook for a channel."""
        path = f"/services/T0/B{len(self.world.webhooks)}/secret{len(self.world.webhooks)}"
        self.world.webhooks[path] = (channel_id, token)
        return f"{self.url}{path}"

    def script(self, *faults: Fault) -> None:
        """Spoil coming calls; the first fault that wants a call has it."""
        self.faults.extend(faults)

    def delete(self, channel_id: str, ts: str) -> None:
        """A person deletes a message; its replies stay."""
        message = self.world.channels[channel_id].find(ts)
        if message is not None:
            message["deleted"] = True

    # --- reading what happened -------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.url}/api/"

    def messages(self, channel_id: str) -> list[dict[str, Any]]:
        """What stands in a channel now, replies included, oldest first."""
        return [one for one in self.world.channels[channel_id].messages if not one.get("deleted")]

    def top_level(self, channel_id: str) -> list[dict[str, Any]]:
        return [one for one in self.messages(channel_id) if "thread_ts" not in one]

    def replies(self, channel_id: str, ts: str) -> list[dict[str, Any]]:
        return [one for one in self.messages(channel_id) if one.get("thread_ts") == ts]

    def posts(self, method: str = "") -> list[Call]:
        """Calls that post or edit, in the order they came."""
        return [call for call in self.calls if call.method in ({method} if method else _POSTING)]

    # --- life ------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after `stop`, on the same port again. While stopped, connections are refused."""
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/services/{rest:.*}", self._webhook)
        app.router.add_get("/_socket/{ticket}", self.sockets.connect)
        app.router.add_post("/actions/{rest:.*}", self.sockets.answered)
        app.router.add_routes(Control(self).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.sockets.url = self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self.sockets.close()
            await self._runner.cleanup()
            self._runner = None

    # --- requests --------------------------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        arguments = await arguments_of(request)
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer").strip()
        token = bearer or str(arguments.pop("token", ""))
        method = request.match_info["method"]
        call = Call(method, arguments, time.monotonic())
        self.calls.append(call)
        return await self._answered(request, call, lambda: self._run(method, arguments, token, call), as_json)

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        arguments = await arguments_of(request)
        call = Call("webhook", arguments, time.monotonic())
        self.calls.append(call)
        return await self._answered(request, call, lambda: self._run_webhook(request.path, arguments, call), as_words)

    async def _answered(
        self,
        request: web.Request,
        call: Call,
        run: Callable[[], dict[str, Any]],
        form: Callable[[dict[str, Any]], web.Response],
    ) -> web.StreamResponse:
        fault = next((one for one in self.faults if one.wants(call.method, call.arguments)), None)
        call.fault = fault
        if fault is None:
            return form(self._outcome(call, run))
        await asyncio.sleep(fault.delay)
        outcome = self._outcome(call, run) if fault.stored or fault.answer == "normal" else {"ok": False}
        await asyncio.sleep(fault.delay_answer)
        if fault.answer == "normal":
            return form(outcome)
        call.ok, call.error = False, fault.error or fault.answer
        return await spoilt(request, fault, form)

    def _outcome(self, call: Call, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            answer = {"ok": True, **run()}
        except SlackError as error:
            call.error = error.code
            return {"ok": False, "error": error.code, **error.extra}
        call.ok = call.kept = True
        return answer

    def _run(self, method: str, arguments: dict[str, Any], token: str, call: Call) -> dict[str, Any]:
        if method == "apps.connections.open":
            return self.sockets.ticket(token)
        bot = self.world.bot(token)
        known: dict[str, Callable[[Bot, dict[str, Any], Call], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
        }
        if method not in known:
            raise SlackError("unknown_method")
        return known[method](bot, arguments, call) | {"_scopes": sorted(bot.scopes)}

    def _run_webhook(self, path: str, arguments: dict[str, Any], call: Call) -> dict[str, Any]:
        if path not in self.world.webhooks:
            raise SlackError("no_service", status=404)
        channel_id, token = self.world.webhooks[path]
        channel, bot = self.world.channels[channel_id], self.world.bots[token]
        if channel.archived:
            raise SlackError("channel_is_archived", status=410)
        if bot.error:
            raise SlackError("invalid_token", status=403)
        _check(arguments)
        self.world.spend(channel)
        call.ts = self.world.post(channel, bot, arguments)["ts"]
        return {}

    # --- methods ---------------------------------------------------------------------------------------------------

    def _auth_test(self, bot: Bot, _arguments: dict[str, Any], _call: Call) -> dict[str, Any]:
        return {
            "url": f"{self.url}/",
            "team": bot.team,
            "team_id": "T0",
            "user": bot.name,
            "user_id": bot.user_id,
            "bot_id": bot.bot_id,
            "is_enterprise_install": False,
        }

    def _post(self, bot: Bot, arguments: dict[str, Any], call: Call) -> dict[str, Any]:
        _need(bot, "chat:write")
        channel = self.world.channel(arguments.get("channel"), bot)
        if bot.bot_id not in channel.members and "chat:write.public" not in bot.scopes:
            raise SlackError("not_in_channel")
        if channel.archived:
            raise SlackError("is_archived")
        _check(arguments)
        if arguments.get("thread_ts") and channel.find(str(arguments["thread_ts"])) is None:
            raise SlackError("thread_not_found")
        self.world.spend(channel)
        message = self.world.post(channel, bot, arguments)
        call.ts = message["ts"]
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _update(self, bot: Bot, arguments: dict[str, Any], call: Call) -> dict[str, Any]:
        _need(bot, "chat:write")
        channel = self.world.channel(arguments.get("channel"), bot)
        message = channel.find(str(arguments.get("ts")))
        if message is None:
            raise SlackError("message_not_found")
        if message["bot_id"] != bot.bot_id:
            raise SlackError("cant_update_message")
        _check(arguments)
        self.world.spend(channel)
        self.world.edit(message, arguments)
        call.ts = message["ts"]
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"]}

    def _delete(self, bot: Bot, arguments: dict[str, Any], _call: Call) -> dict[str, Any]:
        _need(bot, "chat:write")
        channel = self.world.channel(arguments.get("channel"), bot)
        message = channel.find(str(arguments.get("ts")))
        if message is None:
            raise SlackError("message_not_found")
        message["deleted"] = True
        return {"channel": channel.id, "ts": message["ts"]}

    def _history(self, bot: Bot, arguments: dict[str, Any], _call: Call) -> dict[str, Any]:
        channel = self._readable(bot, arguments)
        top = [one for one in channel.messages if "thread_ts" not in one or one.get("subtype") == "thread_broadcast"]
        return page(reversed([one for one in top if not one.get("deleted") or _answered_to(channel, one)]), arguments)

    def _replies(self, bot: Bot, arguments: dict[str, Any], _call: Call) -> dict[str, Any]:
        channel = self._readable(bot, arguments)
        ts = str(arguments.get("ts"))
        thread = [one for one in channel.messages if ts in (one["ts"], one.get("thread_ts"))]
        if not thread:
            raise SlackError("thread_not_found")
        return page(thread, arguments)

    def _info(self, bot: Bot, arguments: dict[str, Any], _call: Call) -> dict[str, Any]:
        channel = self.world.channel(arguments.get("channel"), bot)
        _need(bot, "groups:read" if channel.private else "channels:read")
        member = bot.bot_id in channel.members
        shown = {"id": channel.id, "name": channel.name, "is_private": channel.private}
        return {"channel": shown | {"is_archived": channel.archived, "is_member": member}}

    def _readable(self, bot: Bot, arguments: dict[str, Any]) -> Channel:
        channel = self.world.channel(arguments.get("channel"), bot)
        _need(bot, "groups:history" if channel.private else "channels:history")
        if bot.bot_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel


def _answered_to(channel: Channel, message: Mapping[str, Any]) -> bool:
    return any(one.get("thread_ts") == message["ts"] for one in channel.messages)


def _need(bot: Bot, scope: str) -> None:
    if scope not in bot.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(bot.scopes)))


def _check(arguments: dict[str, Any]) -> None:
    for name in ("blocks", "metadata"):
        if isinstance(arguments.get(name), str):
            arguments[name] = json.loads(arguments[name])
    refused = error_of(arguments)
    if refused is not None:
        code, details = refused
        raise SlackError(code, response_metadata={"messages": [f"[ERROR] {one}" for one in details]})


if __name__ == "__main__":
    from monitor.testing.slack_alone import main

    main()
