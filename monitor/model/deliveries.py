"""Alerts, and the deliveries that carry them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from monitor.model.shifts import Severity


class Reason(StrEnum):
    """Why people are told, or not. One of these stands behind every decision, is logged and counted."""

    NEW_STORY = "new story"
    NEW_STORY_IN_STORYLINE = "new story in storyline"
    STAGE_MOVED = "stage moved"
    DIRECTION_CHANGED = "direction changed"
    DENIED = "denied"
    DELAYED = "delayed"  # the shift itself, not our message
    PRIMARY_SOURCE = "primary source"
    REPEAT = "repeat"  # more coverage: edits only
    EDITED = "edited"  # a publisher changed what was told already: edits only, and no reply
    MUTED = "muted"
    BASELINE = "baseline"
    TOO_OLD = "too old"
    HELD = "held"  # too many at once
    NO_ROUTE = "no route"
    NOTICE = "notice"  # operations


@dataclass(frozen=True, slots=True)
class Alert:
    """The decision that people should be told something about a story, or the recorded reason why not."""

    reason: Reason
    severity: Severity
    line: str = ""  # one line: what moved ("considering → announced, says The Decoder")
    suppressed: bool = False
    note: str = ""  # for a suppression: which mute, which limit


@dataclass(frozen=True, slots=True)
class Mute:
    """A person's order to withhold, with its end. `kind` is rule, story, org or feed; `value` its id or name."""

    id: int
    kind: str
    value: str
    until: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver shows: `text` is plain (notification preview, screen readers), `blocks` is Block Kit."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


class DeliveryState(StrEnum):
    PENDING = "pending"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    PARKED = "parked"
    DEAD = "dead"
    DISCARDED = "discarded"


class Role(StrEnum):
    """Which message of a storyline (or none) a delivery is about."""

    PARENT = "parent"  # the top-level message of a storyline
    COVERAGE = "coverage"  # the one reply that lists all coverage
    MOVE = "move"  # a broadcast reply: something moved
    NOTICE = "notice"  # operations: no storyline
    DIGEST = "digest"  # one of the storylines that a receiver's next digest bundles
    TEST = "test"


class Action(StrEnum):
    POST = "post"
    UPDATE = "update"


_WHAT = {
    Role.PARENT: "message",
    Role.COVERAGE: "list of coverage",
    Role.MOVE: "reply",
    Role.NOTICE: "notice",
    Role.DIGEST: "digest",
    Role.TEST: "test",
}


BUNDLED = "part of digest "  # and the id of the delivery that took this one along: it is withdrawn, and was told


def what(role: str, action: str = Action.POST) -> str:
    """What a delivery brings, in words for people."""
    return _WHAT[Role(role)] + (", edited" if action == Action.UPDATE else "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call to one receiver: post a message, or bring a posted one up to date. Row of the outbox.

    `target_id`: the delivery whose message is updated (action update) or replied to (roles coverage, move).
    `facts`: what the renderer needs beyond the storyline's present state (a move's line, a notice's text).
    """

    id: str
    receiver: str
    role: Role
    action: Action
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    alert_id: int | None = None
    story_id: int | None = None
    storyline_id: int | None = None
    target_id: str | None = None
    broadcast: bool = False
    attempts: int = 0
    next_attempt_at: datetime | None = None
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_error: str | None = None
    error_scope: str | None = None
    scans: int = 0  # full looks at the channel's history since the outcome became unknown
    anchor: str | None = None  # Slack's clock just before the first attempt: where a look into history ends
    channel: str | None = None
    ts: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] | None = None  # rendered; kept for dead letters
    position: int = 0  # order of creation


@dataclass(frozen=True, slots=True)
class Thread:
    """What one receiver already holds, or is about to get, of a storyline: its parent message and coverage reply.

    `waiting` are the ids of messages that have an edit waiting, so that a further change needs no second edit.
    """

    parent_id: str
    parent_state: DeliveryState
    coverage_id: str | None = None
    coverage_state: DeliveryState | None = None
    coverage_deleted: bool = False  # a person removed the reply: it is not posted again
    waiting: tuple[str, ...] = ()
