"""From syntax trees to compiled queries. Terms, regexes and vocabularies are compiled once and shared by all rules."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from monitor.rules import grammar, match
from monitor.rules.document import ALL_FIELDS, FIELDS, SEARCHED
from monitor.rules.entities import Vocabulary
from monitor.rules.syntax import ID_FIELDS, TEXT_FIELDS, QueryError
from monitor.rules.terms import Literal, Term, literal_of, read_term
from monitor.yamlfile import nearest

NO_VOCABULARY = "there is no vocabulary"
_OPERATOR = re.compile(r"(?<!\S)(?:AND|OR|NOT)(?=\s)|\b(?:O?NEAR|ATLEAST)/\w*")
_FIELD = re.compile(rf"(?<!\S)(?:{'|'.join(TEXT_FIELDS + ID_FIELDS)}):(?=\S)")
_INNER = re.compile(r"(?<=\s)\$[A-Za-z_][\w-]*")


def content_hash(*parts: Any) -> str:
    """A short hash of plain values, equal for equal values on every machine."""
    encoded = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str).encode()
    return hashlib.sha256(encoded).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Regex:
    """A regex that RE2 took; `expression` holds its flags inline."""

    expression: str
    compiled: Any

    def __getstate__(self) -> str:
        return self.expression

    def __setstate__(self, expression: str) -> None:
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "compiled", re2.compile(expression, _options()))


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    return options


def compile_regex(pattern: str, ignore_case: bool) -> Regex:
    """QueryError (offset 0) repeats what RE2 says when it refuses."""
    expression = f"(?i:{pattern})" if ignore_case else pattern
    try:
        return Regex(expression, re2.compile(expression, _options()))
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        remedy = "RE2 has no lookaround, no back-references and no counts over 1000"
        raise QueryError(0, f"RE2 refuses this regex: {said}", remedy) from None


# Its literal, in which of its tokens that begins, whether with the blank before it, how many tokens, nothing to verify.
TermPlace = tuple[int, int, int, int, bool]


@dataclass(slots=True)
class Pool:
    """Terms, regexes and vocabularies compiled so far, each of them once, numbered in order of arrival."""

    terms: dict[Term, int] = field(default_factory=dict)
    literals: dict[str, int] = field(default_factory=dict)
    literal_texts: list[str] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)  # how often each literal is asked for: common words are
    literal_terms: list[list[int]] = field(default_factory=list)
    term_places: list[TermPlace] = field(default_factory=list)
    regexes: dict[tuple[str, bool], int] = field(default_factory=dict)
    compiled_regexes: list[Regex] = field(default_factory=list)
    vocabularies: list[Vocabulary] = field(default_factory=list)
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    with_author: bool = False
    # What stands in many rules is one node in all of them: source, number and fields.
    words: dict[tuple[str, int, int], match.TermNode] = field(default_factory=dict)
    names: dict[tuple[str, int, int], match.VocabularyNode] = field(default_factory=dict)
    _read: dict[tuple[str, bool], int] = field(default_factory=dict)  # terms as written: most are, many times

    def written(self, words: str, cased: bool) -> int:
        """The number of a term as it is written, without `=` and quotes. QueryError counts from its beginning."""
        number = self._read.get((words, cased))
        if number is None:
            number = self._read[words, cased] = self.term(read_term(words, cased))
        return number

    def term(self, term: Term) -> int:
        """The number of a term; a new one gets its literal."""
        number = self.terms.get(term)
        if number is None:
            number = self.terms[term] = len(self.terms)
            literal = literal_of(term)
            at = self._literal(literal)
            leading = 1 if literal.text.startswith(" ") else 0
            self.literal_terms[at].append(number)
            self.term_places.append((at, literal.skip, leading, len(term.tokens), literal.whole))
        return number

    def _literal(self, literal: Literal) -> int:
        if literal.text not in self.literals:
            self.literals[literal.text] = len(self.literals)
            self.literal_texts.append(literal.text)
            self.uses.append(0)
            self.literal_terms.append([])
        return self.literals[literal.text]

    def regex(self, pattern: str, ignore_case: bool) -> int:
        key = (pattern, ignore_case)
        if key not in self.regexes:
            self.compiled_regexes.append(compile_regex(pattern, ignore_case))
            self.regexes[key] = len(self.regexes)
        return self.regexes[key]

    def id(self, name: str, value: str) -> int:
        return self.ids.setdefault((name, value), len(self.ids))


@dataclass(slots=True)
class Compiler:
    """Turns syntax trees into nodes, with the names that are in scope."""

    pool: Pool
    scope: Mapping[str, Vocabulary]
    used: set[str] = field(default_factory=set)
    loose: bool = False  # whether a query holds of an entry without any of its terms

    def query(self, query: str, *, positive: bool) -> match.Node:
        """A compiled query. `positive`: it must contain a term that is not negated."""
        tree = grammar.parse(query)
        if positive and not has_positive(tree):
            remedy = "say what must be there, and AND NOT for the rest"
            raise QueryError(tree.at, "a query needs a term that is not negated", remedy)
        if positive and holds_of_nothing(tree):
            self.loose = True
        return self.node(tree, query, SEARCHED)

    def expression(self, query: str) -> match.Node:
        """A compiled query that has positions, for items of vocabularies: who refers to one decides the field."""
        tree = grammar.parse(query)
        _want_positional(tree, "an item of a vocabulary")
        return self.node(tree, query, ALL_FIELDS)

    def item(self, written: str) -> match.Node:
        """An item of a vocabulary: a term without quotes, `$other`, `/regex/`, or a query in parentheses."""
        if written.startswith(("$", "(", "/")):
            return self.expression(written)
        operator = _OPERATOR.search(written)
        if operator:
            remedy = "an item is one term; put a query in parentheses"
            raise QueryError(operator.start(), f"{operator[0].strip()} is an operator, not part of a term", remedy)
        other = _FIELD.search(written) or _INNER.search(written)
        if other:
            remedy = "an item is one term; put a query in parentheses"
            raise QueryError(other.start(), f"{other[0]} is no part of a term", remedy)
        cased = written.startswith("=")
        if cased and written[1:].lstrip()[:1] in ("$", "(", "/"):
            raise QueryError(0, "= stands before a word or a phrase", "=Word or =Two Words")
        body = written.removeprefix("=").strip().strip(grammar.QUOTES)
        return self._term(written, self.pool.written(body, cased), ALL_FIELDS)

    def node(self, tree: grammar.Node, query: str, fields: int) -> match.Node:
        source = query[tree.at : tree.end]
        if isinstance(tree, grammar.Term):
            return self._term(source, self._read(tree), fields)
        if isinstance(tree, grammar.Reference):
            vocabulary = self._named(tree)
            key = (source, vocabulary.number, fields)
            return self.pool.names.setdefault(key, match.VocabularyNode(source, vocabulary, fields))
        if isinstance(tree, grammar.Regex):
            return match.RegexNode(source, self._regex(tree), fields)
        if isinstance(tree, grammar.Near):
            for side in (tree.left, tree.right):
                _want_positional(side, "NEAR")
            left, right = self.node(tree.left, query, fields), self.node(tree.right, query, fields)
            return match.NearNode(source, left, right, tree.distance, tree.ordered)
        if isinstance(tree, grammar.Field):
            return self._field(tree, query, fields)
        if isinstance(tree, grammar.AtLeast):
            _want_positional(tree.child, "ATLEAST")
            return match.AtLeastNode(source, tree.count, self.node(tree.child, query, fields))
        children = [self.node(child, query, fields) for child in grammar.children(tree)]
        if isinstance(tree, grammar.Not):
            return match.NotNode(source, children[0])
        return match.AndNode(source, children) if isinstance(tree, grammar.And) else either(source, children)

    def _read(self, tree: grammar.Term) -> int:
        try:
            return self.pool.written(tree.text, tree.cased)
        except QueryError as error:
            raise QueryError(tree.at, error.message, error.remedy) from None

    def _term(self, source: str, number: int, fields: int) -> match.TermNode:
        literal = self.pool.term_places[number][0]
        self.pool.uses[literal] += 1
        found = self.pool.words.get((source, number, fields))
        if found is None:
            found = self.pool.words[source, number, fields] = match.TermNode(source, number, literal, fields)
        return found

    def _named(self, tree: grammar.Reference) -> Vocabulary:
        if tree.name not in self.scope:
            close = nearest(tree.name, self.scope)
            remedy = f"did you mean ${close}?" if close else "vocabularies are defined under 'vocabularies:'"
            raise QueryError(tree.at, f"{NO_VOCABULARY} {tree.name}", remedy)
        self.used.add(tree.name)
        return self.scope[tree.name]

    def _regex(self, tree: grammar.Regex) -> int:
        try:
            return self.pool.regex(tree.pattern, tree.ignore_case)
        except QueryError as error:
            raise QueryError(tree.at, error.message, error.remedy) from None

    def _field(self, tree: grammar.Field, query: str, fields: int) -> match.Node:
        if tree.name in grammar.ID_FIELDS:
            return self._ids(tree.child, query, tree.name)
        if tree.name not in grammar.TEXT_FIELDS:
            from monitor.rules.mistakes import unknown_field

            raise unknown_field(tree.name, tree.at)
        if fields not in {SEARCHED, ALL_FIELDS}:
            raise QueryError(tree.at, f"{tree.name}: stands inside another field", "write the fields side by side")
        self.pool.with_author = self.pool.with_author or tree.name == "author"
        return self.node(tree.child, query, 1 << FIELDS.index(tree.name))

    def _ids(self, tree: grammar.Node, query: str, name: str) -> match.Node:
        source = query[tree.at : tree.end]
        if isinstance(tree, grammar.Term):
            if ("*" in tree.text or "?" in tree.text) and (name != "tag" or source[:1] not in grammar.QUOTES):
                remedy = "domain:org includes sub-domains" if name == "domain" else "name each, with OR between them"
                raise QueryError(tree.at, f"{name}: compares whole ids, wildcards have no meaning there", remedy)
            value = tree.text.lower().strip(".") if name == "domain" else tree.text
            self.pool.id(name, value)
            return match.IdNode(f"{name}:{source}", name, value)
        if not isinstance(tree, grammar.And | grammar.Or | grammar.Not):
            raise QueryError(
                tree.at, f"{name}: compares ids, so only names, AND, OR and NOT stand in it", f"{name}:the-id"
            )
        children = [self._ids(child, query, name) for child in grammar.children(tree)]
        if isinstance(tree, grammar.Not):
            return match.NotNode(source, children[0])
        return match.AndNode(source, children) if isinstance(tree, grammar.And) else either(source, children)


def either(source: str, nodes: Sequence[match.Node]) -> match.OrNode:
    """An OR, its terms sorted by the literals that find them."""
    terms: dict[int, list[match.TermNode]] = {}
    others: list[match.Node] = []
    for node in nodes:
        if isinstance(node, match.TermNode):
            terms.setdefault(node.literal, []).append(node)
        else:
            others.append(node)
    by_literal = {literal: tuple(found) for literal, found in terms.items()}  # half as large as lists
    return match.OrNode(source, nodes, by_literal, others)


def has_positive(tree: grammar.Node) -> bool:
    """Whether something in the query asks for presence."""
    if isinstance(tree, grammar.Not):
        return isinstance(tree.child, grammar.Not) and has_positive(tree.child.child)
    below = grammar.children(tree)
    return any(map(has_positive, below)) if below else True


def holds_of_nothing(tree: grammar.Node) -> bool:
    """Whether the query holds of an entry in which none of its terms occurs, as `a OR NOT b` does."""
    if isinstance(tree, grammar.Not):
        return not holds_of_nothing(tree.child)
    if isinstance(tree, grammar.And):
        return all(map(holds_of_nothing, tree.children))
    return any(map(holds_of_nothing, grammar.children(tree)))


def _want_positional(tree: grammar.Node, where: str) -> None:
    if isinstance(tree, grammar.Or):
        for child in tree.children:
            _want_positional(child, where)
        return
    if isinstance(tree, grammar.Field) and tree.name not in grammar.ID_FIELDS:
        _want_positional(tree.child, where)
        return
    if not isinstance(tree, grammar.Term | grammar.Reference | grammar.Regex | grammar.Near):
        what = {grammar.And: "AND", grammar.Not: "NOT", grammar.AtLeast: "ATLEAST", grammar.Field: "an id"}
        remedy = "terms, phrases, vocabularies, regexes, and ORs or NEARs of them"
        raise QueryError(
            tree.at, f"{what.get(type(tree), 'this')} has no place in the text, so it cannot stand in {where}", remedy
        )
