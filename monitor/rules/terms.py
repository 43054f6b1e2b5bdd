"""Words and phrases with wildcards: how one is read, what literal finds it, and when it is really there.

`*` is any ending within the token, `?` exactly one letter or digit, a lone `*` inside a phrase any one word. An ending
never runs over the hump of a camel-case name: `open*` is no OpenAI.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from monitor import text
from monitor.rules.syntax import QueryError

# Digits of a script no query is written in stand for the wildcards while a term is cut into tokens.
_STAR, _ANY = "\U0001e951", "\U0001e950"
_HIDE = str.maketrans({"*": _STAR, "?": _ANY})
_WILD = re.compile(f"[{_STAR}{_ANY}]")
_TAME = re.compile(f"[^{_STAR}{_ANY}]+")
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")  # pasted with a word, they cut it or say nothing
_MOST_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Term:
    """The folded tokens of a word or phrase, wildcards as two rare digits; `exact`: with their case, if it matters."""

    tokens: tuple[str, ...]
    exact: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Literal:
    """What the automaton looks for: text of the padded token string, beginning in token `skip` of the term."""

    text: str
    skip: int
    whole: bool  # nothing is left to verify


def read_term(written: str, cased: bool) -> Term:
    """The term as written in a query or vocabulary, without `=` and quotes. QueryError counts from its beginning."""
    hidden = written.translate(_HIDE)
    tokens = tuple(map(sys.intern, text.words(hidden)))  # "open" stands in hundreds
    if not tokens:
        raise QueryError(0, f"'{written}' holds no letter or digit", "write a word")
    if written[0] in "-!\u2013\u2212":
        raise QueryError(
            0, f"'{written}': a {written[0]} in front excludes nothing here", f"write AND NOT {written[1:]}"
        )
    unseen = None if written.isascii() else _UNSEEN.search(written)
    if unseen:
        message = f"a character that nobody sees stands in this term (U+{ord(unseen[0]):04X})"
        raise QueryError(unseen.start(), message, "delete it, or write the word anew")
    if len(tokens) > _MOST_TOKENS:
        raise QueryError(0, f"a phrase of {len(tokens)} words", f"at most {_MOST_TOKENS}; NEAR joins shorter ones")
    if _WILD.search(hidden):
        for token in tokens:
            _check_wildcards(token, written)
        if all(token == _STAR for token in tokens) or not any(_WILD.sub("", token) for token in tokens):
            raise QueryError(0, f"'{written}' is wildcards only", "a term needs at least one letter")
    return Term(tokens, tuple(text.cased_words(hidden)) if cased else None)


def _check_wildcards(token: str, written: str) -> None:
    if token == _STAR:
        return
    star = token.find(_STAR)
    if star >= 0 and star < len(token) - 1:
        place = "begins with" if star == 0 else "has a letter after"
        raise QueryError(0, f"'{written}': a word {place} *", "* stands at the end of a word; list the words you mean")
    if star >= 0 and sum(char.isalnum() for char in _WILD.sub("", token)) < 2:
        here = f", in '{_shown(token)}'" if _shown(token) != written else ""
        message = f"'{written}': * needs at least two letters before it{here}"
        raise QueryError(0, message, "write the words out, or use ?")


def literal_of(term: Term) -> Literal:
    """The longest literal run of the term, in the form that stands in ' token token ' text."""
    padded = f" {' '.join(term.tokens)} "
    if not _WILD.search(padded):
        return Literal(padded, 0, whole=term.exact is None)
    padded = padded.replace(_STAR + " ", _STAR)  # an ending is open: what follows it is not adjacent
    runs = [(match[0], match.start()) for match in _TAME.finditer(padded)]
    run, start = max(runs, key=lambda found: len(found[0].strip()))
    skip = _token_index(term, start + (1 if run.startswith(" ") else 0))
    return Literal(run, skip, whole=len(runs) == 1 and run == padded and term.exact is None)


def _token_index(term: Term, position: int) -> int:
    """Which token of the term holds character `position` of its padded form."""
    at = 1
    for index, token in enumerate(term.tokens):
        end = at + len(token)
        if position < end:
            return index
        at = end + (0 if token.endswith(_STAR) else 1)
    return len(term.tokens) - 1


def stands_at(term: Term, start: int, words: list[str], cased: Callable[[], list[str]]) -> bool:
    """Whether the term stands at token `start` of a text. `cased` gives its tokens with their case; seldom needed."""
    wanted = term.exact or term.tokens
    if start < 0 or start + len(wanted) > len(words):
        return False
    have = cased() if term.exact else words
    for at, token in enumerate(wanted, start):
        if token[-1] in _STAR + _ANY or _ANY in token:
            if not _fits(token, have[at]) or not _ending_fits(token, words[at], lambda at=at: cased()[at]):  # type: ignore[misc]  # bound now
                return False
        elif token != have[at]:
            return False
    return True


def _fits(wanted: str, word: str) -> bool:
    if wanted == _STAR:
        return True
    if not wanted.endswith(_STAR):
        return len(word) == len(wanted) and _any_fits(wanted, word)
    stem = wanted[:-1]
    return _any_fits(stem, word[: len(stem)])


def _any_fits(wanted: str, word: str) -> bool:
    if _ANY not in wanted:
        return wanted == word
    if len(word) != len(wanted):
        return False
    return all(w == c or (w == _ANY and c.isalnum()) for w, c in zip(wanted, word, strict=True))


def _ending_fits(wanted: str, word: str, cased: Callable[[], str]) -> bool:
    """No camel-case hump where the ending begins, or in it."""
    if wanted == _STAR or not wanted.endswith(_STAR) or len(word) == len(wanted) - 1:
        return True
    return not text.has_hump(cased()[len(wanted) - 2 :])


def show(term: Term) -> str:
    """The term as a person would write it."""
    tokens = term.exact or term.tokens
    return ("=" if term.exact else "") + _shown(" ".join(tokens))


def _shown(tokens: str) -> str:
    return tokens.replace(_STAR, "*").replace(_ANY, "?")
