"""The query language: from the text of a query to its syntax tree, or to an error that points and suggests.

Binding, tightest first: field, NEAR and ONEAR, NOT, AND, OR. What names, wildcards and regexes mean, `compile` settles.
`lalr.py` holds the grammar. In front of it stands a descent of our own, many times as fast, which reads what is
right and leaves everything else to the grammar; a test holds both to the same trees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.rules.syntax import (
    ID_FIELDS,
    MAX_DEPTH,
    MAX_DISTANCE,
    OPERATORS,
    QUOTES,
    TEXT_FIELDS,
    TOKENS,
    And,
    AtLeast,
    Field,
    Near,
    Node,
    Not,
    Or,
    QueryError,
    Reference,
    Regex,
    Term,
    children,
    distance,
    occurrences,
    walk,
)

__all__ = [
    "ID_FIELDS",
    "MAX_DEPTH",
    "MAX_DISTANCE",
    "QUOTES",
    "TEXT_FIELDS",
    "And",
    "AtLeast",
    "Field",
    "Near",
    "Node",
    "Not",
    "Or",
    "QueryError",
    "Reference",
    "Regex",
    "Term",
    "children",
    "parse",
    "walk",
]

Token = tuple[str, str, int, int]  # kind, text, and the characters it stands at
_END: Token = ("END", "", 0, 0)


class _Doubt(Exception):  # noqa: N818  # no error yet: the grammar says what it is
    """Something here is not as the descent knows it."""


def parse(query: str) -> Node:
    """The syntax tree of a query. QueryError says where the first mistake is and how to mend it."""
    tokens = _cut(query)
    _refuse_deep(query, tokens)
    try:
        return _Descent([*tokens, _END]).whole()
    except (_Doubt, QueryError):
        from monitor.rules import lalr  # lark takes a tenth of a second to be ready

        return lalr.parse(query)


def _cut(query: str) -> list[Token]:
    found = []
    for match in TOKENS.finditer(query):
        kind, text = match.lastgroup or "BAD", match[0]
        if kind == "SKIP":
            continue
        if kind == "WORD" and text in OPERATORS:
            kind = text
        found.append((kind, text, match.start(), match.end()))
    return found


@dataclass(slots=True)
class _Descent:
    """One function a rule of the grammar, each beginning at the token `at`."""

    tokens: list[Token]
    at: int = 0

    def whole(self) -> Node:
        node = self.either()
        self._take("END")
        return node

    def either(self) -> Node:
        parts = [self.both()]
        while self.tokens[self.at][0] == "OR":
            self.at += 1
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(parts[0].at, parts[-1].end, tuple(parts))

    def both(self) -> Node:
        parts = [self.negated()]
        while self.tokens[self.at][0] == "AND":
            self.at += 1
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else And(parts[0].at, parts[-1].end, tuple(parts))

    def negated(self) -> Node:
        kind, _, start, _ = self.tokens[self.at]
        if kind != "NOT":
            return self.near()
        self.at += 1
        child = self.negated()
        return Not(start, child.end, child)

    def near(self) -> Node:
        left = self.atom()
        kind, text, start, _ = self.tokens[self.at]
        if kind != "NEAR":
            return left
        self.at += 1
        right = self.atom()
        return Near(left.at, right.end, left, right, distance(text, start), text.startswith("O"))

    def atom(self) -> Node:
        kind, text, start, end = self.tokens[self.at]
        self.at += 1
        if kind == "WORD":
            return Term(start, end, text)
        if kind == "PHRASE":
            return Term(start, end, text[1:-1])
        if kind == "REFERENCE":
            return Reference(start, end, text[1:])
        if kind == "EQUALS":
            return self._cased(start, end)
        if kind == "REGEX":
            ignore_case = text.endswith("/i")
            return Regex(start, end, text[1 : -2 if ignore_case else -1], ignore_case)
        return self._compound(kind, text, start)

    def _cased(self, start: int, equals_end: int) -> Node:
        kind, text, begin, end = self.tokens[self.at]
        if kind not in ("WORD", "PHRASE") or begin != equals_end:
            raise _Doubt
        self.at += 1
        return Term(start, end, text if kind == "WORD" else text[1:-1], cased=True)

    def _compound(self, kind: str, text: str, start: int) -> Node:
        if kind == "FIELD":
            child = self.atom()
            return Field(start, child.end, text[:-1], child)
        if kind == "OPEN":
            child = self.either()
            return replace(child, at=start, end=self._take("CLOSE"))
        if kind == "ATLEAST":
            self._take("OPEN")
            child = self.either()
            return AtLeast(start, self._take("CLOSE"), occurrences(text, start), child)
        raise _Doubt

    def _take(self, kind: str) -> int:
        """Go past a token of this kind; where it ends."""
        found, _, _, end = self.tokens[self.at]
        if found != kind:
            raise _Doubt
        self.at += 1
        return end


def _refuse_deep(query: str, tokens: list[Token]) -> None:
    """Nesting ends before Python's own stack does: parentheses, and NOTs and fields before what they are about."""
    if query.count("(") + query.count("NOT") + query.count(":") <= MAX_DEPTH:
        return
    depth, outer = 0, [0]
    for kind, _, start, _ in tokens:
        if kind in {"NOT", "FIELD"}:
            depth += 1
        elif kind == "OPEN":
            depth += 1
            outer.append(depth)
        elif kind == "CLOSE" and len(outer) > 1:
            outer.pop()
            depth = outer[-1]
        else:
            depth = outer[-1]
        if depth > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} parentheses, NOTs or fields inside each other"
            raise QueryError(start, message, "use vocabularies")
