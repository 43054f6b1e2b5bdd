"""How well an entry fits a story: points for and against, each with its reason in words.

The points are rules a person can argue with, not weights fitted by a machine; docs/stories.md tells them in prose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from monitor.stories.traits import FLAGSHIPS, Kind, Sense, Traits, weight_of
from monitor.stories.words import DEEDS

DAY = timedelta(days=1)
SURE = 4.0  # points from which an entry joins a story
LEAD = 0.5  # how far the best story must lead the next, unless it is
CERTAIN = 6.5  # … beyond doubt by itself

Weight = Callable[[str], float]

# How much it speaks against one event that two entries tell it the other way; other pairs -1.5.
_AGAINST = {
    frozenset({Sense.OPENWARD, Sense.CLOSEWARD}): -3.0,
    frozenset({Sense.OPENWARD, Sense.DISPUTE}): -2.5,
}


@dataclass(frozen=True, slots=True)
class Fit:
    """Points of an entry for a story. `veto`: something says they are different events, whatever else they share."""

    points: float
    reasons: tuple[str, ...]
    veto: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the members of a story share out between them, ready for comparison."""

    labs: frozenset[str]
    bodies: frozenset[str]
    models: Mapping[str, frozenset[str]]
    urls: frozenset[str]
    cores: frozenset[str]
    senses: frozenset[Sense]
    members: tuple[Traits, ...]


def profile(members: Iterable[Traits]) -> Profile:
    """The profile of a story with these members. Labs and models count when a third of the members name them."""
    kept = tuple(members)
    return Profile(
        labs=_common(kept, lambda member: member.labs),
        bodies=_common(kept, lambda member: member.bodies),
        models=_models(kept),
        urls=frozenset().union(*(member.urls for member in kept)),
        cores=frozenset(member.core for member in kept),
        senses=frozenset(member.sense for member in kept),
        members=kept,
    )


def _common(members: tuple[Traits, ...], of: Callable[[Traits], Iterable[str]]) -> frozenset[str]:
    counts: dict[str, int] = {}
    for member in members:
        for value in of(member):
            counts[value] = counts.get(value, 0) + 1
    return frozenset(value for value, count in counts.items() if count * 3 >= len(members))


def _models(members: tuple[Traits, ...]) -> Mapping[str, frozenset[str]]:
    lines = _common(members, lambda member: member.models)
    return {
        line: frozenset().union(*(member.models.get(line, frozenset()) for member in members)) for line in sorted(lines)
    }


def fit(entry: Traits, story: Profile, weight: Weight, window: timedelta = timedelta(days=30)) -> Fit:
    """How well `entry` fits `story`. `weight` says how rare a word is among the open stories, 0 to 1.

    Entries dated further apart than `window` tell different events.
    """
    if entry.urls & story.urls and not versions_clash(entry.models, story.models):
        return Fit(10.0, ("same link",))
    same_title = entry.core in story.cores and len(entry.core.split()) >= 4
    if same_title and _gap(entry, story) <= window:
        return Fit(9.0, ("same headline",))
    veto = _veto(entry, story, window)
    if veto:
        return Fit(0.0, (), veto)
    parts = [
        *_actors(entry, story),
        *_lines(entry, story),
        *_way(entry, story),
        *_time(entry, story),
        *_wording(entry, story, weight),
    ]
    return Fit(sum(points for points, _ in parts), tuple(f"{reason} {points:+.1f}" for points, reason in parts))


def _veto(entry: Traits, story: Profile, window: timedelta) -> str:
    if entry.labs and story.labs and not entry.labs & story.labs:
        return "other labs"
    if versions_clash(entry.models, story.models):
        return "another version"
    if entry.models and story.models and not set(entry.models) & set(story.models) and not _related(entry, story):
        return "another model"
    if _gap(entry, story) > window:
        return "too far apart in time"
    return ""


def _related(entry: Traits, story: Profile) -> bool:
    """Whether one names the other's line more closely: "llama" and "llama behemoth"."""
    return any(set(a.split()) & set(b.split()) for a in entry.models for b in story.models)


def versions_clash(a: Mapping[str, frozenset[str]], b: Mapping[str, frozenset[str]]) -> bool:
    """Whether two mappings of model line to versions share lines, and different versions only."""
    shared = [line for line in a if line in b and a[line] and b[line]]
    return bool(shared) and not any(a[line] & b[line] for line in shared)


