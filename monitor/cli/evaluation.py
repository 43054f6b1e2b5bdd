"""Labelled items for `stories eval`: read from JSON lines, put in date order, placed one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor import text
from monitor.errors import UsageError
from monitor.model import Candidate, Direction, Entry, Shift, Stage
from monitor.rules.rule_set import RuleSet
from monitor.stories.score import Score, b_cubed, replay
from monitor.stories.weigh import entry_shift

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FACTS = ("direction", "stage", "orgs", "models")


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled positive. `given` are the facts its line states; `event` the label of the event it tells of."""

    id: str
    event: str
    candidate: Candidate
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What `stories eval` measured; scores hold positions, `ids` turns them into the ids of the file.

    `score` takes the facts that lines give, `own` reads all of them with the rules.
    """

    ids: tuple[str, ...]
    events: int
    score: Score
    own: Score

    def record(self) -> dict[str, Any]:
        """The JSON of interface.md; beside it the same figures from the rules' own reading."""
        return {
            **self._figures(self.score),
            "items": len(self.ids),
            "events": self.events,
            "own": self._figures(self.own),
        }

    def _figures(self, score: Score) -> dict[str, Any]:
        return {
            "b_cubed_precision": round(score.precision, 4),
            "b_cubed_recall": round(score.recall, 4),
            "b_cubed_f1": round(score.f1, 4),
            "merged_wrongly": [[self.ids[a], self.ids[b]] for a, b in score.merged_wrongly],
            "split_wrongly": [[self.ids[a], self.ids[b]] for a, b in score.split_wrongly],
        }


def read(file: Path) -> list[Item]:
    """The labelled positives of a file in date order; an undated one stays beside its predecessor in the file."""
    found: list[tuple[str, int, Item]] = []
    day = ""
    for number, row in _rows(file):
        published = str(row.get("published") or "")
        day = published or day
        if row.get("label", "shift") == "shift" and row.get("story_id"):
            found.append((day, number, _item(row, published, day)))
    return [item for _, _, item in sorted(found, key=lambda one: one[:2])]


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{file}:{number}: this line is no JSON: {error}") from None
        if not isinstance(row, dict) or "id" not in row or "title" not in row:
            raise UsageError(f'{file}:{number}: an object with at least "id" and "title" is wanted.')
        yield number, row


def _item(row: Mapping[str, Any], published: str, day: str) -> Item:
    entry = Entry(
        feed_id=str(row.get("source") or "eval"),
        keys=(),
        title=str(row["title"]),
        summary=str(row.get("summary") or ""),
        url=str(row.get("url") or ""),
        published_at=_moment(published),
    )
    given = {name: row[name] for name in _FACTS if row.get(name)}
    return Item(
        str(row["id"]),
        str(row["story_id"]),
        Candidate(entry, Shift(), _moment(f"{day}-01-01"[:10]) or _LONG_AGO),
        given,
    )


def _moment(value: str) -> datetime | None:
    """A date with a day in it; anything coarser is no date to compare by."""
    if len(value) < 10:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def measure(items: Sequence[Item], rules: RuleSet, repeat_after: timedelta) -> Result:
    """Place the items in order and compare with their labels, with the facts their lines give and without."""
    events = [item.event for item in items]
    ids = tuple(item.id for item in items)
    score, own = (b_cubed(events, _stories(items, rules, repeat_after, own=own)) for own in (False, True))
    return Result(ids, len(set(events)), score, own)


def _stories(items: Sequence[Item], rules: RuleSet, repeat_after: timedelta, *, own: bool) -> list[int]:
    candidates = [replace(item.candidate, shift=_shift(item, rules, own=own)) for item in items]
    return [placed.story for placed in replay(candidates, repeat_after)]


def _shift(item: Item, rules: RuleSet, *, own: bool) -> Shift:
    entry = item.candidate.entry
    shift = entry_shift(rules.match(entry))
    shift = replace(
        shift,
        orgs=shift.orgs or named(entry, rules.orgs()),
        models=shift.models or named(entry, rules.models()),
    )
    given = {} if own else item.given
    if "direction" in given:
        shift = replace(shift, direction=Direction(given["direction"]))
    if "stage" in given:
        shift = replace(shift, stage=Stage(given["stage"]))
    if "orgs" in given:
        shift = replace(shift, orgs=tuple(given["orgs"]))
    return replace(shift, models=tuple(given["models"])) if "models" in given else shift


def named(entry: Entry, names: Mapping[str, str]) -> tuple[str, ...]:
    """The names that stand in an entry no rule matched, by their aliases in the vocabularies."""
    folded = f" {text.fold(entry.title)} {text.fold(entry.summary)} "
    return tuple(dict.fromkeys(name for alias, name in names.items() if alias and f" {alias} " in folded))
