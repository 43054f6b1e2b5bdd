"""The words of messages that several of them share: which way, how far, who, from what to what, and when.

Pure. Escaping is done here where the words are put together for a block; `terms`, `lead` and `subject` are plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from monitor.alerts.blocks import link, literal
from monitor.alerts.reading import (
    Elsewhere,
    delayed_now,
    elsewhere,
    headline_now,
    licence,
    link_now,
    now,
    orgs_and_models,
    spoke_since,
    standing,
    told_by,
)
from monitor.model import STAGE_WORDS, Direction, Severity, Shift, ShiftObject, Stage, Story, Storyline

DIRECTIONS = {
    Direction.OPENING: ("🔓", "opening"),
    Direction.CLOSING: ("🔒", "closing"),
    Direction.RESTRICTING: ("⛔", "restricting"),
    Direction.LOOSENING: ("🪢", "loosening"),
    Direction.DISPUTE: ("⚖️", "dispute"),
    Direction.POLICY: ("📜", "policy"),
    Direction.UNCLEAR: ("❔", "direction unclear"),
}
SEVERITIES = {Severity.LOW: "⚪", Severity.MEDIUM: "🟡", Severity.HIGH: "🟠", Severity.CRITICAL: "🔴"}
OBJECTS = {
    ShiftObject.WEIGHTS: "weights",
    ShiftObject.CODE: "code",
    ShiftObject.DATA: "data",
    ShiftObject.API_TERMS: "API terms",
    ShiftObject.USAGE_POLICY: "usage policy",
    ShiftObject.LICENCE_TEXT: "licence text",
}
# How terms hold at a stage: they would, are to, or do.
_HOLD = {
    Stage.RUMOUR: "would be",
    Stage.CONSIDERING: "would be",
    Stage.ANNOUNCED: "to be",
    Stage.REVERSED: "to be",
    Stage.EFFECTIVE: "now",
    Stage.ENFORCEMENT: "now",
    Stage.NONE: "",
}
_GO = {"would be": "would go ", "to be": "to go "}


def state(storyline: Storyline, story: Story) -> list[str]:
    """Two lines: which way, how far, what; and who, which model, from which terms to which."""
    orgs, models = orgs_and_models(storyline)
    who = f"*{literal(', '.join(orgs), 300)}*" if orgs else ""
    delayed = delayed_now(storyline.steps)
    shift, back = standing(storyline, story)
    # Terms that were taken back would read as what holds now.
    sides = "" if back else terms(shift, delayed=delayed)
    facts = (who, literal(", ".join(models), 300), literal(sides, 300))
    notes = ("*delay reported*" if delayed else "", "*denial reported*" if shift.denied else "")
    spoke = "*the lab itself spoke since*" if spoke_since(storyline) else ""
    status = "  ".join(_status(shift, (*notes, spoke), back=back))
    return list(filter(None, (status, " · ".join(filter(None, facts)))))


def heads(storyline: Storyline, places: Mapping[int, str] | None = None) -> list[str]:
    """How things stand now: `state`; or lab by lab, where other storylines tell what became of some since. `places`:
    the addresses of those storylines' messages."""
    story = now(storyline)
    parts, left = elsewhere(storyline)
    if not parts:
        return state(storyline, story)
    lines = [line for part in parts for line in _part(part, (places or {}).get(part.storyline.id, ""))]
    orgs, models = orgs_and_models(storyline)
    if left:
        picture, words = state(storyline, story)[0].split("  ", 1)
        _, back = standing(storyline, story)
        sides = "" if back else terms(story.shift, delayed=delayed_now(storyline.steps))
        still = " · ".join(filter(None, (f"*{literal(', '.join(left), 300)}*", words, literal(sides, 300))))
        lines.append(f"{picture}  {still}")
    whose = (f"*{literal(', '.join(orgs), 300)}*" if orgs else "", literal(", ".join(models), 300))
    return [*lines, " · ".join(filter(None, whose))]


