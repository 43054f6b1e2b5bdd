"""Which rules can match at all, told from what occurred: matching costs next to nothing for the others.

A group is a literal or vocabulary (anywhere, in the title, or outside it), a regex, or a feed's id, tag or domain. A
clause is a set of groups, at least one of which must occur; a way is a list of clauses that must all be met. A rule has
one or more ways to match. The rarest clause of a way is its anchor: only when that is met, the others are tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

from monitor.rules import match
from monitor.rules.compile import Pool
from monitor.rules.document import ANYWHERE, REST, TITLE, where
from monitor.rules.sieve import Check, Group

Clause = frozenset[Group]
Way = tuple[Clause, ...]

_LITERAL, _VOCABULARY, _REGEX, _ID = 0, 3, 6, 7
_KINDS = 8
_MOST_WAYS = 24  # of a rule; more alternatives are told apart less sharply


def literal_group(number: int, place: int = ANYWHERE) -> Group:
    return number * _KINDS + _LITERAL + place


def vocabulary_group(number: int, place: int = ANYWHERE) -> Group:
    return number * _KINDS + _VOCABULARY + place


def regex_group(number: int) -> Group:
    return number * _KINDS + _REGEX


def id_group(number: int) -> Group:
    return number * _KINDS + _ID


@dataclass(slots=True)
class Anchors:
    """Rules by anchor. Filled rule by rule, in the order of their numbers."""

    pool: Pool
    anchored: dict[Group, list[Check]] = field(default_factory=dict)
    always: list[int] = field(default_factory=list)  # rules that may match a text with none of their terms
    flat: list[Clause] = field(default_factory=list)  # of each vocabulary: literals and regexes that can make it occur
    _costs: dict[Group, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for vocabulary in self.pool.vocabularies:
            groups = {literal_group(literal) for literal in vocabulary.by_term.literals}
            for _, node in vocabulary.others:
                for way in self.ways(node):
                    groups |= self._rarest(way)
            self.flat.append(frozenset(self._flattened(groups)))

    def _flattened(self, groups: Iterable[Group]) -> set[Group]:
        """The groups with vocabularies taken apart, wherever they must occur."""
        flat: set[Group] = set()
        for group in groups:
            number, kind = divmod(group, _KINDS)
            if _VOCABULARY <= kind < _REGEX:
                flat |= self.flat[number]
            else:
                flat.add(literal_group(number) if kind < _VOCABULARY else group)
        return flat

    def add(self, number: int, node: match.Node) -> None:
        """Takes a rule."""
        ways = self.ways(node)
        if not all(ways):
            self.always.append(number)
            return
        for way in ways:
            anchor = min(way, key=self._load)
            others = [clause for clause in dict.fromkeys(way) if clause != anchor]
            alone = frozenset(group for clause in others if len(clause) == 1 for group in clause)
            check = number, alone, tuple(clause for clause in others if len(clause) > 1)
            for group in anchor:
                self.anchored.setdefault(group, []).append(check)

    def _load(self, clause: Clause) -> float:
        """Rare is good, and so is a clause that is no other rule's anchor."""
        return self.cost(clause) * (1 + sum(len(self.anchored.get(group, ())) for group in clause))

    def meanings(self) -> tuple[list[tuple[Group, ...]], ...]:
        """What it means for the rules that a literal occurs in the title; outside it; and that a regex matches."""
        wanted = set(self.anchored)
        for rules in self.anchored.values():
            for _, alone, clauses in rules:
                wanted.update(alone, *clauses)
        literals = [literal_group(number) for number in range(len(self.pool.literals))]
        regexes = [regex_group(number) for number in range(len(self.pool.compiled_regexes))]
        return (
            self._meaning(literals, (ANYWHERE, TITLE), wanted),
            self._meaning(literals, (ANYWHERE, REST), wanted),
            self._meaning(regexes, (ANYWHERE, TITLE, REST), wanted),  # a regex is not asked where it matched
        )

    def _meaning(self, groups: Sequence[Group], places: Sequence[int], wanted: set[Group]) -> list[tuple[Group, ...]]:
        meant: dict[Group, list[Group]] = {}
        for group in groups:
            here = [group + place for place in places] if group % _KINDS == _LITERAL else [group]
            meant[group] = [one for one in here if one in wanted]
        for number, flat in enumerate(self.flat):
            here = [one for one in (vocabulary_group(number, place) for place in places) if one in wanted]
            for group in flat & meant.keys() if here else ():
                meant[group] += here
        return [tuple(meant[group]) for group in groups]

    def ways(self, node: match.Node) -> list[Way]:
        """If the node holds, all clauses of at least one way are met. A way without clauses promises nothing."""
        if isinstance(node, match.TermNode):
            return [(frozenset([literal_group(node.literal, where(node.fields))]),)]
        if isinstance(node, match.VocabularyNode):
            return [(frozenset([vocabulary_group(node.vocabulary.number, where(node.fields))]),)]
        if isinstance(node, match.RegexNode):
            return [(frozenset([regex_group(node.number)]),)]
        if isinstance(node, match.IdNode):
            return [(frozenset([id_group(self.pool.id(node.name, node.value))]),)]
        if isinstance(node, match.NotNode):
            return [()]
        if isinstance(node, match.OrNode):
            return self._either([way for child in node.alternatives for way in self.ways(child)])
        if isinstance(node, match.ScoreNode):
            return self._score(node)
        return self._all([self.ways(child) for child in node.children()])

    def _either(self, ways: list[Way]) -> list[Way]:
        """Alternatives of one clause each are one clause; too many ways are made less sharp."""
        simple = [way[0] for way in ways if len(way) == 1]
        several = [way for way in dict.fromkeys(ways) if len(way) != 1]
        merged = ([(frozenset().union(*simple),)] if simple else []) + several
        return merged if len(merged) <= _MOST_WAYS else [self._blunt(merged)]

    def _blunt(self, ways: list[Way]) -> Way:
        """One way instead of many: the rarest clause of each is needed of any."""
        if not all(ways):
            return ()
        return (frozenset().union(*[self._rarest(way) for way in ways]),)

    def _all(self, parts: list[list[Way]]) -> list[Way]:
        count = 1
        for ways in parts:
            count *= len(ways)
        if count > _MOST_WAYS:
            parts = [ways if len(ways) == 1 else [self._blunt(ways)] for ways in parts]
        return [tuple(dict.fromkeys(clause for way in chosen for clause in way)) for chosen in product(*parts)]

    def _score(self, node: match.ScoreNode) -> list[Way]:
        """The commonest clauses are left out as long as they cannot reach the threshold by themselves."""
        if node.threshold <= 0:
            return [()]
        gains = [(self.ways(clause), points) for clause, points in node.clauses if points > 0]
        gains.sort(key=lambda gain: sum(self.cost(clause) for clause in self._blunt(gain[0])), reverse=True)
        left_out = 0.0
        needed: list[Way] = []
        for ways, points in gains:
            if left_out + points < node.threshold:
                left_out += points
            else:
                needed += ways
        return self._either(needed)

    def _rarest(self, way: Way) -> Clause:
        return min(way, key=self.cost)

    def cost(self, clause: Clause) -> float:
        """How often a clause is likely to be met, relative to others."""
        return sum(map(self._cost_of, clause))

    def _cost_of(self, group: Group) -> float:
        if group not in self._costs:
            self._costs[group] = self._guessed(*divmod(group, _KINDS))
        return self._costs[group]

    def _guessed(self, number: int, kind: int) -> float:
        if kind < _VOCABULARY:  # short words are common, so are words of many rules, and a title has few
            share: float = self.pool.uses[number] * 0.6 ** len(self.pool.literal_texts[number].strip())
            return share * (0.4 if kind == TITLE else 1)
        if kind < _REGEX:
            return self.cost(self.flat[number]) * (0.4 if kind - _VOCABULARY == TITLE else 1)
        return 0.3 if kind == _REGEX else 0.01
