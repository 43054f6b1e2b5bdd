"""What all entries are matched with: the sieve they go through first, and the terms to verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.rules import match
from monitor.rules.anchors import Anchors, id_group
from monitor.rules.compile import Pool, Regex, TermPlace
from monitor.rules.document import Document, Subject
from monitor.rules.literals import Literals
from monitor.rules.plan import Plan
from monitor.rules.sieve import Sieve
from monitor.rules.terms import Term


@dataclass(frozen=True, slots=True)
class Index:
    """Everything needed to find the rules that match, shared by all entries."""

    terms: Sequence[Term]
    literal_terms: Sequence[Sequence[int]]
    term_places: Sequence[TermPlace]
    regexes: Sequence[Regex]
    literals: Literals
    sieve: Sieve
    ids: Sequence[tuple[str, str]]  # of feeds, tags and domains that rules ask for
    with_author: bool

    def look(self, subject: Subject) -> tuple[Document, list[int]]:
        """The subject as a document, and the numbers of the rules that may match it."""
        return self.document(subject), self.sieve.candidates(subject)

    def document(self, subject: Subject) -> Document:
        """The subject as it is evaluated."""
        return Document(self, subject, self.literals.scan(subject))


def build_index(pool: Pool, rules: Sequence[match.Node]) -> Index:
    """The index of rules, numbered as they stand in the sequence."""
    anchors = Anchors(pool)
    for number, node in enumerate(rules):
        anchors.add(number, node)
    title, rest, regexes = anchors.meanings()
    plan = Plan(
        literals=pool.literal_texts,
        in_title=title,
        outside=rest,
        regexes=[one.expression for one in pool.compiled_regexes],
        regex_groups=regexes,
        ids=[(name, value, id_group(number)) for (name, value), number in pool.ids.items()],
        always=anchors.always,
        checks=anchors.checks,
        exact=anchors.exact,
        named=anchors.named,
        with_author=pool.with_author,
    )
    return Index(
        terms=list(pool.terms),
        literal_terms=[tuple(terms) for terms in pool.literal_terms] or [()],
        term_places=pool.term_places,
        regexes=tuple(pool.compiled_regexes),
        literals=Literals(pool.literal_texts, pool.with_author),
        sieve=Sieve(plan.dumps()),
        ids=tuple(pool.ids),
        with_author=pool.with_author,
    )
