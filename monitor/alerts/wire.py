"""HTTP to receivers: one request per call, never repeated, never redirected, and failures sorted by what they prove.

Before the connection stood, nothing was sent; after that, anything may have been.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from types import SimpleNamespace

import aiohttp

from monitor.errors import DeliveryError, DeliveryScope

CONNECT_TIMEOUT = timedelta(seconds=10)
TIMEOUT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(days=1)


class RedirectedError(Exception):
    """An answer sent us elsewhere. A POST that follows a redirect would be a second POST."""


class LateError(Exception):
    """The time for this request was over before its first byte was sent: the process slept, or the machine did."""


def session(timeout: timedelta = TIMEOUT) -> aiohttp.ClientSession:
    """A client without cookies whose requests each have their own connection: a kept one may die under a POST."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    trace.on_request_start.append(_note_start)
    trace.on_request_chunk_sent.append(partial(_refuse_late, longest_s=timeout.total_seconds()))
    limits = aiohttp.ClientTimeout(
        total=timeout.total_seconds(), connect=min(CONNECT_TIMEOUT, timeout * 0.5).total_seconds()
    )
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=limits,
        trace_configs=[trace],
    )


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise RedirectedError(str(params.response.status))


def _steady_s() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _note_start(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestStartParams
) -> None:
    context.began_s = _steady_s()


async def _refuse_late(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestChunkSentParams,
    *,
    longest_s: float,
) -> None:
    # asyncio's timers stand still while the machine sleeps, and fire only after what was ready when it woke up.
    if _steady_s() - context.began_s > longest_s:
        raise LateError


def failure(error: BaseException) -> DeliveryError:
    """What a transport error proves. Its own text may hold a webhook's URL, so none of it is kept."""
    if isinstance(error, aiohttp.InvalidURL):
        return DeliveryError(DeliveryScope.CREDENTIAL, "bad_url", "the URL cannot be read")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return DeliveryError(DeliveryScope.TRANSIENT, "connect_timeout", "no connection in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return DeliveryError(DeliveryScope.TRANSIENT, "dns", "the host's name could not be resolved")
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return DeliveryError(DeliveryScope.TRANSIENT, "tls", "no trusted TLS connection")
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
        return DeliveryError(DeliveryScope.TRANSIENT, "connect", "the connection was refused")
    if isinstance(error.__cause__, LateError):
        return DeliveryError(DeliveryScope.TRANSIENT, "late", "the time was over before the first byte was sent")
    if isinstance(error, TimeoutError):
        return DeliveryError(DeliveryScope.AMBIGUOUS, "timeout", "no answer in time")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return DeliveryError(DeliveryScope.AMBIGUOUS, "eof", "the connection ended before the answer")
    if isinstance(error, RedirectedError):
        return DeliveryError(DeliveryScope.AMBIGUOUS, "redirect", f"redirected with status {error}")
    return DeliveryError(DeliveryScope.AMBIGUOUS, "reset", "the connection broke before the answer was whole")


def headers(answer: object) -> dict[str, str]:
    """The headers of an answer, names in lower case."""
    return {str(name).lower(): str(value) for name, value in (getattr(answer, "headers", None) or {}).items()}


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After in seconds or as an HTTP-date (RFC 9110, 10.2.3), read against the answer's own Date; a day at most,
    and half a minute when it is neither."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]*)?", value):
        return min(timedelta(seconds=float(value)), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - _date_of(headers)
    except (ValueError, TypeError):
        return timedelta(seconds=30)
    return min(max(wait, timedelta(seconds=1)), _LONGEST_WAIT)


def _date_of(headers: Mapping[str, str]) -> datetime:
    """When the answer was made, by its sender's clock; by ours where it does not say."""
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return datetime.fromtimestamp(time.time(), UTC)
