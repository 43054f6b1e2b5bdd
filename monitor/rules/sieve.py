"""The one pass over a text with all literals of all rules: what occurs, and which rules are worth evaluating.

A sieve is made of plain values alone, so that it can be sent to a process that has neither rules nor their compiler:
there it tells which entries no rule can match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import ahocorasick_rs
import re2

from monitor import text
from monitor.rules.document import Scanned, Subject, domain, padded

Group = int
Groups = Sequence[Group]
# A rule, the groups it needs all of, and its clauses of several groups, one of each of which it needs.
Check = tuple[int, frozenset[Group], tuple[frozenset[Group], ...]]


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

    def dumps(self) -> bytes:
        """As JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["anchored"] = [
            [group, [(number, [*alone], [[*clause] for clause in clauses]) for number, alone, clauses in checks]]
            for group, checks in self.anchored.items()
        ]
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote."""
        values: dict[str, Any] = json.loads(data)
        anchored = {
            group: [
                (number, frozenset(alone), tuple([frozenset(clause) for clause in clauses]))
                for number, alone, clauses in checks
            ]
            for group, checks in values["anchored"]
        }
        return cls(**values | {"anchored": anchored})


def _misses_one(clauses: Sequence[frozenset[Group]], present: set[Group]) -> bool:
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
            for number, alone, clauses in anchored[group]:
                if alone <= present and number not in found and not (clauses and _misses_one(clauses, present)):
                    found.add(number)
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
