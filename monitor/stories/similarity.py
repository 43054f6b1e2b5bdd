"""How well an entry fits a story: points for and against, each with its reason in words.

The points are rules a person can argue with, not weights fitted by a machine; docs/stories.md tells them in prose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from monitor.model import Direction, ShiftObject, Stage
from monitor.stories.joint import apart, retells
from monitor.stories.names import differ, related, shared_lines, sizes_clash, versions_clash
from monitor.stories.profile import Profile, all_of
from monitor.stories.traits import BODIES, FLAGSHIPS, GOVERNMENTS, Kind, Sense, Traits
from monitor.stories.wording import Weights, likeness
from monitor.stories.words import DEEDS

DAY = timedelta(days=1)
SURE = 4.0  # points from which an entry joins a story
LEAD = 0.5  # how far the best story must lead the next, unless it is
LIKE_WORDS = 5.0  # at most, for wording …
WORDING_AT_MOST = 2.0  # … and between two kinds of event
SAME_NAMES = 1.5  # at most
SAME_DEED = 0.75
TOGETHER = 1.0  # days
AGAIN = 2.0  # days
CERTAIN = 6.5  # … beyond doubt by itself
_ON_WEIGHTS = {Direction.OPENING: Direction.CLOSING, Direction.CLOSING: Direction.OPENING}
_ON_USE = {Direction.LOOSENING: Direction.RESTRICTING, Direction.RESTRICTING: Direction.LOOSENING}
_DECIDED = frozenset({Stage.ANNOUNCED, Stage.EFFECTIVE})


# How much it speaks against one event that two entries tell it the other way; other pairs -1.5.
_AGAINST = {
    frozenset({Sense.OPENWARD, Sense.CLOSEWARD}): -3.0,
    frozenset({Sense.OPENWARD, Sense.DISPUTE}): -3.0,
}


@dataclass(frozen=True, slots=True)
class Fit:
    """Points of an entry for a story. `veto`: something says they are different events, whatever else they share.
    `settled`: one link or headline says that they are one.
    """

    points: float
    parts: tuple[tuple[float, str], ...]
    veto: str = ""
    settled: bool = False

    @property
    def why(self) -> str:
        """The reasons with their points, in words."""
        return ", ".join(f"{reason} {points:+.1f}" for points, reason in self.parts)


@dataclass(frozen=True, slots=True)
class Around:
    """What lies around a story. Entries dated further apart than `window` tell different events. `alone`: no other open
    story of late shares an actor with the entry. `turned`: the story took back an older one of its storyline, which
    went the other way than the entry."""

    window: timedelta = timedelta(days=30)
    alone: bool = False
    turned: bool = False


AROUND = Around()


def fit(entry: Traits, story: Profile, weights: Weights, around: Around = AROUND) -> Fit:
    """How well `entry` fits `story`. `weights` say what sharing a word is worth."""
    gap = _gap(entry, story)
    if gap is not None and gap > around.window / DAY:
        return Fit(0.0, (), "too far apart in time")
    if versions_clash(entry.models, story.models):
        return Fit(0.0, (), "another version")
    if entry.own in story.own or entry.own in story.links or entry.links & story.own:
        return Fit(10.0, ((10.0, "same link"),), settled=True)
    if entry.core in story.cores and entry.core.count(" ") >= 3:
        return Fit(9.0, ((9.0, "same headline"),), settled=True)
    if entry.labs and story.labs and not entry.labs & story.labs:
        return Fit(0.0, (), "other labs")
    if (
        entry.models
        and story.models
        and not entry.models.keys() & story.models.keys()
        and not related(entry.models, story.models)
    ):
        return Fit(0.0, (), "another model")
    if differ(entry.variants, story.variants) or all(sizes_clash(entry.sizes, one.sizes) for one in story.members):
        return Fit(0.0, (), "another model")
    if sizes_clash(entry.scales, story.scales) and not _out_together(entry, story, gap):
        return Fit(0.0, (), "another size of the model")
    if _sibling(entry, story, gap):
        return Fit(0.0, (), "another of the family")
    part = apart(entry, story)
    if part and not retells(entry, story, gap):
        return Fit(0.0, (), "one of several labs")
    kind = tuple(_kind(entry, story, gap, turned=around.turned))
    # An announcement and its deed are worded alike by nature, and so are two bans by one lab: then words cannot make
    # one event of two.
    way = tuple(_way(entry, story, gap))
    unlike = [points for points, _ in (*kind, *way) if points <= -2.0]
    most = WORDING_AT_MOST if unlike or _other_party(entry, story) else math.inf
    others = tuple(_others(entry, story, gap))
    parts = (
        *_actors(entry, story),
        *others,
        *([(1.0, "its part of what several do")] if part else []),
        *_lines(entry, story, gap),
        *way,
        *kind,
        *_time(gap),
        *(_only(entry, story, gap) if around.alone and not others else ()),
    )
    points = sum(points for points, _ in parts)
    if points + min(most, LIKE_WORDS) + SAME_NAMES + SAME_DEED < SURE - LEAD:
        return Fit(points, parts)  # no words could make it count: comparing them costs the most
    parts = (*parts, *_wording(entry, story, weights, most))
    return Fit(sum(points for points, _ in parts), parts)


def _out_together(entry: Traits, story: Profile, gap: float | None) -> bool:
    """Whether sizes of one model came out on one day: each report has another in its headline, and one of them tells of
    the other's, too."""
    if gap is None or gap > TOGETHER:
        return False
    here, there = (all_of(one.scales.values()) for one in (entry, story))
    return bool(here & all_of(one.words - one.title for one in story.members)) or bool(
        there & (entry.words - entry.title)
    )


