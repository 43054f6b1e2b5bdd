"""Messages: a storyline as people see it, what moved in it, who reported it, and notices of operations.

Pure. Every text of a feed goes through `blocks`, which escapes and measures. Nothing here says that anything is legal
or illegal: a message says what was reported, by whom, and how sure we are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitor.alerts import acting, blocks
from monitor.alerts.blocks import Block, context, header, link, literal, section
from monitor.alerts.reading import (
    coverage_of,
    delayed_now,
    elsewhere,
    now,
    outlets_of,
    reports,
    standing,
    story_of,
    syndicated,
    told_by,
)
from monitor.alerts.wording import (
    DIRECTIONS,
    SEVERITIES,
    aloud,
    capital,
    day,
    heads,
    state,
    subject,
    terms,
    way_and_stage,
    when,
)
from monitor.counts import counted
from monitor.model import (
    STAGE_WORDS,
    Coverage,
    Message,
    Reason,
    Reception,
    Shift,
    Step,
    Story,
    Storyline,
    Trust,
    ranked,
)

_TRUST = {Trust.PRIMARY: "primary source", Trust.PRESS: "", Trust.COMMUNITY: "community"}
# Steps that are no stage of their own.
_STEPS = {
    str(Reason.DENIED): "denial reported",
    str(Reason.DELAYED): "delay reported",
    str(Reason.PRIMARY_SOURCE): "a primary source speaks",
}
# From generous to frugal: (outlets with links, steps). The first that keeps the whole message in its limit is taken.
_GENEROSITY = ((6, 8), (4, 6), (3, 4), (1, 3), (0, 1))
_ALSO = 3  # outlets a line of the same headline: with the longest links it still fits a section


def parent(
    storyline: Storyline, reception: Reception | None = None, places: Mapping[int, str] | None = None
) -> Message:
    """The one message of a storyline: the state of things now, and the steps so far.

    With a `reception` it has buttons, and says how it was taken so far. `places`: the addresses of the messages of the
    storyline that it continues, and of its kin, by their ids.
    """
    for generosity in _GENEROSITY:
        made = tuple(_parent_blocks(storyline, places or {}, *generosity))
        if blocks.size(made) <= blocks.BUDGET:
            break
    buttons = () if reception is None else acting.blocks(now(storyline).id, reception)
    return Message(_summary(storyline), (*made, *buttons))


def move(storyline: Storyline, facts: Mapping[str, Any]) -> Message:
    """What just moved. `facts`: line (in words), story_id; and of what moved it entry_id, evidence, marks."""
    story = story_of(storyline, facts.get("story_id"))
    entry = next((one for one in story.coverage if one.entry_id == facts.get("entry_id")), None)
    source = entry or next(iter(story.coverage), None)
    title = (source.title if source else "") or story.title
    line = str(facts.get("line") or _told_now(storyline, story, source))
    headline = link(source.url, title, 300) if source else literal(title, 300)
    unread = entry is not None and not entry.read
    first, stood = f"*{literal(capital(line), 600)}*", state(storyline, story)
    body = [section("\n".join([first, *([] if unread else stood), headline]))]
    shift = story.shift
    if entry and facts.get("evidence"):
        marks = tuple((int(start), int(end)) for start, end in facts.get("marks") or ())
        shift = replace(shift, evidence=str(facts["evidence"]), marks=marks)
    if not _same(shift.evidence, title):
        body.append(section(_quote(shift)))
    if unread:  # its own words first: the state is what was reported before it spoke, and perhaps over
        body.append(section("\n".join(["_As reported so far:_", *stood])))
    outlet = f"Reported by {literal(source.outlet, 80)}" if source and source.outlet not in line else ""
    body.append(context(" · ".join(filter(None, (outlet, when(source.at if source else story.last_seen_at))))))
    whose = subject(storyline)
    said = line.replace(" → ", ", now ")
    quote = f"“{shift.evidence}”" if unread and shift.evidence else ""  # nobody else says what it says
    text = ". ".join(part for part in (f"{whose}: {said}" if whose else capital(said), title, quote) if part)
    return Message(literal(text, blocks.PREVIEW), tuple(body))


def _told_now(storyline: Storyline, story: Story, source: Coverage | None) -> str:
    """What a story says that nobody was told of when it began, as that of a held flood: there is no move to name."""
    said = " · ".join(filter(None, way_and_stage(*standing(storyline, story))))
    return f"{said}, says {source.outlet}" if source else said


def coverage(storyline: Storyline) -> Message:
    """Everything that was reported, best source first."""
    entries = coverage_of(storyline)
    lines = [line for copies in syndicated(entries) for line in _coverage_lines(copies)]
    title = (
        f"*Coverage* · {counted(len(outlets_of(entries)), 'outlet')}, {counted(len(entries), 'article')} · times in UTC"
    )
    body = [section(title)]
    left = blocks.BUDGET - blocks.length(title) - 100
    shown = 0
    while shown < len(lines) and len(body) < 20:
        kept = blocks.within([line for line, _ in lines[shown:]], min(blocks.SECTION, left))
        if not kept:
            break
        text = "\n".join(kept)
        body.append(section(text))
        shown += len(kept)
        left -= blocks.length(text)
    if missing := sum(articles for _, articles in lines[shown:]):
        body.append(context(f"and {missing} more: `licensewatch stories show {storyline.current.id}`"))
    names = ", ".join(outlets_of(entries))
    return Message(literal(f"Coverage, {counted(len(entries), 'article')}: {names}", blocks.PREVIEW), tuple(body))


def notice(facts: Mapping[str, Any]) -> Message:
    """A message of operations. `facts`: title, text, remedy."""
    title, text, remedy = (str(facts.get(name) or "") for name in ("title", "text", "remedy"))
    body = [section(f"⚙️ *{literal(title, 300) or 'licensewatch'}*" + (f"\n{literal(text, 2_500)}" if text else ""))]
    if remedy:
        body.append(context(f"What to do: {blocks.with_code(remedy, 1_000)}"))
    said = f"licensewatch: {title}. {text} {remedy}".replace("`", "")  # a preview has no code, and a reader reads signs
    return Message(literal(said, blocks.PREVIEW), tuple(body))


def aside(lines: Sequence[str]) -> Message:
    """Lines for one person's eyes, each shown literally."""
    shown = blocks.within([literal(line, 500) for line in lines], blocks.SECTION)
    text = "\n".join(shown)
    return Message(_cut(text, blocks.PREVIEW), (section(text),) if text else ())


