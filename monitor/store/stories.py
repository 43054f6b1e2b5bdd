"""Stories and storylines: which entries tell one event, what it says now, and the steps it took.

The row of a story is what its entries say together; what each of them says stands with its membership.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, cast, false, func, or_, select, update

from monitor import text
from monitor.model import (
    Candidate,
    Coverage,
    Direction,
    Entry,
    Severity,
    Shift,
    Stage,
    Step,
    Story,
    Storyline,
    Trust,
    last_move,
    ranked,
)
from monitor.store.engine import insert_into
from monitor.store.hits import shift_of, shift_row
from monitor.store.schema import entry, kin, step, story, story_entry, storyline
from monitor.text import fold

MANY = 500


@dataclass(frozen=True, slots=True)
class NewStoryline:
    """What a storyline starts with."""

    now: datetime
    previous_id: int | None = None
    due_at: datetime | None = None
    context: str = ""
    baseline: bool = False


def create_storyline(conn: Connection, new: NewStoryline) -> int:
    """An empty storyline; its id."""
    row = {
        "previous_id": new.previous_id,
        "created_at": new.now,
        "last_news_at": new.now,
        "due_at": new.due_at,
        "context": new.context,
        "baseline": new.baseline,
    }
    made: int = conn.execute(storyline.insert().values(row).returning(storyline.c.id)).scalar_one()
    return made


def create_story(conn: Connection, storyline_id: int, new: Story) -> Story:
    """Store a story that an entry opened; it comes back with its ids. Its members `join` afterwards."""
    row = {**_row(new), "storyline_id": storyline_id, "first_seen_at": new.first_seen_at}
    story_id = conn.execute(story.insert().values(row).returning(story.c.id)).scalar_one()
    _news(conn, storyline_id, new)
    return replace(new, id=story_id, storyline_id=storyline_id)


def join(conn: Connection, story_id: int, member: Candidate, outlet: str, why: str) -> None:
    """Make an entry a member of a story, or bring its membership up to date after an edit. One story an entry."""
    row = {
        "story_id": story_id,
        "why": why,
        "outlet": outlet,
        "trust": member.trust.value,
        "severity": member.severity.value,
        "rule_ids": list(member.rule_ids),
        "shift": shift_row(member.shift),
    }
    insert = insert_into(conn, story_entry).values(entry_id=member.entry_id, joined_at=member.seen_at, **row)
    del row["why"]  # why it joined is not why it was edited
    conn.execute(insert.on_conflict_do_update(index_elements=["entry_id"], set_=row))


def update_story(conn: Connection, now_: Story) -> None:
    """Store what a story says now, and that its storyline had news."""
    conn.execute(update(story).where(story.c.id == now_.id).values(_row(now_)))
    _news(conn, now_.storyline_id, now_)


def note(conn: Connection, storyline_id: int, *, due_at: datetime | None = None, context: str | None = None) -> None:
    """Keep when a promise of the storyline falls due (the later date stays), and what the org's history says."""
    if due_at is not None:
        later = or_(storyline.c.due_at.is_(None), storyline.c.due_at < due_at)
        conn.execute(update(storyline).where(storyline.c.id == storyline_id, later).values(due_at=due_at))
    if context is not None:
        conn.execute(update(storyline).where(storyline.c.id == storyline_id).values(context=context))


def add_step(conn: Connection, one: Story, taken: Step, entry_id: int | None = None) -> int:
    """Write down a dated step of a story's storyline."""
    row = {
        "storyline_id": one.storyline_id,
        "story_id": one.id,
        "entry_id": entry_id,
        "at": taken.at,
        "stage": taken.stage.value,
        "direction": taken.direction.value,
        "reason": taken.reason,
        "headline": taken.headline,
        "url": taken.url,
        "outlet": taken.outlet,
    }
    made: int = conn.execute(step.insert().values(row).returning(step.c.id)).scalar_one()
    return made


def get(conn: Connection, story_id: int) -> Story | None:
    """One story with its coverage."""
    return next(iter(_stories(conn, select(story).where(story.c.id == story_id))), None)


def of_entry(conn: Connection, entry_id: int) -> int | None:
    """The story an entry is a member of."""
    return conn.scalar(select(story_entry.c.story_id).where(story_entry.c.entry_id == entry_id))


def why_joined(conn: Connection, entry_id: int) -> str:
    """The signals that placed an entry, in words; nothing when it is in no story."""
    return conn.scalar(select(story_entry.c.why).where(story_entry.c.entry_id == entry_id)) or ""


def members(conn: Connection, story_id: int) -> tuple[Candidate, ...]:
    """The entries of a story with what each of them says, oldest first."""
    return members_of(conn, [story_id]).get(story_id, ())


def relate(conn: Connection, storyline_id: int, others: Iterable[int]) -> None:
    """Write down that these storylines tell of one question in part; known pairs stay."""
    rows = [{"storyline_id": max(storyline_id, one), "other_id": min(storyline_id, one)} for one in others]
    for row in rows:
        conn.execute(insert_into(conn, kin).values(row).on_conflict_do_nothing())


