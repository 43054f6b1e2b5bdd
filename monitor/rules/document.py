"""An entry as the matcher sees it: token positions, and what occurs at them.

A position counts tokens; each field has its own range of positions, far from the others, so nothing runs across a field
boundary. An occurrence is (start, end) in positions, end exclusive. All is worked out when first asked for, and once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from monitor import text
from monitor.model import Entry, Span
from monitor.rules.terms import stands_at

if TYPE_CHECKING:
    from monitor.rules.entities import Vocabulary
    from monitor.rules.index import Index

_HOST = re.compile(r"[A-Za-z][\w+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)")
FIELD_STEP = 1 << 24  # more tokens than any field has, more words than any NEAR spans
FIELDS = ("title", "summary", "content", "author")
SEARCHED = 0b0111  # an unqualified term means title, summary and content
ALL_FIELDS = 0b1111
_TITLE_ALONE = 0b0001
# Matches of one regex in one field: an article has hundreds; a text made to hurt has one at each letter, and RE2 may
# look to the end of the text for each.
_MOST_MATCHES = 2_000
ANYWHERE, TITLE, REST = range(3)

Occurrence = tuple[int, int]
Pair = tuple[Occurrence, Occurrence]
# A leaf that matched: positions, and the exact characters when a regex found them.
Leaf = tuple[int, ...]
Literal = tuple[int, int, int]  # which, where from and where to in the text as text.spaced has it


def where(fields: int) -> int:
    """What is known of the place of a literal that must occur in these fields."""
    return TITLE if fields == _TITLE_ALONE else ANYWHERE if fields & 1 else REST


@dataclass(frozen=True, slots=True)
class Mention:
    """An occurrence of a vocabulary and which of its entities it is."""

    start: int
    end: int
    entity: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is matched: the entry and what is known of the feed it came from."""

    entry: Entry
    feed_tags: Sequence[str] = ()
    feed_id: str = ""

    def texts(self, with_author: bool) -> tuple[str, ...]:
        """The texts in the order of FIELDS."""
        entry = self.entry
        return (entry.title, entry.summary, entry.content) + ((entry.author,) if with_author else ())

    def has_id(self, field: str, value: str) -> bool:
        """`feed:` and `tag:` compare exactly, `domain:` includes sub-domains."""
        if field == "feed":
            return value == (self.feed_id or self.entry.feed_id)
        if field == "tag":
            return value in self.entry.tags or value in self.feed_tags
        host = domain(self.entry.url)
        return host == value or host.endswith("." + value)


def domain(url: str) -> str:
    """The host of a URL in lower case, empty when there is none."""
    host = _HOST.match(url)
    return host[1].lower().strip(".") if host else ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """An entry's text as text.spaced has it, the literals in that, and where its title ends."""

    spaced: str
    found: list[Literal]
    title_end: int

    def literals(self) -> tuple[set[int], set[int], set[int]]:
        """The literals that occur: anywhere, in the title, outside it."""
        title = {which for which, begin, _ in self.found if begin < self.title_end}
        rest = {which for which, begin, _ in self.found if begin >= self.title_end}
        return title | rest, title, rest


