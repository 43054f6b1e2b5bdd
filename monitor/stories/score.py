"""How well stories are put together, measured on labelled entries.

B-cubed: for each entry, how much of its story is right (precision) and how much of its event is in it (recall),
averaged over entries. Source: Bagga and Baldwin, "Entity-Based Cross-Document Coreferencing Using the Vector Space
Model", 1998.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.model import Candidate, OpenStory
from monitor.stories.assign import StoryIndex, assign


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a replayed entry went: its story and storyline, numbered from 1, and why."""

    story: int
    storyline: int
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """B-cubed figures, and the pairs of entries (by position) that were merged or split wrongly."""

    precision: float
    recall: float
    f1: float
    merged_wrongly: tuple[tuple[int, int], ...]
    split_wrongly: tuple[tuple[int, int], ...]


def replay(entries: Sequence[Candidate], repeat_after: timedelta = timedelta(days=30)) -> list[Placing]:
    """Place entries one after the other, as a run of the service that saw them in this order would have done."""
    index = StoryIndex(repeat_after=repeat_after)
    placed: list[Placing] = []
    for number, entry in enumerate(entries, 1):
        found = assign(entry, index, entry.seen_at)
        if found.story_id is not None and found.storyline_id is not None:
            index.join(found.story_id, found.taken(entry), found.due_at)
            placed.append(Placing(found.story_id, found.storyline_id, found.why))
        else:
            storyline_id = found.storyline_id or number
            index.add(OpenStory(number, storyline_id, (entry,), found.due_at))
            placed.append(Placing(number, storyline_id, found.why))
    return placed


def b_cubed(labels: Sequence[str], found: Sequence[int]) -> Score:
    """Compare the stories found with the labelled events, entry by entry."""
    events: dict[str, set[int]] = defaultdict(set)
    stories: dict[int, set[int]] = defaultdict(set)
    for position, (label, story) in enumerate(zip(labels, found, strict=True)):
        events[label].add(position)
        stories[story].add(position)
    if not labels:
        return Score(1.0, 1.0, 1.0, (), ())
    right = [len(events[label] & stories[story]) for label, story in zip(labels, found, strict=True)]
    precision = sum(n / len(stories[story]) for n, story in zip(right, found, strict=True)) / len(labels)
    recall = sum(n / len(events[label]) for n, label in zip(right, labels, strict=True)) / len(labels)
    merged = [pair for group in stories.values() for pair in _pairs(group) if labels[pair[0]] != labels[pair[1]]]
    split = [pair for group in events.values() for pair in _pairs(group) if found[pair[0]] != found[pair[1]]]
    return Score(precision, recall, 2 * precision * recall / (precision + recall), tuple(merged), tuple(split))


def _pairs(group: set[int]) -> list[tuple[int, int]]:
    ordered = sorted(group)
    return [(a, b) for position, a in enumerate(ordered) for b in ordered[position + 1 :]]
