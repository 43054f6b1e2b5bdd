"""Rules ready to match entries, with the vocabularies they share."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from monitor import text
from monitor.errors import Place, Problem
from monitor.model import Entry, Hit, Severity
from monitor.rules.document import Document, Leaf, Subject
from monitor.rules.entities import Vocabulary
from monitor.rules.facts import Rulings, read_shift
from monitor.rules.index import Index
from monitor.rules.match import Node
from monitor.rules.mentions import family, outermost
from monitor.rules.told import Sources, Told, told_of, without


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled watch rule. `parts` are its keys that hold queries, with their nodes, in file order."""

    id: str
    title: str
    severity: Severity
    version: str
    tags: tuple[str, ...]
    place: Place
    condition: Node = field(repr=False)
    parts: tuple[tuple[str, Node], ...] = field(repr=False, default=())
    rulings: Rulings = field(repr=False, default_factory=Rulings)
    sources: Sources = field(repr=False, default_factory=Sources)
    number: int = 0
    priority: int = 0

    @property
    def path(self) -> str:
        return self.place.file


@dataclass(frozen=True)
class RuleSet:
    """All rules of a configuration. `examples_passed` are hashes of rules whose examples held when they were loaded."""

    rules: Mapping[str, Rule]
    vocabularies: Mapping[str, Vocabulary]
    index: Index = field(repr=False)
    warnings: tuple[Problem, ...] = ()
    examples_passed: frozenset[str] = field(repr=False, default=frozenset())

    @cached_property
    def sifter(self) -> tuple[str, bytes]:
        """The sieve's plan for another process, and a name that tells it from the plan of any other rules."""
        plan = self.index.sieve.written
        return hashlib.blake2b(plan, digest_size=16).hexdigest(), plan

    @cached_property
    def _in_order(self) -> tuple[Rule, ...]:
        return tuple(self.rules.values())

    def match(
        self, entry: Entry, *, feed_tags: Sequence[str] = (), feed_id: str = "", among: Collection[int] | None = None
    ) -> tuple[Hit, ...]:
        """The hits of all rules, in the order of the files. `feed_id` is the entry's own unless given.

        `among`: the numbers of the rules that our sieve lets pass, where it was asked before; others are no rules.
        """
        if among is not None and not among:
            return ()
        subject = Subject(entry, feed_tags, feed_id)
        candidates = self.index.sieve.candidates(subject) if among is None else self._known(among)
        if not candidates:
            return ()
        document, rules = self.index.document(subject), self._in_order
        held = [rules[number] for number in candidates if rules[number].condition.truth(document)]
        return hits_of(held, document)

    def _known(self, numbers: Collection[int]) -> list[int]:
        return [number for number in sorted(numbers) if 0 <= number < len(self.rules)]

    def hit(self, rule_id: str, subject: Subject) -> Hit | None:
        """The hit of one rule, or None: for examples and backtests."""
        document = self._document_of(rule_id, subject)
        return None if document is None else hits_of([self.rules[rule_id]], document)[0]

    def holds(self, rule_id: str, subject: Subject) -> bool:
        """Whether one rule matches, without reading what it is about."""
        return self._document_of(rule_id, subject) is not None

    def _document_of(self, rule_id: str, subject: Subject) -> Document | None:
        """The subject as a document when the rule matches it."""
        rule, document = self.rules[rule_id], self.index.document(subject)
        if not rule.condition.truth(document) or not self.index.sieve.candidates(subject, rule.number):
            return None
        return document

    def orgs(self) -> Mapping[str, str]:
        """Folded names and aliases of organisations to the name the vocabularies give them."""
        return self._names("org")

    def models(self) -> Mapping[str, str]:
        """The same for models."""
        return self._names("model")

    def canonical(self, kind: str, name: str) -> str:
        """The name that the vocabularies of a kind give to what `name` names; folded when they know it not.

        A version that they do not list is its family's.
        """
        names = self._names_of[kind]
        known = names.get(text.fold(name)) or names.get(text.fold(family(name)))
        return known or next(iter(self.named(kind, Entry("", (), name))), text.fold(name))

    def named(self, kind: str, entry: Entry) -> tuple[str, ...]:
        """The names of a kind that an entry names, by the vocabularies, in order and each once."""
        document, _ = self.index.look(Subject(entry))
        found = outermost(document, [v for v in self.vocabularies.values() if v.kind == kind])
        return tuple(dict.fromkeys(mention.entity.name for mention in found))

    @cached_property
    def _names_of(self) -> Mapping[str, Mapping[str, str]]:
        return {kind: self._names(kind) for kind in ("org", "model")}

    def _names(self, kind: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for vocabulary in self.vocabularies.values():
            if vocabulary.kind == kind:
                for entity in vocabulary.entities:
                    for alias in (entity.name, *entity.aliases):
                        found.setdefault(text.fold(alias), entity.name)
        return found


def hits_of(rules: Iterable[Rule], document: Document) -> tuple[Hit, ...]:
    """The hits of rules that hold of a document; one that needs words beside the news counts only when there is no

    other: "Under fire for closed models, Example Lab opens Ocelot" closes nothing. A special case (a rule with a
    priority) may be made for such words: "After outcry, Example Lab keeps Ocelot open".
    """
    # Rules share their sources, but for those with vocabularies of their own.
    told: dict[int, tuple[Told, Document]] = {}
    hits: list[Hit] = []
    beside: list[Hit] = []
    for rule in rules:
        if id(rule.sources) not in told:
            read = told_of(document, rule.sources)
            told[id(rule.sources)] = read, without(document, read.beside) if read.beside else document
        read, news = told[id(rule.sources)]
        leaves = rule.condition.leaves(document)
        needs_them = rule.priority <= 0 and news is not document and not rule.condition.truth(news)
        (beside if needs_them or read.only_beside(leaves) else hits).append(_hit(rule, document, leaves, read))
    return tuple(hits or beside)


def _hit(rule: Rule, document: Document, leaves: Collection[Leaf], told: Told) -> Hit:
    spans = {document.span(leaf) for leaf in leaves}
    shift, turn = read_shift(document, leaves, rule.rulings, told)
    fields = ("title", "summary", "content", "author")
    return Hit(
        rule_id=rule.id,
        rule_version=rule.version,
        rule_title=rule.title,
        severity=turn.facts.get("severity", rule.severity) if turn else rule.severity,
        shift=shift,
        spans=tuple(sorted(spans, key=lambda span: (fields.index(span.field), span.start, span.end))),
        tags=rule.tags,
        priority=rule.priority,
    )
