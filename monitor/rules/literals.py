"""All literals of all rules, found in one pass over a text (Aho-Corasick)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import ahocorasick_rs

from monitor import text
from monitor.rules.document import Scanned, Subject


def automaton(literals: Sequence[str]) -> Any:
    """What finds these literals, by their numbers, overlapping ones included."""
    return ahocorasick_rs.AhoCorasick(
        literals or ["\x01"],  # no folded text holds it
        matchkind=ahocorasick_rs.MatchKind.Standard,
        store_patterns=False,
    )


class Literals:
    """The literals in their order. The automaton is made when somebody first asks where they stand."""

    def __init__(self, texts: Sequence[str], with_author: bool) -> None:
        self._texts = texts
        self._with_author = with_author

    def __getstate__(self) -> dict[str, Any]:
        return {"_texts": self._texts, "_with_author": self._with_author}  # an automaton is made anew

    @cached_property
    def automaton(self) -> Any:
        """Of all literals."""
        return automaton(self._texts)

    def scan(self, subject: Subject) -> Scanned:
        """The text of an entry and all literals in it."""
        spaced = text.spaced(subject.texts(self._with_author))
        found = self.automaton.find_matches_as_indexes(spaced, overlapping=True)
        return Scanned(spaced, found, spaced.find(text.FIELD_BREAK))
