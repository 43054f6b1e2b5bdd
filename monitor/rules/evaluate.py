"""How well rules do on labelled items: what was found and missed, and how often the facts were read right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.model import Shift


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of the file and what the rules made of it: the shift they read, None when no rule matched."""

    row: Mapping[str, Any]
    shift: Shift | None

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def wanted(self) -> bool:
        return self.row.get("label") == "shift"

    @property
    def found(self) -> bool:
        return self.shift is not None


Canonical = Callable[[str, str], str]  # (kind, name) to the name of the vocabularies


@dataclass(slots=True)
class _Names:
    """Counts for micro F1 of sets of names."""

    right: int = 0
    read: int = 0
    given: int = 0

    def add(self, read: set[str], given: set[str]) -> None:
        self.right += len(read & given)
        self.read += len(read)
        self.given += len(given)

    def f1(self) -> float | None:
        return _f1(_share(self.right, self.read), _share(self.right, self.given))


@dataclass(slots=True)
class _Facts:
    """Of the true positives: how many had a direction (stage) and how many of these were right."""

    direction: list[bool] = field(default_factory=list)
    stage: list[bool] = field(default_factory=list)
    orgs: _Names = field(default_factory=_Names)
    models: _Names = field(default_factory=_Names)


def evaluate(judged: Sequence[Judged], canonical: Canonical) -> dict[str, Any]:
    """The record of interface.md "rules eval". Shares are None where there is nothing to divide by."""
    labelled = [one for one in judged if one.row.get("label") in {"shift", "none"}]
    others = [one for one in judged if one.row.get("label") not in {"shift", "none"}]
    strict = [one for one in labelled if not one.row.get("borderline")]
    record = {**_measured(labelled, canonical), "strict": _measured(strict, canonical)}
    if others:
        record["unlabelled"] = len(others)
        record["alerts_per_1000"] = _per_1000(others)
        record["by_stream"] = _by_stream(others)
    return record


def _measured(labelled: Sequence[Judged], canonical: Canonical) -> dict[str, Any]:
    hits = [one for one in labelled if one.wanted and one.found]
    false = [one.id for one in labelled if one.found and not one.wanted]
    missed = [one.id for one in labelled if one.wanted and not one.found]
    precision = _share(len(hits), len(hits) + len(false))
    recall = _share(len(hits), len(hits) + len(missed))
    facts = _facts(hits, canonical)
    return {
        "items": len(labelled),
        "precision": _rounded(precision),
        "recall": _rounded(recall),
        "f1": _rounded(_f1(precision, recall)),
        "direction_accuracy": _rounded(_share(sum(facts.direction), len(facts.direction))),
        "stage_accuracy": _rounded(_share(sum(facts.stage), len(facts.stage))),
        "org_f1": _rounded(facts.orgs.f1()),
        "model_f1": _rounded(facts.models.f1()),
        "false_positives": false,
        "false_negatives": missed,
    }


def _facts(hits: Iterable[Judged], canonical: Canonical) -> _Facts:
    facts = _Facts()
    for one in hits:
        shift = one.shift or Shift()
        for name in ("direction", "stage"):
            readings = _readings(one.row, name)
            if readings:
                getattr(facts, name).append(str(getattr(shift, name)) in readings)
        for name, counts in (("orgs", facts.orgs), ("models", facts.models)):
            if name in one.row:
                kind = name.removesuffix("s")
                read = {canonical(kind, value) for value in getattr(shift, name)}
                counts.add(read, {canonical(kind, str(value)) for value in one.row[name] or ()})
    return facts


def wrong_facts(one: Judged) -> dict[str, str]:
    """Direction and stage of a true positive that were read otherwise than labelled: name to 'read, not labelled'."""
    shift = one.shift or Shift()
    wrong = {}
    for name in ("direction", "stage"):
        readings = _readings(one.row, name)
        if readings and str(getattr(shift, name)) not in readings:
            wrong[name] = f"{getattr(shift, name)}, not {' or '.join(sorted(readings))}"
    return wrong


def _readings(row: Mapping[str, Any], name: str) -> set[str]:
    """Both readings of a fact; either counts as right."""
    also = row.get(f"{name}_also")
    values = [row.get(name), *(also if isinstance(also, list) else [also])]
    return {str(value) for value in values if value}


def _per_1000(judged: Sequence[Judged]) -> float:
    return round(1000 * sum(one.found for one in judged) / len(judged), 2)


def _by_stream(judged: Iterable[Judged]) -> dict[str, Any]:
    streams: dict[str, list[Judged]] = {}
    for one in judged:
        streams.setdefault(str(one.row.get("stream") or ""), []).append(one)
    return {
        name: {"items": len(found), "alerts": sum(one.found for one in found), "alerts_per_1000": _per_1000(found)}
        for name, found in sorted(streams.items())
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
