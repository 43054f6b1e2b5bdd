"""Entry to story: an index of the open stories, and the decision to join one of them or to open another.

Wrong merges are worse than missed ones: whatever cannot be placed surely opens its own story.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from monitor.model import Candidate, OpenStory, Stage
from monitor.stories import promise, traits
from monitor.stories.joint import asks, knows
from monitor.stories.names import differ, versions_clash
from monitor.stories.profile import Profile, profile
from monitor.stories.shelf import Shelf
from monitor.stories.similarity import CERTAIN, LEAD, SURE, Around, Fit, fit
from monitor.stories.traits import OPPOSITE, Kind, Traits
from monitor.stories.wording import Weights, likeness
from monitor.stories.words import GENERIC

__all__ = ["Assignment", "Candidate", "OpenStory", "StoryIndex", "assign"]

MEMBERS = 6  # a story is compared through its first member and its latest ones
BROAD = 30  # stories looked at for a key that many share (a lab, a common word): the latest ones
COMPARED = 12  # stories compared in full
LATELY = 7.0  # days
SLOW = 1.0  # days: so long outlets go on telling a step that was taken back meanwhile …
ECHO = 3.0  # … and so long in words much like those that told it
ALIKE = 0.75
CITED = 2  # a page that more stories link to identifies none of them


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where an entry belongs. No `story_id`: it opens a story, in `storyline_id` or (none) in a new storyline.

    `previous_id` is the sleeping storyline that a new one continues. `why` says it in words, `points` how sure.
    `due_at`: when a promise the entry tells of falls due; the storyline stays awake until then. `kin`: the storylines
    that tell of its question in part. `lab`: the entry tells of several, and joins as a report on this one.
    """

    story_id: int | None
    storyline_id: int | None
    previous_id: int | None = None
    why: str = ""
    points: float = 0.0
    due_at: datetime | None = None
    kin: tuple[int, ...] = ()
    lab: str = ""

    def taken(self, candidate: Candidate) -> Candidate:
        """The entry as it joins."""
        if not self.lab:
            return candidate
        orgs = tuple(org for org in candidate.shift.orgs if " ".join(traits.spell(org)) == self.lab)
        return replace(candidate, shift=replace(candidate.shift, orgs=orgs, models=()))


@dataclass(frozen=True, slots=True)
class _Kept:
    id: int
    storyline_id: int
    profile: Profile
    last_seen_at: datetime