def kin_of(conn: Connection, storyline_id: int) -> tuple[int, ...]:
    """The storylines that tell of the same question in part, oldest first."""
    query = select(kin).where(or_(kin.c.storyline_id == storyline_id, kin.c.other_id == storyline_id))
    return tuple(sorted({one for row in conn.execute(query) for one in row} - {storyline_id}))


def related(conn: Connection) -> set[int]:
    """The storylines that have kin."""
    return {one for row in conn.execute(select(kin)) for one in row}


def storyline_of(conn: Connection, storyline_id: int) -> Storyline | None:
    """A storyline with its stories, their coverage, its steps and its kin, as it is rendered."""
    found = _alone(conn, storyline_id)
    if found is None:
        return None
    others = (_alone(conn, one) for one in kin_of(conn, storyline_id))
    return replace(found, kin=tuple(one for one in others if one is not None and one.stories))


def _alone(conn: Connection, storyline_id: int) -> Storyline | None:
    row = conn.execute(select(storyline).where(storyline.c.id == storyline_id)).first()
    if row is None:
        return None
    told = _stories(conn, select(story).where(story.c.storyline_id == storyline_id).order_by(story.c.id))
    earlier = last_move(steps(conn, row.previous_id)) if row.previous_id is not None else None
    return Storyline(storyline_id, tuple(told), steps(conn, storyline_id), row.previous_id, earlier, row.context)


def ids_of(conn: Connection, storyline_id: int) -> tuple[int, ...]:
    """The stories of a storyline, oldest first."""
    return tuple(conn.scalars(select(story.c.id).where(story.c.storyline_id == storyline_id).order_by(story.c.id)))


def line_with(conn: Connection, story_id: int) -> Storyline:
    """The storyline of a story that is there."""
    found = storyline_of(conn, conn.scalar(select(story.c.storyline_id).where(story.c.id == story_id)) or 0)
    assert found is not None
    return found


def steps(conn: Connection, storyline_id: int) -> tuple[Step, ...]:
    """The dated steps of a storyline, oldest first."""
    query = (
        select(step, story_entry.c.joined_at)
        .outerjoin(story_entry, story_entry.c.entry_id == step.c.entry_id)
        .where(step.c.storyline_id == storyline_id)
        .order_by(step.c.at, step.c.id)
    )
    return tuple(
        Step(
            row.at,
            Stage(row.stage),
            Direction(row.direction),
            row.reason,
            row.headline,
            row.url,
            row.outlet,
            row.story_id,
            row.joined_at,
        )
        for row in conn.execute(query)
    )


