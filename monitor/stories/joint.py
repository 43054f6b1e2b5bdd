"""Headlines about several labs that act at once, each on its own: "Meta and Google both stop releasing weights"."""

from __future__ import annotations

from dataclasses import replace

from monitor.model import Stage
from monitor.stories.names import shared_lines
from monitor.stories.profile import Profile
from monitor.stories.traits import FLAGSHIPS, OPPOSITE, Kind, Traits

_FAR = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE)
_KNOWN = (*_FAR, Stage.REVERSED)
_DAYS = 3.0  # so long outlets tell one lab's part of it


def apart(entry: Traits, other: Traits | Profile) -> bool:
    """Whether two labs act at once on one side, each on its own, and on the other side one of them, or another pair."""
    if entry.joint and other.joint:
        return not (entry.joint <= other.joint or other.joint <= entry.joint)
    one, several = (other, entry) if entry.joint else (entry, other)
    return bool(several.joint) and not one.joint and len(one.labs) == 1


def retells(entry: Traits, story: Profile, gap: float | None) -> bool:
    """Whether an outlet tells one lab's part of what a headline told of several, and no more: people know it. What the
    lab itself says, what it takes back or denies, and what goes further is its own."""
    turns = entry.turns and Kind.UNDOING not in story.kinds
    if not entry.labs <= story.joint or entry.first_hand or entry.denied or turns or gap is None or gap > _DAYS:
        return False
    return story.senses == {entry.sense} and _known(entry.stage, story)


def knows(story: Profile, entry: Traits) -> bool:
    """Whether a story of one lab tells what a headline says of it and of another, as far as that goes."""
    if len(story.labs) != 1 or not story.labs <= entry.joint or entry.day is None:
        return False
    near = any(abs(entry.day - day) <= _DAYS for day in story.days)
    return near and story.senses == {entry.sense} and _known(entry.stage, story)


def _known(stage: Stage, story: Profile) -> bool:
    """Whether a story tells as much. What is taken back is announced, and no more."""
    told = {one.stage for one in story.members}
    known = max(
        (_FAR.index(Stage.ANNOUNCED if one is Stage.REVERSED else one) for one in told if one in _KNOWN), default=-1
    )
    return stage in _FAR[: known + 1] or (stage is Stage.REVERSED and stage in told)


def goes_on(entry: Traits, latest: Traits) -> bool:
    """Whether a storyline told of several labs, and an entry goes on with one of their models."""
    if not latest.joint or not entry.labs or not entry.labs <= latest.joint or _sibling(entry, latest):
        return False
    shared = shared_lines(entry.models, latest.models)
    return any(
        entry.models[one] & latest.models[other] or (one == other and one not in FLAGSHIPS) for one, other in shared
    )


def parts(entry: Traits, latest: Traits) -> bool:
    """Whether one side tells of several labs, and the other of one of them: perhaps of its part; of a sibling of the
    model that was named it does not."""
    one, several = (latest, entry) if entry.joint else (entry, latest)
    shared = (one.joint or one.labs) & several.joint
    related = bool(shared_lines(one.models, several.models))
    # That a lab opens a model of which nobody spoke is no answer to what two weigh for all of theirs.
    opposite = OPPOSITE.get(one.sense) is several.sense and not one.turns
    other = bool(one.models) and not several.models and opposite
    return apart(entry, latest) and bool(shared) and not (related and _sibling(one, several)) and not other


def _sibling(one: Traits, several: Traits) -> bool:
    """Whether a headline names a model that the report about several labs does not tell of. A headline about labs
    leaves it to the summary to say which models: "Meta and Alibaba stop …", "Llama 6 and Qwen 6 Max will be …"."""
    headline = frozenset(several.core.split())
    named = any(headline.issuperset(line.split()) for line in several.models)
    told = frozenset() if named else several.words
    return not all(told.issuperset(hung.split()) for hung in one.variants - several.variants)


def asks(members: tuple[Traits, ...]) -> Traits:
    """The member whose question a storyline asks: the latest; of what several labs did at once one that says so, lest
    what one of them does next be told of all."""
    latest = next((member for member in reversed(members) if member.joint), members[-1])
    if latest.labs or latest.bodies:
        return latest
    # "Washington moves to control …" names nobody whom a vocabulary knows: it asks of whom the others name.
    named = next((member for member in reversed(members) if member.labs or member.bodies), latest)
    return replace(latest, labs=named.labs, bodies=named.bodies)
