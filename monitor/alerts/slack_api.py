"""Calls of Slack's Web API: slack-sdk with its retries off, one request a call, failures sorted by what they prove."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from monitor.alerts import wire
from monitor.alerts.outcome import refusal
from monitor.errors import DeliveryError, DeliveryScope

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

# slack-sdk writes whole requests to its logger at DEBUG.
quiet = logging.getLogger("monitor.slack_sdk")
quiet.setLevel(logging.CRITICAL)


class SlackApi:
    """The Web API as one token sees it. Connects when first called; `close` ends that."""

    def __init__(self, api_url: str, token: str, *, timeout: timedelta = wire.TIMEOUT) -> None:
        self._api_url = api_url
        self._token = token
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._clock: tuple[float, float] | None = None  # (Slack's time, our monotonic time) of the last answer

    async def call(self, method: str, arguments: dict[str, Any], verb: str = "POST") -> dict[str, Any]:
        """One request; the answer's fields, and its headers as `_headers`. Every failure is a DeliveryError."""
        from slack_sdk.errors import SlackApiError, SlackRequestError

        body = {"params": arguments} if verb == "GET" else {"json": arguments}
        try:
            # slack-sdk's own clock does not run for a session that is passed in; ours must not hang either way.
            async with asyncio.timeout(self._timeout.total_seconds() + 5):
                answer = await self.client().api_call(method, http_verb=verb, **body)
        except SlackApiError as error:
            raise self._refusal(error.response) from None
        except SlackRequestError:
            raise DeliveryError(DeliveryScope.MESSAGE, "invalid_arguments", "slack-sdk refused the request") from None
        except (aiohttp.ClientError, OSError, TimeoutError, wire.RedirectedError, ValueError) as error:
            raise wire.failure(error) from None
        headers = wire.headers(answer)
        self._note_time(headers)
        return dict(answer.data) | {"_headers": headers} if isinstance(answer.data, dict) else {"_headers": headers}

    def client(self) -> AsyncWebClient:
        """slack-sdk's own client, connected as all calls are."""
        if self._client is None:
            from slack_sdk.web.async_client import AsyncWebClient

            self._session = wire.session(self._timeout)
            self._client = AsyncWebClient(
                token=self._token,
                base_url=self._api_url,
                session=self._session,
                retry_handlers=[],
                logger=quiet,
            )
            if not self._api_url.startswith("https:"):
                self._client.proxy = None  # slack-sdk would send even loopback through $HTTP_PROXY
        return self._client

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
