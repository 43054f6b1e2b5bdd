"""Reading a storyline: what its current story says, who reported it, and what stood before.

Pure; `render` makes messages of what is read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from monitor import text
from monitor.model import (
    Coverage,
    Direction,
    Reason,
    Shift,
    Stage,
    Step,
    Story,
    Storyline,
    denied_now,
    last_move,
    ranked,
)

_MOVED = (Reason.STAGE_MOVED, Reason.DIRECTION_CHANGED, Reason.DELAYED)  # a new story may bring a better headline

_FAR = (Stage.RUMOUR, Stage.CONSIDERING, Stage.ANNOUNCED, Stage.EFFECTIVE)
_OWN_LICENCE = "LicenseRef-"  # how SPDX writes the name of a licence that is not on its list


def now(storyline: Storyline) -> Story:
    """The current story as things stand: the stage reached, the headline that says so, denied if it still is."""
    story = storyline.current
    shift = replace(story.shift, stage=stage_now(storyline), denied=_denied(storyline, story))
    return replace(story, title=headline_now(storyline), shift=shift)


def headline_now(storyline: Storyline) -> str:
    """The headline that moved the current story last; its own best one while nothing did."""
    last = last_move(storyline.steps)
    return (last.headline if last and last.reason in _MOVED else "") or storyline.current.title


def link_now(storyline: Storyline) -> str:
    """The article with the headline of now; the best one where its own is gone."""
    last = last_move(storyline.steps)
    if last and last.reason in _MOVED and last.headline:
        return last.url
    told = coverage_of(storyline)
    return next((one.url for one in told if one.title == storyline.current.title), told[0].url if told else "")


def newest_first(storyline: Storyline) -> Iterator[Story]:
    """The current story, then all by age."""
    return chain((storyline.current,), reversed(storyline.stories))


def orgs_and_models(storyline: Storyline) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the current story, else of the newest that names any. "DeepSeek" is said once, as the lab's name."""
    orgs = first_of(one.shift.orgs for one in newest_first(storyline))
    models = first_of(one.shift.models for one in newest_first(storyline))
    names = {" ".join(words[:length]) for words in map(text.words, orgs) for length in range(1, len(words) + 1)}
    return orgs, tuple(model for model in models if " ".join(text.words(model)) not in names)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another storyline tells of some labs of this one (or of all, `whole`), said after things stood as here."""

    storyline: Storyline
    labs: tuple[str, ...]
    whole: bool


def elsewhere(storyline: Storyline) -> tuple[tuple[Elsewhere, ...], tuple[str, ...]]:
    """What its kin tell of its labs since, the latest first; and the labs that still stand as they do here."""
    labs, _ = orgs_and_models(storyline)
    here, left = last_move(storyline.steps), labs
    later = [one for one in storyline.kin if one.steps and (here is None or one.steps[-1].at > here.at)]
    found: list[Elsewhere] = []
    for one in sorted(later, key=lambda kin: kin.steps[-1].at, reverse=True):
        theirs, _ = orgs_and_models(one)
        moved = tuple(lab for lab in left if lab in theirs or not theirs)
        if moved or (not labs and not found):
            found.append(Elsewhere(one, moved, whole=moved == labs))
            left = tuple(lab for lab in left if lab not in moved)
    return tuple(found), left


def told_by(storyline: Storyline) -> Storyline:
    """The storyline that tells how things stand with all of its labs: itself, or one that took it over since."""
    parts, _ = elsewhere(storyline)
    return parts[0].storyline if parts and parts[0].whole else storyline


def story_of(storyline: Storyline, story_id: object) -> Story:
    return next((story for story in storyline.stories if story.id == story_id), now(storyline))


def stage_now(storyline: Storyline) -> Stage:
    now, staged = storyline.current.shift.stage, [one for one in storyline.steps if one.stage is not Stage.NONE]
    if not staged:
        return now
    last = staged[-1]
    return now if last.story_id == storyline.current.id and _softer(now, last.stage) else last.stage


def _softer(now: Stage, told: Stage) -> bool:
    """Whether a publisher edited a report since, to say less than people were told."""
    return now in _FAR and told in _FAR and _FAR.index(now) < _FAR.index(told)


def first_of(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return next((one for one in found if one), ())


def coverage_of(storyline: Storyline) -> tuple[Coverage, ...]:
    return ranked({one.entry_id: one for story in storyline.stories for one in story.coverage}.values())


def reports(entries: Iterable[Coverage]) -> list[Coverage]:
    """Those in which a rule read what happened: the others are no reports of it. All, where none was read."""
    everything = list(entries)
    return [one for one in everything if one.read] or everything


def spoke_since(storyline: Storyline) -> Coverage | None:
    """What a lab itself says, in words that no rule read, since things stand as they do; the newest."""
    last = storyline.steps[-1] if storyline.steps else None
    if last is None or last.reason != Reason.PRIMARY_SOURCE:
        return None
    unread = (one for one in coverage_of(storyline) if not one.read)
    return next((one for one in unread if (one.url, one.title) == (last.url, last.headline)), None)


def outlets_of(entries: Iterable[Coverage]) -> list[str]:
    return list(dict.fromkeys(one.outlet for one in entries))


def syndicated(entries: Iterable[Coverage]) -> list[list[Coverage]]:
    """The entries in their order, those with one headline together: what an agency wrote and many outlets print."""
    found: dict[str, list[Coverage]] = {}
    for one in entries:
        found.setdefault(_headline(one) or f"entry {one.entry_id}", []).append(one)
    return list(found.values())


def _headline(one: Coverage) -> str:
    """A headline as its words; an aggregator's "- Outlet" at the end is none of them."""
    said, outlet = text.words(one.title), text.words(one.outlet)
    hung = outlet and said[-len(outlet) :] == outlet and len(said) > len(outlet)
    return " ".join(said[: -len(outlet)] if hung else said)