def _gap(entry: Traits, story: Profile) -> float | None:
    """Days from the entry to the nearest dated member; None when one side has no date."""
    if entry.day is None or not story.days:
        return None
    day = entry.day
    return min(abs(day - other) for other in story.days)


def _actors(entry: Traits, story: Profile) -> Iterable[tuple[float, str]]:
    if labs := entry.labs & story.labs:
        yield 1.0 + 0.5 * (len(labs) > 1), f"same lab ({', '.join(sorted(labs))})"
    if entry.bodies & story.bodies:
        yield (0.5 if entry.labs or story.labs else 1.0), "same body"
    if entry.links & story.links:
        yield 1.5, "both link to the same page"


def _others(entry: Traits, story: Profile, gap: float | None) -> Iterable[tuple[float, str]]:
    """Signs that somebody else did it, or that it holds somewhere else."""
    if entry.labs & story.labs:
        if (entry.actor and entry.actor not in story.every_lab) or not story.actors & entry.labs:
            yield -3.0, "another lab acts"
    elif _another_body(entry, story):
        yield -3.0, "another body acts"
    elif _governs(entry, story) or _governs(story, entry):
        yield -1.5, "a lab acts, not a government"
    if differ(entry.suer, story.suers):
        yield -3.0, "another goes to court"
    if differ(entry.things, story.things):
        yield -3.0, "another thing is handed out"
    if _leaks(entry) != any(map(_leaks, story.members)):
        yield -2.0, "one is a leak"
    if entry.anew and gap is not None and gap > AGAIN and not any(member.anew for member in story.members):
        yield -4.0, "says that it comes once more"
    if _other_terms(entry, story):
        # On the day itself outlets call one licence by many names.
        yield (-3.0 if gap is not None and gap > TOGETHER else -1.0), "other terms"
    if all((_on_use(entry) and _on_weights(one)) or (_on_use(one) and _on_weights(entry)) for one in story.members):
        yield -4.0, "one is about weights, the other about use"
    if differ(entry.places, story.places):
        yield -3.0, "another place"
    if _other_party(entry, story):
        yield -3.0, "another is shut out"
    if _bans_alone(entry, story):
        yield -4.0, "a ban by somebody else is an event of its own"


