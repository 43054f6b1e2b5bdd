"""The one pass over a text with all literals of all rules: what occurs, and which rules are worth evaluating.

A sieve is made of plain values alone, so that it can be sent to a process that has neither rules nor their compiler:
there it tells which entries no rule can match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

import ahocorasick_rs
import re2

from monitor import text
from monitor.rules.document import Scanned, Subject, domain, padded

# Every other text has these, and rules ask for them only beside what says more. Not so "is", "not", "no" or "with":
# without those twice as many entries of real feeds would pass.
_EMPTY = """
a an the of in on at to for from by as its it has have had this that these their his after over says said about up more
who but out new first under could would
"""
_NOT_SOUGHT = frozenset(_EMPTY.split())
Group = int
Groups = Sequence[Group]
Clause = frozenset[Group]  # one of which must occur


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be met, all of it or (`every` is false) one."""

    needs: tuple[Need, ...]
    every: bool


Need = Clause | Needs | int  # a number names a need that several have in common: a vocabulary made of queries
NOTHING = Needs((), every=True)


def groups_of(need: Need) -> set[Group]:
    """Every group that a need asks for itself."""
    if isinstance(need, Needs):
        return {group for one in need.needs for group in groups_of(one)}
    return set() if isinstance(need, int) else set(need)


def packed(need: Need) -> Any:
    """A need as JSON holds it; a clause is the list of its groups."""
    if isinstance(need, Needs):
        return {str(need.every): [packed(one) for one in need.needs]}
    return need if isinstance(need, int) else sorted(need)


def unpacked(value: Any) -> Need:
    """What `packed` made."""
    if isinstance(value, dict):
        ((every, needs),) = value.items()
        return Needs(tuple([unpacked(one) for one in needs]), every == str(True))
    return value if isinstance(value, int) else frozenset(value)


class Check(NamedTuple):
    """What a rule needs beside its anchor: all of the groups `alone`, and one of each clause."""

    rule: int
    alone: Clause
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sieve is made of. Groups are numbers; `anchored`: the rules that are tested when a group occurs."""

    literals: Sequence[str]
    in_title: Sequence[Groups]  # of each literal: the groups that occur when it stands in the title
    outside: Sequence[Groups]
    regexes: Sequence[str]
    regex_groups: Sequence[Groups]
    ids: Sequence[tuple[str, str, Group]]  # feed, tag or domain; the id; its group
    always: Sequence[int]  # rules that may match a text with none of their terms
    anchored: Mapping[Group, Sequence[Check]]
    exact: Mapping[int, Need]  # of rules whose checks do not say it all: what they need
    named: Sequence[Need]
    with_author: bool = False

    def for_sifting(self) -> Self:
        """A plan that finds the same rules and seldom another, with less to look for.

        Words of _NOT_SOUGHT are taken to be there, unless rules are anchored in them; literals and regexes that no rule
        needs to be there are left out.
        """
        small = [n for n, literal in enumerate(self.literals) if literal.strip() in _NOT_SOUGHT]
        given = {group for n in small for group in (*self.in_title[n], *self.outside[n])} - self.anchored.keys()
        in_title, outside = ([_without(given, groups) for groups in some] for some in (self.in_title, self.outside))
        literals = [n for n, places in enumerate(zip(in_title, outside, strict=True)) if any(places)]
        regexes = [n for n, groups in enumerate(self.regex_groups) if _without(given, groups)]
        return replace(
            self,
            literals=[self.literals[n] for n in literals],
            in_title=[in_title[n] for n in literals],
            outside=[outside[n] for n in literals],
            regexes=[self.regexes[n] for n in regexes],
            regex_groups=[_without(given, self.regex_groups[n]) for n in regexes],
            anchored={group: [_checked(given, one) for one in checks] for group, checks in self.anchored.items()},
            exact={number: _left(given, need) for number, need in self.exact.items()},
            named=[_left(given, need) for need in self.named],
        )

    def dumps(self) -> bytes:
        """As JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["anchored"] = [[group, [_packed(check) for check in checks]] for group, checks in self.anchored.items()]
        values["exact"] = [[number, packed(need)] for number, need in self.exact.items()]
        values["named"] = [packed(need) for need in self.named]
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote."""
        values: dict[str, Any] = json.loads(data)
        anchored = {group: [_unpacked(check) for check in checks] for group, checks in values["anchored"]}
        exact = {number: unpacked(need) for number, need in values["exact"]}
        named = [unpacked(need) for need in values["named"]]
        return cls(**values | {"anchored": anchored, "exact": exact, "named": named})


def _without(given: Set[Group], groups: Groups) -> Groups:
    return [group for group in groups if group not in given]


def _checked(given: Set[Group], check: Check) -> Check:
    """What is left of a check where these groups are given."""
    return Check(check.rule, check.alone - given, tuple([one for one in check.clauses if one.isdisjoint(given)]))


def _left(given: Set[Group], need: Need) -> Need:
    """What is left of a need where these groups are given."""
    if isinstance(need, int):
        return need
    if isinstance(need, frozenset):
        return need if need.isdisjoint(given) else NOTHING
    left = [_left(given, one) for one in need.needs]
    if need.every:
        return Needs(tuple([one for one in left if one != NOTHING]), every=True)
    return NOTHING if NOTHING in left else Needs(tuple(left), every=False)


def _packed(check: Check) -> list[Any]:
    return [check.rule, sorted(check.alone), [sorted(clause) for clause in check.clauses]]


def _unpacked(packed: Sequence[Any]) -> Check:
    rule, alone, clauses = packed
    return Check(rule, frozenset(alone), tuple([frozenset(clause) for clause in clauses]))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Alternatives by the groups without one of which they are not met; `others` have to be asked each time."""

    by_group: Mapping[Group, Sequence[_Ready]]
    groups: frozenset[Group]
    others: tuple[_Ready, ...]


