"""How the make-believe Slack answers, rightly and wrongly. Knows nothing of this program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from monitor.testing.slack_faults import Fault


async def arguments_of(request: web.Request) -> dict[str, Any]:
    """What a call says, as JSON, as a form or in the query."""
    if request.content_type == "application/json":
        body = await request.json()
        return dict(body) if isinstance(body, Mapping) else {}
    form = dict(await request.post()) if request.method == "POST" else {}
    return {**request.query, **form}


def as_json(answer: dict[str, Any]) -> web.Response:
    """The Web API's form: 200 and `ok`, but 429 for the rate."""
    headers = {}
    scopes = answer.pop("_scopes", None)
    if scopes is not None:
        headers["x-oauth-scopes"] = ",".join(scopes)
    if answer.get("error") == "ratelimited":
        headers["Retry-After"] = f"{answer.pop('retry_after', 1.0):.3f}"
        return web.json_response(answer, status=429, headers=headers)
    return web.json_response(answer, headers=headers)


def as_words(answer: dict[str, Any]) -> web.Response:
    """A webhook's form: `ok`, or a word and a status."""
    if answer["ok"]:
        return web.Response(text="ok")
    code = str(answer["error"])
    status, word = (429, "") if code == "ratelimited" else (int(answer.get("status", 400)), code)
    headers = {"Retry-After": f"{answer.get('retry_after', 1.0):.3f}"} if status == 429 else {}
    return web.Response(text=word, status=status, headers=headers)


async def spoilt(
    request: web.Request, fault: Fault, form: Callable[[dict[str, Any]], web.Response]
) -> web.StreamResponse:
    """The answer of a call that went wrong as scripted; an aborted connection where there is none."""
    match fault.answer:
        case "error":
            return form({"ok": False, "error": fault.error, "status": fault.status if fault.status != 500 else 400})
        case "rate_limited":
            headers = {"Retry-After": fault.retry_after_header}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        case "html":
            return web.Response(text="<!DOCTYPE html><title>Oops</title><p>Be right back.", content_type="text/html")
        case "text":
            return web.Response(body=fault.body.encode(), content_type="application/json")
        case "redirect":
            return web.Response(status=fault.status, headers={"Location": fault.location})
        case "truncate":
            half = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "200"})
            await half.prepare(request)
            await half.write(b'{"ok": true, "ts": "')
        case "status":
            return web.Response(status=fault.status, text=fault.body)
        case _:
            half = web.StreamResponse()
    if request.transport is not None:
        request.transport.abort()
    return half
