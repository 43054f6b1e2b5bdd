"""An evaluator of queries written from the description of the language: slow, simple, sharing no code with the matcher.

It walks the syntax tree over lists of (word, start, end) and tries every term at every position. An occurrence is
(field, first word, last word + 1, leaves), leaves a set of (field, start, end) in characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

from monitor import text
from monitor.model import Entry
from monitor.rules import grammar

SEARCHED = ("title", "summary", "content")
ALL = (*SEARCHED, "author")
Occurrence = tuple[str, int, int, frozenset[tuple[str, int, int]]]


@dataclass(frozen=True)
class Vocabulary:
    """Lists of items by entity: what shows it and what hides it."""

    entities: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True)
class Naive:
    """One entry and the vocabularies in scope."""

    entry: Entry
    vocabularies: dict[str, Vocabulary]
    feed_tags: tuple[str, ...] = ()

    def holds(self, query: str) -> bool:
        return self.truth(grammar.parse(query), SEARCHED)

    def spans(self, query: str) -> set[tuple[str, int, int]]:
        return self.leaves(grammar.parse(query), SEARCHED)

    def truth(self, node: grammar.Node, fields: tuple[str, ...]) -> bool:
        match node:
            case grammar.And():
                return all(self.truth(child, fields) for child in node.children)
            case grammar.Or():
                return any(self.truth(child, fields) for child in node.children)
            case grammar.Not():
                return not self.truth(node.child, fields)
            case grammar.Field(name="feed" | "tag" | "domain"):
                return self.has_id(node.child, node.name)
            case grammar.Field():
                return self.truth(node.child, (node.name,))
            case grammar.AtLeast():
                return bool(self.enough(node, fields))
        return bool(self.occurrences(node, fields))

    def leaves(self, node: grammar.Node, fields: tuple[str, ...]) -> set[tuple[str, int, int]]:
        """The spans that make a true node true."""
        match node:
            case grammar.And() | grammar.Or():
                true = [child for child in node.children if self.truth(child, fields)]
                return set().union(*[self.leaves(child, fields) for child in true])
            case grammar.Not() | grammar.Field(name="feed" | "tag" | "domain"):
                return set()
            case grammar.Field():
                return self.leaves(node.child, (node.name,))
            case grammar.AtLeast():
                fields = tuple(self.enough(node, fields))
                node = node.child
        return {leaf for found in self.occurrences(node, fields) for leaf in found[3]}

    def has_id(self, node: grammar.Node, name: str) -> bool:
        match node:
            case grammar.And():
                return all(self.has_id(child, name) for child in node.children)
            case grammar.Or():
                return any(self.has_id(child, name) for child in node.children)
            case grammar.Not():
                return not self.has_id(node.child, name)
            case grammar.Term():
                return self.is_id(name, node.text)
        raise AssertionError(node)

    def is_id(self, name: str, value: str) -> bool:
        if name == "feed":
            return self.entry.feed_id == value
        if name == "tag":
            return value in self.entry.tags + self.feed_tags
        host = re.sub(r"^\w+://([^/]*).*$", r"\1", self.entry.url)
        return host == value.lower() or host.endswith("." + value.lower())

    def enough(self, node: grammar.AtLeast, fields: tuple[str, ...]) -> list[str]:
        """The fields that hold the wanted number of occurrences, no two overlapping."""
        found = self.occurrences(node.child, fields)
        return [name for name in fields if _packed([(a, b) for f, a, b, _ in found if f == name]) >= node.count]

    def occurrences(self, node: grammar.Node, fields: tuple[str, ...]) -> list[Occurrence]:
        match node:
            case grammar.Term():
                return [o for name in fields for o in self.term(node.text, node.cased, name)]
            case grammar.Reference():
                return [o for o in self.vocabulary(node.name) if o[0] in fields]
            case grammar.Regex():
                return [o for name in fields for o in self.regex(node, name)]
            case grammar.Field():
                return self.occurrences(node.child, (node.name,))
            case grammar.Or():
                return [o for child in node.children for o in self.occurrences(child, fields)]
            case grammar.Near():
                return self.near(node, fields)
        raise AssertionError(node)

    def words(self, name: str) -> list[tuple[str, str, int, int]]:
        """(folded, cased, start, end) of the words of a field."""
        content = getattr(self.entry, name)
        cased = text.cased_words(content)
        return [(token.text, cased[n], token.start, token.end) for n, token in enumerate(text.tokens(content))]

    def term(self, written: str, cased: bool, name: str) -> list[Occurrence]:
        pattern = [part for part in re.split(r"[^\w*?.]+", written) if part]
        words = self.words(name)
        found: list[Occurrence] = []
        for at in range(len(words) - len(pattern) + 1):
            window = words[at : at + len(pattern)]
            if all(_is(part, word, cased) for part, word in zip(pattern, window, strict=True)):
                leaf = (name, window[0][2], window[-1][3])
                found.append((name, at, at + len(pattern), frozenset([leaf])))
        return found

    def regex(self, node: grammar.Regex, name: str) -> list[Occurrence]:
        words = self.words(name)
        found: list[Occurrence] = []
        for match in re.finditer(node.pattern, getattr(self.entry, name), re.I if node.ignore_case else 0):
            begin, end = match.span()
            if begin == end:
                continue
            first = sum(1 for word in words if word[3] <= begin)
            last = first + sum(1 for word in words if word[3] > begin and word[2] < end)
            found.append((name, first, last, frozenset([(name, begin, end)])))
        return found

    def vocabulary(self, name: str) -> list[Occurrence]:
        found: list[Occurrence] = []
        for shown, hidden in self.vocabularies[name].entities:
            covers = [o for item in hidden for o in self.item(item)]
            found += [
                o
                for item in shown
                for o in self.item(item)
                if not any(o[0] == c[0] and o[1] < c[2] and c[1] < o[2] for c in covers)
            ]
        # one leaf for the whole mention, whatever it is made of
        return [(f, a, b, frozenset([(f, self.words(f)[a][2], self.words(f)[b - 1][3])])) for f, a, b, _ in found]

    def item(self, item: str) -> list[Occurrence]:
        if item[0] in "$(":
            return self.occurrences(grammar.parse(item), ALL)
        return [o for name in ALL for o in self.term(item.lstrip("="), item.startswith("="), name)]

    def near(self, node: grammar.Near, fields: tuple[str, ...]) -> list[Occurrence]:
        lefts, rights = self.occurrences(node.left, fields), self.occurrences(node.right, fields)
        found: list[Occurrence] = []
        for a, b in product(lefts, rights):
            if a[0] != b[0] or a[1:3] == b[1:3]:
                continue
            first, last = (a, b) if a[2] <= b[1] else (b, a)
            if first[2] > last[1] or (node.ordered and first is not a):
                continue
            if node.distance is not None and last[1] - first[2] > node.distance:
                continue
            if node.distance is None and not self.same_sentence(a[0], first[1], last[2] - 1):
                continue
            found.append((a[0], first[1], last[2], a[3] | b[3]))
        return found

    def same_sentence(self, name: str, first: int, last: int) -> bool:
        words = self.words(name)
        if not words:
            return True
        begin, end = (words[min(at, len(words) - 1)][2] for at in (first, max(first, last)))
        return any(s <= begin and end < e for s, e in text.sentences(getattr(self.entry, name)))


def _is(pattern: str, word: tuple[str, str, int, int], cased: bool) -> bool:
    if pattern == "*":
        return True
    if not cased:
        pattern = pattern.lower()
    have = word[1] if cased else word[0]
    regex = re.escape(pattern).replace(r"\?", "[A-Za-z0-9]").replace(r"\*", ".*")
    if not re.fullmatch(regex, have):
        return False
    # an ending does not run over the hump of a camel-case name
    return not (pattern.endswith("*") and re.search("[a-z][A-Z]", word[1][len(pattern) - 2 :]))


def _packed(spans: list[tuple[int, int]]) -> int:
    """How many of the spans fit side by side: every subset is as good as taking the earliest end first."""
    count, reached = 0, -1
    for start, end in sorted(set(spans), key=lambda span: span[1]):
        if start >= reached:
            count, reached = count + 1, end
    return count


def rule_holds(naive: Naive, rule: dict[str, Any]) -> bool:
    """A whole rule as a file has it."""
    if "unless" in rule and naive.holds(rule["unless"]):
        return False
    if "when" in rule:
        return naive.holds(rule["when"])
    if "score" in rule:
        total = sum(item["points"] for item in rule["score"]["add"] if naive.holds(item["when"]))
        return total >= rule["score"]["threshold"]
    any_, all_ = rule.get("any", []), rule.get("all", [])
    if any_ and not any(naive.holds(query) for query in any_):
        return False
    return all(naive.holds(query) for query in all_) and not any(naive.holds(q) for q in rule.get("none", []))


def rule_spans(naive: Naive, rule: dict[str, Any]) -> set[tuple[str, int, int]]:
    """The spans of a rule that holds."""
    queries = [rule["when"]] if "when" in rule else rule.get("any", []) + rule.get("all", [])
    if "score" in rule:
        queries = [item["when"] for item in rule["score"]["add"] if item["points"] > 0]
    return set().union(*[naive.spans(query) for query in queries if naive.holds(query)])