def _gap(entry: Traits, story: Profile) -> timedelta:
    """How far the entry is from the nearest dated member; nothing when one side has no date."""
    dates = [member.at for member in story.members if member.at]
    if entry.at is None or not dates:
        return timedelta(0)
    return min(abs(entry.at - at) for at in dates)


def _undated(entry: Traits, story: Profile) -> bool:
    return entry.at is None or not any(member.at for member in story.members)


def _actors(entry: Traits, story: Profile) -> Iterable[tuple[float, str]]:
    if labs := entry.labs & story.labs:
        yield 1.0 + 0.5 * (len(labs) > 1), f"same lab ({', '.join(sorted(labs))})"
    if entry.bodies & story.bodies:
        yield 0.5, "same body"


def _lines(entry: Traits, story: Profile) -> Iterable[tuple[float, str]]:
    shared = [line for line in entry.models if line in story.models]
    if any(entry.models[line] & story.models[line] for line in shared):
        yield 2.5, "same model and version"
    elif shared:
        own = next((line for line in shared if line not in FLAGSHIPS), None)
        yield (2.0, f"same model ({own})") if own else (1.25, f"same model line ({shared[0]})")


def _way(entry: Traits, story: Profile) -> Iterable[tuple[float, str]]:
    if entry.sense in story.senses:
        if entry.sense is not Sense.UNCLEAR:
            rare = entry.sense is not Sense.OPENWARD
            yield (1.25 if rare else 0.75), f"same direction ({entry.sense})"
    elif entry.sense is not Sense.UNCLEAR and Sense.UNCLEAR not in story.senses:
        against = min(_AGAINST.get(frozenset({entry.sense, other}), -1.5) for other in story.senses)
        yield against, "another direction"
    kinds = {member.kind for member in story.members}
    if entry.kind in kinds or Kind.ESSAY in {entry.kind, *kinds}:
        return
    close = not _undated(entry, story) and _gap(entry, story) <= 2 * DAY
    if Kind.UNDOING in {entry.kind, *kinds}:
        yield -3.5, "one is a reversal"
    elif Kind.DELAY in {entry.kind, *kinds}:
        yield (-0.5 if close else -3.0), "one is a delay"
    else:
        yield (-0.5 if close else -2.0), f"another kind of event ({entry.kind})"


def _time(entry: Traits, story: Profile) -> Iterable[tuple[float, str]]:
    if _undated(entry, story):
        return
    gap = _gap(entry, story)
    if gap <= 3 * DAY:
        yield 1.0, "within three days"
    elif gap <= 7 * DAY:
        yield 0.5, "within a week"
    elif gap > 21 * DAY:
        yield -1.0, "weeks apart"


def _wording(entry: Traits, story: Profile, weight: Weight) -> Iterable[tuple[float, str]]:
    best = max((likeness(entry, member, weight) for member in story.members), default=0.0)
    if best > 0.12:
        yield round(4.0 * best + (best >= 0.75), 2), f"wording {best:.0%}"
    names = {name for member in story.members for name in (entry.names & member.title) | (member.names & entry.title)}
    if names:
        yield round(min(1.5, sum(0.75 * weight(name) for name in names)), 2), f"same names ({', '.join(sorted(names))})"
    deeds = entry.title & DEEDS
    if entry.labs & story.labs and any(deeds & member.title for member in story.members):
        yield 0.75, f"same deed ({', '.join(sorted(deeds))})"


def likeness(a: Traits, b: Traits, weight: Weight) -> float:
    """How alike two entries are worded, 0 to 1: headlines against each other, or one inside the other's beginning."""
    titles = _dice(a.title, b.title, weight)
    inside = max(_inside(a.title, b.words, weight), _inside(b.title, a.words, weight))
    return max(titles, 0.6 * inside)


def _mass(words: Iterable[str], weight: Weight) -> float:
    return sum(weight(word) * weight_of(word) for word in words)


def _dice(a: frozenset[str], b: frozenset[str], weight: Weight) -> float:
    total = _mass(a, weight) + _mass(b, weight)
    return 2.0 * _mass(a & b, weight) / total if total else 0.0


def _inside(short: frozenset[str], long: frozenset[str], weight: Weight) -> float:
    total = _mass(short, weight)
    return _mass(short & long, weight) / total if total and len(short) >= 3 else 0.0
