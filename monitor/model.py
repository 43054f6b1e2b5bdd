"""The frozen values that travel through the pipeline.

They are plain data: no I/O, no clock, no ids made here. Times are timezone-aware UTC datetimes, durations timedeltas.
Texts of an Entry are what a reader sees: tags gone, entities decoded, whitespace folded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class FeedFormat(StrEnum):
    AUTO = "auto"
    FEED = "feed"
    JSONFEED = "jsonfeed"


class Rhythm(StrEnum):
    LEARNT = "learnt"
    FIXED = "fixed"


class Trust(StrEnum):
    """Who speaks: the actor itself, the press, or a community. Orders the sources of a story."""

    PRIMARY = "primary"
    PRESS = "press"
    COMMUNITY = "community"


class FeedHealth(StrEnum):
    NEW = "new"
    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Feed:
    """A polled URL with its settings, as feeds.yaml has it. `interval` fixes the rhythm when set."""

    id: str
    url: str
    title: str = ""
    interval: timedelta | None = None
    rhythm: Rhythm | None = None
    tags: tuple[str, ...] = ()
    format: FeedFormat = FeedFormat.AUTO
    trust: Trust = Trust.PRESS
    paused: bool = False
    full_text: bool = False
    skip_hours: bool = True  # False: the publisher's skipHours and skipDays are not honoured


@dataclass(frozen=True, slots=True)
class PublisherHints:
    """What a publisher asked for. Seconds, hours 0-23 GMT, weekdays 0=Monday; None or empty: nothing said."""

    fresh_s: int | None = None  # max-age or Expires of the last answer
    ttl_s: int | None = None  # RSS <ttl>
    update_period_s: int | None = None  # sy:updatePeriod / sy:updateFrequency
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedState:
    """What we know about a feed from polling it. `poll_seq` fences commits: it grows by one with each."""

    feed_id: str
    config_url: str  # url of feeds.yaml this state belongs to; another url starts a new lifetime
    url: str  # polled now: config_url, or where repeated permanent redirects led
    created_at: datetime
    poll_seq: int = 0
    etag: str | None = None  # verbatim
    last_modified: str | None = None  # verbatim
    body_hash: str | None = None  # of the last document; equal bytes are not parsed again
    items: int = 0
    next_poll_at: datetime | None = None
    last_poll_at: datetime | None = None
    last_success_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    gone: bool = False
    baselined_at: datetime | None = None  # first poll that brought a document; its entries never alert
    redirect_url: str | None = None  # target of all-permanent redirects seen since redirect_since
    redirect_since: datetime | None = None
    hints: PublisherHints = PublisherHints()
    polls: tuple[tuple[datetime, int], ...] = ()  # (when, new entries) of the last polls that had a document or 304
    last_new_at: datetime | None = None
    notice: str | None = None  # reason of the ops notice that is open for this feed
    why_next: str = ""  # in words: what decided next_poll_at


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes fetched with headers (names lower case). `url` is where they came from after redirects.

    `status` is 200 or 304; a 304 has an empty body. `permanent_url` is set when every hop was a permanent redirect.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    permanent_url: str | None = None


@dataclass(frozen=True, slots=True)
class RawItem:
    """One item as the parser found it: nothing decided, nothing cleaned. Dates already UTC, or absent."""

    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    updated_at: datetime | None = None
    title_is_html: bool = True
    base: str = ""  # what relative links are relative to


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a document says: its items in document order, its own title and link, and the publisher's wishes."""

    items: tuple[RawItem, ...]
    format: str = ""  # rss20, rss10, atom10, json1 …
    title: str = ""
    link: str = ""
    hints: PublisherHints = PublisherHints()
    warning: str = ""  # the document was broken, and this is how; items are what could be read


@dataclass(frozen=True, slots=True)
class Entry:
    """One normalised item of a feed. `keys` identify it (facts.md "Identity"); `text_hash` tells an edit."""

    feed_id: str
    keys: tuple[str, ...]
    title: str
    summary: str = ""
    content: str = ""
    url: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    text_hash: str = ""
    links: tuple[str, ...] = ()  # absolute URLs in summary and content, canonical, without the entry's own
    title_hash: str = field(default="", compare=False)  # made with the entry (in a worker), or else when it is stored
    url_hash: str = field(default="", compare=False)  # the same; urls.url_hash of `url`
    lookup: tuple[str, ...] = ()  # more keys to look for (feeds/identify.py); never stored for this entry


