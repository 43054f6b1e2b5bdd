"""What went wrong on the network, as a FetchError: one reason, one sentence that names no secrets."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import aiohttp
import httpx

from monitor.errors import BlockedAddress, FetchError, FetchReason
from monitor.feeds.guard import RefusedError

_MOST_CAUSES = 10


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on; aiohttp keeps the socket's error in an attribute."""
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        yield cause
        inner = getattr(cause, "os_error", None)
        if isinstance(inner, BaseException) and inner is not cause:
            yield inner
        cause = cause.__cause__ or cause.__context__


def fetch_error(error: BaseException) -> FetchError:
    """The FetchError that an error of httpx, aiohttp or the socket layer amounts to."""
    for cause in _causes(error):
        found = _one(cause)
        if found is not None:
            return found
    return FetchError(FetchReason.PROTOCOL, f"no HTTP answer ({type(error).__name__})")


def _one(cause: BaseException) -> FetchError | None:
    match cause:
        case FetchError():
            return cause
        case RefusedError():
            return BlockedAddress(str(cause))
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | aiohttp.InvalidURL() | UnicodeError():
            return FetchError(FetchReason.BAD_URL, "the URL cannot be asked for")
        case aiohttp.ClientConnectorDNSError():
            refused = cause.os_error
            if isinstance(refused, RefusedError):
                return BlockedAddress(str(refused))
            return FetchError(FetchReason.DNS, f"the name {cause.host} does not resolve")
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return FetchError(FetchReason.TLS, f"the certificate is not accepted ({_plain(cause)})")
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return FetchError(FetchReason.TLS, f"TLS failed ({_plain(cause)})")
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | BrokenPipeError():
            return FetchError(FetchReason.PROTOCOL, "the connection broke before the answer was whole")
        case aiohttp.ClientPayloadError():
            return FetchError(FetchReason.PROTOCOL, "the answer ended early")
        case aiohttp.ClientResponseError():
            return FetchError(FetchReason.PROTOCOL, "what came back is not HTTP")
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return FetchError(FetchReason.TIMEOUT, "no answer in time")
        case OSError() if cause.errno is not None and not isinstance(cause, aiohttp.ClientError):
            return FetchError(FetchReason.CONNECT, f"no connection ({os.strerror(cause.errno)})")
        case _:
            return None


def _plain(cause: BaseException) -> str:
    inner = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None) or cause
    return str(getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or type(inner).__name__)
