"""What is too old goes, a page at a time. Each function does one page in the caller's transaction and says how many.

Keys of entries are never dropped (facts: old items come back), nor is the row they point to: it loses its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from monitor.model import Action, DeliveryState, Role
from monitor.store import search
from monitor.store.schema import alert, delivery, entry, fact, mute, story, story_entry, storyline

_FINISHED = (DeliveryState.SENT, DeliveryState.DISCARDED, DeliveryState.DEAD)


def prune_entries(conn: Connection, before: datetime, now: datetime, limit: int) -> int:
    """Take the text from entries first seen and last revised before then; of stories the titles and links stay."""
    old = (
        select(entry.c.id)
        .where(entry.c.pruned_at.is_(None), entry.c.first_seen_at < before)
        .where(or_(entry.c.revised_at.is_(None), entry.c.revised_at < before))
        .order_by(entry.c.first_seen_at)
        .limit(limit)
    )
    ids = conn.scalars(old).all()
    if ids:
        told = exists().where(story_entry.c.entry_id == entry.c.id)
        conn.execute(update(entry).where(entry.c.id.in_(ids), ~told).values(title=""))
        empty: dict[str, Any] = {"summary": "", "content": "", "author": "", "tags": [], "links": []}
        conn.execute(update(entry).where(entry.c.id.in_(ids)).values(**empty, pruned_at=now))
        _pack(conn, ids)
        search.forget(conn, ids)
    return len(ids)


def _pack(conn: Connection, ids: Sequence[int]) -> None:
    """Move rows that became small together: SQLite joins pages when a row leaves one, not when it shrinks, and new
    entries go to new pages, so that the file would grow for ever. Away and back; what refers to them waits for that."""
    if conn.dialect.name == "sqlite":
        conn.execute(text("PRAGMA defer_foreign_keys=ON"))  # until the transaction ends
        conn.execute(update(entry).where(entry.c.id.in_(ids)).values(id=-entry.c.id))
        conn.execute(update(entry).where(entry.c.id < 0).values(id=-entry.c.id))


def prune_storylines(conn: Connection, before: datetime, limit: int) -> int:
    """Drop storylines whose last news is older, with their stories, steps, alerts and deliveries."""
    old = select(storyline.c.id).where(_quiet_since(before)).limit(limit)
    ids = conn.scalars(old.order_by(storyline.c.last_news_at)).all()
    if ids:
        conn.execute(update(storyline).where(storyline.c.previous_id.in_(ids)).values(previous_id=None))
        conn.execute(delete(delivery).where(delivery.c.storyline_id.in_(ids)))
        conn.execute(delete(storyline).where(storyline.c.id.in_(ids)))  # the rest follows by its foreign keys
    return len(ids)


def prune_deliveries(conn: Connection, before: datetime, limit: int) -> int:
    """Drop finished edits, notices and tests; what stands in a channel for a storyline stays as long as that does."""
    passing = or_(delivery.c.action == Action.UPDATE, delivery.c.role.in_((Role.NOTICE, Role.TEST)))
    old = select(delivery.c.id).where(delivery.c.state.in_(_FINISHED), passing, delivery.c.created_at < before)
    ids = conn.scalars(old.limit(limit)).all()
    return _delete(conn, delivery.c.id, ids)


def prune_records(conn: Connection, before: datetime) -> int:
    """Drop alerts without a story (notices), mutes that ended and counters, all older than that."""
    dropped = conn.execute(delete(alert).where(alert.c.story_id.is_(None), alert.c.created_at < before)).rowcount
    dropped += conn.execute(delete(mute).where(mute.c.until < before)).rowcount
    return dropped + conn.execute(delete(fact).where(fact.c.number.is_not(None), fact.c.at < before)).rowcount


def waiting(conn: Connection, entries_before: datetime, stories_before: datetime) -> tuple[int, int]:
    """How many entries and storylines are older than that and not pruned yet."""
    entries = select(func.count()).where(
        entry.c.pruned_at.is_(None),
        entry.c.first_seen_at < entries_before,
        or_(entry.c.revised_at.is_(None), entry.c.revised_at < entries_before),
    )
    storylines = select(func.count()).where(_quiet_since(stories_before))
    return conn.scalar(entries.select_from(entry)) or 0, conn.scalar(storylines.select_from(storyline)) or 0


def _quiet_since(before: datetime) -> ColumnElement[bool]:
    newer = exists().where(story.c.storyline_id == storyline.c.id, story.c.last_seen_at >= before)
    awaited = storyline.c.due_at.is_not(None) & (storyline.c.due_at >= before)
    return (storyline.c.last_news_at < before) & ~newer & ~awaited


def _delete(conn: Connection, column: Any, ids: Sequence[Any]) -> int:
    if ids:
        conn.execute(delete(column.table).where(column.in_(ids)))
    return len(ids)