class Direction(StrEnum):
    OPENING = "opening"
    CLOSING = "closing"
    RESTRICTING = "restricting"
    LOOSENING = "loosening"
    DISPUTE = "dispute"
    POLICY = "policy"
    UNCLEAR = "unclear"


class Stage(StrEnum):
    RUMOUR = "rumour"
    CONSIDERING = "considering"
    ANNOUNCED = "announced"
    EFFECTIVE = "effective"
    ENFORCEMENT = "enforcement"
    REVERSED = "reversed"
    NONE = "n/a"


class ShiftObject(StrEnum):
    WEIGHTS = "weights"
    CODE = "code"
    DATA = "data"
    API_TERMS = "api_terms"
    USAGE_POLICY = "usage_policy"
    LICENCE_TEXT = "licence_text"


class Confidence(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Shift:
    """The structured record of a licensing shift. `from_`/`to`: SPDX id, `LicenseRef-…`, "open", "closed" or ""."""

    direction: Direction = Direction.UNCLEAR
    stage: Stage = Stage.NONE
    object: ShiftObject = ShiftObject.WEIGHTS
    orgs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""
    evidence: str = ""
    confidence: Confidence = Confidence.LOW
    reasons: tuple[str, ...] = ()  # why this confidence, in words
    denied: bool = False
    marks: tuple[tuple[int, int], ...] = ()  # (start, end) in `evidence` of the words that matched


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the original text of a field (title, summary, content …)."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule version matched an entry, here, and this is the shift it read there."""

    rule_id: str
    rule_version: str
    rule_title: str
    severity: Severity
    shift: Shift
    spans: tuple[Span, ...] = ()
    tags: tuple[str, ...] = ()
    priority: int = 0  # the rule's: which hit is believed when several read the entry differently; not stored


@dataclass(frozen=True, slots=True)
class Coverage:
    """One entry of a story as a reader sees it: who, what, where, when."""

    entry_id: int
    feed_id: str
    outlet: str
    title: str
    url: str
    trust: Trust
    seen_at: datetime
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A cluster of entries about one event. `shift` is the state of things now, merged from its entries."""

    id: int
    storyline_id: int
    title: str
    severity: Severity
    shift: Shift
    rule_ids: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    coverage: tuple[Coverage, ...] = ()  # best source first, then oldest first
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that matched, with the one shift its hits agree on: what is placed in a story, and its later member."""

    entry: Entry
    shift: Shift
    seen_at: datetime
    entry_id: int = 0
    trust: Trust = Trust.PRESS
    severity: Severity = Severity.LOW  # the gravest base severity of the rules it matched
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What an org's own history says about a shift, in one line, and the step it moves severity: -1, 0 or 1."""

    line: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class OpenStory:
    """A story as placing needs it: its members oldest first. `due_at`: when a promise its storyline holds falls due."""

    id: int
    storyline_id: int
    members: tuple[Candidate, ...]
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step of a storyline: what the state became, and why it counted as a move."""

    at: datetime
    stage: Stage
    direction: Direction
    reason: str
    headline: str = ""
    url: str = ""
    outlet: str = ""


@dataclass(frozen=True, slots=True)
class Storyline:
    """Stories of one shift over time, oldest first, and the dated steps they took."""

    id: int
    stories: tuple[Story, ...]
    steps: tuple[Step, ...] = ()
    previous_id: int | None = None  # the sleeping storyline this one continues
    context: str = ""  # what the org's own history says: "first closed flagship by Meta"


class Reason(StrEnum):
    """Why people are told, or not. One of these stands behind every decision, is logged and counted."""

    NEW_STORY = "new story"
    NEW_STORY_IN_STORYLINE = "new story in storyline"
    STAGE_MOVED = "stage moved"
    DIRECTION_CHANGED = "direction changed"
    DENIED = "denied"
    PRIMARY_SOURCE = "primary source"
    REPEAT = "repeat"  # more coverage: edits only
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
