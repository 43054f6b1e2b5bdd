"""Block Kit pieces that hostile text cannot break: escaped once, measured after escaping, formatted by us alone.

Pure. Limits: https://docs.slack.dev/reference/block-kit/blocks; escaping: `&`, `<` and `>`
(https://docs.slack.dev/messaging/formatting-message-text). Lengths are UTF-16 units, the longest way anybody counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from monitor.text import printable

Block = Mapping[str, Any]

HEADER = 150
SECTION = 3_000
BUDGET = 11_000  # characters over all blocks of a message, below Slack's limit
PREVIEW = 600  # of the text that notifications and screen readers take
TEXT = 4_000
ALL_BLOCKS = 12_000

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Slack formats `*bold*` only where no space follows the sign, and counts this one as a space that takes no room.
_GAP = "\u200b"
_SIGNS = frozenset("*~")
# Code spans begin and end anywhere, so a grave accent that nobody formats stands for theirs.
_LOOKALIKES = {"`": "\u02cb"}
_EMOJI_START = re.compile(r":(?=[\w+'\-]+:)")
_WHITESPACE = re.compile(r"\s+")
_ELLIPSIS = "…"
_LONGEST_URL = 700


def length(text: str) -> int:
    """Characters as Slack may count them: those beyond the basic plane are two."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def plain(text: str, limit: int) -> str:
    """Text for a `plain_text` object of at most `limit` characters after escaping. One line."""
    return _clipped([_ENTITIES.get(char, char) for char in _one_line(text).strip()], limit)


def literal(text: str, limit: int) -> str:
    """Text for a `mrkdwn` object that shows exactly as it is: nothing in it formats, links or mentions. One line."""
    return _clipped(_pieces(_one_line(text).strip()), limit)


def marked(text: str, marks: Iterable[tuple[int, int]], limit: int) -> str:
    """`literal`, with the characters of `marks` in bold."""
    pieces: list[str] = []
    at = 0
    for wide_start, wide_end in _disjoint(marks, len(text)):
        words = text[wide_start:wide_end]
        start = wide_start + len(words) - len(words.lstrip())
        end = wide_start + len(words.rstrip())
        bold = _pieces(_one_line(words.strip()))
        if not bold:
            continue
        pieces += _pieces(_one_line(text[at:start]))
        # One piece, so that it is cut as a whole and its signs stay a pair.
        pieces.append(f"{_GAP}*{''.join(bold)}*{_GAP}")
        at = end
    pieces += _pieces(_one_line(text[at:]))
    return _clipped(pieces, limit).strip()


def with_code(text: str, limit: int) -> str:
    """`literal`, but what our own words set between grave accents is shown as code. Not for texts of feeds."""
    parts = text.split("`")
    if len(parts) % 2 == 0 or length(text) > limit // 2:
        return literal(text, limit)
    spaced = [_clipped(_pieces(_one_line(part)), limit) for part in parts]
    return "".join(f"`{part}`" if number % 2 else part for number, part in enumerate(spaced) if part)


def link(url: str, label: str, limit: int = 150) -> str:
    """`<url|label>`, or the label alone when the URL is not http(s) or too long to carry."""
    shown = literal(label, limit)
    address = _address(url)
    if not address:
        return shown
    return f"<{address}|{shown.replace('|', '¦') or 'link'}>"


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": plain(text, HEADER) or "—", "emoji": False}}


def section(mrkdwn: str) -> Block:
    """`mrkdwn` is made of `literal`, `marked` and `link`, and is short enough."""
    return {"type": "section", "text": _mrkdwn(mrkdwn)}


def context(*parts: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(part) for part in parts[:10] if part]}


def within(lines: Sequence[str], limit: int) -> list[str]:
    """The first lines that fit together, line feeds included."""
    kept: list[str] = []
    used = 0
    for line in lines:
        used += length(line) + 1
        if used > limit:
            break
        kept.append(line)
    return kept


def size(blocks: Iterable[Block]) -> int:
    """Characters of all texts in these blocks, as the limit on a whole message counts them."""
    return sum(_text_size(block) for block in blocks)


def _text_size(value: Any) -> int:
    if isinstance(value, Mapping):
        own = length(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_text_size(one) for one in value.values() if isinstance(one, (Mapping, list)))
    return sum(_text_size(one) for one in value) if isinstance(value, list) else 0


def _mrkdwn(text: str) -> Block:
    # verbatim: Slack makes no links, channels or names out of bare words.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _one_line(text: str) -> str:
    return printable(_WHITESPACE.sub(" ", text))


def _pieces(text: str) -> list[str]:
    emoji = {found.start() for found in _EMOJI_START.finditer(text)}
    return [_piece(text, index, index in emoji) for index in range(len(text))]


def _piece(text: str, index: int, starts_emoji: bool) -> str:
    char = text[index]
    if char in _SIGNS or (char == "_" and not _inside_word(text, index)):
        return f"{_GAP}{char}{_GAP}"
    return char + _GAP if starts_emoji else _ENTITIES.get(char) or _LOOKALIKES.get(char, char)


def _inside_word(text: str, index: int) -> bool:
    return text[index - 1 : index].isalnum() and text[index + 1 : index + 2].isalnum()


def _clipped(pieces: list[str], limit: int) -> str:
    whole = "".join(pieces)
    if length(whole) <= limit:
        return whole
    kept: list[str] = []
    used = len(_ELLIPSIS)
    for piece in pieces:
        used += length(piece)
        if used > limit:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + _ELLIPSIS


def _disjoint(marks: Iterable[tuple[int, int]], end_of_text: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(end, end_of_text)) for start, end in marks):
        if start < end and (not found or start >= found[-1][1]):
            found.append((start, end))
        elif found and end > found[-1][1]:
            found[-1] = (found[-1][0], end)
    return found


def _address(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        return ""
    # Everything that could end the link or the URL is written as a percent escape; `&` stays, escaped.
    safe = quote(url, safe=":/?#[]@!$&'()*+,;=%-._~").replace("*", "%2A").replace("~", "%7E")
    escaped = safe.replace("&", "&amp;")
    return escaped if len(escaped) <= _LONGEST_URL else ""
