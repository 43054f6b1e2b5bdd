"""What the sieve of the rules is made of: plain values, so that it can be sent to a process that has no rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

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
    """A rule, the clause that is its anchor, and further ones that it needs: all of them."""

    rule: int
    anchor: Clause
    others: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sieve is made of. Groups are numbers."""

    literals: Sequence[str]
    in_title: Sequence[Groups]  # of each literal: the groups that occur when it stands in the title
    outside: Sequence[Groups]
    regexes: Sequence[str]
    regex_groups: Sequence[Groups]
    ids: Sequence[tuple[str, str, Group]]  # feed, tag or domain; the id; its group
    always: Sequence[int]  # rules that may match a text with none of their terms
    checks: Sequence[Check]
    exact: Mapping[int, Need]  # of rules whose checks do not say it all: what they need, the rarest of it first
    named: Sequence[Need]
    with_author: bool = False

    def dumps(self) -> bytes:
        """As JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["checks"] = [[rule, sorted(anchor), list(map(sorted, others))] for rule, anchor, others in self.checks]
        values["exact"] = [[number, packed(need)] for number, need in self.exact.items()]
        values["named"] = [packed(need) for need in self.named]
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote."""
        values: dict[str, Any] = json.loads(data)
        checks = [Check(n, frozenset(one), tuple(map(frozenset, more))) for n, one, more in values["checks"]]
        exact = {number: unpacked(need) for number, need in values["exact"]}
        named = [unpacked(need) for need in values["named"]]
        return cls(**values | {"checks": checks, "exact": exact, "named": named})
