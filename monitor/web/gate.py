"""What every request passes: only reading methods, only our own names, and the headers that keep answers harmless.

The name check is what stops DNS rebinding: a foreign page whose host name was pointed at us sends that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
READING = ("GET", "HEAD")


class Gate:
    """ASGI middleware around the whole page. `host` is the configured one to listen on."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.lower()
        self._everywhere = _is_everywhere(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer here what may not pass; mark everything that goes out."""
        if scope["type"] != "http":
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope)
        await (refused or self._app)(scope, receive, sealed)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        if scope["method"] not in READING:
            words = "This page is read-only: GET and HEAD.\n"
            return PlainTextResponse(words, 405, {"Allow": ", ".join(READING)})
        if not self.knows(Headers(scope=scope).get("host", "")):
            words = "This page does not answer to that name. Use localhost, or the host of `web.listen`.\n"
            return PlainTextResponse(words, 421)
        return None

    def knows(self, given: str) -> bool:
        """Whether a Host header names us: a loopback name or the configured host, with any port.

        When we listen everywhere, any literal address is us: nobody can point an address elsewhere.
        """
        name = _without_port(given.lower())
        if name in ("localhost", self._host):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self._everywhere


def _without_port(given: str) -> str:
    if given.startswith("["):
        name, closed, rest = given[1:].partition("]")
        return name if closed and (not rest or _is_port(rest)) else ""
    name, colon, port = given.partition(":")
    return name if not colon or _is_port(f":{port}") else ""


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
