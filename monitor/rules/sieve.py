"""The one pass over a text for all rules: which of them are worth evaluating. Most entries end here.

What rules need is told by clauses (anchors.py). Each has a bit; those that a text meets are one int, so that a rule's
anchor and all that it needs beside are compared at once. Small words, and regexes that anchor no rule, are taken to be
there at first: what every other text has is looked for only where a rule could match with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any, NamedTuple

import re2

from monitor import text
from monitor.rules.document import Subject, domain
from monitor.rules.literals import automaton
from monitor.rules.plan import Clause, Group, Groups, Need, Plan

Bits = int  # of clauses


class _All(NamedTuple):
    """Met where all these clauses are, and all parts."""

    clauses: Bits
    parts: Sequence[_Asked] = ()


class _Any(NamedTuple):
    """Met where one of these clauses is, or a part; `by_clause`: the parts by a clause that they cannot do without."""

    clauses: Bits
    by_clause: Mapping[int, Sequence[_Asked]]
    sought: Bits
    others: Sequence[_Asked]


_Asked = _All | _Any | int  # a number names a need that several have in common


class _Clauses:
    """Gives each clause its bit, and needs the form in which they are asked fastest."""

    def __init__(self, named: Sequence[Need]) -> None:
        self._numbers: dict[Clause, int] = {}
        self._covers: list[Clause | None] = []
        for need in named:  # each names none but those before it
            self._covers.append(self._cover(need))

    def bits(self, clauses: Iterable[Clause]) -> Bits:
        """The bits of these clauses."""
        found = 0
        for clause in clauses:
            found |= 1 << self._numbers.setdefault(clause, len(self._numbers))
        return found

    def by_group(self) -> dict[Group, Bits]:
        """What is met where a group occurs, of the clauses that have a bit by now."""
        found: dict[Group, Bits] = {}
        for clause, number in self._numbers.items():
            for group in clause:
                found[group] = found.get(group, 0) | 1 << number
        return found

    def ready(self, need: Need) -> _Asked:
        """A need as it is asked: what is told by one look comes first, many alternatives are sorted."""
        if isinstance(need, int):
            return need
        if isinstance(need, frozenset):
            return _All(self.bits([need]))
        clauses = [one for one in need.needs if isinstance(one, frozenset)]
        parts = [one for one in need.needs if not isinstance(one, frozenset)]
        if need.every:
            covers = [cover for cover in map(self._cover, parts) if cover is not None]
            return _All(self.bits([*clauses, *covers]), tuple(map(self.ready, parts)))
        by_clause: dict[int, list[_Asked]] = {}
        others: list[_Asked] = []
        for part in parts:
            cover = self._cover(part)
            if cover is None:
                others.append(self.ready(part))
            else:
                by_clause.setdefault(_number(self.bits([cover])), []).append(self.ready(part))
        return _Any(self.bits(clauses), by_clause, sum(1 << number for number in by_clause), tuple(others))

    def _cover(self, need: Need) -> Clause | None:
        """The first clause, the rarest, without which a need cannot be met; None where there is none."""
        if isinstance(need, frozenset):
            return need
        if isinstance(need, int):
            return self._covers[need]
        covers = list(map(self._cover, need.needs))
        known = [cover for cover in covers if cover is not None]
        if need.every:
            return next(iter(known), None)
        return frozenset[Group]().union(*known) if len(known) == len(covers) else None


def _number(bit: Bits) -> int:
    """Which bit the highest one is."""
    return bit.bit_length() - 1


def _numbers(bits: Bits) -> Iterator[int]:
    while bits:
        number = bits.bit_length() - 1
        bits ^= 1 << number
        yield number


class _Regexes:
    """Regexes that are looked for at once, and the clauses that each one meets."""

    def __init__(self, regexes: Sequence[tuple[str, Bits]]) -> None:
        self._set = _regex_set([one for one, _ in regexes])
        self._meets = [bits for _, bits in regexes]
        # The set may look at all texts at once, as lines of one.
        self._joins = not any(re.search(r"\\[Az]|\(\?\w*-\w*m", one) for one, _ in regexes)

    def met(self, texts: Sequence[str]) -> Bits:
        """The clauses that are met by what matches in the texts."""
        met = 0
        if self._meets:
            for content in ["\n".join(texts)] if self._joins else filter(None, texts):
                for number in self._set.Match(content) or ():
                    met |= self._meets[number]
        return met


class Sieve:
    """A plan, as `Plan.dumps` writes it: a tenth of its memory. It is put to work when somebody first asks; a process
    whose workers sift never does."""

    def __init__(self, written: bytes) -> None:
        self.written = written

    def __getstate__(self) -> dict[str, bytes]:
        return {"written": self.written}

    def candidates(self, subject: Subject, only: int | None = None) -> list[int]:
        """The numbers of the rules that may match an entry. `only`: no other rule is asked for."""
        return self._work.candidates(subject, only)

    @cached_property
    def _work(self) -> _Work:
        return _Work(Plan.loads(self.written))


class _Work:
    """A plan at work."""

    def __init__(self, plan: Plan) -> None:
        self._always = frozenset(plan.always)
        self._with_author = plan.with_author
        clauses = _Clauses(plan.named)
        self._anchors = clauses.bits([check.anchor for check in plan.checks])
        self._checks: dict[int, list[tuple[int, Bits]]] = {}
        for rule, anchor, others in plan.checks:
            self._checks.setdefault(_number(clauses.bits([anchor])), []).append((rule, clauses.bits(others)))
        self._exact = {rule: clauses.ready(need) for rule, need in plan.exact.items()}
        self._named = list(map(clauses.ready, plan.named))
        by_group = clauses.by_group()
        self._assumed = 0
        self._sort_literals(plan.literals, _meaning(plan.in_title, by_group), _meaning(plan.outside, by_group))
        self._sort_regexes(plan.regexes, _meaning(plan.regex_groups, by_group))
        self._ids = {(name, value): by_group.get(group, 0) for name, value, group in plan.ids}
        self._asks_domain = any(name == "domain" for name, _, _ in plan.ids)

    def _sort_literals(self, literals: Sequence[str], title: Sequence[Bits], rest: Sequence[Bits]) -> None:
        """What is sought in every text, and the words that are asked for late."""
        self._late: dict[str, tuple[Bits, Bits]] = {}
        sought = []
        for number, literal in enumerate(literals):
            meets = title[number] | rest[number]
            if literal.strip() in text.SMALL_WORDS and literal == f" {literal.strip()} " and not meets & self._anchors:
                self._late[literal.strip()] = title[number], rest[number]
                self._assumed |= meets
            elif meets:
                sought.append(number)
        self._title, self._rest = [title[number] for number in sought], [rest[number] for number in sought]
        self._sought = automaton([literals[number] for number in sought])

    def _sort_regexes(self, expressions: Sequence[str], meets: Sequence[Bits]) -> None:
        regexes = [(one, bits) for one, bits in zip(expressions, meets, strict=True) if bits]
        self._regexes = _Regexes([one for one in regexes if one[1] & self._anchors])
        late = [one for one in regexes if not one[1] & self._anchors]
        self._late_regexes = _Regexes(late)
        for _, bits in late:
            self._assumed |= bits

    def candidates(self, subject: Subject, only: int | None) -> list[int]:
        """What every entry pays for."""
        texts = subject.texts(self._with_author)
        spaced = text.spaced(texts)
        end = spaced.find(text.FIELD_BREAK)
        title, rest = self._title, self._rest
        met = self._regexes.met(texts)
        for which, begin, _ in self._sought.find_matches_as_indexes(spaced, overlapping=True):
            met |= title[which] if begin < end else rest[which]
        if self._ids:
            met |= self._met_by_ids(subject)
        first = self._passed(met | self._assumed, None if only is None else {only})
        if not first:
            return []
        late = self._late
        for place, part in enumerate((spaced[:end], spaced[end:])):
            for word in late.keys() & part.split():
                met |= late[word][place]
        return sorted(self._passed(met | self._late_regexes.met(texts), set(first)))

    def _passed(self, met: Bits, among: Set[int] | None) -> list[int]:
        """The rules (of some, where they are named) with a way whose clauses are all met."""
        found = set(self._always)
        for number in _numbers(met & self._anchors):
            for rule, others in self._checks[number]:
                if met & others == others:
                    found.add(rule)
        if among is not None:
            found &= among
        known: dict[int, bool] = {}
        exact = self._exact
        return [one for one in found if one not in exact or self._meets(exact[one], met, known)]

    def _meets(self, asked: _Asked, met: Bits, known: dict[int, bool]) -> bool:
        """Whether the clauses that are met meet a need; `known` keeps what was found out about named ones."""
        if isinstance(asked, int):
            if asked not in known:
                known[asked] = self._meets(self._named[asked], met, known)
            return known[asked]
        if isinstance(asked, _All):
            wanted, parts = asked
            if met & wanted != wanted:
                return False
            for one in parts:  # noqa: SIM110  # `all` and `any` take longer than what they ask, here and below
                if not self._meets(one, met, known):
                    return False
            return True
        enough, by_clause, sought, others = asked
        if met & enough:
            return True
        for number in _numbers(met & sought):
            for one in by_clause[number]:
                if self._meets(one, met, known):
                    return True
        for one in others:  # noqa: SIM110
            if self._meets(one, met, known):
                return True
        return False

    def _met_by_ids(self, subject: Subject) -> Bits:
        entry, ids = subject.entry, self._ids
        met = ids.get(("feed", subject.feed_id or entry.feed_id), 0)
        for tag in (*entry.tags, *subject.feed_tags):
            met |= ids.get(("tag", tag), 0)
        if self._asks_domain:
            host = domain(entry.url)
            while host:
                met |= ids.get(("domain", host), 0)
                host = host.partition(".")[2]
        return met


def _meaning(several: Sequence[Groups], by_group: Mapping[Group, Bits]) -> list[Bits]:
    """For each of several sets of groups the clauses that are met where they occur."""
    once: dict[Bits, Bits] = {}
    found = []
    for groups in several:
        bits = 0
        for group in groups:
            bits |= by_group.get(group, 0)
        found.append(once.setdefault(bits, bits))
    return found


def _regex_set(regexes: Sequence[str]) -> Any:
    if not regexes:
        return None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    found = re2.Set.SearchSet(options)
    for expression in regexes:
        found.Add(f"(?m:{expression})")  # ^ and $ at every line: only more is found
    found.Compile()
    return found
