"""What stands in config/rules/*.yaml: the forms that `typed` reads. Queries stay nodes, which know their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from monitor.model import Confidence, Direction, Severity, ShiftObject, Stage
from monitor.yamlfile import ScalarNode

Kind = Literal["terms", "org", "model", "licence", "stage", "object", "direction", "turn", "sign"]


@dataclass(frozen=True, slots=True)
class EntityForm:
    """A thing with names. `org`: the lab of a model. `rank`: how much a licence allows. `venue`: news stands there.

    `fallback`: counts only where no other model is named. `as_written`: its name is the words that were found.
    `instead_of`: the directions that a turn turns into its own; `severity` and `stage`: how grave the hit is then, and
    how far it has come when the text says nothing.
    """

    name: ScalarNode
    terms: tuple[ScalarNode, ...] = ()
    not_: tuple[ScalarNode, ...] = ()
    org: str = ""
    rank: int | None = None
    venue: bool = False
    fallback: bool = False
    as_written: bool = False
    instead_of: tuple[Direction, ...] = ()
    severity: Severity | None = None
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class VocabularyForm:
    """A vocabulary with a kind: terms, or entities that have terms each.

    `here`: its facts are read by the rules of its own file alone.
    """

    kind: Kind = "terms"
    here: bool = False
    terms: tuple[ScalarNode, ...] = ()
    not_: tuple[ScalarNode, ...] = ()
    entities: tuple[EntityForm, ...] = ()


Vocabularies = Mapping[str, tuple[ScalarNode, ...] | VocabularyForm]


@dataclass(frozen=True, slots=True)
class EvidenceForm:
    """One clause of a score and what it is worth."""

    when: ScalarNode
    points: float


@dataclass(frozen=True, slots=True)
class ScoreForm:
    """Weighted evidence: the rule holds when the points of the clauses that hold reach the threshold."""

    threshold: float
    add: tuple[EvidenceForm, ...]


@dataclass(frozen=True, slots=True)
class ShiftForm:
    """Fields of the shift record that a rule settles or assumes."""

    direction: Direction | None = None
    stage: Stage | None = None
    object: ShiftObject | None = None
    from_: str | None = None
    to: str | None = None
    denied: bool | None = None
    orgs: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExpectForm:
    """What the shift record of an example must say."""

    direction: Direction | None = None
    stage: Stage | None = None
    object: ShiftObject | None = None
    from_: str | None = None
    to: str | None = None
    denied: bool | None = None
    confidence: Confidence | None = None
    orgs: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExampleForm:
    """An entry made up to show what a rule must or must not match."""

    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    url: str = ""
    feed: str = ""
    tags: tuple[str, ...] = ()
    expect: ExpectForm = ExpectForm()


Examples = tuple[ScalarNode | ExampleForm, ...]


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule: exactly one of `when`, `score`, or `any`, `all` and `none` together."""

    id: ScalarNode
    title: str
    severity: Severity = Severity.MEDIUM
    priority: int = 0
    when: ScalarNode | None = None
    any: tuple[ScalarNode, ...] = ()
    all: tuple[ScalarNode, ...] = ()
    none: tuple[ScalarNode, ...] = ()
    score: ScoreForm | None = None
    unless: ScalarNode | None = None
    shift: ShiftForm = ShiftForm()
    assume: ShiftForm = ShiftForm()
    tags: tuple[str, ...] = ()
    vocabularies: Vocabularies = field(default_factory=dict)
    must_match: Examples = ()
    must_not_match: Examples = ()


@dataclass(frozen=True, slots=True)
class FileForm:
    """One file of rules."""

    version: Literal["1"] = "1"
    vocabularies: Vocabularies = field(default_factory=dict)
    rules: tuple[RuleForm, ...] = ()