def _part(part: Elsewhere, place: str) -> Iterable[str]:
    """How things stand with some labs by another storyline, since when, and where that is told."""
    line = part.storyline
    picture, words = state(line, now(line))[0].split("  ", 1)
    yield f"{picture}  " + (words if part.whole else f"*{literal(', '.join(part.labs), 300)}* · {words}")
    told = link(link_now(line), headline_now(line), 200)
    yield f"      ↳ {day(line.steps[-1].at)} · {told}" + (f" · {link(place, 'its message')}" if place else "")


def _status(shift: Shift, notes: Iterable[str], *, back: bool) -> tuple[str, str]:
    """The picture and the words: which way, how far, what."""
    icon, _ = DIRECTIONS[shift.direction]
    first, *words = way_and_stage(shift, back)
    words += [OBJECTS[shift.object], *notes]
    picture = "↩️" if shift.stage is Stage.REVERSED else icon
    return picture, " · ".join(filter(None, (f"*{capital(first)}*", *words)))


def way_and_stage(shift: Shift, back: bool) -> tuple[str, str]:
    """Which way and how far, in words; of a reversal which way it goes, or (`back`) what it took back."""
    direction = DIRECTIONS[shift.direction][1]
    if shift.stage is Stage.REVERSED:
        # "Opening · reversed" would read as the end of an opening.
        if shift.direction in (Direction.DISPUTE, Direction.POLICY, Direction.UNCLEAR):
            return "reversed", direction
        return "reversed", f"was {direction}" if back else f"now {direction}"
    return direction, STAGE_WORDS[shift.stage]


def terms(shift: Shift, *, delayed: bool = False, spoken: bool = False) -> str:
    """From which terms to which, as far as they are known. "Now" are only those in effect: a turn may be a promise.

    `spoken`: as an ear follows it, without an arrow.
    """
    before, after = licence(shift.from_), licence(shift.to)
    hold = "to be" if delayed else _HOLD[shift.stage]
    if before and after and before != after:
        return _GO.get(hold, "") + (f"from {before} to {after}" if spoken else f"{before} → {after}")
    if shift.direction is Direction.DISPUTE:
        return after or before  # people fight about terms: nothing became of them
    if after:
        return f"{hold} {after}".strip()
    return f"until now {before}" if before else ""


def lead(storyline: Storyline, labs: tuple[str, ...] = ()) -> str:
    """Who and which model (or these `labs` of it): which way, how far, what."""
    shift, back = standing(storyline, now(storyline))
    words = ", ".join(filter(None, (*way_and_stage(shift, back), OBJECTS[shift.object])))
    whose = ", ".join(labs[:3]) or subject(storyline)
    return f"{whose}: {words}" if whose else capital(words)


def aloud(storyline: Storyline) -> list[str]:
    """How things stand, in sentences for who only listens: `lead`, what was reported against it, the headline. What
    other storylines tell of its labs since goes first."""
    parts, left = elsewhere(storyline)
    since = [sentence for part in parts for sentence in _leads(part.storyline, part.labs)]
    here = _leads(storyline, left if parts else ()) if left or not parts else []
    return [*since, *here, headline_now(told_by(storyline)).strip().rstrip(".")]


def _leads(storyline: Storyline, labs: tuple[str, ...]) -> list[str]:
    shift, _ = standing(storyline, now(storyline))
    spoke = spoke_since(storyline)
    return [
        lead(storyline, labs),
        *(["A delay was reported"] if delayed_now(storyline.steps) else []),
        *(["A denial was reported"] if shift.denied else []),
        *([f"The lab itself spoke since: {spoke.outlet}"] if spoke else []),
    ]


def subject(storyline: Storyline) -> str:
    """Who and which model, up to three of each."""
    orgs, models = orgs_and_models(storyline)
    return ", ".join((*orgs[:3], *models[:3]))


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def day(at: datetime) -> str:
    """`12 Jul 2025`."""
    return f"{at.day} {at:%b %Y}"


def when(at: datetime) -> str:
    """`12 Jul 2025, 14:03 UTC`."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
