"""What placing remembers of stories: the open ones with their members, and those that are over by their headline."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from monitor.model import Candidate, Entry, OpenStory
from monitor.store.hits import shift_of
from monitor.store.schema import story, storyline
from monitor.store.stories import MANY, members_of

_INDEXED = (
    select(story.c.id, story.c.storyline_id, storyline.c.due_at)
    .join(storyline, storyline.c.id == story.c.storyline_id)
    .order_by(story.c.last_seen_at, story.c.id)
)


def open_stories(conn: Connection, since: datetime) -> Iterator[OpenStory]:
    """The stories with news since then, or whose storyline holds a promise that was due since then; for the index."""
    yield from _open(conn, _INDEXED.where(or_(story.c.last_seen_at >= since, storyline.c.due_at >= since)))


def as_open(conn: Connection, story_ids: Collection[int]) -> Iterator[OpenStory]:
    """These stories as they stand now, for the index."""
    if story_ids:
        yield from _open(conn, _INDEXED.where(story.c.id.in_(list(story_ids))))


def _open(conn: Connection, query: Select[Any]) -> Iterator[OpenStory]:
    rows = conn.execute(query).all()
    for start in range(0, len(rows), MANY):
        page = rows[start : start + MANY]
        found = members_of(conn, [row.id for row in page])
        yield from (OpenStory(row.id, row.storyline_id, _read(found.get(row.id, ())), row.due_at) for row in page)


def _read(members: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The members that a rule read: what a lab stated in words of its own says nothing of which entries are alike."""
    return tuple(member for member in members if member.rule_ids)


def closed_stories(conn: Connection, before: datetime) -> Iterator[OpenStory]:
    """The last story of each storyline without news since `before`, as one member with its headline; for the shelf."""
    last = (
        select(func.max(story.c.id).label("id"))
        .join(storyline, storyline.c.id == story.c.storyline_id)
        .where(storyline.c.last_news_at < before)
        .group_by(story.c.storyline_id)
        .subquery()
    )
    query = (
        select(story, storyline.c.due_at)
        .join(last, last.c.id == story.c.id)
        .join(storyline, storyline.c.id == story.c.storyline_id)
        .order_by(story.c.last_seen_at)
    )
    for row in conn.execute(query):
        alone = Candidate(Entry("", (), row.title), shift_of(row.shift), row.last_seen_at)
        yield OpenStory(row.id, row.storyline_id, (alone,), row.due_at)
