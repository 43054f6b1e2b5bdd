"""The shift record of a hit, read from the text with the vocabularies that say what their words are.

Who and which model come from kinds org and model (a model implies its lab), the rest from stage, object, direction and
licence. Of entities of one kind the first listed wins. Kind `sign` has the small words: `denied`, `anonymous`,
`official`, `to_come` (the text promises what a headline without a verb leaves open), `aside` (what follows is a
comparison, not the actor), `beside` (a whole clause: what stays as it was, what others do), `refused` (an opening that
is ruled out), `from` and `to` (which side a licence is on).
What the rule settles (`shift:`) stands, but for a direction that a frame of kind `turn` turns round; what it assumes
(`assume:`) holds when the text says nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile
from typing import Any

from monitor.model import Confidence, Direction, Shift, ShiftObject, Stage
from monitor.rules.document import FIELD_STEP, FIELDS, Document, Leaf
from monitor.rules.entities import Entity
from monitor.rules.mentions import Found
from monitor.rules.told import Sentence, Text, Told, headline

SIGNS = ("denied", "refused", "anonymous", "official", "to_come", "aside", "beside", "from", "to")
_ASIDE_REACH = 3  # words between "rivals like" and the name it sets aside
_MOST_LISTED = 20  # names in one list
_SIDE_REACH = 4  # words between "from" and the licence it points to
_CLAUSE_END = re.compile(r"[,;:—–]")
_JOINED = re.compile(r",? (?:and|or|&) |, ")
_SUMMARY = FIELDS.index("summary")
_CONTENT = FIELDS.index("content")


@dataclass(frozen=True, slots=True)
class Rulings:
    """What a rule settles and assumes of the shift: field names of the record to values."""

    settled: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, Any] = field(default_factory=dict)


def read_shift(document: Document, leaves: Iterable[Leaf], rulings: Rulings, told: Told) -> tuple[Shift, Entity | None]:
    """The record of the shift that the leaves of a hit point to, and the turn, if any, that gave it its direction."""
    leaves = sorted(leaves)
    evidence = _evidence(document, leaves)
    text = Text(document, evidence, told.found)
    models = _named(rulings, "models", _models(text))
    orgs = _named(rulings, "orgs", _orgs(text))
    from_, to, ranks = _sides(text)
    direction, turn = _turned(text, rulings, _direction(text, rulings, ranks))
    if turn:
        rulings = _for_turned(rulings, turn)
    denied = bool(rulings.settled.get("denied", _denied(text)))
    # What is denied or refused moves nothing: its two ends would be told as terms.
    from_, to = ("", "") if denied else _ends(text, direction, from_, to)
    stage = text.first("stage", reach=1)  # what the rest of a summary will or may bring is another matter
    # What opens or closes is a model, unless the headline or the evidence says otherwise: that it comes "through the
    # API" is how, not what.
    aside = direction in {Direction.OPENING, Direction.CLOSING}
    shift = Shift(
        direction=direction,
        stage=_stage(text, rulings, stage),
        object=_settled(
            rulings, "object", ShiftObject, text.first("object", reach=1 if aside else 2), ShiftObject.WEIGHTS
        ),
        orgs=orgs,
        models=models,
        from_=rulings.settled.get("from", from_),
        to=rulings.settled.get("to", to),
        evidence=_sentence_text(document, evidence),
        denied=denied,
        marks=_marks(document, evidence, leaves),
    )
    return _with_confidence(shift, text, stage is not None), turn


def _evidence(document: Document, leaves: Iterable[Leaf]) -> Sentence:
    """The sentence with most of the words that made the rule match; the earlier one when two are equal."""
    words: dict[Sentence, set[int]] = {}
    for leaf in leaves:
        words.setdefault(document.sentence(leaf[0]), set()).update(range(leaf[0], max(leaf[1], leaf[0] + 1)))
    return max(words, key=lambda sentence: (len(words[sentence]), -sentence[0], -sentence[1]), default=(0, 0))


def _sentence_text(document: Document, sentence: Sentence) -> str:
    bounds = document.sentence_bounds(sentence[0])
    if not bounds:
        return ""
    start, end = bounds[sentence[1]]
    return document.texts[sentence[0]][start:end]


def _marks(document: Document, sentence: Sentence, leaves: Iterable[Leaf]) -> tuple[tuple[int, int], ...]:
    """Where in the evidence the words stand that made the rule match, neighbours and overlaps joined."""
    bounds = document.sentence_bounds(sentence[0])
    if not bounds:
        return ()
    begin, end = bounds[sentence[1]]
    spans = sorted((span.start, span.end) for span in map(document.span, leaves) if span.field == FIELDS[sentence[0]])
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if start < begin or stop > end:
            continue
        if joined and start - begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop - begin))
        else:
            joined.append((start - begin, stop - begin))
    return tuple(joined)


def _actors(text: Text, kind: str) -> list[Found]:
    """Who the news is about: named in the title, else in the evidence, else in the first sentence of the summary that

    names anyone; asides only when nobody else is named.
    """
    aside = _asides(text, kind)
    near, summary, _ = text.scopes(kind)
    for scope in (headline(near), near, summary):
        acting = [m for m in scope if m.start not in aside]
        if acting:
            first = text.document.sentence(acting[0].start)  # what later sentences of a summary name is background
            return acting if scope is near else [m for m in acting if text.document.sentence(m.start) == first]
    return next((scope for scope in text.scopes(kind) if scope), [])


def _asides(text: Text, kind: str) -> set[int]:
    """Where the mentions begin that a sign sets aside: the first one behind it in its clause, and a list it begins."""
    found: set[int] = set()
    mentions = text.found.get(kind, ())
    starts = [m.start for m in mentions]
    for sign in text.signs("aside"):
        behind = mentions[(first := bisect_left(starts, sign.end)) : first + _MOST_LISTED]
        near = bool(behind) and behind[0].start - sign.end < _ASIDE_REACH
        if not near or _CLAUSE_END.search(text.between(sign, behind[0])):
            continue
        joints = list(takewhile(_JOINED.fullmatch, (text.between(*pair) for pair in pairwise(behind))))
        joined = [n for n, joint in enumerate(joints, 1) if joint.strip(" ,")]  # up to the last "and"
        begun = sign.start == 0 and any("," in joint for joint in joints)  # "Unlike A, B and C open"
        found.update(m.start for m in behind[: 1 if begun else 1 + max(joined, default=0)])
    return found


def _names(found: Iterable[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mention.entity.name for mention in found))


def _models(text: Text) -> tuple[str, ...]:
    """Named models. A version stands for its family: "Gemma 4" where "Gemma" is named too, or where only the summary

    says which version it is.
    """
    elsewhere = text.found.get("model", ())
    plain = [mention for mention in elsewhere if not mention.fallback]
    text = Text(text.document, text.evidence, {**text.found, "model": plain or elsewhere})
    named = _actors(text, "model")
    aside = _asides(text, "model")
    if named and all(mention.start in aside for mention in named):
        return ()
    names = _names(named)
    summary = _names(m for m in elsewhere if m.start not in aside and m.start // FIELD_STEP == _SUMMARY)
    read: list[str] = []
    for name in names:
        if not any(_is_version(other, name) for other in names):
            versions = [other for other in summary if _is_version(other, name)]
            read.append(versions[0] if len(versions) == 1 else name)
    return tuple(dict.fromkeys(read))


def _is_version(name: str, family: str) -> bool:
    """Whether a name is a family's name with something behind it: "Gemma 4", "Grok-1", "FLUX.2"."""
    return name.startswith(family) and name[len(family) : len(family) + 1] in {" ", "-", "."}


