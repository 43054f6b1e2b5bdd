"""Why a rule matched an entry, or did not: its clauses as a tree, each with what it found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model import Entry, Span
from monitor.rules import match
from monitor.rules.document import Document, Subject
from monitor.rules.rule_set import RuleSet

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")


@dataclass(frozen=True, slots=True)
class Explained:
    """A clause: its text in the rule, whether it held, where, and its parts. `note`: what a vocabulary found …"""

    clause: str
    held: bool
    spans: tuple[Span, ...] = ()
    parts: tuple[Explained, ...] = ()
    note: str = ""
    kind: str = ""


def explain(
    rule_set: RuleSet, rule_id: str, entry: Entry, *, feed_tags: Sequence[str] = (), feed_id: str = ""
) -> Explained:
    """The tree of a rule's clauses over an entry; its root holds exactly when the rule matches."""
    return explain_subject(rule_set, rule_id, Subject(entry, feed_tags, feed_id))


def explain_subject(rule_set: RuleSet, rule_id: str, subject: Subject) -> Explained:
    """The same for an entry with what is known of its feed."""
    rule = rule_set.rules[rule_id]
    document, _ = rule_set.index.look(subject)
    parts = []
    for name, node in rule.parts:
        shown = _explained(node, document)
        refuted = name in {"none", "unless"}
        held = shown.held != refuted
        inner = shown.parts if name in {"any", "all", "none"} else (shown,)
        parts.append(Explained(name, held, () if refuted else shown.spans, inner, shown.note, kind="key"))
    return Explained(rule.id, all(part.held for part in parts), parts=tuple(parts), kind="rule")


def _explained(node: match.Node, document: Document) -> Explained:
    held = node.truth(document)
    spans = tuple(sorted({document.span(leaf) for leaf in node.leaves(document)}, key=_order)) if held else ()
    parts = tuple(_explained(child, document) for child in node.children())
    return Explained(
        _COMMENT.sub("", node.source),
        held,
        spans,
        parts,
        _note(node, document, held),
        kind=type(node).__name__.removesuffix("Node").lower(),
    )


def _order(span: Span) -> tuple[int, int, int]:
    return ("title", "summary", "content", "author").index(span.field), span.start, span.end


def _note(node: match.Node, document: Document, held: bool) -> str:
    if isinstance(node, match.VocabularyNode) and held:
        names = dict.fromkeys(node.vocabulary.entities[m.entity].name for m in document.mentions(node.vocabulary))
        return ", ".join(names)
    if isinstance(node, match.ScoreNode):
        worth = [f"{points:+g}" for clause, points in node.clauses if clause.truth(document)]
        return f"{' '.join(worth) or 'nothing'} = {node.points(document):g}, needs {node.threshold:g}"
    return _near_miss(node, document) if isinstance(node, match.NearNode) and not held else ""


def _near_miss(node: match.NearNode, document: Document) -> str:
    absent = [side.source for side in (node.left, node.right) if not side.truth(document)]
    if absent:
        return f"{' and '.join(absent)} {'do' if len(absent) == 2 else 'does'} not occur"
    reach = "in one sentence" if node.distance is None else f"within {node.distance} words"
    return f"both occur, but not {reach}{' in this order' if node.ordered else ''}"


def why_not(rule_set: RuleSet, rule_id: str, subject: Subject) -> str:
    """In a few words, the first clause that kept a rule from matching."""
    tree = explain_subject(rule_set, rule_id, subject)
    for part in tree.parts:
        if not part.held:
            return _blame(part)
    return "every clause holds"


def _blame(part: Explained) -> str:
    if part.clause in {"none", "unless"}:
        held = next((inner for inner in part.parts if inner.held), part)
        return f"{part.clause} holds: {held.clause}"
    if part.clause == "score":
        return part.note
    failed = part
    while failed.kind in {"key", "and", "rule"}:
        deeper = next((inner for inner in failed.parts if not inner.held), None)
        if deeper is None:
            break
        failed = deeper
    return f"{failed.clause} fails" + (f" ({failed.note})" if failed.note else "")
