"""What a lab itself says of an open story, under a headline and in words that no rule reads.

Where it surely speaks of the story, people hear that the lab speaks, and read its own sentence. Nothing was read in it:
it says nothing about direction or stage, confirms nothing, and may as well take everything back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor import text
from monitor.model import Candidate, Entry, Shift, Story, Trust
from monitor.stories import assign, traits
from monitor.stories.assign import StoryIndex

# Of openness, terms, or whether something comes out: what every story of ours is about.
_SPEAKS = re.compile(
    r"\b(?:open[- ]?(?:ly|ness|sourc\w*|weights?)|weights|closed|proprietary|licen[cs]\w*|terms of (?:use|service)"
    r"|(?:usage|use) polic\w+|(?:not|never|no longer|won['’]t) (?:be )?(?:releas|publish|open|shar)\w*)\b",
    re.IGNORECASE,
)
# Of something that turns out otherwise than it was said to. It is told, whoever spoke before: it may take that back.
_TURNS = re.compile(
    r"\b(?:revers(?:e[sd]?|ing|al)|reconsider\w*|rethink\w*|rethought"
    r"|chang(?:e[sd]?|ing) (?:(?:our|its|the) (?:plans?|minds?|course|decision|approach)|of (?:plans?|heart|course))"
    r"|mistak(?:en|enly|e)|instead|after all|contrary to|(?:not|never|un)[- ]?true|(?:not |in)(?:accurate|correct)"
    r"|withdr[ae]w\w*|tak(?:e|es|ing) back|took back|no longer|sorry|apologi[sz]e"
    r"|(?:will|to) (?:\w+ )?be (?:made )?(?:available|published|released|open\w*|downloadable|shared|closed))\b",
    re.IGNORECASE,
)
_LOOKED_AT = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Statement:
    """What a lab says of openness or terms in an entry: two sentences of it as quote, and all of it.

    `turns`: it speaks of something that comes otherwise than it was said to.
    """

    entry: Entry
    quote: str
    said: str
    turns: bool = False


def read(entry: Entry) -> Statement | None:
    """The sentences of an entry that speak of openness or terms, with their neighbours; None when none does."""
    written = (entry.summary if len(entry.summary) > len(entry.content) else entry.content)[:_LOOKED_AT]
    sentences = [written[start:end] for start, end in text.sentences(written)]
    speak = [number for number, sentence in enumerate(sentences) if _SPEAKS.search(sentence)]
    if not speak:
        return None
    near = sorted({number for one in speak for number in (one - 1, one, one + 1) if 0 <= number < len(sentences)})
    turn = next((number for number in near if turned(sentences[number])), None)
    # "We are reversing our decision." stands beside the sentence with the weights: both are quoted.
    first = speak[0] if turn is None else min(turn, min(speak, key=lambda number: abs(number - turn)))
    quote = " ".join(sentences[first : first + 2])
    return Statement(entry, quote, " ".join(sentences[number] for number in near), turns=turn is not None)


def turned(quote: str) -> bool:
    """Whether a quote speaks of something that comes otherwise than it was said to."""
    return bool(_TURNS.search(quote))


def tells(statement: Statement, before: Story) -> bool:
    """Whether people hear of it: no primary source spoke in the story before, or this may take back what was said."""
    return statement.turns or not any(one.trust is Trust.PRIMARY for one in before.coverage)


def line(outlet: str) -> str:
    """What moved, in one line: that somebody speaks, not that anything is so."""
    return f"the lab itself speaks: {outlet}"


def candidate(statement: Statement, lab: str, models: Sequence[str], unread: Candidate) -> Candidate:
    """The entry (`unread`: before anything was read in it) as placing takes it: its lab speaks, of these models."""
    shift = Shift(orgs=(lab,), models=tuple(models), evidence=statement.quote)
    entry = replace(statement.entry, summary=statement.said, content="")
    return replace(unread, entry=entry, shift=shift, trust=Trust.PRIMARY)


def belongs(one: Candidate, index: StoryIndex) -> assign.Assignment | None:
    """The open story of its own lab, of the last days, that a statement surely speaks of; None: nothing is sure."""
    entry = traits.read(one)
    return index.surely(entry) if entry.labs else None
