"""Names of model lines against each other: the same, one more closely than the other, another version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.stories.traits import FLAGSHIPS


def differ(here: frozenset[str], there: frozenset[str]) -> bool:
    """Whether both sides say something, and never the same."""
    return bool(here) and bool(there) and here.isdisjoint(there)


def related(a: Iterable[str], b: Iterable[str]) -> bool:
    """Whether one names the other's line more closely: "llama" and "llama behemoth"."""
    return any(_closer(one, other) or _closer(other, one) for one in a for other in b)


def _closer(a: str, b: str) -> bool:
    """Whether `b` names what `a` names more closely. What ends in a range's name is another range: Code Llama."""
    return set(a.split()) <= set(b.split()) and not (a in FLAGSHIPS and a != b and b.endswith(f" {a}"))


def shared_lines(a: Mapping[str, frozenset[str]], b: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    """The model lines that two mappings share, as each spells it: "large" stands for "mistral large"."""
    same = [(line, line) for line in a if line in b]
    return same or [(one, other) for one in a for other in b if _short_for(one, other) or _short_for(other, one)]


def _short_for(one: str, other: str) -> bool:
    return other.endswith(f" {one}") and one not in FLAGSHIPS


def versions_clash(a: Mapping[str, frozenset[str]], b: Mapping[str, frozenset[str]]) -> bool:
    """Whether two mappings of model line to versions share lines, and different versions only."""
    shared = [(a[one], b[other]) for one, other in shared_lines(a, b) if a[one] and b[other]]
    return bool(shared) and not any(here & there for here, there in shared)


def sizes_clash(a: Mapping[str, frozenset[str]], b: Mapping[str, frozenset[str]]) -> bool:
    """Whether both hang sizes on one name, and never the same: Vega, Vega Mini; gpt-oss-20b, gpt-oss-120b."""
    return any(differ(a[name], b[name]) for name in a.keys() & b.keys())