def plain(message: Message) -> Message:
    """The same message as short text without blocks: for a receiver that refused the message itself."""
    return Message(_cut(message.text, blocks.PREVIEW))


def _cut(text: str, limit: int) -> str:
    if blocks.length(text) <= limit:
        return text
    # Already escaped: cut before an entity rather than through it.
    return re.sub(r"&[a-z]{0,3}$", "", text[: limit // 2]).rstrip() + "…"


# --- the parent's parts --------------------------------------------------------------------------------------------


def _parent_blocks(storyline: Storyline, places: Mapping[int, str], outlets: int, steps: int) -> Iterator[Block]:
    newest = told_by(storyline)
    story = now(newest)
    yield header(story.title)
    yield section("\n".join(blocks.within(heads(storyline, places), blocks.SECTION)))
    if story.shift.evidence:
        yield section(_quote(story.shift))
    yield section(_reported(newest, outlets))
    if len(storyline.steps) > 1 or storyline.previous is not None or elsewhere(storyline)[0]:
        yield section(_development(storyline, places.get(storyline.previous_id or 0, ""), steps))
    yield context("\n".join([_severity(newest), _confidence(story.shift), " · ".join(_footer(storyline))]))


def _severity(storyline: Storyline) -> str:
    severity = now(storyline).severity
    why = f" · {literal(storyline.context, 300)}" if storyline.context else ""
    return f"{SEVERITIES[severity]} Severity *{severity}*{why}"


def _quote(shift: Shift) -> str:
    marks = shift.marks or tuple(_named(shift))
    return f">{blocks.marked(shift.evidence, marks, 900)}"


def _same(a: str, b: str) -> bool:
    """Whether two texts read alike, whatever their spaces, case and final stops."""
    return not a or " ".join(a.split()).rstrip(".").casefold() == " ".join(b.split()).rstrip(".").casefold()


def _named(shift: Shift) -> Iterator[tuple[int, int]]:
    # Facts of an older version carry no marks: the names it speaks of are the next best thing.
    for name in (*shift.orgs, *shift.models):
        for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", shift.evidence, re.IGNORECASE):
            yield found.span()


def _reported(storyline: Storyline, shown: int) -> str:
    """Who reports the current story, best source first; and how many reported the storyline, when those are more."""
    newest = reports(ranked(now(storyline).coverage))
    names = outlets_of(newest)
    by_outlet: dict[str, Coverage] = {}
    for one in newest:  # its own article before what an aggregator leads to; of equals the newest
        if by_outlet.setdefault(one.outlet, one).trust is one.trust:
            by_outlet[one.outlet] = one
    lines = []
    for one in (by_outlet[name] for name in names[:shown]):
        kind = f" ({_TRUST[one.trust]})" if _TRUST[one.trust] else ""
        lines.append(link(one.url, one.outlet, 80) + kind)
    kept = blocks.within(lines, blocks.SECTION - 200)
    told = f"*Reported by {counted(len(names), 'outlet')}*" + (f": {', '.join(kept)}" if kept else "")
    more = f" and +{len(names) - len(kept)} more" if kept and len(names) > len(kept) else ""
    every = len(outlets_of(reports(coverage_of(storyline))))
    return told + more + (f" · {counted(every, 'outlet')} since it began" if every > len(names) else "")


def _development(storyline: Storyline, earlier_message: str, shown: int) -> str:
    steps = storyline.steps
    days = [day(step.at) for step in steps]
    lines = [
        _step_line(step, last, with_time=days.count(day) > 1)
        for step, last, day in zip(steps, (None, *steps), days, strict=False)
    ]
    before = list(_asleep(storyline, earlier_message))
    kept = blocks.within(lines[-shown:][::-1], blocks.SECTION - 100 - blocks.length("\n".join(before)))[::-1]
    earlier = len(lines) - len(kept)
    top = [f"_{counted(earlier, 'earlier step')}_"] if earlier else []
    return "\n".join(["*Steps so far*", *before, *top, *kept])


def _asleep(storyline: Storyline, message: str) -> Iterator[str]:
    """How things stood in the storyline that this one continues, and where that is told."""
    if storyline.previous is not None:
        yield _step_line(storyline.previous, None, with_time=False)
        told = f": {link(message, 'its message')}" if message else ""
        yield f"_what came before is told in storyline {storyline.previous_id}_{told}"


def _step_line(step: Step, last: Step | None, *, with_time: bool) -> str:
    turned = last is None or last.direction is not step.direction
    told = _STEPS.get(step.reason, "")
    stage = STAGE_WORDS[step.stage]
    words = (stage if not told else "", told, DIRECTIONS[step.direction][1] if turned or not (told or stage) else "")
    outlet = f" — {literal(step.outlet, 60)}" if step.outlet else ""
    source = link(step.url, step.headline or "source", 120) if step.url or step.headline else ""
    at = f"{day(step.at)}, {step.at:%H:%M}" if with_time else day(step.at)
    return " · ".join(filter(None, (f"• {at}", f"*{', '.join(filter(None, words))}*", source))) + outlet


def _confidence(shift: Shift) -> str:
    why = f": {literal('; '.join(shift.reasons), 500)}" if shift.reasons else ""
    return f"Confidence *{shift.confidence}*{why}"


def _footer(storyline: Storyline) -> Iterator[str]:
    first = storyline.stories[0].first_seen_at
    yield f"First seen {when(first)}"
    if len(storyline.steps) > 1:
        yield f"last step {when(storyline.steps[-1].at)}"
    first_rule, *others = [*dict.fromkeys(rule for story in storyline.stories for rule in story.rule_ids)] or [""]
    yield f"rule {literal(first_rule, 100)}{f' +{len(others)}' if others else ''}" if first_rule else "no rule"
    yield f"storyline {storyline.id}"
    if storyline.previous_id is not None:
        yield f"continues storyline {storyline.previous_id}"


# --- the text for previews and screen readers ----------------------------------------------------------------------


def _summary(storyline: Storyline) -> str:
    story = now(told_by(storyline))
    outlets = outlets_of(reports(ranked(story.coverage)))
    shift, back = standing(storyline, story)
    sentences = aloud(storyline)
    sides = terms(shift, delayed=delayed_now(storyline.steps), spoken=True)
    if sides and not back and not elsewhere(storyline)[0]:
        sentences.append(f"Terms: {sides}")
    if outlets:
        sentences.append(f"Reported by {outlets[0]}" + (f" and {len(outlets) - 1} more" if outlets[1:] else ""))
    sentences.append(f"Confidence {shift.confidence}")
    return literal(". ".join(sentences) + ".", blocks.PREVIEW)


def _coverage_lines(copies: Sequence[Coverage]) -> Iterator[tuple[str, int]]:
    """Lines for the articles of one headline, with how many articles each tells of."""
    first, *others = copies
    kind = f" · {_TRUST[first.trust]}" if _TRUST[first.trust] else ""
    at = first.at
    article = link(first.url, first.title or first.url or "article", 200)
    unread = "" if first.read else " · its own words, which no rule reads"
    yield f"• {article} — {literal(first.outlet, 80)}, {day(at)}, {at:%H:%M}{kind}{unread}", 1
    for start in range(0, len(others), _ALSO):
        some = others[start : start + _ALSO]
        yield "      the same in " + ", ".join(link(one.url, one.outlet, 80) for one in some), len(some)
