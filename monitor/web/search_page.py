"""Search over everything that was read, matched or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.store import search
from monitor.store.search import FoundEntry, Term
from monitor.text import Token, tokens
from monitor.web.asked import Asked, Shown
from monitor.web.words import marked

PAGE = 30
AROUND = 240  # characters of a text that are shown around the first word found


@dataclass(frozen=True, slots=True)
class Result:
    """A found entry; its texts in pieces, each with whether it was asked for."""

    entry: FoundEntry
    outlet: str
    title: list[tuple[str, bool]]
    extract: list[tuple[str, bool]]


def page(asked: Asked) -> Shown:
    """The entries with what was typed, the latest first."""
    typed = asked.word("q")
    wanted = search.terms(typed)
    before = asked.number("before", 0, 10**15) or None
    found = search.find(asked.conn, wanted, limit=PAGE + 1, before=before)
    names = {feed.id: feed.title or feed.id for feed in asked.configuration.feeds}
    values = {
        "typed": typed,
        "understood": bool(wanted),
        "only_without": all(term.excluded for term in wanted),
        "results": [_result(one, wanted, names.get(one.feed_id, one.feed_id)) for one in found[:PAGE]],
        "older": found[PAGE - 1].id if len(found) > PAGE else None,
        "before": before,
    }
    return Shown("search.html", values)


def _result(found: FoundEntry, wanted: Sequence[Term], outlet: str) -> Result:
    title = found.title[:400]
    text = next((one for one in (found.summary, found.content) if spans(one, wanted)), found.summary or found.content)
    return Result(found, outlet, marked(title, spans(title, wanted)), _extract(text[: search.MOST], wanted))


def _extract(text: str, wanted: Sequence[Term]) -> list[tuple[str, bool]]:
    """The text around the first place where something stands that was asked for."""
    first = min((start for start, _ in spans(text, wanted)), default=0)
    start = text.rfind(" ", 0, max(0, first - AROUND // 3)) + 1
    cut = text[start : start + AROUND]
    if start + AROUND < len(text):
        cut = cut.rsplit(" ", 1)[0] + " …"
    return [("… ", False)] * bool(start) + marked(cut, spans(cut, wanted))


def spans(text: str, wanted: Sequence[Term]) -> list[tuple[int, int]]:
    """Where in a text (its beginning, as indexed) the terms stand: start and end of each place."""
    read = tokens(text[: search.MOST])
    return [place for term in wanted if not term.excluded for place in _places(read, term)]


def _places(read: Sequence[Token], term: Term) -> Iterator[tuple[int, int]]:
    size = len(term.words)
    for at in range(len(read) - size + 1):
        if read[at].text != term.words[0] and not (size == 1 and term.prefix):
            continue
        *start, last = [token.text for token in read[at : at + size]]
        if tuple(start) == term.words[:-1] and (
            last == term.words[-1] or (term.prefix and last.startswith(term.words[-1]))
        ):
            yield read[at].start, read[at + size - 1].end
