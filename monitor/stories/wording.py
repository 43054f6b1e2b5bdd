"""How alike two entries are worded, rare words weighing more than common ones."""

from __future__ import annotations

from collections.abc import Callable

from monitor.stories.traits import Traits, weight_of


class Weights(dict[str, float]):
    """What sharing a word is worth, by word, computed when first asked for: its rarity times what it may say at all."""

    def __init__(self, rarity: Callable[[str], float]) -> None:
        super().__init__()
        self._rarity = rarity
        self._masses: dict[frozenset[str], float] = {}

    def mass(self, words: frozenset[str]) -> float:
        """What all these words are worth; kept, for an entry's headline is compared with that of many."""
        known = self._masses.get(words)
        if known is None:
            known = self._masses[words] = sum(map(self.__getitem__, words))
        return known

    def __missing__(self, word: str) -> float:
        self[word] = self._rarity(word) * weight_of(word)
        return self[word]


def likeness(a: Traits, b: Traits, weights: Weights) -> float:
    """How alike two entries are worded, 0 to 1: headlines against each other, or one inside the other's beginning."""
    titles = _dice(a.title, b.title, weights)
    inside = max(_inside(a.title, b.words, weights), _inside(b.title, a.words, weights))
    return max(titles, 0.6 * inside)


def _dice(a: frozenset[str], b: frozenset[str], weights: Weights) -> float:
    shared = a & b
    if not shared:
        return 0.0
    return 2.0 * sum(map(weights.__getitem__, shared)) / (weights.mass(a) + weights.mass(b))


def _inside(short: frozenset[str], long: frozenset[str], weights: Weights) -> float:
    shared = short & long
    return sum(map(weights.__getitem__, shared)) / weights.mass(short) if shared and len(short) >= 3 else 0.0
