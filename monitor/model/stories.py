"""Stories and storylines: entries about one event, and the events of one shift over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from monitor.model.deliveries import Reason
from monitor.model.feeds import Entry, Trust
from monitor.model.shifts import Direction, Severity, Shift, Stage

_DAY_END = timedelta(days=1) - timedelta(seconds=1)
_BEST_FIRST = (Trust.PRIMARY, Trust.PRESS, Trust.COMMUNITY)
ASIDES = (Reason.DENIED, Reason.PRIMARY_SOURCE)  # steps that are told, and change nothing about how things stand


def said_at(published_at: datetime | None, seen_at: datetime) -> datetime:
    """When an entry was said: as its publisher dates it, or when we saw it where it has no date or one to come.

    Midnight is how a bare day is read: it may have been any time of that day, and is taken for the latest.
    """
    if published_at is None or published_at > seen_at:
        return seen_at
    return min(seen_at, published_at + _DAY_END) if published_at.time() == time() else published_at


@dataclass(frozen=True, slots=True)
class Coverage:
    """One entry of a story as a reader sees it: who, what, where, when; and whether a rule read in it what happened."""

    entry_id: int
    feed_id: str
    outlet: str
    title: str
    url: str
    trust: Trust
    seen_at: datetime
    published_at: datetime | None = None
    read: bool = True

    @property
    def at(self) -> datetime:
        """When it was said (`said_at`)."""
        return said_at(self.published_at, self.seen_at)


def ranked(coverage: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """Best source first, then oldest first; what no rule read reports nothing, and comes last."""
    return tuple(sorted(coverage, key=lambda one: (not one.read, _BEST_FIRST.index(one.trust), one.at, one.entry_id)))


@dataclass(frozen=True, slots=True)
class Story:
    """A cluster of entries about one event. `shift` is the state of things now, merged from its entries."""

    id: int
    storyline_id: int
    title: str
    severity: Severity
    shift: Shift
    rule_ids: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    coverage: tuple[Coverage, ...] = ()  # best source first, then oldest first
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that matched, with the one shift its hits agree on: what is placed in a story, and its later member."""

    entry: Entry
    shift: Shift
    seen_at: datetime
    entry_id: int = 0
    trust: Trust = Trust.PRESS
    severity: Severity = Severity.LOW  # the gravest base severity of the rules it matched
    rule_ids: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was said (`said_at`)."""
        return said_at(self.entry.published_at, self.seen_at)


@dataclass(frozen=True, slots=True)
class Context:
    """What an org's own history says about a shift, in one line, and the step it moves severity: -1, 0 or 1."""

    line: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class OpenStory:
    """A story as placing needs it: its members oldest first. `due_at`: when a promise its storyline holds falls due."""

    id: int
    storyline_id: int
    members: tuple[Candidate, ...]
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step of a storyline: what the state became, and why it counted as a move.

    `at`: when it was said. `seen_at`: when its entry came to us.
    """

    at: datetime
    stage: Stage
    direction: Direction
    reason: str
    headline: str = ""
    url: str = ""
    outlet: str = ""
    story_id: int = 0  # whose step it was
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Storyline:
    """Stories of one shift over time, oldest first, and the dated steps they took.

    `kin`: the storylines that tell of the same question in part (one of several labs), or after this one fell asleep.
    """

    id: int
    stories: tuple[Story, ...]
    steps: tuple[Step, ...] = ()
    previous_id: int | None = None  # the sleeping storyline this one continues
    previous: Step | None = None  # how that one stood when it fell asleep
    context: str = ""  # what moved the severity: "raised: first closing by Meta after 6 the other way"
    kin: tuple[Storyline, ...] = ()  # without their own

    @property
    def current(self) -> Story:
        """The story that things stand at: whose step moved the storyline last. An older one may have gone on since."""
        last = last_move(self.steps)
        return next((one for one in self.stories if last and one.id == last.story_id), self.stories[-1])


def last_move(steps: Sequence[Step]) -> Step | None:
    """The last step that changed how things stand."""
    return next((step for step in reversed(steps) if step.reason not in ASIDES), None)


def denied_now(steps: Sequence[Step]) -> bool:
    """Whether a denial still stands against what is said: no step since the last went further."""
    denials = [number for number, step in enumerate(steps) if step.reason == Reason.DENIED]
    since = steps[denials[-1] if denials else 0 :]
    return all((step.stage, step.direction) == (since[0].stage, since[0].direction) for step in since)