class StoryIndex:
    """The open stories, found by what an entry shares with them. Grows by `add` and `join`, shrinks by `forget`.

    It also knows the storylines, asleep or awake, of all stories it ever held and of those put on the shelf at start.
    `repeat_after`: a story or storyline without news for so long is over.
    """

    def __init__(self, stories: Iterable[OpenStory] = (), repeat_after: timedelta = timedelta(days=30)) -> None:
        self.repeat_after = repeat_after
        self.shelf = Shelf(repeat_after)
        self._stories: dict[int, _Kept] = {}
        self._lines: dict[int, set[int]] = {}  # storyline -> its open stories
        self._keys: dict[str, dict[int, None]] = {}  # key -> story ids, the latest last
        self._words: dict[str, int] = {}  # word -> in how many open stories
        for story in stories:
            self.add(story)

    def __len__(self) -> int:
        return len(self._stories)

    def __contains__(self, story_id: int) -> bool:
        return story_id in self._stories

    def add(self, story: OpenStory) -> None:
        """Take a story in, or in again with the members it has now."""
        self.remove(story.id)
        if story.members:
            first, *later = story.members
            members = (first, *later[-(MEMBERS - 1) :])
            self._take(story.id, story.storyline_id, tuple(traits.read(member) for member in members), story.due_at)

    def shelve(self, story: OpenStory) -> None:
        """Put the storyline of a story that is over on the shelf, so that later news can link back to it."""
        if story.members:
            members = tuple(map(traits.read, story.members))
            self.shelf.put(story.storyline_id, asks(members), members[-1].seen_at, story.due_at)

    def join(self, story_id: int, candidate: Candidate, due_at: datetime | None = None) -> None:
        """One more member for a story that is in the index; for any other nothing happens."""
        kept = self._stories.get(story_id)
        if kept is None:
            return
        members = (*kept.profile.members, traits.read(candidate))
        if len(members) > MEMBERS:
            members = (members[0], *members[2:])
        self.remove(story_id)
        self._take(story_id, kept.storyline_id, members, due_at)

    def remove(self, story_id: int) -> None:
        """Let a story go."""
        kept = self._stories.pop(story_id, None)
        if kept is None:
            return
        siblings = self._lines[kept.storyline_id]
        siblings.discard(story_id)
        if not siblings:
            del self._lines[kept.storyline_id]
        for key in _story_keys(kept.profile):
            holders = self._keys[key]
            holders.pop(story_id, None)
            if not holders:
                del self._keys[key]
        for word in _story_words(kept.profile):
            self._words[word] -= 1
            if not self._words[word]:
                del self._words[word]

    def forget(self, before: datetime) -> tuple[int, ...]:
        """Let the stories go that had no news since `before`; their ids."""
        quiet = tuple(story.id for story in self._stories.values() if story.last_seen_at < before)
        for story_id in quiet:
            self.remove(story_id)
        return quiet

    def find(self, entry: Traits) -> list[tuple[Fit, int, int]]:
        """Stories the entry may belong to, best first: (fit, story id, storyline id). Vetoed ones stay out."""
        weights = Weights(self._rarity())
        # A page that several stories link to is a home page, a footer or a hub: sharing it says nothing.
        rare = frozenset(link for link in entry.links if len(self._keys.get(f"u {link}", ())) <= CITED)
        entry = replace(entry, links=rare)
        near = [self._stories[story_id] for story_id in self._shortlist(entry)]
        lately = [kept.id for kept in near if _lately(entry, kept.profile)]
        fits = [(self._fit(entry, kept, weights, lately), kept.id, kept.storyline_id) for kept in near]
        found = sorted((one for one in fits if not one[0].veto), key=lambda one: (-one[0].points, one[1]))
        return self._this_side(entry, found, weights)

    def _fit(self, entry: Traits, kept: _Kept, weights: Weights, lately: list[int]) -> Fit:
        opposite = OPPOSITE.get(entry.sense)
        turned = opposite is not None and any(
            opposite in other.senses and _began(other) < _began(kept.profile) for other in self._siblings(kept)
        )
        around = Around(self.repeat_after, alone=lately == [kept.id], turned=turned)
        return fit(entry, kept.profile, weights, around)

    def _siblings(self, kept: _Kept) -> Iterator[Profile]:
        """The other open stories of its storyline."""
        return (self._stories[one].profile for one in self._lines[kept.storyline_id] if one != kept.id)

    def _this_side(
        self, entry: Traits, found: list[tuple[Fit, int, int]], weights: Weights
    ) -> list[tuple[Fit, int, int]]:
        """Without the stories that a turn of their storyline parts from the entry. Where one of those fitted best, what
        fits less well and stands in another storyline is not it either."""
        beyond = [one for one in found if not one[0].settled and self._turned_between(entry, one[1], weights)]
        if not beyond:
            return found
        best, line = beyond[0][0].points, beyond[0][2]
        return [one for one in found if one not in beyond and (one[2] == line or one[0].points > best)]

    def _turned_between(self, entry: Traits, story_id: int, weights: Weights) -> bool:
        """Whether a step the opposite way lies between a story and an entry that goes the same way as it."""
        opposite = OPPOSITE.get(entry.sense)
        story = self._stories[story_id]
        if opposite is None or entry.sense not in story.profile.senses or not _steps(entry):
            return False
        first, last = sorted((_began(story.profile), entry.said))
        between = [
            other
            for other in self._siblings(story)
            if opposite in other.senses and entry.sense not in other.senses and first < _began(other) < last
        ]
        return bool(between) and (_knows(entry, between) or not _echoes(entry, story.profile, weights))

    def surely(self, entry: Traits) -> Assignment | None:
        """The one story that an entry of no rule belongs to: its lab's, of these days, and nothing else as likely. Of a
        storyline's, the last that had begun when it was said: what a lab says, it says of how things stand."""
        found = [one for one in self.find(entry) if one[0].points >= SURE]
        if not found or not _lately(entry, self._stories[found[0][1]].profile) or _rival(found) is not None:
            return None
        began = {one[1]: _began(self._stories[one[1]].profile) for one in found if one[2] == found[0][2]}
        best = max(found, key=lambda one: -1.0 if began.get(one[1], entry.said + 1) > entry.said else began[one[1]])
        return Assignment(best[1], best[2], None, f"its lab's own word; {best[0].why}", best[0].points)

    def told_apart(self, entry: Traits) -> Assignment | None:
        """Where each lab's part of what a headline says of several was told already: the story of the lab named first.
        What the labs say themselves, take back or deny is news."""
        if not entry.joint or entry.first_hand or entry.denied or entry.turns:
            return None
        near = (self._stories[one] for one in self._shortlist(entry))
        told = {lab: kept for kept in near if knows(kept.profile, entry) and not _another(entry, kept.profile)
                for lab in kept.profile.labs}  # fmt: skip
        first = told.get(entry.actor)
        if first is None or not entry.joint <= told.keys():
            return None
        return Assignment(first.id, first.storyline_id, None, "each lab's part was told", SURE, lab=entry.actor)

    def _rarity(self) -> Callable[[str], float]:
        """How rare a word is in the open stories, 0 (in all of them) to 1 (new)."""
        words, most = self._words, math.log(len(self._stories) + 50)
        return lambda word: max(0.01, 1.0 - math.log(words.get(word, 0) + 1) / most)

    def _take(self, story_id: int, storyline_id: int, members: tuple[Traits, ...], due_at: datetime | None) -> None:
        kept = _Kept(story_id, storyline_id, profile(members), max(member.seen_at for member in members))
        self._stories[story_id] = kept
        self._lines.setdefault(storyline_id, set()).add(story_id)
        for key in _story_keys(kept.profile):
            self._keys.setdefault(key, {})[story_id] = None
        for word in _story_words(kept.profile):
            self._words[word] = self._words.get(word, 0) + 1
        self.shelf.put(storyline_id, asks(members), kept.last_seen_at, due_at)

    def _shortlist(self, entry: Traits) -> list[int]:
        """The stories worth comparing: those that share most, rare things counting more."""
        shared: dict[int, float] = {}
        for key, value in _entry_keys(entry):
            holders = self._keys.get(key)
            if holders:
                worth = value / (1.0 + math.log1p(len(holders)))
                for story_id in islice(reversed(holders), BROAD):
                    shared[story_id] = shared.get(story_id, 0.0) + worth
        return sorted(shared, key=lambda story_id: (-shared[story_id], story_id))[:COMPARED]


