"""Slack messages as a web page that looks like Slack, light or dark: to see what people would see.

Knows nothing of this program: it reads messages as the Web API keeps them (text, blocks, thread_ts, edited).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>")
_SPAN = r"(?<![\w{0}]){0}(?=\S)(?!\u200b)([^{0}\n]*?[^\s\u200b{0}]){0}(?![\w{0}])"
_STYLES = (
    (re.compile(_SPAN.format(re.escape("*"))), "b"),
    (re.compile(_SPAN.format("_")), "i"),
    (re.compile(_SPAN.format("~")), "s"),
    (re.compile(r"`([^`\n]+)`"), "code"),
)

_CSS = """
*{box-sizing:border-box}
:root{--bg:#fff;--fg:#1d1c1d;--dim:#616061;--line:#dddddd;--link:#1264a3;--quote:#dddddd;--badge:#e8e8e8;--code:#c01343;
--codebg:#f8f8f8;--card:#f8f8f8;--bar:#4a154b;--bcast:#f6f3fb}
[data-theme=dark]{--bg:#1a1d21;--fg:#d1d2d3;--dim:#ababad;--line:#35373b;--link:#1d9bd1;--quote:#565856;--badge:#35373b;
--code:#e8912d;--codebg:#222529;--card:#222529;--bar:#350d36;--bcast:#20222b}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.467 Lato,"Helvetica Neue",Inter,"Noto Sans",Arial,
"DejaVu Sans","Noto Color Emoji",sans-serif;-webkit-font-smoothing:antialiased}
.top{background:var(--bar);height:44px;display:grid;place-items:center}
.top i{width:min(56%,620px);height:26px;border-radius:6px;background:#ffffff2e;border:1px solid #ffffff33}
.channel{max-width:780px;margin:0 auto;padding:0 20px 28px}
h1{font-size:18px;font-weight:800;margin:0 -20px 10px;padding:13px 20px;border-bottom:1px solid var(--line)}
h1 span{color:var(--dim);font-weight:400}
.message{display:flex;gap:10px;padding:9px 0}
.avatar{flex:none;width:36px;height:36px;border-radius:8px;background:linear-gradient(135deg,#2b6cb0,#6b46c1);color:#fff;
display:grid;place-items:center;font-weight:800;font-size:15px;letter-spacing:-.5px}
.reply .avatar{width:26px;height:26px;border-radius:6px;font-size:11px}
.body{min-width:0;flex:1}
.who{display:flex;align-items:baseline;gap:6px;margin-bottom:1px}
.who b{font-weight:800}
.app{font-size:10px;line-height:1;font-weight:700;padding:2px 4px;border-radius:3px;
background:var(--badge);color:var(--dim)}
.at{font-size:12px;color:var(--dim)}
.header{font-size:18px;font-weight:800;line-height:1.3;margin:6px 0 4px}
.section{margin:4px 0 8px;overflow-wrap:anywhere;white-space:pre-wrap}
.fields{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:8px 20px;margin:6px 0 10px;white-space:pre-wrap}
@media(max-width:480px){.fields{grid-template-columns:1fr}}
.context{color:var(--dim);font-size:13px;line-height:1.45;margin:5px 0;overflow-wrap:anywhere;white-space:pre-wrap}
.context b{color:var(--dim)}
blockquote{margin:4px 0;padding:1px 0 1px 13px;border-left:4px solid var(--quote);border-radius:2px;
white-space:pre-wrap}
hr{border:0;border-top:1px solid var(--line);margin:12px 0}
a{color:var(--link);text-decoration:none}
code{color:var(--code);background:var(--codebg);border:1px solid var(--line);border-radius:3px;padding:1px 3px;
font-size:12px}
.thread{margin:2px 0 8px 46px;padding-left:14px;border-left:2px solid var(--line)}
.count{font-size:13px;font-weight:700;color:var(--link);padding:3px 0}
.broadcast{background:var(--bcast);border-radius:8px;padding:9px 10px;margin:4px -10px}
.why{font-size:12px;color:var(--dim);margin-bottom:2px}
.edited{color:var(--dim);font-size:12px}
.buttons{display:flex;gap:8px;margin:8px 0}
.buttons span{border:1px solid var(--line);border-radius:6px;padding:4px 12px;font-weight:700;font-size:13px}
"""


def page_of(channels: Sequence[tuple[str, Iterable[Mapping[str, Any]]]], *, theme: str = "light") -> str:
    """A whole page: each channel by name with its messages, oldest first, replies below their parents."""
    body = "".join(_channel(name, list(messages)) for name, messages in channels)
    shown = "dark" if theme == "dark" else "light"
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="{shown}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Slack</title>'
        f"<style>{_CSS}</style><body><div class=top><i></i></div>{body}</body></html>"
    )


def _channel(name: str, messages: list[Mapping[str, Any]]) -> str:
    standing = [one for one in messages if not one.get("deleted")]
    shown = []
    for one in standing:
        thread_ts = one.get("thread_ts")
        if not thread_ts:
            replies = [reply for reply in standing if reply.get("thread_ts") == one["ts"]]
            shown.append(_message(one) + _thread(replies))
        elif one.get("subtype") == "thread_broadcast":
            parent = next((other for other in standing if other["ts"] == thread_ts), {})
            shown.append(_message(one, broadcast_of=_summary(parent)))
    return f"<main class=channel><h1><span>#</span> {html.escape(name)}</h1>{''.join(shown)}</main>"


def _thread(replies: list[Mapping[str, Any]]) -> str:
    if not replies:
        return ""
    count = f"{len(replies)} repl{'y' if len(replies) == 1 else 'ies'}"
    return (
        f"<div class=thread><div class=count>{count}</div>{''.join(_message(one, reply=True) for one in replies)}</div>"
    )


def _message(message: Mapping[str, Any], *, reply: bool = False, broadcast_of: str | None = None) -> str:
    at = datetime.fromtimestamp(float(message["ts"]), UTC)
    classes = "message reply" if reply else "message broadcast" if broadcast_of is not None else "message"
    why = f"<div class=why>replied to a thread: <a>{html.escape(broadcast_of or '')}</a></div>" if broadcast_of else ""
    edited = "<span class=edited>(edited)</span>" if message.get("edited") else ""
    blocks = message.get("blocks") or []
    body = "".join(_block(block) for block in blocks) or f"<div class=section>{mrkdwn(message.get('text', ''))}</div>"
    return (
        f'<article class="{classes}"><div class=avatar>lw</div><div class=body>{why}'
        f"<div class=who><b>licensewatch</b><span class=app>APP</span><span class=at>{at:%H:%M}</span></div>"
        f"{body}{edited}</div></article>"
    )


def _summary(message: Mapping[str, Any]) -> str:
    header = next((one["text"]["text"] for one in message.get("blocks") or [] if one.get("type") == "header"), None)
    text = html.unescape(header or message.get("text") or "a message")
    return text if len(text) <= 70 else text[:69] + "…"


def _block(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    if kind == "header":
        return f"<div class=header>{_text(block['text'])}</div>"
    if kind == "section":
        fields = "".join(f"<div>{_text(one)}</div>" for one in block.get("fields") or [])
        text = f"<div class=section>{_text(block['text'])}</div>" if block.get("text") else ""
        return text + (f"<div class=fields>{fields}</div>" if fields else "")
    if kind == "context":
        return f"<div class=context>{'&ensp;'.join(_text(one) for one in block.get('elements') or [])}</div>"
    if kind == "actions":
        buttons = "".join(f"<span>{_text(one.get('text') or {})}</span>" for one in block.get("elements") or [])
        return f"<div class=buttons>{buttons}</div>"
    return "<hr>" if kind == "divider" else ""


def _text(value: Mapping[str, Any]) -> str:
    text = str(value.get("text") or "")
    return mrkdwn(text) if value.get("type") == "mrkdwn" else html.escape(_unescaped(text))


def mrkdwn(text: str) -> str:
    """Slack's markup as HTML: links, bold, italic, strike, code and quotes."""
    lines = []
    for line in text.split("\n"):
        quoted = line.startswith((">", "&gt;"))
        shown = _inline(line.removeprefix("&gt;").removeprefix(">") if quoted else line)
        lines.append(f"<blockquote>{shown}</blockquote>" if quoted else shown)
    joined = "\n".join(lines)
    return joined.replace("</blockquote>\n", "</blockquote>").replace("\n<blockquote>", "<blockquote>")


def _inline(text: str) -> str:
    parts, at = [], 0
    for found in _LINK.finditer(text):
        parts.append(_styled(text[at : found.start()]))
        label = found[2] if found[2] is not None else found[1]
        address = html.escape(_unescaped(found[1]))
        parts.append(f'<a href="{address}">{_styled(label)}</a>')
        at = found.end()
    return "".join(parts) + _styled(text[at:])


def _styled(text: str) -> str:
    shown = html.escape(_unescaped(text), quote=False)
    for pattern, tag in _STYLES:
        shown = pattern.sub(rf"<{tag}>\1</{tag}>", shown)
    return shown.replace("\u200b", "")


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
