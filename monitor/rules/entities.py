"""Vocabularies as the matcher has them: the entities they name, and where these are mentioned."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.rules.document import Document, Mention
from monitor.rules.match import Node, any_possible


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing with names. `org` is the lab of a model; `facts` is what else its vocabulary says of it."""

    name: str
    org: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """The entities each term stands for, and the literals that find these terms."""

    entities: Mapping[int, Sequence[int]]
    literals: frozenset[int]


@dataclass(slots=True, eq=False)
class Vocabulary:
    """A compiled vocabulary, shared by all rules that refer to it.

    `by_term`: the entities a term stands for, `hiding`: those a term hides, `others`: items that are no plain terms.
    Shown by its name alone: vocabularies hold each other, and written out they would double at each step.
    """

    number: int
    name: str
    kind: str
    entities: Sequence[Entity] = field(repr=False)
    by_term: Terms = field(repr=False, default_factory=lambda: Terms({}, frozenset()))
    others: Sequence[tuple[int, Node]] = field(repr=False, default=())
    queries: Sequence[Node] = field(repr=False, default=())  # the nodes of `others`
    hiding: Terms = field(repr=False, default_factory=lambda: Terms({}, frozenset()))
    hiding_others: Sequence[tuple[int, Node]] = field(repr=False, default=())
    version: str = ""

    def possible(self, document: Document, place: int) -> bool:
        """Whether it may occur there. Items that are queries are asked about anywhere."""
        if not self.by_term.literals.isdisjoint(document.literals[place]):
            return True
        return any_possible(self.queries, document)

    def find(self, document: Document) -> list[Mention]:
        """Its mentions in order of position. A `not` term hides those of its entity that it overlaps."""
        shown = _entities_at(document, self.by_term, self.others)
        if not shown:
            return []
        hidden = Spread(_entities_at(document, self.hiding, self.hiding_others))
        return [Mention(*at) for at in sorted(shown) if not hidden.overlaps(at)]


def _entities_at(document: Document, terms: Terms, others: Sequence[tuple[int, Node]]) -> set[tuple[int, int, int]]:
    found: set[tuple[int, int, int]] = set()
    literal_terms = document.index.literal_terms
    for literal in document.literals[0] & terms.literals:
        for number in literal_terms[literal]:
            entities = terms.entities.get(number, ())
            for start, end in document.term(number) if entities else ():
                found.update((start, end, entity) for entity in entities)
    for entity, node in others:
        if node.possible(document):
            found.update((start, end, entity) for start, end in node.occurrences(document))
    return found


class Spread:
    """Spans by what they belong to: where they begin, in order, and how far those up to each of them reach.

    Whether one is overlapped is told by halving: a text made to hurt has tens of thousands.
    """

    def __init__(self, spans: Iterable[tuple[int, int, int]]) -> None:
        self._of: dict[int, tuple[list[int], list[int]]] = {}
        for start, end, entity in sorted(spans):
            starts, reach = self._of.setdefault(entity, ([], []))
            starts.append(start)
            reach.append(max(end, reach[-1]) if reach else end)

    def overlaps(self, at: tuple[int, int, int]) -> bool:
        """Whether a span of the same owner overlaps (start, end, owner)."""
        starts, reach = self._of.get(at[2], ((), ()))
        before = bisect_left(starts, at[1])
        return before > 0 and reach[before - 1] > at[0]
