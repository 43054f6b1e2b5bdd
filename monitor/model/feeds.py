"""Feeds, what is known of them, and what they bring: from bytes to entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

# Feed and receiver of the daily canary. No configuration can have it: names begin with a letter or digit.
CANARY = "~canary"
UNREADABLE = "parse: "  # how `FeedState.last_error` begins when a document came and could not be read


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

    @property
    def unreadable(self) -> bool:
        """Whether the last poll failed because its document could not be read."""
        return self.failures > 0 and (self.last_error or "").startswith(UNREADABLE)


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


class RawItem(NamedTuple):
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
