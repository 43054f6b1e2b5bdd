"""Acting from Slack: what the buttons of a message are, and what Slack says was pressed or typed.

Pure. Payloads come from Slack, and what people can put into them is not trusted: what does not look as it must is None.
Sources: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and
https://docs.slack.dev/interactivity/implementing-slash-commands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitor.alerts.blocks import Block, context
from monitor.model import Command, Person, Press, Reception, Verb
from monitor.text import printable

COMMAND = "/licensewatch"
_BLOCK = "licensewatch_acting"
_LABELS = {
    Verb.RELEVANT: "👍 Relevant",
    Verb.NOISE: "👎 Noise",
    Verb.MUTE_RULE: "🔕 Mute rule 24 h",
    Verb.MUTE_STORY: "🔕 Mute story",
    Verb.UNMUTE_RULE: "🔔 Unmute rule",
    Verb.UNMUTE_STORY: "🔔 Unmute story",
}
# What a screen reader says (Slack: at most 75 characters).
_SPOKEN = {
    Verb.RELEVANT: "This alert is relevant",
    Verb.NOISE: "This alert is noise",
    Verb.MUTE_RULE: "Mute the rule of this alert for 24 hours",
    Verb.MUTE_STORY: "Mute this story",
    Verb.UNMUTE_RULE: "Let the rule of this alert tell again",
    Verb.UNMUTE_STORY: "Let this story tell again",
}
_USER = re.compile(r"[A-Z0-9]{2,30}")
_CHANNEL = re.compile(r"[A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,8}")
_STORY = re.compile(r"[0-9]{1,15}")
_LINK = re.compile(r"<([^|>]*)(?:\|[^>]*)?>")
_LONGEST = 2_000


def blocks(story_id: int, reception: Reception) -> tuple[Block, ...]:
    """What people made of a storyline so far, where they made something of it, and the buttons to say more."""
    said = " · ".join(_said(reception))
    verbs = (
        Verb.RELEVANT,
        Verb.NOISE,
        Verb.UNMUTE_RULE if reception.rules_until else Verb.MUTE_RULE,
        Verb.UNMUTE_STORY if reception.story_until else Verb.MUTE_STORY,
    )
    buttons = {
        "type": "actions",
        "block_id": _BLOCK,
        "elements": [
            {
                "type": "button",
                "action_id": verb.value,
                "text": {"type": "plain_text", "text": _LABELS[verb], "emoji": True},
                "accessibility_label": _SPOKEN[verb],
                "value": str(story_id),
            }
            for verb in verbs
        ],
    }
    return (context(said), buttons) if said else (buttons,)


def _said(reception: Reception) -> Iterator[str]:
    if reception.relevant:
        yield f"👍 {reception.relevant} relevant"
    if reception.noise:
        yield f"👎 {reception.noise} noise"
    if reception.rules_until:
        yield f"🔕 rule muted until {_when(reception.rules_until)}"
    if reception.story_until:
        yield f"🔕 story muted until {_when(reception.story_until)}"


def _when(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


# --- what Slack says -----------------------------------------------------------------------------------------------


def read(kind: str, payload: Mapping[str, Any]) -> Press | Command | None:
    """What an envelope of Socket Mode asks for; None for what is not ours or not well-formed."""
    if kind == "interactive" and payload.get("type") == "block_actions":
        return _press(payload)
    if kind == "slash_commands" and payload.get("command") == COMMAND:
        return _command(payload)
    return None


def _press(payload: Mapping[str, Any]) -> Press | None:
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], Mapping) else {}
    person = _person(_within(payload, "user"))
    channel = _text(_within(payload, "channel").get("id"))
    ts = _text(_within(payload, "container").get("message_ts") or _within(payload, "message").get("ts"))
    verb = next((one for one in Verb if one.value == action.get("action_id")), None)
    if (
        verb is None
        or person is None
        or action.get("block_id") != _BLOCK
        or not _CHANNEL.fullmatch(channel)
        or not _TS.fullmatch(ts)
    ):
        return None
    value = _text(action.get("value"))
    pressed = (person.id, channel, ts, verb.value, _text(action.get("action_ts")), _text(payload.get("trigger_id")))
    return Press(
        key=hashlib.sha256("\n".join(pressed).encode("utf-8", "replace")).hexdigest(),
        verb=verb,
        person=person,
        channel=channel,
        ts=ts,
        story_id=int(value) if _STORY.fullmatch(value) else None,
        answer_url=_text(payload.get("response_url")),
    )


def _command(payload: Mapping[str, Any]) -> Command | None:
    person = _person({"id": payload.get("user_id"), "name": payload.get("user_name")})
    if person is None:
        return None
    # Slack may have made a link of what was typed.
    words = _LINK.sub(r"\1", _text(payload.get("text"))).split()
    key = hashlib.sha256(f"{person.id}\n{_text(payload.get('trigger_id'))}".encode("utf-8", "replace")).hexdigest()
    return Command(key, tuple(words[:10]), person, _text(payload.get("response_url")))


def _person(user: Mapping[str, Any]) -> Person | None:
    id_ = _text(user.get("id"))
    if not _USER.fullmatch(id_):
        return None
    name = " ".join(printable(_text(user.get("name") or user.get("username"))).split())
    return Person(id_, name[:60])


def _within(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