def _orgs(text: Text) -> tuple[str, ...]:
    """Named organisations and the labs of named models, in order of position; venues only when alone."""
    if not (text.found.get("org") or text.found.get("model")):
        return ()
    named = list(text.found.get("org", ()))
    models = [m for m in text.found.get("model", ()) if m.entity.org]
    if named or not all(m.fallback for m in models):
        models = [m for m in models if not m.fallback]
    implied = [Found(m.start, m.end, Entity(m.entity.org), m.rank) for m in models]
    both = Text(text.document, text.evidence, {**text.found, "org": sorted(named + implied, key=lambda m: m.start)})
    acting = _actors(both, "org")
    venues = {m.entity.name for m in acting if m.entity.facts.get("venue")}
    return _names(m for m in acting if m.entity.name not in venues) or _names(acting)


_OTHER_TERMS = (Direction.LOOSENING, Direction.RESTRICTING)


def _direction(text: Text, rulings: Rulings, ranks: tuple[int, int] | None) -> Direction:
    if "direction" in rulings.settled:
        return Direction(rulings.settled["direction"])
    said = text.first("direction")
    read = None if said is None else Direction(said.entity.name)
    if ranks is not None and ranks[0] != ranks[1] and read in {None, *_OTHER_TERMS}:
        # Two named licences say which way better than a word: "under the Research Licence instead of Apache 2.0".
        return Direction.LOOSENING if ranks[1] > ranks[0] else Direction.RESTRICTING
    if read is not None:
        return read
    return Direction(rulings.assumed.get("direction", Direction.UNCLEAR))


def _turned(text: Text, rulings: Rulings, read: Direction) -> tuple[Direction, Entity | None]:
    """The direction that the frames of kind `turn` in headline or evidence make of the one read, and the last of them.

    None turned it when all is as it was read. They turn in the order of their list: "drops its plan to end downloads"
    is closing first, then opening. A rule that settles a denial knows what is denied.
    """
    now, last = read, None
    for turn in () if "denied" in rulings.settled else sorted(text.scopes("turn")[0], key=lambda found: found.rank):
        if now in turn.entity.facts["instead_of"]:
            now, last = Direction(turn.entity.name), turn.entity
    return now, None if now is read else last


