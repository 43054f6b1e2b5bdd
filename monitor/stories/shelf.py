"""Story to storyline: the storylines on the shelf, awake and asleep, found by who, which model line and which question.

A storyline joins the stories of one shift over time: rumoured, announced, delayed, done, undone. Two deeds of one lab,
such as two routine releases, are two storylines. What comes after a storyline fell asleep opens a new one that links
back to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from monitor.model import Direction, ShiftObject, Stage
from monitor.stories.joint import apart, goes_on, parts
from monitor.stories.names import differ, shared_lines, sizes_clash, versions_clash
from monitor.stories.traits import BODIES, OPPOSITE, Kind, Sense, Traits, on_openness, weight_of
from monitor.stories.wording import Weights, likeness
from monitor.stories.words import MATTERS, PAPERS

_TALKED = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED)
_PENDING = frozenset({Kind.TALK, Kind.DELAY})
SAME_QUESTION = 1.0
LOOKED_AT = 20  # storylines of one lab or model line: those with the latest news
ALIKE = 0.3  # wording that makes one question of two stories without a common model


class _Even(Weights):
    """Every word is worth what it may say at all, however rare it is; nothing is kept."""

    def __missing__(self, word: str) -> float:
        return weight_of(word)

    def mass(self, words: frozenset[str]) -> float:
        return sum(map(weight_of, words))


_EVEN = _Even(lambda _: 1.0)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a new story goes: into an awake storyline, into a new one after a sleeping one, or into a new one.

    `kin`: the storylines that tell of its question in part, one side of several labs and the other of one of them.
    """

    storyline_id: int | None = None
    previous_id: int | None = None
    kin: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    latest: Traits
    last_news_at: datetime
    due_at: datetime | None


class Shelf:
    """The storylines by the labs and model lines of their latest story."""

    def __init__(self, sleep_after: timedelta) -> None:
        self._sleep_after = sleep_after
        self._lines: dict[int, _Line] = {}
        self._keys: dict[str, dict[int, None]] = {}  # key -> storyline ids, the latest last

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, storyline_id: int, latest: Traits, last_news_at: datetime, due_at: datetime | None) -> None:
        """Put a storyline up, or up to date: its latest story, when it last had news, when its promise falls due."""
        old = self._lines.get(storyline_id)
        if old is not None and last_news_at < old.last_news_at:
            return
        self._drop(storyline_id)
        if old is not None and not latest.models:  # what names no model asks about the one that was named before
            latest = replace(latest, models=old.latest.models)
        promises = [due for due in (due_at, old.due_at if old else None) if due is not None]
        self._hold(_Line(storyline_id, latest, last_news_at, max(promises, default=None)))

    def _hold(self, line: _Line) -> None:
        self._lines[line.id] = line
        for key in _keys(line.latest):
            self._keys.setdefault(key, {})[line.id] = None

    def _drop(self, storyline_id: int) -> None:
        line = self._lines.pop(storyline_id, None)
        for key in _keys(line.latest) if line else ():
            self._keys[key].pop(storyline_id, None)

    def awake(self, storyline_id: int, now: datetime) -> bool:
        """Whether a storyline had news lately, or holds a promise that has not been due for long."""
        line = self._lines.get(storyline_id)
        return line is not None and now - max(line.last_news_at, line.due_at or line.last_news_at) <= self._sleep_after

    def find(self, entry: Traits, now: datetime) -> Placed:
        """The storyline whose question the entry answers. The surest goes first, then the one with the latest news."""
        near = {
            storyline_id
            for key in _keys(entry)
            for storyline_id in islice(reversed(self._keys.get(key, {})), LOOKED_AT)
        }
        lines = [self._lines[one] for one in near]
        kin = tuple(sorted(line.id for line in lines if _in_part(entry, line.latest)))
        asked = [(question(entry, line.latest), line) for line in lines]
        found = sorted(
            ((points, line) for points, line in asked if points >= SAME_QUESTION),
            key=lambda pair: (-pair[0], -pair[1].last_news_at.timestamp(), pair[1].id),
        )
        for _, line in found:
            if self.awake(line.id, now):
                return Placed(line.id, kin=kin, why=f"same question as storyline {line.id}")
        if found:
            before = found[0][1].id
            return Placed(previous_id=before, kin=kin, why=f"continues storyline {before}, which was asleep")
        if kin:  # two labs do not share a storyline: this one goes its own way from here
            before = max(kin, key=lambda one: (self._lines[one].last_news_at, one))
            return Placed(previous_id=before, kin=kin, why=f"continues storyline {before}, which told it in part")
        return Placed()


