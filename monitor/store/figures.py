"""Figures for the page that belong to no single noun: what was sent, how rules do, which shifts there were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from monitor.model import CANARY, Action, DeliveryState, Direction, Severity, Stage
from monitor.store.schema import delivery, entry, feedback, hit, story
from monitor.store.schema import rule as rule_table

_MANY = 500
_SENT = (delivery.c.state == DeliveryState.SENT, delivery.c.receiver != CANARY)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that reached its receiver. `title`: of its story, or of the notice that it was."""

    at: datetime
    id: str
    receiver: str
    role: str
    story_id: int | None
    title: str


def sent(conn: Connection, since: datetime, limit: int) -> list[Sent]:
    """The messages posted since then, the latest first, edits left out."""
    columns = (delivery.c.sent_at, delivery.c.id, delivery.c.receiver, delivery.c.role, delivery.c.story_id)
    query = (
        select(*columns, story.c.title, delivery.c.facts)
        .outerjoin(story, story.c.id == delivery.c.story_id)
        .where(*_SENT, delivery.c.action == Action.POST, delivery.c.sent_at >= since)
        .order_by(delivery.c.sent_at.desc(), delivery.c.position.desc())
        .limit(limit)
    )
    return [
        Sent(at, id_, receiver, role, story_id, title if title is not None else (facts or {}).get("title", ""))
        for at, id_, receiver, role, story_id, title, facts in conn.execute(query)
    ]


def sent_counts(conn: Connection, since: datetime) -> tuple[int, int]:
    """How many messages were posted since then, and how many edited."""
    query = (
        select(delivery.c.action, func.count()).where(*_SENT, delivery.c.sent_at >= since).group_by(delivery.c.action)
    )
    found = {action: count for action, count in conn.execute(query)}  # noqa: C416  # rows, not pairs
    return found.get(Action.POST, 0), found.get(Action.UPDATE, 0)


def entries_since(conn: Connection, since: datetime) -> int:
    """Entries first seen since then, those of first polls included."""
    query = select(func.count()).where(entry.c.pruned_at.is_(None), entry.c.first_seen_at >= since)
    return conn.scalar(query) or 0


def titles(conn: Connection, story_ids: Collection[int]) -> dict[int, str]:
    """Titles of stories by id."""
    ids, found = list(story_ids), dict[int, str]()
    for start in range(0, len(ids), _MANY):
        query = select(story.c.id, story.c.title).where(story.c.id.in_(ids[start : start + _MANY]))
        found |= {id_: title for id_, title in conn.execute(query)}  # noqa: C416  # rows, not pairs
    return found


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """How one version of a rule did. `hits` are those of news, `first` those of first polls, which alert nobody."""

    id: str
    version: str
    title: str
    loaded_at: datetime | None
    hits: int = 0
    first: int = 0


def rule_versions(conn: Connection) -> dict[str, list[RuleVersion]]:
    """Every rule version that was loaded, or hit something, by rule; the newest first."""
    loaded = {(row.id, row.version): row for row in conn.execute(select(rule_table))}
    hits = _hits(conn)
    found: dict[str, list[RuleVersion]] = {}
    for rule_id, version in loaded.keys() | hits.keys():
        row, hit_ = loaded.get((rule_id, version)), hits.get((rule_id, version), _Hits())
        one = RuleVersion(
            id=rule_id,
            version=version,
            title=row.title if row else hit_.title,
            loaded_at=row.loaded_at if row else None,
            hits=hit_.news,
            first=hit_.all - hit_.news,
        )
        found.setdefault(rule_id, []).append(one)
    for versions in found.values():
        versions.sort(key=lambda one: (one.loaded_at.timestamp() if one.loaded_at else 0.0, one.version), reverse=True)
    return found


@dataclass(frozen=True, slots=True)
class _Hits:
    title: str = ""
    news: int = 0
    all: int = 0


def _hits(conn: Connection) -> dict[tuple[str, str], _Hits]:
    news = func.sum(case((hit.c.baseline.is_(False), 1), else_=0))
    query = select(hit.c.rule_id, hit.c.rule_version, func.max(hit.c.rule_title), news, func.count())
    return {
        (rule_id, version): _Hits(title, int(of_news), int(every))
        for rule_id, version, title, of_news, every in conn.execute(query.group_by(hit.c.rule_id, hit.c.rule_version))
    }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What people said of the alerts of a rule, or of one version of it: judgements, one a person and story."""

    relevant: int = 0
    noise: int = 0

    @property
    def judged(self) -> int:
        return self.relevant + self.noise

    @property
    def precision(self) -> int | None:
        """Relevant of all that were judged, in percent; None while nobody judged."""
        return round(100 * self.relevant / self.judged) if self.judged else None

    def __add__(self, other: Verdicts) -> Verdicts:
        return Verdicts(self.relevant + other.relevant, self.noise + other.noise)


def verdicts(conn: Connection) -> dict[tuple[str, str], Verdicts]:
    """What people said of alerts, by (rule, version)."""
    columns = (feedback.c.rule_id, feedback.c.rule_version, feedback.c.verdict)
    found: dict[tuple[str, str], dict[str, int]] = {}
    for rule_id, version, verdict, count in conn.execute(select(*columns, func.count()).group_by(*columns)):
        found.setdefault((rule_id, version), {})[verdict] = count
    return {which: Verdicts(one.get("relevant", 0), one.get("noise", 0)) for which, one in found.items()}


def of_rule(said: Mapping[tuple[str, str], Verdicts], rule_id: str) -> Verdicts:
    """What people said of a rule, all its versions together."""
    return sum((one for (id_, _), one in said.items() if id_ == rule_id), Verdicts())


@dataclass(frozen=True, slots=True)
class Mark:
    """A shift as a point in time. `first_poll`: it was news before its feed was watched."""

    story_id: int
    at: datetime
    title: str
    direction: Direction
    stage: Stage
    severity: Severity
    orgs: tuple[str, ...]
    models: tuple[str, ...]
    first_poll: bool


def shifts(conn: Connection, since: datetime, limit: int = 5000) -> list[Mark]:
    """The shifts first seen since then, oldest first; the latest `limit` of them."""
    columns = (story.c.title, story.c.direction, story.c.stage, story.c.severity, story.c.orgs, story.c.models)
    query = (
        select(story.c.id, story.c.first_seen_at, *columns, story.c.baseline)
        .where(story.c.first_seen_at >= since)
        .order_by(story.c.first_seen_at.desc(), story.c.id.desc())
        .limit(limit)
    )
    found = [
        Mark(id_, at, title, Direction(direction), Stage(stage), Severity(severity), tuple(orgs), tuple(models), first)
        for id_, at, title, direction, stage, severity, orgs, models, first in conn.execute(query)
    ]
    return found[::-1]
