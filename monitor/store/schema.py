"""All tables, as SQLAlchemy Core. `migrations/` builds exactly these (`alembic check`).

Portable between SQLite and PostgreSQL. Times are UTC and come back timezone-aware; JSON columns hold lists and dicts of
plain values. Identity keys are kept for ever (tombstones); texts are pruned by retention. What stands beside these
tables in a database is told by `is_modelled`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from monitor.store.columns import UtcDateTime, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# Tables that a cluster's job queue keeps in the same database, and the full-text index (store/search.py).
_UNMODELLED = ("procrastinate_", "entry_search")


def is_modelled(name: str) -> bool:
    """Whether a table of a database is one of those that stand here, so that migrations may compare it."""
    return not name.startswith(_UNMODELLED)


def _id() -> Column[int]:
    # SQLite numbers rows by itself only in a column declared INTEGER. Its tables are `sqlite_autoincrement`: an id that
    # people or other rows may still name is never given to another row.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    return Column(name, ForeignKey(target, ondelete="CASCADE"), nullable=nullable, index=index)


feed = Table(
    "feed",
    metadata,
    Column("id", Words, primary_key=True),
    Column("title", Words, nullable=False, server_default=""),
    Column("listed", Boolean, nullable=False, default=True),  # stands in feeds.yaml now
    Column("paused", Boolean, nullable=False, default=False),
    Column("config_url", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("poll_seq", BigInteger, nullable=False, default=0),
    Column("etag", Words),
    Column("last_modified", Words),
    Column("body_hash", String(64)),
    Column("items", Integer, nullable=False, default=0),
    Column("next_poll_at", UtcDateTime, index=True),
    Column("last_poll_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_status", Integer),
    Column("last_error", Words),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", UtcDateTime),
    Column("gone", Boolean, nullable=False, default=False),
    Column("baselined_at", UtcDateTime),
    Column("redirect_url", Words),
    Column("redirect_since", UtcDateTime),
    Column("hints", JSON, nullable=False, default=dict),
    Column("polls", JSON, nullable=False, default=list),
    Column("last_new_at", UtcDateTime),
    Column("notice", Words),
    Column("why_next", Words, nullable=False, server_default=""),
)

# A publisher's Retry-After binds every feed of its host (host:port), and every machine that polls.
host = Table(
    "host",
    metadata,
    Column("name", Words, primary_key=True),
    Column("not_before", UtcDateTime),
    Column("last_start_at", UtcDateTime),
    Column("held_by", String(40)),  # the worker whose request is in flight, and when it has certainly ended
    Column("held_until", UtcDateTime),
)

# Processes that share this database (`licensewatch worker`). Each says every few seconds that it lives.
worker = Table(
    "worker",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("host", Words, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Words, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
    Column("leads", Boolean, nullable=False, default=False),
    Column("configuration", String(16), nullable=False, server_default=""),  # equal where the same files are in force
    Column("jobs", Integer, nullable=False, default=0),
)

_KEPT = text("pruned_at IS NULL")

entry = Table(
    "entry",
    metadata,
    _id(),
    Column("feed_id", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("summary", Words, nullable=False, server_default=""),
    Column("content", Words, nullable=False, server_default=""),
    Column("url", Words, nullable=False, server_default=""),
    Column("author", Words, nullable=False, server_default=""),
    Column("tags", JSON, nullable=False, default=list),
    Column("links", JSON, nullable=False, default=list),
    Column("published_at", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("revised_at", UtcDateTime),
    Column("revision", Integer, nullable=False, default=0),
    Column("text_hash", String(32), nullable=False),
    Column("title_hash", String(32), nullable=False),  # folded title: finds wholesale re-issues
    Column("url_hash", String(32), nullable=False, index=True),  # canonical URL: `why URL`, linked originals
    Column("baseline", Boolean, nullable=False, default=False),
    Column("pruned_at", UtcDateTime),
    # Retention and backtests look at entries that still have their text; tombstones would only be in the way. (Partial
    # on PostgreSQL too, by its migration: to say it here would load that dialect, a tenth of a second, at every start.)
    Index("ix_entry_first_seen_at", "first_seen_at", sqlite_where=_KEPT),
    # Titles are looked for within a feed; those of a document stand together here: to store it touches few pages.
    Index("ix_entry_feed_id_title_hash", "feed_id", "title_hash"),
    sqlite_autoincrement=True,
)

# Outlives the text of its entry: what was known once never alerts again. Not a foreign key for that reason.
entry_key = Table(
    "entry_key",
    metadata,
    Column("feed_id", Words, primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("entry_id", BigInteger, nullable=False, index=True),
    Column("text_hash", String(32), nullable=False),
    sqlite_with_rowid=False,
)

# Entries whose texts wait to be made findable (store/search.py).
unsearched = Table(
    "unsearched",
    metadata,
    Column("entry_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
)

hit = Table(
    "hit",
    metadata,
    _id(),
    _ref("entry_id", "entry.id"),
    Column("rule_id", Words, nullable=False, index=True),
    Column("rule_version", String(32), nullable=False),
    Column("rule_title", Words, nullable=False, server_default=""),
    Column("severity", String(16), nullable=False),
    Column("tags", JSON, nullable=False, default=list),
    Column("spans", JSON, nullable=False, default=list),
    Column("shift", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("baseline", Boolean, nullable=False, default=False),
    UniqueConstraint("entry_id", "rule_id", "rule_version"),
    sqlite_autoincrement=True,
)

storyline = Table(
    "storyline",
    metadata,
    _id(),
    Column("previous_id", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_news_at", UtcDateTime, nullable=False, index=True),
    Column("due_at", UtcDateTime),  # a dated promise ("weights next month"): the storyline stays awake until then
    Column("context", Words, nullable=False, server_default=""),
    Column("baseline", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)

# Storylines that tell of one question in part: one of several labs at once, the other of one of them; or what came
# after one that had fallen asleep. Each pair stands once, the older one second.
kin = Table(
    "kin",
    metadata,
    Column("storyline_id", ForeignKey("storyline.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", ForeignKey("storyline.id", ondelete="CASCADE"), primary_key=True, index=True),
)

story = Table(
    "story",
    metadata,
    _id(),
    _ref("storyline_id", "storyline.id", index=True),
    Column("title", Words, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("direction", String(16), nullable=False, index=True),
    Column("stage", String(16), nullable=False),
    Column("object", String(16), nullable=False),
    Column("orgs", JSON, nullable=False, default=list),
    Column("models", JSON, nullable=False, default=list),
    Column("shift", JSON, nullable=False),
    Column("rule_ids", JSON, nullable=False, default=list),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False, index=True),
    Column("baseline", Boolean, nullable=False, default=False),
    sqlite_autoincrement=True,
)

story_entry = Table(
    "story_entry",
    metadata,
    Column("entry_id", ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True),
    _ref("story_id", "story.id", index=True),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("why", Words, nullable=False, server_default=""),  # the signals that joined it, in words
    # What this entry says and who says it: the state of its story is made anew from these.
    Column("outlet", Words, nullable=False, server_default=""),
    Column("trust", String(16), nullable=False, server_default="press"),
    Column("severity", String(16), nullable=False, server_default="low"),
    Column("rule_ids", JSON, nullable=False, default=list),
    Column("shift", JSON, nullable=False, default=dict),
)

# The dated steps of a storyline; reasons are model.Reason values.
step = Table(
    "step",
    metadata,
    _id(),
    _ref("storyline_id", "storyline.id", index=True),
    _ref("story_id", "story.id", index=True),
    Column("entry_id", BigInteger),
    Column("at", UtcDateTime, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("headline", Words, nullable=False, server_default=""),
    Column("url", Words, nullable=False, server_default=""),
    Column("outlet", Words, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

# Every decision to tell or not to tell, with its reason.
alert = Table(
    "alert",
    metadata,
    _id(),
    Column("story_id", ForeignKey("story.id", ondelete="CASCADE"), index=True),  # none for notices
    Column("entry_id", BigInteger, index=True),
    Column("reason", String(40), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("line", Words, nullable=False, server_default=""),
    Column("suppressed", Boolean, nullable=False, default=False),
    Column("note", Words, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)

# The outbox. Its order is the order of `position`.
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("receiver", Words, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("alert_id", BigInteger, index=True),
    Column("story_id", BigInteger, index=True),
    Column("storyline_id", BigInteger, index=True),
    Column("target_id", String(36), index=True),
    Column("broadcast", Boolean, nullable=False, default=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("first_attempt_at", UtcDateTime),
    Column("last_attempt_at", UtcDateTime),
    Column("last_error", Words),
    Column("error_scope", String(16)),
    Column("scans", Integer, nullable=False, default=0),
    Column("anchor", String(40)),  # Slack's clock just before the first attempt
    Column("channel", Words),
    Column("ts", String(40)),
    Column("facts", JSON, nullable=False, default=dict),
    Column("payload", JSON),
    Column("sent_at", UtcDateTime),
    Index("ix_delivery_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_delivery_receiver_state", "receiver", "state"),
    Index("ix_delivery_channel_ts", "channel", "ts"),
)

receiver = Table(
    "receiver",
    metadata,
    Column("name", Words, primary_key=True),
    Column("worked_at", UtcDateTime),  # a credential of it worked once: the console is no fallback any more
    Column("parked_scope", String(16)),  # credential | destination
    Column("parked_code", Words),
    Column("parked_at", UtcDateTime),
    Column("retry_at", UtcDateTime),
    Column("last_post_at", UtcDateTime),  # pace survives restarts
    Column("credential_hash", String(64)),  # of the parked credential: a new one is tried at once
)

mute = Table(
    "mute",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),  # rule | story | org | feed
    Column("value", Words, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("by", Words, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# What people said of a story from Slack, for each rule version that hit it. One judgement a person and story; the last.
feedback = Table(
    "feedback",
    metadata,
    _id(),
    Column("story_id", BigInteger, nullable=False),
    Column("rule_id", Words, nullable=False, index=True),
    Column("rule_version", String(32), nullable=False),
    Column("verdict", String(16), nullable=False),  # relevant | noise
    Column("by", Words, nullable=False, server_default=""),  # a Slack user id
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_feedback_story_id_by_rule_id_rule_version", "story_id", "by", "rule_id", "rule_version", unique=True),
    sqlite_autoincrement=True,
)

# Buttons that were pressed: Slack reports a press again when our answer got lost.
press = Table(
    "press",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# Rule versions ever loaded: when each came into force, so that it never applies back.
rule = Table(
    "rule",
    metadata,
    Column("id", Words, primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("title", Words, nullable=False, server_default=""),
    Column("severity", String(16), nullable=False),
)

# Small facts of the service itself: last tick, clock offset, counters a day, configuration problems.
fact = Table(
    "fact",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("number", Float),
)