def _denied(storyline: Storyline, story: Story) -> bool:
    """Whether a denial stands against a story: its own, or that of a later one about the same thing."""
    if not denied_now(storyline.steps):
        return False
    ids = [step.story_id for step in storyline.steps if step.reason == Reason.DENIED]
    by = next((one for one in storyline.stories if ids and one.id == ids[-1]), story)
    return by.shift.denied and (by.id == story.id or by.shift.direction is story.shift.direction)


def undenied(story: Story, steps: Sequence[Step]) -> Story:
    """A story without a denial that a later step of its storyline overruled."""
    denied = story.shift.denied and denied_now(steps)
    return story if denied is story.shift.denied else replace(story, shift=replace(story.shift, denied=denied))


def delayed_now(steps: Sequence[Step]) -> bool:
    """Whether things stand at a delay: nothing but denials and primary sources came after it."""
    last = last_move(steps)
    return last is not None and last.reason == Reason.DELAYED


def standing(storyline: Storyline, story: Story) -> tuple[Shift, bool]:
    """The shift with a denial only while it stands, and whether its direction and terms are what it took back."""
    shift = replace(story.shift, denied=_denied(storyline, story))
    return shift, taken_back(shift, storyline.steps)


def taken_back(shift: Shift, steps: Sequence[Step]) -> bool:
    """Whether direction and terms of a shift are those that its reversal ended, not those that it brought.

    A reversal goes where its direction says. Only where its storyline went that way before, and never another, most
    reports still tell of what it ended.
    """
    ways = {step.direction for step in steps if step.stage is not Stage.REVERSED} - {Direction.UNCLEAR}
    return shift.stage is Stage.REVERSED and ways == {shift.direction}


def licence(name: str | None) -> str:
    """A licence as people call it: SPDX ids as they are, `LicenseRef-Llama-Community` as "Llama Community licence"."""
    if not name or not name.startswith(_OWN_LICENCE):
        return name or ""
    words = name.removeprefix(_OWN_LICENCE).replace("-", " ")
    return words if words.endswith("Terms") else f"{words} licence"
