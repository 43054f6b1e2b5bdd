"""Socket Mode: Slack tells of presses and commands over a websocket that we open, so nothing needs to reach us.

A connection lives for some hours at most; disconnects are normal, and who opens it opens the next one. An envelope is
acknowledged within three seconds, whatever becomes of it; Slack sends again what was not.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from monitor.alerts import wire
from monitor.alerts.slack_api import SlackApi, quiet
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Message

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

ACK_WITHIN = timedelta(seconds=2)  # Slack waits for three
CONNECT_TIMEOUT = timedelta(seconds=15)
_PING_S = 10.0
_LOOK_S = 0.5
_FAREWELL_S = 5.0

log = structlog.get_logger("acting")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the one person who acted is told. `url` is where Slack takes it; a secret while it lasts."""

    url: str
    message: Message


# What came in, by Slack's word for its kind -> what to answer, once it is written down; None: nothing.
Decide = Callable[[str, Mapping[str, Any]], Awaitable[Answer | None]]


class SlackSocket:
    """One connection with one app token, from `open` to `close`. `decide` may be called many times at once."""

    def __init__(self, api_url: str, token: str, decide: Decide, *, ack_within: timedelta = ACK_WITHIN) -> None:
        self._api_url = api_url
        self._api = SlackApi(api_url, token)
        self._token = token
        self._decide = decide
        self._ack_within = ack_within
        self._client: SocketModeClient | None = None

    async def open(self) -> None:
        """Connect. A refused token raises DeliveryError with scope `credential`."""
        from slack_sdk.socket_mode.aiohttp import SocketModeClient

        url = await connection_url(self._api)
        client = self._client = SocketModeClient(
            self._token,
            logger=quiet,
            web_client=self._api.client(),
            auto_reconnect_enabled=False,
            ping_interval=_PING_S,
        )
        if not url.startswith("wss:"):
            client.proxy = None  # slack-sdk would send even loopback through $HTTP_PROXY
        client.wss_uri = url
        client.socket_mode_request_listeners.append(self._received)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
                # Tries for ever, though an address is good once: ours is the clock that counts.
                await client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise DeliveryError(DeliveryScope.TRANSIENT, "connect_timeout", "no websocket in time") from None

    async def ended(self) -> None:
        """Wait until the connection is lost. When Slack asks for it, slack-sdk moves to a new one by itself."""
        while self._client is not None:
            moving = self._client.connect_operation_lock.locked()
            if not moving and not await self._client.is_connected():
                return
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """End the connection, politely where the other side answers; also when the caller is cancelled meanwhile."""
        client, self._client = self._client, None
        try:
            if client is not None:
                with suppress(TimeoutError, aiohttp.ClientError, OSError):
                    async with asyncio.timeout(_FAREWELL_S):
                        await client.close()  # type: ignore[no-untyped-call]
        finally:
            if client is not None:
                await client.aiohttp_client_session.close()
            await self._api.close()

    async def _received(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        from slack_sdk.socket_mode.response import SocketModeResponse

        deciding = asyncio.ensure_future(self._decided(request))
        await asyncio.wait({deciding}, timeout=self._ack_within.total_seconds())
        # Lost with its connection, an acknowledgement makes Slack send the envelope again, and a press counts once.
        with suppress(ConnectionError, aiohttp.ClientError):
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
        answer = await deciding
        if answer is not None:
            await self._tell(answer)

    async def _decided(self, request: SocketModeRequest) -> Answer | None:
        try:
            return await self._decide(request.type, request.payload)
        except Exception:
            # Nobody else would hear of it, and the next envelope is as welcome.
            log.exception("press met a bug", kind=request.type)
            return None

    async def _tell(self, answer: Answer) -> None:
        if not _is_slacks(answer.url, self._api_url):
            return
        body = {"response_type": "ephemeral", "replace_original": False, "text": answer.message.text}
        if answer.message.blocks:
            body["blocks"] = [dict(block) for block in answer.message.blocks]
        try:
            async with wire.session() as session, session.post(answer.url, json=body) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError, wire.RedirectedError, ValueError) as error:
            log.warning("press not answered", code=wire.failure(error).code)
            return
        if status != 200:
            log.warning("press not answered", status=status)


async def connection_url(api: SlackApi) -> str:
    """Where a new websocket may be opened, once and soon. DeliveryError: the app token is refused, or Slack is away."""
    answer = await api.call("apps.connections.open", {})
    url = answer.get("url")
    if not isinstance(url, str) or not url.startswith(("wss://", "ws://")):
        raise DeliveryError(DeliveryScope.TRANSIENT, "no_answer", "Slack said ok, and named no websocket")
    return url


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether an answer may go there: to the host of the Web API or below it (hooks.slack.com), and as safely."""
    there, home = urlsplit(url), urlsplit(api_url)
    try:
        same_port = there.port == home.port
    except ValueError:
        return False
    inside = there.hostname == home.hostname or (there.hostname or "").endswith(f".{home.hostname}")
    return there.scheme == home.scheme and same_port and inside and there.username is None
