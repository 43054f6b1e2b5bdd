"""Which rules can match at all, told from what occurred: matching costs next to nothing for the others.

A group is a literal or vocabulary (anywhere, in the title, or outside it), a regex, or a feed's id, tag or domain. A
clause is a set of groups, at least one of which must occur. What a rule needs is a clause, or needs of which all or one
must be met. The rarest clause without which it cannot match is its anchor: only when that is met, the rest is tested.
A vocabulary made of queries occurs, for an anchor, where the rarest clause of one of them does; exactly, when all that
the query needs is there. That is asked last, of the few rules that are left, and once for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.rules import match
from monitor.rules.compile import Pool
from monitor.rules.document import ANYWHERE, REST, TITLE
from monitor.rules.plan import NOTHING, Check, Clause, Group, Need, Needs, groups_of
from monitor.text import SMALL_WORDS

_LITERAL, _VOCABULARY, _REGEX, _ID, _PLAIN = 0, 3, 6, 7, 8
_KINDS = 11
_EVERYWHERE = 100.0  # the cost of a small word: rather ask for anything else


def literal_group(number: int, place: int = ANYWHERE) -> Group:
    return number * _KINDS + _LITERAL + place


def vocabulary_group(number: int, place: int = ANYWHERE) -> Group:
    return number * _KINDS + _VOCABULARY + place


def plain_group(number: int, place: int = ANYWHERE) -> Group:
    """A vocabulary by its terms alone, without those of its items that are queries."""
    return number * _KINDS + _PLAIN + place


def regex_group(number: int) -> Group:
    return number * _KINDS + _REGEX


def id_group(number: int) -> Group:
    return number * _KINDS + _ID


@dataclass(slots=True)
class Anchors:
    """Rules by anchor. Filled rule by rule, in the order of their numbers."""

    pool: Pool
    checks: list[Check] = field(default_factory=list)
    always: list[int] = field(default_factory=list)  # rules that may match a text with none of their terms
    flat: list[Clause] = field(default_factory=list)  # of each vocabulary: literals and regexes that can make it occur
    exact: dict[int, Need] = field(default_factory=dict)  # of rules whose checks do not say it all: what they need
    named: list[Need] = field(default_factory=list)  # what vocabularies made of queries need
    _names: dict[tuple[int, int], int] = field(default_factory=dict)  # of a vocabulary in a place
    _named_anchors: list[Clause | None] = field(default_factory=list)
    _costs: dict[Group, float] = field(default_factory=dict)
    _clause_costs: dict[Clause, float] = field(default_factory=dict)
    _anchored: Counter[Group] = field(default_factory=Counter)  # how many checks ask for a group first

    def __post_init__(self) -> None:
        for vocabulary in self.pool.vocabularies:
            groups = {literal_group(literal) for literal in vocabulary.by_term.literals}
            for _, node in vocabulary.others:
                anchor = self._anchor(self.needs(node))
                assert anchor is not None, "a term of a vocabulary stands somewhere"
                groups |= anchor
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
        need = self.needs(node)
        alternatives = need.needs if isinstance(need, Needs) and not need.every else (need,)
        parts = [one.needs if isinstance(one, Needs) and one.every else (one,) for one in alternatives]
        exact = self.needs(node, exact=True)
        if exact != need or any(isinstance(one, Needs) for needs in parts for one in needs):
            self.exact[number] = exact
        anchors = [self._anchor(one) for one in alternatives]
        for anchor, needs in zip(anchors, parts, strict=True):
            if anchor is None:
                self.always.append(number)
                return
            clauses = [one for one in needs if isinstance(one, frozenset) and one != anchor]
            self.checks.append(Check(number, anchor, tuple(clauses)))
            self._anchored.update(anchor)

    def _anchor(self, need: Need) -> Clause | None:
        """The rarest clause without which a need is not met; None when it may be met by nothing at all."""
        if isinstance(need, int):
            return self._named_anchors[need]
        if isinstance(need, frozenset):
            return need
        anchors = [self._anchor(one) for one in need.needs]
        if need.every:
            return min((one for one in anchors if one is not None), key=self._load, default=None)
        found: set[Group] = set()
        for one in anchors:
            if one is None:
                return None
            found |= one
        return frozenset(found)

    def _load(self, clause: Clause) -> float:
        """Rare is good, and so is a clause that is no other rule's anchor."""
        return self.cost(clause) * (1 + sum(self._anchored[group] for group in clause))

    def meanings(self) -> tuple[list[tuple[Group, ...]], ...]:
        """What it means for the rules that a literal occurs in the title; outside it; and that a regex matches."""
        wanted: set[Group] = set()
        wanted.update(*[clause for check in self.checks for clause in (check.anchor, *check.others)])
        wanted.update(*map(groups_of, (*self.exact.values(), *self.named)))
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
        for number, vocabulary in enumerate(self.pool.vocabularies):
            here = [one for one in (plain_group(number, place) for place in places) if one in wanted]
            plain = {literal_group(literal) for literal in vocabulary.by_term.literals} if here else set()
            for group in plain & meant.keys():
                meant[group] += here
        return [tuple(meant[group]) for group in groups]

    def needs(self, node: match.Node, *, exact: bool = False) -> Need:
        """What must be met for a node to hold; NOTHING promises nothing."""
        if isinstance(node, match.TermNode):
            return frozenset([literal_group(node.literal, node.place)])
        if isinstance(node, match.VocabularyNode):
            if exact and node.vocabulary.others:
                return self._named(node.vocabulary.number, node.place)
            return frozenset([vocabulary_group(node.vocabulary.number, node.place)])
        if isinstance(node, match.RegexNode):
            return frozenset([regex_group(node.number)])
        if isinstance(node, match.IdNode):
            return frozenset([id_group(self.pool.id(node.name, node.value))])
        if isinstance(node, match.NotNode):
            return NOTHING
        if isinstance(node, match.OrNode):
            return _one_of([self.needs(child, exact=exact) for child in node.alternatives])
        if isinstance(node, match.ScoreNode):
            return self._score(node, exact=exact)
        needs = [self.needs(child, exact=exact) for child in node.children()]
        return _all_of(sorted(needs, key=self._commonness))  # the sieve asks for the first of them first

    def _named(self, number: int, place: int) -> int:
        """The name of what a vocabulary needs: one of its terms in that place, or all that one of its queries does."""
        if (number, place) not in self._names:
            queries = [self.needs(node, exact=True) for _, node in self.pool.vocabularies[number].others]
            self.named.append(_one_of([frozenset([plain_group(number, place)]), *queries]))
            self._named_anchors.append(self._anchor(self.named[-1]))
            self._names[number, place] = len(self.named) - 1
        return self._names[number, place]

    def _score(self, node: match.ScoreNode, *, exact: bool) -> Need:
        """The commonest clauses are left out as long as they cannot reach the threshold by themselves."""
        gains = [(clause, points) for clause, points in node.clauses if points > 0]
        gains.sort(key=lambda gain: self._commonness(self.needs(gain[0])), reverse=True)
        left_out = 0.0
        needed: list[Need] = []
        for clause, points in gains:
            if left_out + points < node.threshold:
                left_out += points
            else:
                needed.append(self.needs(clause, exact=exact))
        return _one_of(needed) if node.threshold > 0 else NOTHING

    def _commonness(self, need: Need) -> float:
        anchor = self._anchor(need)
        return float("inf") if anchor is None else self.cost(anchor)

    def cost(self, clause: Clause) -> float:
        """How often a clause is likely to be met, relative to others."""
        if clause not in self._clause_costs:
            self._clause_costs[clause] = sum(map(self._cost_of, clause))
        return self._clause_costs[clause]

    def _cost_of(self, group: Group) -> float:
        if group not in self._costs:
            self._costs[group] = self._guessed(*divmod(group, _KINDS))
        return self._costs[group]

    def _guessed(self, number: int, kind: int) -> float:
        if kind < _VOCABULARY:  # short words are common, so are words of many rules, and a title has few
            word = self.pool.literal_texts[number].strip()
            share: float = _EVERYWHERE if word in SMALL_WORDS else self.pool.uses[number] * 0.6 ** len(word)
            return share * (0.4 if kind == TITLE else 1)
        if kind < _REGEX:
            return self.cost(self.flat[number]) * (0.4 if kind - _VOCABULARY == TITLE else 1)
        if kind >= _PLAIN:
            terms = self.pool.vocabularies[number].by_term
            return sum(self._cost_of(literal_group(one, kind - _PLAIN)) for one in terms.literals)
        return 0.3 if kind == _REGEX else 0.01


def _one_of(needs: Iterable[Need]) -> Need:
    """Alternatives that are single clauses are one clause."""
    flat = _flat(needs, every=False)
    if NOTHING in flat:
        return NOTHING
    clauses = [one for one in flat if isinstance(one, frozenset)]
    found: tuple[Need, ...] = tuple(one for one in flat if not isinstance(one, frozenset))
    if clauses:
        found = (frozenset[Group]().union(*clauses), *found)
    return found[0] if len(found) == 1 else Needs(found, every=False)


def _all_of(needs: Iterable[Need]) -> Need:
    flat = _flat(needs, every=True)
    return flat[0] if len(flat) == 1 else Needs(flat, every=True)


def _flat(needs: Iterable[Need], *, every: bool) -> tuple[Need, ...]:
    """Those needs, each once, those of needs of the same kind among them."""
    flat: dict[Need, None] = {}
    for need in needs:
        flat |= dict.fromkeys(need.needs if isinstance(need, Needs) and need.every is every else (need,))
    return tuple(flat)