class Document:
    """One subject under evaluation by one index of rules."""

    __slots__ = (
        "_begins",
        "_cased",
        "_field_words",
        "_firsts",
        "_mentions",
        "_offsets",
        "_regexes",
        "_scanned",
        "_sentence_bounds",
        "_sentences",
        "_terms",
        "_words",
        "index",
        "literals",
        "pairs",
        "places",
        "possible",
        "subject",
        "texts",
    )

    def __init__(self, index: Index, subject: Subject, scanned: Scanned) -> None:
        self.index = index
        self.subject = subject
        self.texts = subject.texts(index.with_author)
        self.literals = scanned.literals()
        self.possible: dict[int, bool] = {}  # whether a vocabulary may occur, by where
        self.pairs: dict[int, Sequence[Pair]] = {}  # of NEARs, by node
        self.places: dict[tuple[int, int], Sequence[Occurrence]] = {}  # of vocabularies in fields
        self._scanned = scanned
        self._begins: dict[int, list[int]] = {}  # of each literal, in that text
        self._words: list[str] = []
        self._field_words: dict[int, list[str]] = {}
        self._firsts: list[int] = []  # the number of the first token of each field, breaks counted
        self._terms: dict[int, list[Occurrence]] = {}
        self._cased: dict[int, list[str]] = {}
        self._offsets: dict[int, list[tuple[int, int]]] = {}
        self._sentences: dict[int, tuple[int, int]] = {}
        self._sentence_bounds: dict[int, list[tuple[int, int]]] = {}
        self._mentions: dict[int, list[Mention]] = {}
        self._regexes: dict[int, Mapping[Occurrence, list[Leaf]]] = {}

    def term(self, number: int) -> list[Occurrence]:
        """The occurrences of a term in all fields, in order of position."""
        found = self._terms.get(number)
        if found is None:
            found = self._terms[number] = self._find(number)
        return found

    def _find(self, number: int) -> list[Occurrence]:
        literal, skip, leading, length, whole = self.index.term_places[number]
        if not self._begins:
            self._count_tokens()
        found: list[Occurrence] = []
        firsts, spaced = self._firsts, self._scanned.spaced
        counted, at = 0, -1
        for begin in self._begins.get(literal, ()):
            at += spaced.count(" ", counted, begin + leading)
            counted = begin + leading
            field = bisect_right(firsts, at) - 1
            local = at - firsts[field] - skip
            if whole or self._stands_at(number, field, local):
                start = field * FIELD_STEP + local
                found.append((start, start + length))
        return found

    def _count_tokens(self) -> None:
        for which, begin, _ in self._scanned.found:
            self._begins.setdefault(which, []).append(begin)
        self._words = self._scanned.spaced.split()
        self._firsts = [0]
        for _ in self.texts[1:]:
            self._firsts.append(self._words.index(text.FIELD_BREAK, self._firsts[-1]) + 1)

    def _stands_at(self, term: int, field: int, local: int) -> bool:
        """Whether a term that needs more than its literal is really there."""
        words = self._field_words.get(field)
        if words is None:
            first, *after = self._firsts[field : field + 2]
            words = self._field_words[field] = self._words[first : after[0] - 1 if after else None]
        return stands_at(self.index.terms[term], local, words, lambda: self.cased(field))

    def cased(self, field: int) -> list[str]:
        """The tokens of a field with their case."""
        if field not in self._cased:
            self._cased[field] = text.cased_words(self.texts[field])
        return self._cased[field]

    def offsets(self, field: int) -> list[tuple[int, int]]:
        """Where the tokens of a field stand in its text."""
        if field not in self._offsets:
            self._offsets[field] = text.token_spans(self.texts[field])
        return self._offsets[field]

    def sentence_bounds(self, field: int) -> list[tuple[int, int]]:
        """The sentences of a field, in characters."""
        if field not in self._sentence_bounds:
            self._sentence_bounds[field] = text.sentences(self.texts[field])
        return self._sentence_bounds[field]

    def sentence(self, position: int) -> tuple[int, int]:
        """Field and number of the sentence that holds a position; the end of a field belongs to its last sentence."""
        if position not in self._sentences:
            field, local = divmod(position, FIELD_STEP)
            offsets = self.offsets(field)
            bounds = self.sentence_bounds(field)
            number = text.sentence_at(bounds, offsets[min(local, len(offsets) - 1)][0]) if offsets else 0
            self._sentences[position] = field, number
        return self._sentences[position]

    def mentions(self, vocabulary: Vocabulary) -> list[Mention]:
        """Where a vocabulary occurs, hidden ones left out, in order of position."""
        if vocabulary.number not in self._mentions:
            self._mentions[vocabulary.number] = vocabulary.find(self)
        return self._mentions[vocabulary.number]

    def regex(self, number: int) -> Mapping[Occurrence, list[Leaf]]:
        """The matches of a regex by the tokens they touch."""
        if number not in self._regexes:
            self._regexes[number] = self._find_regex(number)
        return self._regexes[number]

    def _find_regex(self, number: int) -> Mapping[Occurrence, list[Leaf]]:
        found: dict[Occurrence, list[Leaf]] = {}
        pattern = self.index.regexes[number].compiled
        for field, content in enumerate(self.texts):
            spans = (match.span() for match in pattern.finditer(content)) if content else ()
            for begin, end in islice((span for span in spans if span[0] < span[1]), _MOST_MATCHES):
                touched = self.touched(field, begin, end)
                found.setdefault(touched, []).append((*touched, begin, end))
        return found

    def touched(self, field: int, begin: int, end: int) -> Occurrence:
        """The positions of the tokens that characters `begin` to `end` of a field touch; between two tokens none."""
        spans = self.offsets(field)
        first = bisect_right(spans, begin, key=lambda span: span[1])
        last = first
        while last < len(spans) and spans[last][0] < end:
            last += 1
        return field * FIELD_STEP + first, field * FIELD_STEP + last

    def span(self, leaf: Leaf) -> Span:
        """The characters of the original text that a leaf stands for."""
        field, first = divmod(leaf[0], FIELD_STEP)
        if len(leaf) == 4:
            return Span(FIELDS[field], leaf[2], leaf[3])
        offsets, after = self.offsets(field), leaf[1] - field * FIELD_STEP
        if first == after:  # a regex of a vocabulary found what stands between two words
            begin = offsets[first - 1][1] if first else 0
            return Span(FIELDS[field], begin, offsets[first][0] if first < len(offsets) else len(self.texts[field]))
        return Span(FIELDS[field], offsets[first][0], offsets[after - 1][1])