def _steps(entry: Traits) -> bool:
    """Whether an entry tells of a step: no denial, no analysis of what was done."""
    return entry.turns or not (entry.denied or entry.kind is Kind.ESSAY)


def _knows(entry: Traits, opposite: Iterable[Profile]) -> bool:
    """Whether an entry surely comes after a step the opposite way: its headline says so, its outlet told that step
    before, or the actor itself says it."""
    if entry.turns or (entry.first_hand and all(_began(story) < entry.said for story in opposite)):
        return True
    before = (member for story in opposite for member in story.members if member.said < entry.said)
    return bool(entry.source) and any(member.source == entry.source for member in before)


def _echoes(entry: Traits, story: Profile, weights: Weights) -> bool:
    """Whether an entry is near enough to a story to be told by a slow outlet."""
    return any(
        away <= SLOW or (away <= ECHO and likeness(entry, member, weights) >= ALIKE)
        for away, member in ((abs(entry.said - member.said), member) for member in story.members)
    )


def _another(entry: Traits, story: Profile) -> bool:
    """Whether a story is about other versions or siblings of what an entry names."""
    return versions_clash(entry.models, story.models) or differ(entry.variants, story.variants)


def _began(story: Profile) -> float:
    return min(member.said for member in story.members)


def _lately(entry: Traits, story: Profile) -> bool:
    """Whether a story of an actor of the entry is dated near it."""
    actors = entry.labs or entry.bodies
    day = entry.day
    same = not actors.isdisjoint(story.labs | story.bodies)
    return same and day is not None and any(abs(day - other) <= LATELY for other in story.days)


