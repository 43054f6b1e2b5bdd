"""What a compiled query is, and when it holds of a document.

Positional nodes (terms, vocabularies, regexes, NEARs and ORs of them) have occurrences; all have truth and leaves,
the spans that made them true. Compiled nodes keep the characters of the query they came from, for `explain`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.rules.document import (
    ALL_FIELDS,
    FIELD_STEP,
    SEARCHED,
    Document,
    Leaf,
    Occurrence,
    Pair,
    where,
)

if TYPE_CHECKING:
    from monitor.rules.entities import Vocabulary

# Pairs that one NEAR tries in one entry: an article has a few thousand, a text made to hurt has millions.
_MOST_PAIRS = 100_000


@dataclass(slots=True)
class Node:
    """A clause; `source` is its text in the query."""

    source: str

    def possible(self, document: Document) -> bool:  # noqa: ARG002  # nothing is known against it
        """False only if it cannot hold, told from the literals that occur: much cheaper than the truth."""
        return True

    def truth(self, document: Document) -> bool:
        return self.possible(document) and bool(self.occurrences(document))

    def occurrences(self, document: Document) -> Sequence[Occurrence]:  # noqa: ARG002  # only positional nodes have any
        """Where it occurs, in order of position, no two equal."""
        return ()

    def parts(self, document: Document, places: set[Occurrence]) -> set[Leaf]:  # noqa: ARG002  # a leaf is its own part
        """The leaves that make up these of its occurrences."""
        return {*places}

    def leaves(self, document: Document) -> set[Leaf]:
        """The leaves that make it true."""
        return self.parts(document, set(self.occurrences(document)))

    def children(self) -> Sequence[Node]:
        return ()


def _size(node: Node) -> int:
    return 1 + sum(map(_size, node.children()))


def any_possible(nodes: Sequence[Node], document: Document) -> bool:
    for node in nodes:  # noqa: SIM110  # `any` takes three times as long, and most rules end here
        if node.possible(document):
            return True
    return False


def _within(found: Sequence[Occurrence], fields: int) -> Sequence[Occurrence]:
    if fields == ALL_FIELDS:
        return found
    return [at for at in found if fields >> (at[0] // FIELD_STEP) & 1]


@dataclass(slots=True)
class TermNode(Node):
    """A word or phrase."""

    number: int
    literal: int
    fields: int = SEARCHED
    place: int = field(init=False)

    def __post_init__(self) -> None:
        self.place = where(self.fields)

    def possible(self, document: Document) -> bool:
        return self.literal in document.literals[self.place]

    def occurrences(self, document: Document) -> Sequence[Occurrence]:
        found = document.term(self.number)
        return (
            _within(found, self.fields) if found and (self.fields != SEARCHED or document.index.with_author) else found
        )


@dataclass(slots=True)
class VocabularyNode(Node):
    """`$name`."""

    vocabulary: Vocabulary
    fields: int = SEARCHED
    place: int = field(init=False)
    key: int = field(init=False)  # of the vocabulary in that place

    def __post_init__(self) -> None:
        self.place = where(self.fields)
        self.key = self.vocabulary.number * 4 + self.place

    def possible(self, document: Document) -> bool:
        known = document.possible.get(self.key)
        if known is None:
            known = document.possible[self.key] = self.vocabulary.possible(document, self.place)
        return known

    def occurrences(self, document: Document) -> Sequence[Occurrence]:
        key = self.vocabulary.number, self.fields
        found = document.places.get(key)
        if found is None:
            mentions = document.mentions(self.vocabulary)
            found = _within(sorted({(mention.start, mention.end) for mention in mentions}), self.fields)
            document.places[key] = found
        return found


@dataclass(slots=True)
class RegexNode(Node):
    """`/re2/`."""

    number: int
    fields: int = SEARCHED

    def occurrences(self, document: Document) -> Sequence[Occurrence]:
        return _within(sorted(document.regex(self.number)), self.fields)

    def parts(self, document: Document, places: set[Occurrence]) -> set[Leaf]:
        found = document.regex(self.number)
        return {leaf for at in places for leaf in found.get(at, ())}


@dataclass(slots=True)
class IdNode(Node):
    """`feed:`, `tag:`, `domain:`: about the entry, not in it."""

    name: str
    value: str

    def possible(self, document: Document) -> bool:
        return self.truth(document)

    def truth(self, document: Document) -> bool:
        return document.subject.has_id(self.name, self.value)


@dataclass(slots=True)
class NearNode(Node):
    """Two spans that do not overlap, at most `distance` words apart, or in one sentence when it is None."""

    left: Node
    right: Node
    distance: int | None
    ordered: bool

    def possible(self, document: Document) -> bool:
        return self.left.possible(document) and self.right.possible(document)

    def truth(self, document: Document) -> bool:
        return next(self._pairs(document), None) is not None

    def occurrences(self, document: Document) -> Sequence[Occurrence]:
        return sorted({_cover(a, b) for a, b in self._all_pairs(document)})

    def parts(self, document: Document, places: set[Occurrence]) -> set[Leaf]:
        return self._leaves(document, places)

    def leaves(self, document: Document) -> set[Leaf]:
        return self._leaves(document, None)

    def children(self) -> Sequence[Node]:
        return (self.left, self.right)

    def _leaves(self, document: Document, covers: set[Occurrence] | None) -> set[Leaf]:
        pairs = [pair for pair in self._all_pairs(document) if covers is None or _cover(*pair) in covers]
        lefts = self.left.parts(document, {a for a, _ in pairs})
        return lefts | self.right.parts(document, {b for _, b in pairs})

    def _all_pairs(self, document: Document) -> Sequence[Pair]:
        if id(self) not in document.pairs:
            document.pairs[id(self)] = list(self._pairs(document))
        return document.pairs[id(self)]

    def _pairs(self, document: Document) -> Iterator[Pair]:
        if not self.possible(document):
            return
        lefts = self.left.occurrences(document)
        rights = self.right.occurrences(document) if lefts else ()
        if not rights:
            return
        longest = max(end - start for start, end in rights)
        tried = 0
        for a in lefts:
            near = self._window(document, a, rights, longest)
            for b in near:
                if self._joined(document, a, b):
                    yield a, b
            tried += len(near)
            if tried > _MOST_PAIRS:
                return

    def _window(
        self, document: Document, a: Occurrence, rights: Sequence[Occurrence], longest: int
    ) -> Sequence[Occurrence]:
        """Those of the rights that begin near enough, or in the sentence of `a`: a long text has thousands."""
        if self.distance is not None:
            low = bisect_left(rights, (a[0] - self.distance - longest, 0))
            return rights[low : bisect_right(rights, (a[1] + self.distance, 1 << 62))]
        here = document.sentence(a[0])
        low = bisect_left(rights, here, key=lambda b: document.sentence(b[0]))
        return rights[low : bisect_right(rights, here, low, key=lambda b: document.sentence(b[0]))]

    def _joined(self, document: Document, a: Occurrence, b: Occurrence) -> bool:
        if a == b:  # a regex between two words has no width, and is no two occurrences
            return False
        if a[1] <= b[0]:
            gap, first, last = b[0] - a[1], a, b
        elif b[1] <= a[0] and not self.ordered:
            gap, first, last = a[0] - b[1], b, a
        else:
            return False
        if self.distance is not None:
            return gap <= self.distance
        return document.sentence(first[0]) == document.sentence(max(last[0], last[1] - 1))


def _cover(a: Occurrence, b: Occurrence) -> Occurrence:
    return min(a[0], b[0]), max(a[1], b[1])


@dataclass(slots=True)
class OrNode(Node):
    """Alternatives; those that are terms are looked up by the literals that occurred, not tried one by one."""

    alternatives: Sequence[Node]
    terms: Mapping[int, Sequence[TermNode]] = field(default_factory=dict)  # by literal
    others: Sequence[Node] = ()

    def _present(self, document: Document) -> Iterator[Node]:
        for literal in document.literals[0] & self.terms.keys():
            yield from self.terms[literal]
        yield from self.others

    def possible(self, document: Document) -> bool:
        if not self.terms.keys().isdisjoint(document.literals[0]):
            return True
        return any_possible(self.others, document)

    def truth(self, document: Document) -> bool:
        return any(node.truth(document) for node in self._present(document))

    def occurrences(self, document: Document) -> Sequence[Occurrence]:
        found: set[Occurrence] = set()
        for node in self._present(document):
            found.update(node.occurrences(document))
        return sorted(found)

    def parts(self, document: Document, places: set[Occurrence]) -> set[Leaf]:
        found: set[Leaf] = set()
        for node in self._present(document):
            found |= node.parts(document, places.intersection(node.occurrences(document)))
        return found

    def leaves(self, document: Document) -> set[Leaf]:
        return {leaf for node in self._present(document) if node.truth(document) for leaf in node.leaves(document)}

    def children(self) -> Sequence[Node]:
        return self.alternatives


@dataclass(slots=True)
class AndNode(Node):
    clauses: Sequence[Node]
    shortest_first: Sequence[Node] = field(init=False)  # most fail: what is short is asked before what is long

    def __post_init__(self) -> None:
        self.shortest_first = sorted(self.clauses, key=_size)

    def possible(self, document: Document) -> bool:
        for node in self.shortest_first:  # noqa: SIM110  # `all` takes three times as long, and most rules end here
            if not node.possible(document):
                return False
        return True

    def truth(self, document: Document) -> bool:
        return self.possible(document) and all(node.truth(document) for node in self.shortest_first)

    def leaves(self, document: Document) -> set[Leaf]:
        return {leaf for node in self.clauses for leaf in node.leaves(document)}

    def children(self) -> Sequence[Node]:
        return self.clauses


@dataclass(slots=True)
class NotNode(Node):
    child: Node

    def truth(self, document: Document) -> bool:
        return not self.child.truth(document)

    def leaves(self, document: Document) -> set[Leaf]:  # noqa: ARG002  # what is absent has no span
        return set()

    def children(self) -> Sequence[Node]:
        return (self.child,)


@dataclass(slots=True)
class AtLeastNode(Node):
    """At least `count` occurrences that do not overlap, in one field."""

    count: int
    child: Node

    def possible(self, document: Document) -> bool:
        return self.child.possible(document)

    def truth(self, document: Document) -> bool:
        return bool(self._fields(document))

    def leaves(self, document: Document) -> set[Leaf]:
        enough = self._fields(document)
        found = {at for at in self.child.occurrences(document) if at[0] // FIELD_STEP in enough}
        return self.child.parts(document, found)

    def children(self) -> Sequence[Node]:
        return (self.child,)

    def _fields(self, document: Document) -> set[int]:
        """The fields with enough occurrences: taking the one that ends first leaves most room for others."""
        counts: dict[int, int] = {}
        reached: dict[int, int] = {}
        for start, end in sorted(self.child.occurrences(document), key=lambda at: (at[1], at[0])):
            number = start // FIELD_STEP
            if start >= reached.get(number, 0):
                counts[number] = counts.get(number, 0) + 1
                reached[number] = end
        return {number for number, count in counts.items() if count >= self.count}


@dataclass(slots=True)
class ScoreNode(Node):
    """Points of the clauses that hold, at least `threshold` together."""

    threshold: float
    clauses: Sequence[tuple[Node, float]]

    def possible(self, document: Document) -> bool:
        best = sum(points for node, points in self.clauses if points > 0 and node.possible(document))
        return best >= self.threshold

    def points(self, document: Document) -> float:
        return sum(points for node, points in self.clauses if node.truth(document))

    def truth(self, document: Document) -> bool:
        return self.possible(document) and self.points(document) >= self.threshold

    def leaves(self, document: Document) -> set[Leaf]:
        held = [node for node, points in self.clauses if points > 0 and node.truth(document)]
        return {leaf for node in held for leaf in node.leaves(document)}

    def children(self) -> Sequence[Node]:
        return [node for node, _ in self.clauses]
