"""The state of a make-believe Slack: workspaces have bots, channels have messages. Knows nothing of this program."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ALL_SCOPES = frozenset(
    {"chat:write", "channels:history", "groups:history", "channels:read", "groups:read", "chat:write.public"}
)


class SlackError(Exception):
    """An answer with `ok: false`. `extra` goes into the answer beside the code."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


@dataclass(slots=True)
class Bot:
    """An installed app: what its token may do. `error` is what every call with it is told (`token_revoked` …)."""

    token: str
    scopes: set[str]
    user_id: str = "U0BOT"
    bot_id: str = "B0BOT"
    app_id: str = "A0APP"
    name: str = "licensewatch"
    team: str = "Example"
    error: str = ""


@dataclass(slots=True)
class App:
    """An app-level token (xapp-…): it may open websockets. `error` is what every call with it is told."""

    token: str
    scopes: set[str] = field(default_factory=lambda: {"connections:write"})
    error: str = ""


@dataclass(slots=True)
class Channel:
    """A channel with everything posted in it, oldest first. `members` are bot ids."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    members: set[str] = field(default_factory=set)
    messages: list[dict[str, Any]] = field(default_factory=list)
    last_ts: float = 0.0
    allowance: float = 1.0  # messages that may come now
    allowance_at: float = field(default_factory=time.monotonic)

    def find(self, ts: str) -> dict[str, Any] | None:
        """The message that stands there now (a deleted one does not)."""
        return next((one for one in self.messages if one["ts"] == ts and not one.get("deleted")), None)

    def next_ts(self) -> str:
        self.last_ts = max(time.time(), self.last_ts + 0.000001)
        return f"{self.last_ts:.6f}"


@dataclass(slots=True)
class World:
    """Everything the server knows. `rate` is messages a second and channel, edits included; None: no limit."""

    rate: float | None = 1.0
    burst: int = 1
    bots: dict[str, Bot] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    webhooks: dict[str, tuple[str, str]] = field(default_factory=dict)  # path -> (channel id, bot token)

    def bot(self, token: str) -> Bot:
        if not token:
            raise SlackError("not_authed")
        bot = self.bots.get(token)
        if bot is None and token in self.apps:
            raise SlackError("not_allowed_token_type")
        if bot is None:
            raise SlackError("invalid_auth")
        if bot.error:
            raise SlackError(bot.error)
        return bot

    def channel(self, channel_id: Any, bot: Bot) -> Channel:
        """A channel as this bot sees it: a private one it is no member of does not exist."""
        channel = self.channels.get(str(channel_id)) or next(
            (one for one in self.channels.values() if f"#{one.name}" == channel_id), None
        )
        if channel is None or (channel.private and bot.bot_id not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def spend(self, channel: Channel) -> None:
        """One message of the channel's rate; SlackError `ratelimited` with `retry_after` when there is none left."""
        if self.rate is None:
            return
        now = time.monotonic()
        grown = channel.allowance + (now - channel.allowance_at) * self.rate
        channel.allowance, channel.allowance_at = min(float(self.burst), grown), now
        if channel.allowance < 1.0:
            raise SlackError("ratelimited", retry_after=(1.0 - channel.allowance) / self.rate)
        channel.allowance -= 1.0

    def post(self, channel: Channel, bot: Bot, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a message and return it."""
        thread_ts = arguments.get("thread_ts")
        ts = channel.next_ts()
        message: dict[str, Any] = {
            "type": "message",
            "ts": ts,
            "text": arguments.get("text") or "",
            "blocks": arguments.get("blocks") or [],
            "user": bot.user_id,
            "bot_id": bot.bot_id,
            "app_id": bot.app_id,
            "channel": channel.id,
            "accepted_at": time.time(),
        }
        if arguments.get("metadata"):
            message["metadata"] = arguments["metadata"]
        if thread_ts:
            message["thread_ts"] = thread_ts
            if _true(arguments.get("reply_broadcast")):
                message["subtype"] = "thread_broadcast"
        channel.messages.append(message)
        return message

    def archive(self, channel: Channel, *, archived: bool = True) -> None:
        """A person archives a channel, or opens it again: Slack says so in it, and an archived one takes nothing."""
        channel.archived = archived
        ts, word = channel.next_ts(), "archive" if archived else "unarchive"
        said = {"type": "message", "subtype": f"channel_{word}", "ts": ts, "user": "U0ADMIN"}
        channel.messages.append({**said, "text": f"{word}d the channel", "blocks": [], "accepted_at": time.time()})

    def edit(self, message: dict[str, Any], arguments: Mapping[str, Any]) -> None:
        message["text"] = arguments.get("text") or ""
        message["blocks"] = arguments.get("blocks") or []
        message["edited"] = {"user": message["user"], "ts": f"{time.time():.6f}"}
        if arguments.get("metadata") is not None:
            message["metadata"] = arguments["metadata"]


def page(messages: Iterable[dict[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """One page of history: `oldest`, `latest`, `inclusive`, `limit` and `cursor` as Slack reads them."""
    inclusive = _true(arguments.get("inclusive"))
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    inside = [one for one in messages if _between(float(one["ts"]), oldest, latest, inclusive)]
    start = int(arguments.get("cursor") or 0)
    end = start + max(1, min(int(arguments.get("limit") or 100), 999))
    with_metadata = _true(arguments.get("include_all_metadata"))
    answer: dict[str, Any] = {
        "messages": [shown(one, with_metadata=with_metadata) for one in inside[start:end]],
        "has_more": end < len(inside),
    }
    if answer["has_more"]:
        answer["response_metadata"] = {"next_cursor": str(end)}
    return answer


def shown(message: Mapping[str, Any], *, with_metadata: bool) -> dict[str, Any]:
    """A message as history shows it: without our bookkeeping, and with metadata only for those who ask."""
    if message.get("deleted"):
        return {"type": "message", "subtype": "tombstone", "ts": message["ts"], "text": "This message was deleted."}
    hidden = {"accepted_at", "channel"} | (set() if with_metadata else {"metadata"})
    return {name: value for name, value in message.items() if name not in hidden}


def _between(ts: float, oldest: float, latest: float, inclusive: bool) -> bool:
    return oldest <= ts <= latest if inclusive else oldest < ts < latest


def _true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")
