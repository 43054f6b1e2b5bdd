"""A digest: one message about several storylines, and whether they all find room in one.

Pure, as `render`.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alerts import blocks
from monitor.alerts.blocks import Block, context, header, link, literal, section
from monitor.alerts.reading import coverage_of, link_now, now, outlets_of, told_by
from monitor.alerts.wording import aloud, capital, heads
from monitor.counts import counted
from monitor.model import Message, Severity, Storyline

_GRAVE = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_BLOCKS = 45  # Slack takes 50


def digest(storylines: Sequence[tuple[Storyline, tuple[str, ...]]]) -> Message:
    """One message about several storylines, the gravest first, each with the lines of what moved in it."""
    ordered = sorted(storylines, key=lambda pair: -_GRAVE.index(now(pair[0]).severity))
    title = f"Licensing digest: {counted(len(ordered), 'storyline')}"
    body, shown = _body(ordered)
    if shown < len(ordered):
        body.append(context(f"and {len(ordered) - shown} more: `licensewatch stories list`"))
    names = ". ".join(sentence for storyline, _ in ordered for sentence in aloud(storyline))
    return Message(literal(f"{title}. {names}.", blocks.PREVIEW), (header(title), *body))


def holds(storylines: Sequence[tuple[Storyline, tuple[str, ...]]]) -> bool:
    """Whether one message has room for a digest of all these."""
    return _body(storylines)[1] == len(storylines)


def _body(storylines: Sequence[tuple[Storyline, tuple[str, ...]]]) -> tuple[list[Block], int]:
    """As many storylines as one message has room for, and how many that are; the first is always there."""
    body: list[Block] = []
    for storyline, moved in storylines:
        made = section("\n".join(blocks.within(_lines(storyline, moved), blocks.SECTION)))
        if body and (blocks.size((*body, made)) > blocks.BUDGET or len(body) == _BLOCKS):
            break
        body.append(made)
    return body, len(body)


def _lines(storyline: Storyline, moved: tuple[str, ...]) -> list[str]:
    newest = told_by(storyline)
    story = now(newest)
    title = link(link_now(newest), story.title, 300)
    count = counted(len(outlets_of(coverage_of(newest))), "outlet")
    first, *who = heads(storyline)
    happened = [f"↳ {literal(capital(line), 300)}" for line in dict.fromkeys(moved)][-3:]
    return [title, f"{first} · {count} · severity {story.severity}", *who, *happened]
