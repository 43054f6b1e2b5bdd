"""What Slack refuses in a message, and with which word: limits measured after escaping, as Slack measures.

Knows nothing of this program. Sources: https://docs.slack.dev/reference/block-kit/blocks and the errors of
https://docs.slack.dev/reference/methods/chat.postMessage. Where Slack documents an advice only (text of 4,000
characters, about 12,000 over all blocks) the advice is the limit here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TEXT = 4_000
BLOCKS = 50
ALL_BLOCKS = 12_000
METADATA_BYTES = 16_000

_BARE = re.compile(r"&(?!(?:amp|lt|gt);)")
_HALF_ENTITY = re.compile(r"&(?:a|am|amp|l|lt|g|gt)?…?$")
_KNOWN_BLOCKS = frozenset(
    {"actions", "context", "divider", "file", "header", "image", "input", "markdown", "rich_text", "section", "video"}
)


def error_of(message: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Slack's error code for this message and the details it gives, or None when it would be taken."""
    text, blocks = message.get("text") or "", message.get("blocks") or []
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            return "invalid_blocks_format", ["blocks are not JSON"]
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        return "invalid_blocks_format", ["blocks is a list of objects"]
    if not text and not blocks and not message.get("attachments"):
        return "no_text", []
    if measured(text) > TEXT:
        return "msg_too_long", [f"text has {measured(text)} characters, more than {TEXT}"]
    problems = list(_blocks(blocks))
    if problems:
        return "invalid_blocks", problems
    if total(blocks) > ALL_BLOCKS:
        return "msg_blocks_too_long", [f"blocks hold {total(blocks)} characters, more than {ALL_BLOCKS}"]
    return _metadata(message.get("metadata"))


def measured(text: str) -> int:
    """Length as stored: what was not escaped is escaped, and characters beyond the basic plane count twice."""
    stored = _BARE.sub("&amp;", text)
    return len(stored) + sum(1 for char in stored if ord(char) > 0xFFFF)


def total(blocks: Sequence[Any]) -> int:
    """Characters of all texts in the blocks."""
    return sum(measured(text) for text in _texts(blocks))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key == "text" and isinstance(one, str):
                yield one
            else:
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _blocks(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"{len(blocks)} blocks, more than {BLOCKS}"
    for index, block in enumerate(blocks):
        for problem in _block(block):
            yield f"blocks/{index}: {problem}"


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _KNOWN_BLOCKS:
        yield f"unsupported type: {kind}"
    elif kind == "header":
        yield from _object(block.get("text"), 150, only_plain=True)
    elif kind == "section":
        yield from _section(block)
    elif kind == "context":
        yield from _elements(block, 10, 2_000)
    elif kind == "actions":
        yield from _actions(block)
    if len(str(block.get("block_id") or "")) > 255:
        yield "block_id is longer than 255"


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        yield "a section needs text or fields"
    if block.get("text") is not None:
        yield from _object(block["text"], 3_000)
    if fields is not None and not 1 <= len(fields) <= 10:
        yield f"{len(fields)} fields, not 1 to 10"
    for one in fields or []:
        yield from _object(one, 2_000)


def _elements(block: Mapping[str, Any], most: int, longest: int) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= most:
        yield f"{len(elements)} elements, not 1 to {most}"
    for one in elements:
        if isinstance(one, Mapping) and one.get("type") in ("mrkdwn", "plain_text"):
            yield from _object(one, longest)


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        yield f"{len(elements)} elements, not 1 to 25"
    for one in elements:
        if one.get("type") == "button":
            yield from _object(one.get("text"), 75, only_plain=True)
        if len(str(one.get("value") or "")) > 2_000:
            yield "value is longer than 2000"
        if len(str(one.get("action_id") or "")) > 255:
            yield "action_id is longer than 255"


def _object(value: Any, longest: int, *, only_plain: bool = False) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("type") not in ("mrkdwn", "plain_text"):
        yield "a text object is needed"
        return
    if only_plain and value["type"] != "plain_text":
        yield "only plain_text is allowed"
    text = value.get("text")
    if not isinstance(text, str) or not text:
        yield "text is empty"
    elif measured(text) > longest:
        yield f"text has {measured(text)} characters, more than {longest}"
    elif _HALF_ENTITY.search(text) and text.endswith("…"):
        yield "an entity was cut in two"


def _metadata(metadata: Any) -> tuple[str, list[str]] | None:
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return "invalid_metadata_format", ["metadata is not JSON"]
    if not metadata:
        return None
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("event_payload"), Mapping):
        return "invalid_metadata_format", ["metadata holds event_type and event_payload"]
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", str(metadata.get("event_type") or "")):
        return "invalid_metadata_schema", ["event_type"]
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        return "metadata_too_large", []
    return None
