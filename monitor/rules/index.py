"""One pass over a text with all literals of all rules: what occurs, and which rules are worth evaluating."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ahocorasick_rs
import re2

from monitor import text
from monitor.rules import match
from monitor.rules.anchors import Anchors, Group, id_group
from monitor.rules.compile import Pool, Regex, TermPlace
from monitor.rules.document import Document, Scanned, Subject, domain, padded
from monitor.rules.terms import Term


@dataclass(frozen=True, slots=True)
class Index:
    """Everything needed to find the rules that match, shared by all entries."""

    terms: Sequence[Term]
    literal_terms: Sequence[Sequence[int]]
    term_places: Sequence[TermPlace]
    literal_groups: tuple[Sequence[tuple[Group, ...]], Sequence[tuple[Group, ...]]]  # in the title, outside it
    automaton: Any
    regexes: Sequence[Regex]
    regex_groups: Sequence[tuple[Group, ...]]
    regex_set: Any
    regexes_join: bool  # the set may look at all texts at once, as lines of one
    ids: dict[tuple[str, str], int]
    asks_domain: bool
    anchors: Anchors
    with_author: bool

    def look(self, subject: Subject) -> tuple[Document, list[int]]:
        """The subject as a document, and the numbers of the rules that may match it."""
        scanned, candidates = self.scan(subject)
        return Document(self, subject, scanned), candidates

    def scan(self, subject: Subject) -> tuple[Scanned, list[int]]:
        """The pass over the text that every entry pays for, and the numbers of the rules that may match it."""
        texts = subject.texts(self.with_author)
        words = text.words_of_fields(texts)
        joined = padded(words)
        found = self.automaton.find_matches_as_indexes(joined, overlapping=True)
        title, rest = self.literal_groups
        end = joined.find(text.FIELD_BREAK)
        present: set[Group] = set()
        present.update(*[(title if begin < end else rest)[which] for which, begin, _ in found])
        if self.regex_set is not None:
            present.update(group for number in self._regexes(texts) for group in self.regex_groups[number])
        if self.ids:
            present.update(self._ids(subject))
        return Scanned(words, joined, found, end), self.anchors.candidates(present)

    def _regexes(self, texts: Sequence[str]) -> set[int]:
        sought = ["\n".join(texts)] if self.regexes_join else texts
        return {number for content in sought if content for number in self.regex_set.Match(content) or ()}

    def _ids(self, subject: Subject) -> set[Group]:
        entry = subject.entry
        keys = [("feed", subject.feed_id or entry.feed_id)]
        keys += [("tag", tag) for tag in (*entry.tags, *subject.feed_tags)]
        if self.asks_domain:
            host = domain(entry.url)
            while host:
                keys.append(("domain", host))
                host = host.partition(".")[2]
        return {id_group(self.ids[key]) for key in keys if key in self.ids}


def build_index(pool: Pool, rules: Sequence[match.Node]) -> Index:
    """The index of rules, numbered as they stand in the sequence."""
    anchors = Anchors(pool)
    for number, node in enumerate(rules):
        anchors.add(number, node)
    title, rest, regexes = anchors.meanings()
    literals = pool.literal_texts or ["\x01"]  # no folded text holds it
    return Index(
        terms=list(pool.terms),
        literal_terms=[tuple(terms) for terms in pool.literal_terms] or [()],
        term_places=pool.term_places,
        literal_groups=(title, rest),
        automaton=ahocorasick_rs.AhoCorasick(
            literals, matchkind=ahocorasick_rs.MatchKind.Standard, store_patterns=False
        ),
        regexes=tuple(pool.compiled_regexes),
        regex_groups=regexes,
        regex_set=_regex_set(pool.compiled_regexes),
        regexes_join=not any(re.search(r"\\[Az]|\(\?\w*-\w*m", one.expression) for one in pool.compiled_regexes),
        ids=pool.ids,
        asks_domain=any(name == "domain" for name, _ in pool.ids),
        anchors=anchors,
        with_author=pool.with_author,
    )


def _regex_set(regexes: Sequence[Regex]) -> Any:
    if not regexes:
        return None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    found = re2.Set.SearchSet(options)
    for regex in regexes:
        found.Add(f"(?m:{regex.expression})")  # ^ and $ at every line: only more is found
    found.Compile()
    return found
