"""Which rules can match at all, told from what occurred: matching costs nothing for the others.

A group is a literal, a vocabulary, a regex, or a feed's id, tag or domain. A clause is a set of groups; a rule requires
at least one group of each of its clauses. Its rarest clause is its anchor: only when that is met, the rest is tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.rules import match
from monitor.rules.compile import Pool

Group = int
Clause = frozenset[Group]
# A rule, the groups it needs all of, and its clauses of several groups.
Check = tuple[int, Clause, Sequence[Clause]]
_LITERAL, _VOCABULARY, _REGEX, _ID = range(4)


def literal_group(number: int) -> Group:
    return number * 4 + _LITERAL


def vocabulary_group(number: int) -> Group:
    return number * 4 + _VOCABULARY


def regex_group(number: int) -> Group:
    return number * 4 + _REGEX


def id_group(number: int) -> Group:
    return number * 4 + _ID


def _misses_one(clauses: Sequence[Clause], present: set[Group]) -> bool:
    for clause in clauses:  # noqa: SIM110  # `any` takes three times as long, on the path of every entry
        if clause.isdisjoint(present):
            return True
    return False


@dataclass(slots=True)
class Anchors:
    """Rules by anchor. Filled rule by rule, in the order of their numbers."""

    pool: Pool
    anchored: dict[Group, list[Check]] = field(default_factory=dict)
    always: list[int] = field(default_factory=list)  # rules that may match a text with none of their terms
    flat: list[Clause] = field(default_factory=list)  # of each vocabulary: the groups that can make it occur
    _costs: dict[Group, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for vocabulary in self.pool.vocabularies:
            groups = {literal_group(literal) for literal in vocabulary.by_term.literals}
            for _, node in vocabulary.others:
                groups |= self._rarest(self.required(node)) or frozenset()
            self.flat.append(frozenset(self._flattened(groups)))

    def _flattened(self, groups: Iterable[Group]) -> set[Group]:
        flat: set[Group] = set()
        for group in groups:
            flat |= self.flat[group >> 2] if group & 3 == _VOCABULARY else {group}
        return flat

    def add(self, number: int, node: match.Node) -> None:
        """Takes a rule."""
        clauses = self.required(node)
        if not clauses:
            self.always.append(number)
            return
        anchor = min(clauses, key=self._load)
        others = [clause for clause in dict.fromkeys(clauses) if clause != anchor]
        alone = frozenset(group for clause in others if len(clause) == 1 for group in clause)
        check = number, alone, tuple(clause for clause in others if len(clause) > 1)
        for group in anchor:
            self.anchored.setdefault(group, []).append(check)

    def _load(self, clause: Clause) -> float:
        """Rare is good, and so is a clause that is no other rule's anchor."""
        return self.cost(clause) * (1 + sum(len(self.anchored.get(group, ())) for group in clause))

    def candidates(self, present: set[Group]) -> list[int]:
        """The rules whose required groups are all met, by number."""
        found = set(self.always)
        anchored = self.anchored
        for group in present & anchored.keys():
            for number, alone, clauses in anchored[group]:
                if alone <= present and not (clauses and _misses_one(clauses, present)):
                    found.add(number)
        return sorted(found)

    def groups_of_literals(self) -> list[tuple[Group, ...]]:
        """What the occurrence of each literal means for the rules: its own group and those of its vocabularies."""
        return self._meaning([literal_group(n) for n in range(len(self.pool.literals))])

    def groups_of_regexes(self) -> list[tuple[Group, ...]]:
        """The same for each regex."""
        return self._meaning([regex_group(n) for n in range(len(self.pool.compiled_regexes))])

    def _meaning(self, groups: Sequence[Group]) -> list[tuple[Group, ...]]:
        wanted = set(self.anchored)
        for rules in self.anchored.values():
            for _, alone, clauses in rules:
                wanted.update(alone, *clauses)
        meant: dict[Group, list[Group]] = {group: [group] if group in wanted else [] for group in groups}
        for number, flat in enumerate(self.flat):
            if vocabulary_group(number) in wanted:
                for group in flat & meant.keys():
                    meant[group].append(vocabulary_group(number))
        return [tuple(meant[group]) for group in groups]

    def required(self, node: match.Node) -> list[Clause]:
        """If the node holds, at least one group of every clause occurred."""
        if isinstance(node, match.TermNode):
            return [frozenset([literal_group(self.pool.term_places[node.number][0])])]
        if isinstance(node, match.VocabularyNode):
            return [frozenset([vocabulary_group(node.vocabulary.number)])]
        if isinstance(node, match.RegexNode):
            return [frozenset([regex_group(node.number)])]
        if isinstance(node, match.IdNode):
            return [frozenset([id_group(self.pool.id(node.name, node.value))])]
        if isinstance(node, match.NotNode):
            return []
        if isinstance(node, match.OrNode):
            return self._required_of_either(node.alternatives)
        if isinstance(node, match.ScoreNode):
            return self._required_of_score(node)
        return [clause for child in node.children() for clause in self.required(child)]

    def _required_of_either(self, nodes: Sequence[match.Node]) -> list[Clause]:
        union: set[Group] = set()
        for node in nodes:
            rarest = self._rarest(self.required(node))
            if rarest is None:
                return []
            union |= rarest
        return [frozenset(union)]

    def _required_of_score(self, node: match.ScoreNode) -> list[Clause]:
        """The commonest clauses are left out as long as they cannot reach the threshold by themselves."""
        gains = [(clause, points) for clause, points in node.clauses if points > 0]
        if node.threshold <= 0:
            return []
        gains.sort(key=lambda gain: self._rarest_cost(gain[0]), reverse=True)
        left_out = 0.0
        needed: list[match.Node] = []
        for clause, points in gains:
            if left_out + points < node.threshold:
                left_out += points
            else:
                needed.append(clause)
        return self._required_of_either(needed)

    def _rarest(self, clauses: Sequence[Clause]) -> Clause | None:
        return min(clauses, key=self.cost, default=None)

    def _rarest_cost(self, node: match.Node) -> float:
        rarest = self._rarest(self.required(node))
        return float("inf") if rarest is None else self.cost(rarest)

    def cost(self, clause: Clause) -> float:
        """How often a clause is likely to be met, relative to others."""
        return sum(map(self._cost_of, clause))

    def _cost_of(self, group: Group) -> float:
        if group not in self._costs:
            self._costs[group] = self._guessed(group >> 2, group & 3)
        return self._costs[group]

    def _guessed(self, number: int, what: int) -> float:
        if what == _LITERAL:  # short words are common
            return 0.6 ** len(self.pool.literal_texts[number].strip())
        if what == _VOCABULARY:
            return self.cost(self.flat[number])
        return 0.3 if what == _REGEX else 0.01