def _sibling(entry: Traits, story: Profile, gap: float | None) -> bool:
    """Whether a model's variant is out that the report before did not speak of, and not on its day. Who reports later
    may leave the name short; and terms change for a whole family."""
    if entry.kind is not Kind.DEED or entry.direction is not Direction.OPENING or gap is None or gap <= TOGETHER:
        return False
    if story.variants:
        return not entry.variants and entry.day is not None and entry.day < min(story.days)
    named = frozenset(word for one in entry.variants for word in one.split())
    return bool(named) and named.isdisjoint(all_of(one.words for one in story.members))


def _on_use(one: Traits) -> bool:
    return one.object in {ShiftObject.USAGE_POLICY, ShiftObject.API_TERMS}


def _on_weights(one: Traits) -> bool:
    return one.object is ShiftObject.WEIGHTS and one.direction in {Direction.OPENING, Direction.CLOSING}


def _another_body(entry: Traits, story: Profile) -> bool:
    """Whether neither side names a lab, and another government or body acts."""
    if entry.labs | story.labs or not entry.bodies or not story.bodies:
        return False
    whose = {BODIES[body] for body in entry.bodies}
    apart = whose.isdisjoint(BODIES[body] for body in story.bodies)
    return apart or (bool(entry.bodies & story.bodies) and entry.actor not in story.actors)


def _governs(one: Traits | Profile, other: Traits | Profile) -> bool:
    """Whether only governments act on one side, and only labs on the other."""
    return not one.labs and not other.bodies and bool(other.labs) and any(body in GOVERNMENTS for body in one.bodies)


def _leaks(one: Traits) -> bool:
    return one.kind is Kind.DEED and "leak" in one.title


def _other_party(entry: Traits, story: Profile) -> bool:
    """Whether one of them shuts out a rival lab, and the other somebody else whom it names."""
    if entry.sense is not Sense.CLOSEWARD or Sense.CLOSEWARD not in story.senses or not entry.labs & story.labs:
        return False
    here = _parties(entry, entry.labs - story.labs)
    there = all_of(_parties(member, story.every_lab - entry.labs) for member in story.members)
    return bool(entry.labs ^ story.every_lab) and differ(here, there)


def _parties(entry: Traits, rivals: frozenset[str]) -> frozenset[str]:
    return (rivals & entry.labs) | entry.names | (entry.title & {"thirdparty"})


def _bans_alone(entry: Traits, story: Profile) -> bool:
    """Whether one tells that somebody else bans what a lab made, and no headline of the other tells of a ban."""
    if entry.tells_ban:
        told = any(member.tells_ban for member in story.members)
        return bool(entry.banner) and not told and not entry.banner & _words_of(story.labs)
    return all(member.banner and not member.banner & _words_of(entry.labs) for member in story.members)


def _words_of(labs: Iterable[str]) -> frozenset[str]:
    return frozenset(word for lab in labs for word in lab.split())


def _other_terms(entry: Traits, story: Profile) -> bool:
    """Whether each names the licence that something is put under, and never the same."""
    return bool(entry.terms and story.terms) and entry.terms not in story.terms


def _only(entry: Traits, story: Profile, gap: float | None) -> Iterable[tuple[float, str]]:
    """A lab that did one thing of this kind lately: who tells of it now most likely tells of that."""
    alike = entry.sense is not Sense.UNCLEAR and entry.sense in story.senses and entry.kind in story.kinds
    if alike and not _vaguely(entry, story) and gap is not None and gap <= 3.0:
        yield 0.75, "nothing else of the kind these days"


def _lines(entry: Traits, story: Profile, gap: float | None) -> Iterable[tuple[float, str]]:
    shared = shared_lines(entry.models, story.models)
    versions = [(entry.models[one], story.models[other]) for one, other in shared]
    if any(here & there for here, there in versions):
        yield 2.5, "same model and version"
    elif shared:
        own = next((line for line, _ in shared if line not in FLAGSHIPS), None)
        # Without a date nobody knows which version of a lab's range an entry means that names none.
        vague = gap is None and any(bool(here) != bool(there) for here, there in versions)
        if own:
            yield 2.0, f"same model ({own})"
        else:
            yield (-0.75, "undated, and without the version") if vague else (1.25, f"same model line ({shared[0][0]})")