def _for_turned(rulings: Rulings, turn: Entity) -> Rulings:
    """What a rule settles of the stage was meant for the direction it had read: the turn's own is assumed instead."""
    settled = {name: value for name, value in rulings.settled.items() if name != "stage"}
    own = {name: value for name, value in turn.facts.items() if name == "stage"}
    return Rulings(settled, {**rulings.assumed, **own})


def _named(rulings: Rulings, kind: str, read: tuple[str, ...]) -> tuple[str, ...]:
    """The names a rule settles, those that were read, or those it assumes where none was."""
    return tuple(rulings.settled.get(kind, read)) or tuple(rulings.assumed.get(kind, ()))


def _settled(rulings: Rulings, name: str, enum: Any, said: Found | None, otherwise: Any) -> Any:
    if name in rulings.settled:
        return enum(rulings.settled[name])
    if said is not None:
        return enum(said.entity.name)
    return enum(rulings.assumed.get(name, otherwise))


def _stage(text: Text, rulings: Rulings, said: Found | None) -> Stage:
    """How far it has come; what only people without a name say has not been announced, however sure it sounds."""
    stage: Stage = _settled(rulings, "stage", Stage, said, Stage.NONE)
    if said is None and stage is Stage.EFFECTIVE and text.signs("to_come"):
        stage = Stage.ANNOUNCED if "stage" not in rulings.settled else stage
    unnamed = any(sign.start // FIELD_STEP < _CONTENT for sign in text.signs("anonymous"))
    if stage is Stage.ANNOUNCED and "stage" not in rulings.settled and unnamed and not text.signs("official"):
        return Stage.RUMOUR
    return stage


def _sides(text: Text) -> tuple[str, str, tuple[int, int] | None]:
    """From which licence to which, and their ranks when both are known: the sign before each tells its side."""
    old: Found | None = None
    new: Found | None = None
    for mention in [m for scope in text.scopes("licence")[:2] for m in scope]:
        side = _side(text, mention)
        if side == "from":
            old = old or mention
        elif side == "to" or new is None:
            new = mention if new is None or _side(text, new) != "to" else new
    if old is not None and new is not None and old.entity.name == new.entity.name:
        old = None
    names = (old.entity.name if old else "", new.entity.name if new else "")
    known = [m.entity.facts.get("rank") for m in (old, new) if m is not None]
    ranks = (known[0], known[1]) if len(known) == 2 and None not in known else None
    return (*names, ranks)  # type: ignore[return-value]  # None was excluded


def _side(text: Text, mention: Found) -> str:
    """The nearest of the signs `from` and `to` shortly before a licence, or in its first word ("to MIT").

    A sign tells of the first licence behind it.
    """
    last = max((m.start for m in text.found["licence"] if m.start < mention.start), default=-1)
    before = [
        (mention.start - sign.end, name)
        for name in ("from", "to")
        for sign in text.signs(name)
        if last < sign.start <= mention.start and mention.start - sign.end <= _SIDE_REACH
    ]
    return min(before)[1] if before else ""


def _ends(text: Text, direction: Direction, from_: str, to: str) -> tuple[str, str]:
    """Opening and closing have two known ends, whatever licence is named; who refuses to open leaves all as it was.

    Terms are not tightened to an open licence, nor eased to a closed one.
    """
    if direction not in {Direction.OPENING, Direction.CLOSING}:
        lost = {Direction.RESTRICTING: "open", Direction.LOOSENING: "closed"}.get(direction)
        return (from_ or to, "") if to and to == lost else (from_, to)
    if text.signs("refused"):
        return "", ""
    if direction is Direction.OPENING:
        return from_, to if to not in {"", "closed"} else "open"
    return (to or "open", "closed") if from_ in {"", "closed"} and to != "closed" else (from_ or "open", "closed")


def _denied(text: Text) -> bool:
    for sign in text.signs("denied"):
        if sign.start // FIELD_STEP < _CONTENT or text.document.sentence(sign.start) == text.evidence:
            return True
    return False


def _with_confidence(shift: Shift, text: Text, stage_said: bool) -> Shift:
    """How sure the reading is, from what was said and what was not; each reason is one point."""
    grounds = [
        (1 if shift.orgs else -1, "an organisation is named" if shift.orgs else "no organisation is named"),
        (1 if shift.models else 0, "a model is named"),
        (1 if stage_said else 0, "the stage is said in words"),
        (1 if text.evidence[0] == 0 else 0, "the headline says it"),
        (1 if text.signs("official") else 0, "an official statement is quoted"),
        (-2 if text.signs("anonymous") else 0, "the sources are not named"),
        (-1 if shift.denied else 0, "a denial is reported"),
        (-1 if text.document.texts[0].rstrip().endswith("?") else 0, "the headline asks a question"),
    ]
    held = [(points, reason) for points, reason in grounds if points]
    total = sum(points for points, _ in held)
    confidence = Confidence.HIGH if total >= 3 else Confidence.MEDIUM if total >= 1 else Confidence.LOW
    return replace(shift, confidence=confidence, reasons=tuple(reason for _, reason in held))
