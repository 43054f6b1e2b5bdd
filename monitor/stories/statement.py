"""What a lab itself says of an open story, under a headline and in words that no rule reads.

Such a post is the first primary source of the story all the same, where it surely speaks of it. It says nothing about
direction or stage: whoever follows the story reads its own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor import text
from monitor.model import Candidate, Entry, Shift, Trust
from monitor.stories import assign, traits
from monitor.stories.assign import StoryIndex

# Of openness, terms, or whether something comes out: what every story of ours is about.
_SPEAKS = re.compile(
    r"\b(?:open[- ]?(?:ly|ness|sourc\w*|weights?)|weights|closed|proprietary|licen[cs]\w*|terms of (?:use|service)"
    r"|(?:usage|use) polic\w+|(?:not|never|no longer|won['’]t) (?:be )?(?:releas|publish|open|shar)\w*)\b",
    re.IGNORECASE,
)
_LOOKED_AT = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Statement:
    """What a lab says of openness or terms in an entry: the first sentence and the next as quote, and all of it."""

    entry: Entry
    quote: str
    said: str


def read(entry: Entry) -> Statement | None:
    """The sentences of an entry that speak of openness or terms, with their neighbours; None when none does."""
    written = (entry.summary if len(entry.summary) > len(entry.content) else entry.content)[:_LOOKED_AT]
    sentences = [written[start:end] for start, end in text.sentences(written)]
    speak = [number for number, sentence in enumerate(sentences) if _SPEAKS.search(sentence)]
    if not speak:
        return None
    near = sorted({number for one in speak for number in (one - 1, one, one + 1) if 0 <= number < len(sentences)})
    quote = " ".join(sentences[speak[0] : speak[0] + 2])
    return Statement(entry, quote, " ".join(sentences[number] for number in near))


def candidate(statement: Statement, lab: str, models: Sequence[str], unread: Candidate) -> Candidate:
    """The entry (`unread`: before anything was read in it) as placing takes it: its lab speaks, of these models."""
    shift = Shift(orgs=(lab,), models=tuple(models), evidence=statement.quote)
    entry = replace(statement.entry, summary=statement.said, content="")
    return replace(unread, entry=entry, shift=shift, trust=Trust.PRIMARY)


def belongs(one: Candidate, index: StoryIndex) -> assign.Assignment | None:
    """The open story of its own lab, of the last days, that a statement surely speaks of; None: nothing is sure."""
    entry = traits.read(one)
    return index.surely(entry) if entry.labs else None
