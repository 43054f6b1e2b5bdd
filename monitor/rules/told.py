"""What a document tells of its news: the mentions of each kind, where they stand, and what stands beside the news."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.rules.document import FIELD_STEP, FIELDS, Document, Leaf
from monitor.rules.entities import Vocabulary
from monitor.rules.mentions import Found, outermost, with_versions

_MOST_MENTIONS = 1000  # of one kind: no article has more, and a text made to hurt has 50,000
_CONTENT = FIELDS.index("content")
_SEVERAL = frozenset({"sign", "turn"})  # kinds whose entities may lie inside each other

Sentence = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """The vocabularies that facts come from, by kind, in the order they were loaded."""

    by_kind: Mapping[str, Sequence[Vocabulary]] = field(default_factory=dict)

    def with_local(self, vocabularies: Iterable[Vocabulary]) -> Sources:
        """The same with a rule's own vocabularies first."""
        merged = {kind: list(found) for kind, found in self.by_kind.items()}
        for vocabulary in vocabularies:
            merged.setdefault(vocabulary.kind, []).insert(0, vocabulary)
        return Sources(merged)


@dataclass(frozen=True, slots=True)
class Told:
    """What a document mentions of its news, by kind, and the clauses that stand beside it."""

    found: Mapping[str, Sequence[Found]]
    beside: Sequence[Found] = ()

    def only_beside(self, leaves: Iterable[Leaf]) -> bool:
        """Whether a rule holds by words of such a clause alone; who acts, and which model, may stand where it likes."""
        named = _covered([m for kind in ("org", "model") for m in self.found.get(kind, ())])
        words = [leaf for leaf in leaves if not named.issuperset(range(*leaf[:2]))]
        beside = _covered(self.beside)
        return bool(words) and all(leaf[0] in beside for leaf in words)


@dataclass(frozen=True, slots=True)
class Text:
    """What the reading is based on: the document, the sentence that says so, and the words of each kind in it."""

    document: Document
    evidence: Sentence
    found: Mapping[str, Sequence[Found]]

    def scopes(self, kind: str) -> list[list[Found]]:
        """Mentions of a kind by where they stand: title and evidence, then the summary, then the rest."""
        found = self.found.get(kind, ())
        if not found:
            return [[], [], []]
        near: list[Found] = []
        summary: list[Found] = []
        rest: list[Found] = []
        for m in found:
            close = m.start < FIELD_STEP or self.document.sentence(m.start) == self.evidence
            (near if close else summary if m.start // FIELD_STEP < _CONTENT else rest).append(m)
        return [near, summary, rest]

    def first(self, kind: str, *, reach: int = 2) -> Found | None:
        """The strongest mention in the headline, else in the evidence, else in the nearest scope that has any."""
        near, *others = self.scopes(kind)[:reach]
        for scope in (headline(near), near, *others):
            if scope:
                return min(scope, key=lambda m: (m.rank, m.start))
        return None

    def between(self, first: Found, second: Found) -> str:
        """The characters that stand between two mentions of one field; a clause's end where they stand in two."""
        one, other = (self.document.span((m.start, m.end)) for m in (first, second))
        return self.document.texts[FIELDS.index(one.field)][one.end : other.start] if one.field == other.field else ";"

    def signs(self, name: str) -> list[Found]:
        return [m for m in self.found.get("sign", ()) if m.entity.name == name]


def told_of(document: Document, sources: Sources) -> Told:
    """The mentions of each kind that belong to the news: not those of a clause beside it (sign `beside`).

    A clause is beside the news only where its field names somebody outside of it; who and which model are read there
    when nothing else names any. Who denies what, and who is quoted, stands where it likes.
    """
    found: dict[str, Sequence[Found]] = {
        kind: outermost(document, vocabularies, exclusive=kind not in _SEVERAL)[:_MOST_MENTIONS]
        for kind, vocabularies in sources.by_kind.items()
    }
    found["model"] = with_versions(document, found.get("model", ()), sources.by_kind.get("model", ()))
    clauses = [sign for sign in found.get("sign", ()) if sign.entity.name == "beside"]
    makers = [m for kind in ("org", "model") for m in _outside(found.get(kind, ()), clauses)]
    fields = {m.start // FIELD_STEP for m in makers}
    clauses = [clause for clause in clauses if clause.start // FIELD_STEP in fields]
    if not clauses:
        return Told(found)
    told: dict[str, Sequence[Found]] = {kind: _outside(mentions, clauses) for kind, mentions in found.items()}
    told |= {kind: told.get(kind) or found.get(kind, ()) for kind in ("org", "model")} | {"sign": found["sign"]}
    return Told(told, clauses)


def without(document: Document, clauses: Iterable[Found]) -> Document:
    """The document without these clauses, and without the punctuation that then begins or ends a field."""
    entry = document.subject.entry
    texts = {name: list(getattr(entry, name)) for name in ("title", "summary", "content")}
    for span in (document.span((clause.start, clause.end)) for clause in clauses):
        if span.field in texts:
            texts[span.field][span.start : span.end] = " " * (span.end - span.start)
    title, summary, content = ("".join(letters).strip(" ,;:–—") for letters in texts.values())
    left = replace(entry, title=title, summary=summary, content=content)
    return document.index.document(replace(document.subject, entry=left))


def _outside(mentions: Iterable[Found], clauses: Sequence[Found]) -> list[Found]:
    covered = _covered(clauses)
    return [m for m in mentions if m.start not in covered]


def _covered(mentions: Iterable[Found]) -> set[int]:
    """The places of all words of these mentions."""
    return {place for m in mentions for place in range(m.start, m.end)}


def headline(found: Iterable[Found]) -> list[Found]:
    return [mention for mention in found if mention.start < FIELD_STEP]
