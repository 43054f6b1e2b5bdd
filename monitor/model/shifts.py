"""Shifts: the structured record of a change in how a model may be used, and the hits it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


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


# How people say a stage; "" where there is nothing to say.
STAGE_WORDS: Mapping[Stage, str] = {
    Stage.RUMOUR: "rumoured",
    Stage.CONSIDERING: "under consideration",
    Stage.ANNOUNCED: "announced",
    Stage.EFFECTIVE: "in effect",
    Stage.ENFORCEMENT: "enforcement",
    Stage.REVERSED: "reversed",
    Stage.NONE: "",
}


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
