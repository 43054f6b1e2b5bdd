"""What people made of what they were told: judgements with the rule versions they are about, and presses of buttons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, distinct, func, select

from monitor.model import Mute, Reception, Storyline
from monitor.store import mutes
from monitor.store.engine import insert_into
from monitor.store.schema import feedback as table
from monitor.store.schema import hit, press, story_entry


def first_report(conn: Connection, key: str, now: datetime) -> bool:
    """Whether this press was not heard of before; it is remembered."""
    insert = insert_into(conn, press).values(key=key, at=now).on_conflict_do_nothing().returning(press.c.key)
    return conn.execute(insert).first() is not None


def forget_presses(conn: Connection, before: datetime) -> int:
    """Forget what was pressed before then; how many."""
    return conn.execute(delete(press).where(press.c.at < before)).rowcount


def judge(conn: Connection, story_id: int, verdict: str, by: str, now: datetime) -> tuple[list[tuple[str, str]], bool]:
    """Keep a person's judgement of a story in place of an earlier one.

    Returned: the (rule, version) pairs that hit the story, and whether the judgement is new or differs.
    """
    mine = (table.c.story_id == story_id) & (table.c.by == by)
    before = {row[0] for row in conn.execute(select(table.c.verdict).where(mine))}
    versions = _versions(conn, story_id)
    conn.execute(delete(table).where(mine))
    rows = [
        {
            "story_id": story_id,
            "rule_id": rule_id,
            "rule_version": version,
            "verdict": verdict,
            "by": by,
            "created_at": now,
        }
        for rule_id, version in versions
    ]
    if rows:
        conn.execute(table.insert(), rows)
    return versions, before != {verdict}


def reception(conn: Connection, storyline: Storyline, now: datetime) -> Reception:
    """How a storyline was taken so far. Its rule counts as muted when every rule of its current story is."""
    ids = [story.id for story in storyline.stories]
    voters = select(table.c.verdict, func.count(distinct(table.c.by))).where(table.c.story_id.in_(ids))
    counted = {verdict: count for verdict, count in conn.execute(voters.group_by(table.c.verdict))}  # noqa: C416
    in_force = mutes.active(conn, now)
    rules = [_ends(in_force, "rule", rule) for rule in storyline.current.rule_ids]
    told = max(filter(None, (_ends(in_force, "story", str(one)) for one in ids)), default=None)
    muted = [end for end in rules if end is not None]
    until = min(muted) if muted and len(muted) == len(rules) else None
    return Reception(counted.get("relevant", 0), counted.get("noise", 0), until, told)


def _ends(in_force: Iterable[Mute], kind: str, value: str) -> datetime | None:
    return max((mute.until for mute in in_force if (mute.kind, mute.value) == (kind, value)), default=None)


def _versions(conn: Connection, story_id: int) -> list[tuple[str, str]]:
    found = (
        select(hit.c.rule_id, hit.c.rule_version)
        .distinct()
        .join(story_entry, story_entry.c.entry_id == hit.c.entry_id)
        .where(story_entry.c.story_id == story_id)
        .order_by(hit.c.rule_id, hit.c.rule_version)
    )
    return [(rule_id, version) for rule_id, version in conn.execute(found)]
