"""An incoming webhook of Slack as a receiver: it posts, and it can neither edit, reply nor look.

Not slack-sdk's webhook client: that one logs the URL, which is the credential.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from monitor.alerts import wire
from monitor.alerts.outcome import refusal
from monitor.alerts.receivers import Identity, Posting, Receipt, Search
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Message

_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?/[\x21-\x7e]*")
_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")


class Webhook:
    """One webhook URL. Implements the Receiver protocol."""

    def __init__(self, url: str, *, timeout: timedelta = wire.TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> Identity:
        """A webhook cannot be asked who it is; only its URL can be read."""
        if not _URL.fullmatch(self._url):
            raise refusal("bad_url", "the credential is no http(s) URL")
        return Identity()

    async def send(self, message: Message, posting: Posting) -> Receipt:  # noqa: ARG002 - a webhook has no metadata
        await self.open()
        body: dict[str, object] = {"text": message.text, "unfurl_links": False, "unfurl_media": False}
        if message.blocks:
            body["blocks"] = [dict(block) for block in message.blocks]
        if self._session is None:
            self._session = wire.session(self._timeout)
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as answer:
                text = (await answer.content.read(2_000)).decode("utf-8", "replace").strip()
                status, headers = answer.status, wire.headers(answer)
        except (aiohttp.ClientError, OSError, TimeoutError, wire.RedirectedError, ValueError) as error:
            raise wire.failure(error) from None
        if status == 200 and text == "ok":
            return Receipt()
        raise _refusal(status, text, headers)

    async def update(self, message: Message, receipt: Receipt) -> Receipt:  # noqa: ARG002 - see below
        raise DeliveryError(DeliveryScope.MESSAGE, "cant_update_message", "a webhook cannot edit")

    async def find(self, search: Search) -> Mapping[str, Receipt]:  # noqa: ARG002 - see below
        raise DeliveryError(DeliveryScope.DESTINATION, "cannot_read", "a webhook cannot look")

    def now(self) -> str | None:
        return None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = None


def _refusal(status: int, text: str, headers: Mapping[str, str]) -> DeliveryError:
    wait = wire.retry_after(headers)
    if status == 429:
        return DeliveryError(DeliveryScope.TRANSIENT, "ratelimited", retry_after=wait or timedelta(seconds=1))
    if status >= 500:
        return DeliveryError(DeliveryScope.AMBIGUOUS, "server_error", f"status {status}", retry_after=wait)
    if 400 <= status < 500 and _CODE.fullmatch(text):
        return refusal(text)
    if 300 <= status < 400:
        return DeliveryError(DeliveryScope.AMBIGUOUS, "redirect", f"redirected with status {status}")
    return DeliveryError(DeliveryScope.AMBIGUOUS, "not_json", f"status {status}, and no answer of Slack")