def _keys(entry: Traits) -> Iterable[str]:
    for lab in entry.labs or {BODIES[body] for body in entry.bodies}:
        yield f"o {lab}"
    for line in entry.models:
        yield f"m {line}"


def question(entry: Traits, latest: Traits) -> float:
    """How surely an entry is about the same question as the latest story of a storyline, from 0; 1 is sure enough."""
    return 0.0 if apart(entry, latest) else _asked(entry, latest, develops=_develops(entry, latest))


def _in_part(entry: Traits, latest: Traits) -> bool:
    """Whether one tells of several labs what the other tells of one of them, or what became of it there."""
    if not parts(entry, latest):
        return False
    asked = _asked(entry, latest, develops=True)  # a denial, or the lab's own word on it, tells of it as well
    return asked >= SAME_QUESTION or goes_on(entry, latest) or goes_on(latest, entry)


def _asked(entry: Traits, latest: Traits, *, develops: bool) -> float:
    if entry.labs and latest.labs and not entry.labs & latest.labs:
        return 0.0
    if _on_use_alone(entry, latest) or _on_use_alone(latest, entry):
        return 0.0
    if versions_clash(entry.models, latest.models) or differ(entry.variants, latest.variants):
        return 0.0
    if sizes_clash(entry.sizes, latest.sizes) or sizes_clash(entry.scales, latest.scales):
        return 0.0
    shared = shared_lines(entry.models, latest.models)
    versions = [(entry.models[one], latest.models[other]) for one, other in shared]
    if any(here & there for here, there in versions):
        return 3.0 if develops or bool(entry.variants) == bool(latest.variants) else 0.0  # two of one family
    if entry.models and latest.models and not shared:
        return 0.0
    if develops and all(on_openness(one.direction, one.object) for one in (entry, latest)):
        # "Llama" beside "Llama 2" is the line's question only while something is pending, or in like words.
        one_side = any(bool(here) != bool(there) for here, there in versions)
        if shared and (not one_side or latest.kind in _PENDING):
            return 2.0
        takes_back = entry.kind is Kind.UNDOING and entry.sense is OPPOSITE.get(latest.sense)
        pending = takes_back or latest.kind in _PENDING
        if not shared and entry.labs & latest.labs and pending and _way(entry, latest):
            return 1.5
    if develops and _one_rule(entry, latest):
        return SAME_QUESTION
    if likeness(entry, latest, _EVEN) < ALIKE:  # last, for it costs the most
        return 0.0
    return 2.0 if shared and develops else 1.0


def _one_rule(entry: Traits, latest: Traits) -> bool:
    """Whether a state drops or denies the rule that it spoke of, or goes on with it: neither names a lab, the same
    body acts, and one headline names no other matter, and no other kind of paper, than the other."""
    if entry.labs or latest.labs or entry.models or latest.models or latest.kind not in _PENDING:
        return False
    acts = {BODIES[body] for body in entry.bodies} & {BODIES[body] for body in latest.bodies}
    policies = latest.sense is Sense.POLICY and (entry.sense is Sense.POLICY or entry.denied)
    ends = entry.kind is Kind.UNDOING or entry.denied or entry.turns
    if not acts or not policies or not ends:
        return False
    here, there = _matters(entry), _matters(latest)
    return bool(here & there) and (here <= there or there <= here) and not differ(_papers(entry), _papers(latest))


def _matters(one: Traits) -> frozenset[str]:
    return frozenset(MATTERS[word] for word in one.core.split() if word in MATTERS)


def _papers(one: Traits) -> frozenset[str]:
    return frozenset(PAPERS[word] for word in one.core.split() if word in PAPERS)


def _on_use_alone(one: Traits, other: Traits) -> bool:
    """Whether one says who may use something and for what, and the other that it opens or closes."""
    limits = one.direction in {Direction.RESTRICTING, Direction.LOOSENING}
    uses = limits and one.object in {ShiftObject.USAGE_POLICY, ShiftObject.API_TERMS}
    return uses and other.direction in {Direction.OPENING, Direction.CLOSING}


def _develops(entry: Traits, latest: Traits) -> bool:
    """Whether one follows from the other: another kind of event, the other way, or talk that went further."""
    further = latest.stage in _TALKED and entry.stage in _TALKED[_TALKED.index(latest.stage) + 1 :]
    return further or entry.kind is not latest.kind or entry.sense is not latest.sense


def _way(entry: Traits, latest: Traits) -> bool:
    return {entry.sense, latest.sense} <= {Sense.OPENWARD, Sense.CLOSEWARD, Sense.UNCLEAR}
