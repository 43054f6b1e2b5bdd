"""A Slack channel as a receiver: slack-sdk with its retries off, one POST per call, and a history that is read back.

Every message carries its delivery id in metadata; that, with our own bot id, is how it is found again.
Sources: https://docs.slack.dev/messaging/message-metadata and the pages of the methods.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from monitor.alerts import wire
from monitor.alerts.outcome import refusal
from monitor.alerts.receivers import Identity, Posting, Receipt, Search, SlackReceiver
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Message

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

EVENT_TYPE = "licensewatch_delivery"
_PAGE = 200
_CANNOT_READ = frozenset(
    {
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "channel_not_found",
        "not_in_channel",
        "method_not_supported_for_channel_type",
    }
)
# slack-sdk writes whole requests to its logger at DEBUG.
_quiet = logging.getLogger("monitor.slack_sdk")
_quiet.setLevel(logging.CRITICAL)


class SlackChannel:
    """One channel, reached with one bot token. Implements the Receiver protocol."""

    def __init__(self, settings: SlackReceiver, token: str, *, timeout: timedelta = wire.TIMEOUT) -> None:
        self._settings = settings
        self._token = token
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._channel = settings.channel  # the id, once an answer named it
        self._own_ids: frozenset[str] = frozenset()
        self._clock: tuple[float, float] | None = None  # (Slack's time, our monotonic time) of the last answer

    async def open(self) -> Identity:
        """auth.test: is the token good, who is it, and may it write?"""
        answer = await self._call("auth.test", {})
        self._own_ids = frozenset(str(answer[key]) for key in ("bot_id", "user_id") if answer.get(key))
        header = answer["_headers"].get("x-oauth-scopes")
        scopes = None if header is None else frozenset(one.strip() for one in header.split(",") if one.strip())
        if scopes is not None and "chat:write" not in scopes:
            raise refusal("missing_scope", "the token lacks the scope chat:write")
        return Identity(who=str(answer.get("user", "")), team=str(answer.get("team", "")), scopes=scopes)

    async def send(self, message: Message, posting: Posting) -> Receipt:
        arguments: dict[str, Any] = {
            "channel": self._channel,
            "text": message.text,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": posting.delivery_id}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if message.blocks:
            arguments["blocks"] = [dict(block) for block in message.blocks]
        if posting.thread_ts:
            arguments |= {"thread_ts": posting.thread_ts, "reply_broadcast": posting.broadcast}
        answer = await self._call("chat.postMessage", arguments)
        receipt = _receipt(answer)
        self._channel = receipt.channel or self._channel
        return receipt

    async def update(self, message: Message, receipt: Receipt) -> Receipt:
        blocks = [dict(block) for block in message.blocks]
        where = {"channel": receipt.channel, "ts": receipt.ts}
        answer = await self._call("chat.update", where | {"text": message.text, "blocks": blocks})
        return _receipt(answer)

    async def find(self, search: Search) -> Mapping[str, Receipt]:
        """Read the channel (or the thread) back to `search.since`, newest first, whole."""
        if not self._own_ids:
            await self.open()
        found: dict[str, Receipt] = {}
        cursor = ""
        while True:
            page = await self._page(search, cursor)
            for delivery_id, receipt in self._ours(page.get("messages") or []):
                if delivery_id in search.delivery_ids:
                    found.setdefault(delivery_id, receipt)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor or len(found) == len(search.delivery_ids):
                return found

    async def _page(self, search: Search, cursor: str) -> Mapping[str, Any]:
        arguments: dict[str, Any] = {
            "channel": self._channel,
            "limit": _PAGE,
            "include_all_metadata": True,
            "inclusive": True,
        }
        if search.since:
            arguments["oldest"] = search.since
        if cursor:
            arguments["cursor"] = cursor
        if search.thread_ts:
            arguments["ts"] = search.thread_ts
        method = "conversations.replies" if search.thread_ts else "conversations.history"
        try:
            return await self._call(method, arguments, verb="GET")
        except DeliveryError as error:
            if error.code in _CANNOT_READ:
                raise DeliveryError(DeliveryScope.DESTINATION, "cannot_read", error.code) from None
            if error.code == "thread_not_found":
                return {}
            raise

    def _ours(self, messages: list[Mapping[str, Any]]) -> Iterator[tuple[str, Receipt]]:
        for one in messages:
            metadata = one.get("metadata") or {}
            by_us = {one.get("bot_id"), one.get("user")} & self._own_ids
            if by_us and metadata.get("event_type") == EVENT_TYPE:
                delivery_id = (metadata.get("event_payload") or {}).get("delivery_id")
                yield str(delivery_id), Receipt(self._channel, str(one.get("ts")))

    def now(self) -> str | None:
        """Slack's clock, from the Date of its last answer. Ours may be wrong, and `oldest` is compared with theirs."""
        if self._clock is None:
            return None
        theirs, at = self._clock
        return f"{theirs + time.monotonic() - at:.6f}"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = self._client = None

    async def _call(self, method: str, arguments: dict[str, Any], verb: str = "POST") -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError, SlackRequestError

        body = {"params": arguments} if verb == "GET" else {"json": arguments}
        try:
            # slack-sdk's own clock does not run for a session that is passed in; ours must not hang either way.
            async with asyncio.timeout(self._timeout.total_seconds() + 5):
                answer = await self._connected().api_call(method, http_verb=verb, **body)
        except SlackApiError as error:
            raise self._refusal(error.response) from None
        except SlackRequestError:
            raise DeliveryError(DeliveryScope.MESSAGE, "invalid_arguments", "slack-sdk refused the request") from None
        except (aiohttp.ClientError, OSError, TimeoutError, wire.RedirectedError, ValueError) as error:
            raise wire.failure(error) from None
        headers = wire.headers(answer)
        self._note_time(headers)
        return dict(answer.data) | {"_headers": headers} if isinstance(answer.data, dict) else {"_headers": headers}

    def _connected(self) -> AsyncWebClient:
        if self._client is None:
            from slack_sdk.web.async_client import AsyncWebClient

            self._session = wire.session(self._timeout)
            self._client = AsyncWebClient(
                token=self._token,
                base_url=self._settings.api_url,
                session=self._session,
                retry_handlers=[],
                logger=_quiet,
            )
            if not self._settings.api_url.startswith("https:"):
                self._client.proxy = None  # slack-sdk would send even loopback through $HTTP_PROXY
        return self._client

    def _refusal(self, response: Any) -> DeliveryError:
        """Read a failed answer: slack-sdk hands over its own response, or aiohttp's when it was not JSON."""
        headers = wire.headers(response)
        self._note_time(headers)
        status: int = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
        data = getattr(response, "data", None)
        code = data.get("error") if isinstance(data, dict) else None
        wait = wire.retry_after(headers)
        if status == 429 or code in ("ratelimited", "rate_limited"):
            return DeliveryError(DeliveryScope.TRANSIENT, "ratelimited", retry_after=wait or timedelta(seconds=1))
        if status >= 500:
            return DeliveryError(DeliveryScope.AMBIGUOUS, "server_error", f"status {status}", retry_after=wait)
        if not isinstance(code, str) or not code:
            return DeliveryError(DeliveryScope.AMBIGUOUS, "not_json", f"status {status}, and no answer of Slack")
        return refusal(code, _needed(code, data))

    def _note_time(self, headers: Mapping[str, str]) -> None:
        try:
            self._clock = (parsedate_to_datetime(headers["date"]).timestamp(), time.monotonic())
        except (KeyError, ValueError, TypeError):
            return


def _needed(code: str, data: Any) -> str:
    if code == "missing_scope" and data.get("needed"):
        return f"missing_scope: the token lacks {data['needed']}"
    details = (data.get("response_metadata") or {}).get("messages") or []
    return f"{code}: {'; '.join(map(str, details))[:300]}" if details else code


def _receipt(answer: Mapping[str, Any]) -> Receipt:
    channel, ts = answer.get("channel"), answer.get("ts")
    if not ts:
        raise DeliveryError(DeliveryScope.AMBIGUOUS, "no_answer", "Slack said ok, and named no message")
    return Receipt(str(channel), str(ts))
