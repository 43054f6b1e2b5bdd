"""Messages: a storyline as people see it, what moved in it, who reported it, and notices of operations.

Pure. Every text of a feed goes through `blocks`, which escapes and measures. Nothing here says that anything is legal
or illegal: a message says what was reported, by whom, and how sure we are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts import blocks
from monitor.alerts.blocks import Block, context, fields, header, link, literal, section
from monitor.model import (
    Coverage,
    Direction,
    Message,
    Severity,
    Shift,
    ShiftObject,
    Stage,
    Step,
    Story,
    Storyline,
    Trust,
)

DIRECTIONS = {
    Direction.OPENING: ("🔓", "opening"),
    Direction.CLOSING: ("🔒", "closing"),
    Direction.RESTRICTING: ("⛔", "restricting"),
    Direction.LOOSENING: ("🪢", "loosening"),
    Direction.DISPUTE: ("⚖️", "dispute"),
    Direction.POLICY: ("📜", "policy"),
    Direction.UNCLEAR: ("❔", "direction unclear"),
}
STAGES = {
    Stage.RUMOUR: "rumoured",
    Stage.CONSIDERING: "under consideration",
    Stage.ANNOUNCED: "announced",
    Stage.EFFECTIVE: "in effect",
    Stage.ENFORCEMENT: "enforcement",
    Stage.REVERSED: "reversed",
    Stage.NONE: "",
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
_TRUST = {Trust.PRIMARY: "primary source", Trust.PRESS: "", Trust.COMMUNITY: "community"}
_TRUST_ORDER = {Trust.PRIMARY: 0, Trust.PRESS: 1, Trust.COMMUNITY: 2}
# From generous to frugal: (outlets with links, steps). The first that keeps the whole message in its limit is taken.
_GENEROSITY = ((6, 8), (4, 6), (3, 4), (1, 3), (0, 1))
_BUDGET = 11_000
_PREVIEW = 600


def parent(storyline: Storyline) -> Message:
    """The one message of a storyline: the state of things now, and the steps so far."""
    for outlets, steps in _GENEROSITY:
        made = tuple(_parent_blocks(storyline, outlets, steps))
        if blocks.size(made) <= _BUDGET:
            break
    return Message(_summary(storyline), made)


def move(storyline: Storyline, facts: Mapping[str, Any]) -> Message:
    """What just moved. `facts`: line (what moved, in one line), reason, story_id."""
    story = _story(storyline, facts.get("story_id"))
    line = str(facts.get("line") or "another story of this storyline")
    subject = _subject(storyline)
    best = next(iter(story.coverage), None)
    body = [section(f"*{literal(_capital(line), 600)}*\n{_status(story.shift, story.shift.stage)}")]
    if story.shift.evidence:
        body.append(section(_quote(story.shift)))
    source = link(best.url, best.title or story.title, 300) if best else literal(story.title, 300)
    outlet = f" — {literal(best.outlet, 80)}" if best else ""
    body.append(context(f"{source}{outlet}", _when(story.last_seen_at)))
    text = ". ".join(part for part in (f"{subject}: {line}" if subject else line, story.title) if part)
    return Message(literal(text, _PREVIEW), tuple(body))


def coverage(storyline: Storyline) -> Message:
    """Everything that was reported, best source first."""
    entries = _coverage(storyline)
    lines = [_coverage_line(one) for one in entries]
    title = f"*Coverage* · {_count(len(_outlets(entries)), 'outlet')}, {_count(len(entries), 'article')}"
    body = [section(title)]
    left = _BUDGET - blocks.length(title) - 100
    shown = 0
    while shown < len(lines) and len(body) < 20:
        kept = blocks.within(lines[shown:], min(blocks.SECTION, left))
        if not kept:
            break
        text = "\n".join(kept)
        body.append(section(text))
        shown += len(kept)
        left -= blocks.length(text)
    if shown < len(lines):
        body.append(context(f"and {len(lines) - shown} more: `licensewatch stories show {storyline.stories[-1].id}`"))
    names = ", ".join(_outlets(entries))
    return Message(literal(f"Coverage, {_count(len(entries), 'article')}: {names}", _PREVIEW), tuple(body))


def digest(storylines: Sequence[tuple[Storyline, tuple[str, ...]]]) -> Message:
    """One message about several storylines, each with the lines of what moved in it."""
    title = f"Licensing digest: {_count(len(storylines), 'storyline')}"
    lines = [_digest_line(storyline, moved) for storyline, moved in storylines]
    body: list[Block] = [header(title)]
    shown = 0
    for _ in range(10):
        if shown == len(lines) or blocks.size(body) > _BUDGET - blocks.SECTION:
            break
        kept = blocks.within(lines[shown:], blocks.SECTION)
        body.append(section("\n".join(kept)))
        shown += len(kept)
    if shown < len(lines):
        body.append(context(f"and {len(lines) - shown} more: `licensewatch stories list`"))
    names = ". ".join(_now(storyline).title for storyline, _ in storylines)
    return Message(literal(f"{title}. {names}", _PREVIEW), tuple(body))


def _digest_line(storyline: Storyline, moved: tuple[str, ...]) -> str:
    story = _now(storyline)
    best = next(iter(_coverage(storyline)), None)
    title = link(best.url, story.title, 300) if best else literal(story.title, 300)
    count = _count(len(_outlets(_coverage(storyline))), "outlet")
    happened = "".join(f"\n   ↳ {literal(line, 300)}" for line in moved[-3:])
    return f"• {_status(story.shift, _stage(storyline))} · {title} · {count}{happened}"


def notice(facts: Mapping[str, Any]) -> Message:
    """A message of operations. `facts`: title, text, remedy."""
    title, text, remedy = (str(facts.get(name) or "") for name in ("title", "text", "remedy"))
    body = [section(f"⚙️ *{literal(title, 300) or 'licensewatch'}*" + (f"\n{literal(text, 2_500)}" if text else ""))]
    if remedy:
        body.append(context(f"What to do: {literal(remedy, 1_000)}"))
    return Message(literal(f"licensewatch: {title}. {text} {remedy}", _PREVIEW), tuple(body))


def plain(message: Message) -> Message:
    """The same message as short text without blocks: for a receiver that refused the message itself."""
    return Message(_cut(message.text, _PREVIEW))


def _cut(text: str, limit: int) -> str:
    if blocks.length(text) <= limit:
        return text
    # Already escaped: cut before an entity rather than through it.
    return re.sub(r"&[a-z]{0,3}$", "", text[: limit // 2]).rstrip() + "…"


# --- the parent's parts --------------------------------------------------------------------------------------------


def _parent_blocks(storyline: Storyline, outlets: int, steps: int) -> Iterator[Block]:
    story = _now(storyline)
    yield header(story.title)
    yield section(_status(story.shift, _stage(storyline)))
    yield fields(_facts(storyline))
    if story.shift.evidence:
        yield section(_quote(story.shift))
    yield section(_reported(_coverage(storyline), outlets))
    if len(storyline.steps) > 1:
        yield section(_development(storyline.steps, steps))
    yield context(_confidence(story.shift))
    yield context(" · ".join(_footer(storyline)))


def _status(shift: Shift, stage: Stage) -> str:
    icon, direction = DIRECTIONS[shift.direction]
    icon = "↩️" if stage is Stage.REVERSED else icon
    words = [
        f"{icon}  *{_capital(direction)}*",
        STAGES[stage],
        OBJECTS[shift.object],
        "*denied*" if shift.denied else "",
    ]
    return " · ".join(word for word in words if word)


def _facts(storyline: Storyline) -> list[tuple[str, str]]:
    story = _now(storyline)
    severity = f"{SEVERITIES[story.severity]} {story.severity}"
    severity += f" — {storyline.context}" if storyline.context else ""
    pairs = [
        ("Organisation", ", ".join(_first(one.shift.orgs for one in _newest_first(storyline)))),
        ("Model", ", ".join(_first(one.shift.models for one in _newest_first(storyline)))),
        ("Terms", _terms(story.shift, " → ")),
        ("Severity", severity),
    ]
    return [(label, value) for label, value in pairs if value]


def _terms(shift: Shift, arrow: str) -> str:
    if shift.from_ and shift.to:
        return f"{shift.from_}{arrow}{shift.to}"
    if shift.to:
        return f"now {shift.to}"
    return f"until now {shift.from_}" if shift.from_ else ""


def _quote(shift: Shift) -> str:
    marks = shift.marks or tuple(_named(shift))
    return f">{blocks.marked(shift.evidence, marks, 900)}"


def _named(shift: Shift) -> Iterator[tuple[int, int]]:
    # Facts of an older version carry no marks: the names it speaks of are the next best thing.
    for name in (*shift.orgs, *shift.models):
        for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", shift.evidence, re.IGNORECASE):
            yield found.span()


def _reported(entries: Sequence[Coverage], shown: int) -> str:
    by_outlet = {one.outlet: one for one in reversed(entries)}
    order = [by_outlet[name] for name in _outlets(entries)]
    lines = []
    for one in order[:shown]:
        kind = f" ({_TRUST[one.trust]})" if _TRUST[one.trust] else ""
        lines.append(link(one.url, one.outlet, 80) + kind)
    kept = blocks.within(lines, blocks.SECTION - 100)
    more = len(order) - len(kept)
    if not kept:
        return f"*Reported by* {_count(more, 'outlet')}" if more else "*Reported by* —"
    return f"*Reported by* {', '.join(kept)}" + (f" and +{more} more" if more else "")


def _development(steps: Sequence[Step], shown: int) -> str:
    before = (None, *steps)
    lines = [_step_line(step, last) for step, last in zip(steps, before, strict=False)]
    kept = blocks.within(lines[-shown:][::-1], blocks.SECTION - 100)[::-1]
    earlier = len(lines) - len(kept)
    top = [f"_{_count(earlier, 'earlier step')}_"] if earlier else []
    return "\n".join(["*How it developed*", *top, *kept])


def _step_line(step: Step, last: Step | None) -> str:
    turned = last is None or last.direction is not step.direction
    words = (STAGES[step.stage], DIRECTIONS[step.direction][1] if turned or not STAGES[step.stage] else "")
    outlet = f" — {literal(step.outlet, 60)}" if step.outlet else ""
    source = link(step.url, step.headline or "source", 120) if step.url or step.headline else str(step.reason)
    return f"• {_day(step.at)} · *{', '.join(word for word in words if word)}* · {source}{outlet}"


def _confidence(shift: Shift) -> str:
    why = f": {literal('; '.join(shift.reasons), 500)}" if shift.reasons else ""
    return f"Confidence *{shift.confidence}*{why}"


def _footer(storyline: Storyline) -> Iterator[str]:
    first = storyline.stories[0].first_seen_at
    yield f"First seen {_when(first)}"
    if len(storyline.steps) > 1:
        yield f"last step {_when(storyline.steps[-1].at)}"
    rules = dict.fromkeys(rule for story in storyline.stories for rule in story.rule_ids)
    yield f"rule {literal(', '.join(rules), 200)}" if rules else "no rule"
    yield f"storyline {storyline.id}"
    if storyline.previous_id is not None:
        yield f"continues storyline {storyline.previous_id}"


# --- the text for previews and screen readers ----------------------------------------------------------------------


def _summary(storyline: Storyline) -> str:
    story = _now(storyline)
    outlets = _outlets(_coverage(storyline))
    state = [DIRECTIONS[story.shift.direction][1], STAGES[_stage(storyline)], OBJECTS[story.shift.object]]
    subject = _subject(storyline)
    lead = ", ".join(word for word in state if word)
    sentences = [f"{subject}: {lead}" if subject else _capital(lead), story.title.strip().rstrip(".")]
    terms = _terms(story.shift, " to ")
    if terms:
        sentences.append(f"Terms: from {terms}" if " to " in terms else f"Terms: {terms}")
    if outlets:
        sentences.append(f"Reported by {outlets[0]}" + (f" and {len(outlets) - 1} more" if outlets[1:] else ""))
    sentences.append(f"Confidence {story.shift.confidence}")
    if story.shift.denied:
        sentences.insert(1, "A denial was reported")
    return literal(". ".join(sentences) + ".", _PREVIEW)


def _subject(storyline: Storyline) -> str:
    orgs = _first(one.shift.orgs for one in _newest_first(storyline))
    models = _first(one.shift.models for one in _newest_first(storyline))
    return " · ".join(part for part in (", ".join(orgs[:3]), ", ".join(models[:3])) if part)


# --- reading a storyline -------------------------------------------------------------------------------------------


def _now(storyline: Storyline) -> Story:
    return storyline.stories[-1]


def _newest_first(storyline: Storyline) -> Iterator[Story]:
    return reversed(storyline.stories)


def _story(storyline: Storyline, story_id: object) -> Story:
    return next((story for story in storyline.stories if story.id == story_id), _now(storyline))


def _stage(storyline: Storyline) -> Stage:
    staged = [step.stage for step in storyline.steps if step.stage is not Stage.NONE]
    return staged[-1] if staged else _now(storyline).shift.stage


def _first(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return next((one for one in found if one), ())


def _coverage(storyline: Storyline) -> list[Coverage]:
    every = {one.entry_id: one for story in storyline.stories for one in story.coverage}
    return sorted(every.values(), key=lambda one: (_TRUST_ORDER[one.trust], one.seen_at, one.entry_id))


def _outlets(entries: Iterable[Coverage]) -> list[str]:
    return list(dict.fromkeys(one.outlet for one in entries))


def _coverage_line(one: Coverage) -> str:
    kind = f" · {_TRUST[one.trust]}" if _TRUST[one.trust] else ""
    at = one.published_at or one.seen_at
    return f"• {link(one.url, one.title or one.url or 'article', 200)} — {literal(one.outlet, 80)}, {_when(at)}{kind}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _when(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
