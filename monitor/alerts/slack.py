"""A Slack channel as a receiver: one POST per call, and a history that is read back.

Every message carries its delivery id in metadata; that, with our own bot id, is how it is found again.
Sources: https://docs.slack.dev/messaging/message-metadata and the pages of the methods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from monitor.alerts import wire
from monitor.alerts.outcome import refusal
from monitor.alerts.receivers import Identity, Posting, Receipt, Search, SlackReceiver
from monitor.alerts.slack_api import SlackApi
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Message

EVENT_TYPE = "licensewatch_delivery"
_PAGE = 200
_ARCHIVED = frozenset({"channel_archive", "group_archive"})
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


class SlackChannel:
    """One channel, reached with one bot token. Implements the Receiver protocol."""

    def __init__(self, settings: SlackReceiver, token: str, *, timeout: timedelta = wire.TIMEOUT) -> None:
        self._api = SlackApi(settings.api_url, token, timeout=timeout)
        self._channel = settings.channel  # the id, once an answer named it
        self._own_ids: frozenset[str] = frozenset()

    async def open(self) -> Identity:
        """auth.test: is the token good, who is it, and may it write?"""
        answer = await self._api.call("auth.test", {})
        self._own_ids = frozenset(str(answer[key]) for key in ("bot_id", "user_id") if answer.get(key))
        header = answer["_headers"].get("x-oauth-scopes")
        scopes = None if header is None else frozenset(one.strip() for one in header.split(",") if one.strip())
        if scopes is not None and "chat:write" not in scopes:
            raise refusal("missing_scope", "the token lacks the scope chat:write")
        who, team, home = (str(answer.get(key) or "") for key in ("user", "team", "url"))
        return Identity(who, team, scopes, home)

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
        answer = await self._api.call("chat.postMessage", arguments)
        receipt = _receipt(answer)
        self._channel = receipt.channel or self._channel
        return receipt

    async def update(self, message: Message, receipt: Receipt) -> Receipt:
        blocks = [dict(block) for block in message.blocks]
        where = {"channel": receipt.channel, "ts": receipt.ts}
        answer = await self._api.call("chat.update", where | {"text": message.text, "blocks": blocks})
        return _receipt(answer)

    async def withdraw(self, receipt: Receipt) -> None:
        """Delete a message of ours, which stands there twice."""
        await self._api.call("chat.delete", {"channel": receipt.channel, "ts": receipt.ts})

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
            return await self._api.call(method, arguments, verb="GET")
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

    async def archived(self) -> bool:
        """Whether the channel was archived: nobody can write after Slack's own message that says so.

        conversations.info would tell too, for one scope more. DeliveryError where the history cannot be read.
        """
        page = await self._api.call("conversations.history", {"channel": self._channel, "limit": 1}, verb="GET")
        return any(one.get("subtype") in _ARCHIVED for one in page.get("messages") or [])

    def now(self) -> str | None:
        return self._api.now()

    async def close(self) -> None:
        await self._api.close()


def _receipt(answer: Mapping[str, Any]) -> Receipt:
    channel, ts = answer.get("channel"), answer.get("ts")
    if not ts:
        raise DeliveryError(DeliveryScope.AMBIGUOUS, "no_answer", "Slack said ok, and named no message")
    return Receipt(str(channel), str(ts))