def _way(entry: Traits, story: Profile, gap: float | None) -> Iterable[tuple[float, str]]:
    if entry.sense in story.senses:
        if gap is not None and gap > 3.0 and all(entry.direction is not member.direction for member in story.members):
            yield -1.0, "days apart, one the deed and one a change of terms"
        elif entry.sense is not Sense.UNCLEAR and not _vaguely(entry, story):
            # Labs open models every week; they seldom close one, and seldom talk about it beforehand.
            talk = entry.kind is Kind.TALK and Kind.TALK in story.kinds
            yield (1.25 if talk or entry.sense is not Sense.OPENWARD else 0.75), f"same direction ({entry.sense})"
    elif _contrary(entry, story):
        yield -5.0, "decided one way, and decided the other"
    elif entry.sense is not Sense.UNCLEAR and Sense.UNCLEAR not in story.senses:
        against = min(_AGAINST.get(frozenset({entry.sense, other}), -1.5) for other in story.senses)
        yield against, "another direction"


def _contrary(entry: Traits, story: Profile) -> bool:
    """Whether it is decided on one side that something opens, on the other that it closes, or that a use is allowed and
    that it is not: a turn, however it is told.
    Of what may become of it outlets say both on one day."""
    told = [one for one in story.members if not one.denied]
    other = (_ON_USE if _on_use(entry) else _ON_WEIGHTS).get(entry.direction)
    if entry.stage not in _DECIDED:
        return False
    return any(one.direction is other and one.stage in _DECIDED and _on_use(one) is _on_use(entry) for one in told)


def _vaguely(entry: Traits, story: Profile) -> bool:
    """Whether one tells that a lab closes something, the other that it limits use, and nothing names one model."""
    if entry.sense is not Sense.CLOSEWARD or any(entry.direction is member.direction for member in story.members):
        return False
    lines = shared_lines(entry.models, story.models)
    # The lab's own name, taken for that of its range, says no more than the lab.
    return all(one in entry.labs and not entry.models[one] & story.models[other] for one, other in lines)


def _kind(entry: Traits, story: Profile, gap: float | None, *, turned: bool) -> Iterable[tuple[float, str]]:
    """Talk of a deed, its delay, the deed and its reversal are events of their own; on one day outlets mix them up."""
    kinds = story.kinds | {entry.kind}
    if entry.kind in story.kinds or Kind.ESSAY in kinds:
        return
    back = kinds <= {Kind.UNDOING, Kind.TALK} or entry.kind is Kind.UNDOING
    if turned and back and gap is not None and gap <= 7.0:
        return  # some say that it comes otherwise now, some that a decision was taken back
    close = gap is not None and gap <= 2.0
    if Kind.UNDOING in kinds:
        yield -3.5, "one is a reversal"
    elif Kind.DELAY in kinds:
        yield (-1.0 if close else -3.0), "one is a delay"
    else:
        apart = -2.0 if gap is None else -3.0
        near = -1.5 if Kind.FIGHT in kinds else -0.5
        yield (near if close else apart), f"another kind of event ({entry.kind})"


def _time(gap: float | None) -> Iterable[tuple[float, str]]:
    if gap is None:
        return
    if gap <= 3.0:
        yield 1.0, "within three days"
    elif gap <= 7.0:
        yield 0.5, "within a week"
    elif gap > 21.0:
        yield -1.0, "weeks apart"


def _wording(entry: Traits, story: Profile, weights: Weights, most: float) -> Iterable[tuple[float, str]]:
    best = max((likeness(entry, member, weights) for member in story.members), default=0.0)
    if best > 0.12:
        yield min(most, round(4.0 * best + (best >= 0.75), 2)), f"wording {best:.0%}"
    names = {name for member in story.members for name in (entry.names & member.title) | (member.names & entry.title)}
    if names:
        yield (
            round(min(SAME_NAMES, sum(0.75 * weights[name] for name in names)), 2),
            f"same names ({', '.join(sorted(names))})",
        )
    deeds = entry.title & DEEDS
    if entry.labs & story.labs and any(deeds & member.title for member in story.members):
        yield SAME_DEED, f"same deed ({', '.join(sorted(deeds))})"