_Ready = Need | _Sorted
_FEW = 6  # alternatives that are asked as fast one after the other


def _ready(need: Need) -> _Ready:
    """A need as it is asked fastest: what is told by one look at the groups comes first, many alternatives sorted."""
    if not isinstance(need, Needs):
        return need
    ordered = tuple(sorted(need.needs, key=_effort))
    if need.every or len(ordered) < _FEW:
        return Needs(tuple(map(_ready, ordered)), need.every)  # type: ignore[arg-type]  # read by Sieve._met alone
    by_group: dict[Group, list[_Ready]] = {}
    others: list[_Ready] = []
    for one in ordered:
        clause = _without_which_not(one)
        for group in clause or ():
            by_group.setdefault(group, []).append(_ready(one))
        if clause is None:
            others.append(_ready(one))
    return _Sorted(by_group, frozenset(by_group), tuple(others))


def _effort(need: Need) -> tuple[int, int]:
    if isinstance(need, Needs):
        return 2, len(need.needs)
    return (1, 0) if isinstance(need, int) else (0, len(need))


def _without_which_not(need: Need) -> Clause | None:
    """The smallest clause without which a need cannot be met, where that is told by the need itself."""
    if isinstance(need, Needs):
        clauses = [one for one in need.needs if isinstance(one, frozenset)] if need.every else []
        return min(clauses, key=len, default=None)
    return None if isinstance(need, int) else need


def _misses_one(clauses: Sequence[Clause], present: set[Group]) -> bool:
    for clause in clauses:  # noqa: SIM110  # `any` takes three times as long, on the path of every entry
        if clause.isdisjoint(present):
            return True
    return False


class Sieve:
    """A plan at work."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.automaton = ahocorasick_rs.AhoCorasick(
            plan.literals or ["\x01"],  # no folded text holds it
            matchkind=ahocorasick_rs.MatchKind.Standard,
            store_patterns=False,
        )
        self._title = list(map(tuple, plan.in_title)) or [()]
        self._rest = list(map(tuple, plan.outside)) or [()]
        self._ids = {(name, value): group for name, value, group in plan.ids}
        self._asks_domain = any(name == "domain" for name, _, _ in plan.ids)
        # A regex that no rule needs to be there is run where it is asked for, and by no entry else.
        sought = [(one, groups) for one, groups in zip(plan.regexes, plan.regex_groups, strict=True) if groups]
        self._set = _regex_set([one for one, _ in sought])
        self._regex_groups = [groups for _, groups in sought]
        # The set may look at all texts at once, as lines of one.
        self._joins = not any(re.search(r"\\[Az]|\(\?\w*-\w*m", one) for one, _ in sought)
        self._anchors = set(plan.anchored)
        self._exact = {number: _ready(need) for number, need in plan.exact.items()}
        self._named = list(map(_ready, plan.named))

    def scan(self, subject: Subject) -> tuple[Scanned, list[int]]:
        """What every entry pays for: what occurs in it, and the numbers of the rules that may match it."""
        texts = subject.texts(self.plan.with_author)
        words = text.words_of_fields(texts)
        joined = padded(words)
        found = self.automaton.find_matches_as_indexes(joined, overlapping=True)
        title, rest = self._title, self._rest
        end = joined.find(text.FIELD_BREAK)
        present: set[Group] = set()
        present.update(*[(title if begin < end else rest)[which] for which, begin, _ in found])
        if self._set is not None:
            present.update(group for number in self._regexes(texts) for group in self._regex_groups[number])
        if self._ids:
            present.update(self._groups_of(subject))
        return Scanned(words, joined, found, end), self._candidates(present)

    def _candidates(self, present: set[Group]) -> list[int]:
        """The rules with a way whose groups are all met."""
        found = set(self.plan.always)
        anchored = self.plan.anchored
        for group in present & self._anchors:  # of two sets the smaller is walked through; not so with keys()
            for number, alone, clauses in anchored[group]:
                if number not in found and alone <= present and not (clauses and _misses_one(clauses, present)):
                    found.add(number)
        known: dict[int, bool] = {}
        exact = self._exact
        return sorted([one for one in found if one not in exact or self._met(exact[one], present, known)])

    def _met(self, need: _Ready, present: set[Group], known: dict[int, bool]) -> bool:
        """Whether the groups that occur meet a need; `known` keeps what was found out about named ones."""
        if isinstance(need, frozenset):
            return not need.isdisjoint(present)
        if isinstance(need, Needs):
            for one in need.needs:
                if self._met(one, present, known) is not need.every:
                    return not need.every
            return need.every
        if isinstance(need, _Sorted):
            met = (one for group in need.groups & present for one in need.by_group[group])
            return any(self._met(one, present, known) for one in (*met, *need.others))
        if need not in known:
            known[need] = self._met(self._named[need], present, known)
        return known[need]

    def _regexes(self, texts: Sequence[str]) -> set[int]:
        sought = ["\n".join(texts)] if self._joins else texts
        return {number for content in sought if content for number in self._set.Match(content) or ()}

    def _groups_of(self, subject: Subject) -> set[Group]:
        entry = subject.entry
        keys = [("feed", subject.feed_id or entry.feed_id)]
        keys += [("tag", tag) for tag in (*entry.tags, *subject.feed_tags)]
        if self._asks_domain:
            host = domain(entry.url)
            while host:
                keys.append(("domain", host))
                host = host.partition(".")[2]
        return {self._ids[key] for key in keys if key in self._ids}


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