def _story_words(story: Profile) -> frozenset[str]:
    return frozenset[str]().union(*(member.title for member in story.members))


def _story_keys(story: Profile) -> set[str]:
    keys = {f"u {url}" for url in story.own | story.links} | {f"t {core}" for core in story.cores}
    keys |= {f"m {line}" for line in story.models} | {f"w {word}" for word in _story_words(story) - GENERIC}
    for member in story.members:
        keys |= {f"o {org} {member.sense}" for org in member.labs | member.bodies}
        keys |= {f"v {line} {version}" for line, versions in member.models.items() for version in versions}
    return keys


def _entry_keys(entry: Traits) -> Iterator[tuple[str, float]]:
    for url in {entry.own, *entry.links} - {""}:
        yield f"u {url}", 20.0
    yield f"t {entry.core}", 20.0
    for line, versions in entry.models.items():
        yield f"m {line}", 4.0
        for version in versions:
            yield f"v {line} {version}", 4.0
    for org in entry.labs | entry.bodies:
        for sense in traits.Sense:
            yield f"o {org} {sense}", 3.0 if sense is entry.sense else 1.0
    for word in entry.title:
        if word not in GENERIC:
            yield f"w {word}", traits.weight_of(word)


def assign(candidate: Candidate, index: StoryIndex, now: datetime) -> Assignment:
    """The story an entry joins; or the storyline its own story goes into; or neither."""
    entry = traits.read(candidate)
    due = _due(candidate, now)
    found = index.find(entry)
    best = found[0] if found else None
    doubt = "no open story tells this event"
    if best is not None and best[0].points >= SURE:
        rival = _rival(found)
        if rival is None:
            return Assignment(best[1], best[2], None, best[0].why, best[0].points, due)
        doubt = f"stories {best[1]} and {rival} fit alike"
    apart = index.told_apart(entry)
    if apart is not None:
        return replace(apart, due_at=due)
    placed = index.shelf.find(entry, now)
    why = f"{doubt}; {placed.why}" if placed.why else doubt
    return Assignment(None, placed.storyline_id, placed.previous_id, why, due_at=due, kin=placed.kin)


def _rival(found: list[tuple[Fit, int, int]]) -> int | None:
    """The story that fits about as well as the best one, unless both are of one storyline: then neither is sure."""
    best, storyline_id = found[0][0], found[0][2]
    if best.points >= CERTAIN:
        return None
    close = [other for other in found[1:] if other[0].points > best.points - LEAD and other[2] != storyline_id]
    return close[0][1] if close else None


def _due(candidate: Candidate, now: datetime) -> datetime | None:
    if candidate.shift.stage not in {Stage.RUMOUR, Stage.ANNOUNCED}:
        return None
    entry = candidate.entry
    beginning = promise.sentences_ahead((entry.summary or entry.content)[: traits.SUMMARY_CHARS])
    return promise.due_at(f"{entry.title}. {candidate.shift.evidence} {beginning}", min(entry.published_at or now, now))
