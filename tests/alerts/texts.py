"""What people see of a message, and what Slack gets."""

from __future__ import annotations

from typing import Any

from monitor.model import Message


def payload(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": [dict(block) for block in message.blocks]}


def strings(value: Any) -> list[str]:
    """Every text of a message that people see."""
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [one for key, child in value.items() if key != "text" or not own for one in strings(child)]
    return [one for child in value for one in strings(child)] if isinstance(value, list) else []