def continued(conn: Connection) -> dict[int, int]:
    """The storylines that continue one which had fallen asleep, with the id of that."""
    query = select(storyline.c.id, storyline.c.previous_id).where(storyline.c.previous_id.is_not(None))
    return {row.id: row.previous_id for row in conn.execute(query)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stories to list; empty fields ask for nothing. `name` is an org or a model, in any case."""

    baseline: bool | None = False  # None: both kinds
    since: datetime | None = None
    name: str = ""
    direction: Direction | None = None
    limit: int | None = 100
    offset: int = 0


def listing(conn: Connection, wanted: Wanted | None = None) -> list[Story]:
    """Stories with their coverage, the latest news first. Baseline stories only when they are asked for."""
    wanted = wanted or Wanted()
    query = select(story).order_by(story.c.last_seen_at.desc(), story.c.id.desc())
    if wanted.baseline is not None:
        query = query.where(story.c.baseline.is_(wanted.baseline))
    if wanted.since is not None:
        query = query.where(story.c.last_seen_at >= wanted.since)
    if wanted.direction is not None:
        query = query.where(story.c.direction == wanted.direction.value)
    if not wanted.name:
        return _stories(conn, query.limit(wanted.limit).offset(wanted.offset))
    # Names live in JSON lists, which the two databases search differently: a ledger is small enough to look through.
    rows = conn.execute(select(story.c.id, story.c.orgs, story.c.models))
    ids = [row.id for row in rows if _names(wanted.name, (*row.orgs, *row.models))]
    pages = (ids[start : start + MANY] for start in range(0, len(ids), MANY))
    found = [one for page in pages for one in _stories(conn, query.where(story.c.id.in_(page)))]
    return sorted(found, key=lambda one: (one.last_seen_at, one.id), reverse=True)[wanted.offset :][: wanted.limit]


def _names(wanted: str, known: Sequence[str]) -> bool:
    """Whether a name people typed is one of these, in any case, whole or as its first words ("Llama" for "Llama 4")."""
    typed = fold(wanted)
    return any(f"{fold(name)} ".startswith(f"{typed} ") for name in known)


def records(conn: Connection, orgs: Collection[str], without: Collection[int | None] = ()) -> dict[str, list[Shift]]:
    """The past shifts of these orgs, oldest first, those of first polls included: each storyline once, as it ended.

    `without`: the storyline that is being told now, and the one that it continues; what these did is no history.
    """
    # The lists are JSON text: looking for the quoted name in it spares reading every story there ever was.
    named = [cast(story.c.orgs, Text).contains(json.dumps(org), autoescape=True) for org in orgs]
    query = select(story.c.storyline_id, story.c.orgs, story.c.shift).where(or_(false(), *named))
    if told_now := [one for one in without if one is not None]:
        query = query.where(story.c.storyline_id.not_in(told_now))
    found: dict[str, dict[int, Shift]] = {org: {} for org in orgs}
    for storyline_id, names, shift in conn.execute(query.order_by(story.c.first_seen_at, story.c.id)):
        for org in found.keys() & set(names):
            found[org][storyline_id] = shift_of(shift)
    return {org: list(shifts.values()) for org, shifts in found.items()}


def count(conn: Connection) -> int:
    """Stories that were told, baseline left out."""
    return conn.scalar(select(func.count()).select_from(story).where(story.c.baseline.is_(False))) or 0


def _news(conn: Connection, storyline_id: int, told: Story) -> None:
    row = storyline.c
    conn.execute(
        update(storyline)
        .where(row.id == storyline_id, row.last_news_at < told.last_seen_at)
        .values(last_news_at=told.last_seen_at)
    )
    if not told.baseline:
        conn.execute(update(storyline).where(row.id == storyline_id, row.baseline.is_(True)).values(baseline=False))


def _row(one: Story) -> dict[str, Any]:
    return {
        "title": one.title,
        "severity": one.severity.value,
        "direction": one.shift.direction.value,
        "stage": one.shift.stage.value,
        "object": one.shift.object.value,
        "orgs": list(one.shift.orgs),
        "models": list(one.shift.models),
        "shift": shift_row(one.shift),
        "rule_ids": list(one.rule_ids),
        "last_seen_at": one.last_seen_at,
        "baseline": one.baseline,
    }


def _stories(conn: Connection, query: Select[Any]) -> list[Story]:
    rows = conn.execute(query).all()
    covered = _coverage(conn, [row.id for row in rows])
    return [_story(row, covered.get(row.id, ())) for row in rows]


def _story(row: Row[Any], coverage: tuple[Coverage, ...]) -> Story:
    return Story(
        id=row.id,
        storyline_id=row.storyline_id,
        title=row.title,
        severity=Severity(row.severity),
        shift=shift_of(row.shift),
        rule_ids=tuple(row.rule_ids),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        coverage=coverage,
        baseline=row.baseline,
    )


def _coverage(conn: Connection, story_ids: Sequence[int]) -> dict[int, tuple[Coverage, ...]]:
    columns = (entry.c.feed_id, entry.c.title, entry.c.url, entry.c.published_at)
    found: dict[int, list[Coverage]] = defaultdict(list)
    for row in _memberships(conn, story_ids, *columns):
        one = Coverage(
            entry_id=row.entry_id,
            feed_id=row.feed_id,
            outlet=row.outlet,
            title=text.unsigned(row.title, row.outlet),
            url=row.url,
            trust=Trust(row.trust),
            seen_at=row.joined_at,
            published_at=row.published_at,
            read=bool(row.rule_ids),
        )
        found[row.story_id].append(one)
    return {story_id: ranked(some) for story_id, some in found.items()}


def members_of(conn: Connection, story_ids: Sequence[int]) -> dict[int, tuple[Candidate, ...]]:
    """The members of each of these stories, oldest first."""
    columns = (entry.c.feed_id, entry.c.title, entry.c.summary, entry.c.url, entry.c.links, entry.c.published_at)
    found: dict[int, list[Candidate]] = defaultdict(list)
    for row in _memberships(conn, story_ids, *columns):
        text = Entry(
            row.feed_id,
            (),
            row.title,
            row.summary,
            url=row.url,
            links=tuple(row.links),
            published_at=row.published_at,
        )
        member = Candidate(
            entry=text,
            shift=shift_of(row.shift),
            seen_at=row.joined_at,
            entry_id=row.entry_id,
            trust=Trust(row.trust),
            severity=Severity(row.severity),
            rule_ids=tuple(row.rule_ids),
        )
        found[row.story_id].append(member)
    return {story_id: tuple(some) for story_id, some in found.items()}


def _memberships(conn: Connection, story_ids: Collection[int], *columns: Any) -> Iterator[Row[Any]]:
    query = select(story_entry, *columns).join(entry, entry.c.id == story_entry.c.entry_id)
    ordered = list(story_ids)
    for start in range(0, len(ordered), MANY):
        some = ordered[start : start + MANY]
        yield from conn.execute(
            query.where(story_entry.c.story_id.in_(some)).order_by(story_entry.c.joined_at, story_entry.c.entry_id)
        )
