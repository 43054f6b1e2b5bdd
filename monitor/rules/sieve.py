"""The one pass over a text with all literals of all rules: what occurs, and which rules are worth evaluating.

A sieve is made of plain values alone, so that it can be sent to a process that has neither rules nor their compiler:
there it tells which entries no rule can match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

import ahocorasick_rs
import re2

from monitor import text
from monitor.rules.document import Scanned, Subject, domain, padded

Group = int
Groups = Sequence[Group]
Clause = frozenset[Group]  # one of which must occur


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be met, all of it or (`every` is false) one."""

    needs: tuple[Need, ...]
    every: bool

    def met(self, present: set[Group]) -> bool:
        """Whether the groups that occur meet it."""
        for need in self.needs:
            met = need.met(present) if isinstance(need, Needs) else not need.isdisjoint(present)
            if met is not self.every:
                return met
        return self.every

    def add_groups(self, found: set[Group]) -> None:
        """Adds every group that is asked for."""
        for need in self.needs:
            if isinstance(need, Needs):
                need.add_groups(found)
            else:
                found |= need

    def packed(self) -> dict[str, Any]:
        """As JSON holds it; clauses are lists of their groups."""
        return {str(self.every): [need.packed() if isinstance(need, Needs) else sorted(need) for need in self.needs]}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Self:
        """What `packed` made."""
        ((every, needs),) = packed.items()
        found = [cls.unpacked(need) if isinstance(need, dict) else frozenset(need) for need in needs]
        return cls(tuple(found), every == str(True))


Need = Clause | Needs
NOTHING = Needs((), every=True)


class Check(NamedTuple):
    """What a rule needs beside its anchor: all of the groups `alone`, one of each clause, and the rest."""

    rule: int
    alone: Clause
    clauses: tuple[Clause, ...]
    needs: tuple[Needs, ...]


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
    with_author: bool = False

    def for_sifting(self) -> Self:
        """A plan that finds the same rules, without the literals and regexes that no rule needs to be there."""
        literals = [n for n, places in enumerate(zip(self.in_title, self.outside, strict=False)) if any(places)]
        regexes = [n for n, groups in enumerate(self.regex_groups) if groups]
        return replace(
            self,
            literals=[self.literals[n] for n in literals],
            in_title=[self.in_title[n] for n in literals],
            outside=[self.outside[n] for n in literals],
            regexes=[self.regexes[n] for n in regexes],
            regex_groups=[self.regex_groups[n] for n in regexes],
        )

    def dumps(self) -> bytes:
        """As JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["anchored"] = [[group, [_packed(check) for check in checks]] for group, checks in self.anchored.items()]
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote."""
        values: dict[str, Any] = json.loads(data)
        anchored = {group: [_unpacked(check) for check in checks] for group, checks in values["anchored"]}
        return cls(**values | {"anchored": anchored})


def _packed(check: Check) -> list[Any]:
    clauses = [sorted(clause) for clause in check.clauses]
    return [check.rule, sorted(check.alone), clauses, [need.packed() for need in check.needs]]


def _unpacked(packed: Sequence[Any]) -> Check:
    rule, alone, clauses, needs = packed
    several = tuple([frozenset(clause) for clause in clauses])
    return Check(rule, frozenset(alone), several, tuple([Needs.unpacked(need) for need in needs]))


def _met(check: Check, present: set[Group]) -> bool:
    _, alone, clauses, needs = check
    if not alone <= present:
        return False
    for clause in clauses:  # `any` takes three times as long, on the path of every entry
        if clause.isdisjoint(present):
            return False
    for need in needs:  # noqa: SIM110
        if not need.met(present):
            return False
    return True


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
        self._set = _regex_set(plan.regexes)
        # The set may look at all texts at once, as lines of one.
        self._joins = not any(re.search(r"\\[Az]|\(\?\w*-\w*m", one) for one in plan.regexes)
        self._anchors = set(plan.anchored)

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
            present.update(group for number in self._regexes(texts) for group in self.plan.regex_groups[number])
        if self._ids:
            present.update(self._groups_of(subject))
        return Scanned(words, joined, found, end), self._candidates(present)

    def _candidates(self, present: set[Group]) -> list[int]:
        """The rules with a way whose groups are all met."""
        found = set(self.plan.always)
        anchored = self.plan.anchored
        for group in present & self._anchors:  # of two sets the smaller is walked through; not so with keys()
            for check in anchored[group]:
                if check[0] not in found and _met(check, present):
                    found.add(check[0])
        return sorted(found)

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
