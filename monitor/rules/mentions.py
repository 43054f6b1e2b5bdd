"""What a document mentions of one kind: which entity, where, and by what name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from monitor.rules.document import FIELD_STEP, FIELDS, Document, Mention
from monitor.rules.entities import Entity, Spread, Vocabulary

_AUTHOR = FIELDS.index("author") * FIELD_STEP
_FAR = 16  # characters behind a family's name in which its version stands
# "6", "2.5", "K5", "4o"; no size ("70B"), no year, no amount ("10 months", "3 million")
_NUMBER = r"v?(?P<version>[A-Z]?(?!(?:19|20)\d\d\b)\d{1,3}(?:\.\d+)*[anosv]?)(?!\w|[.,:]\d|%|-?bit\b)"
_AMOUNT = r"(?! (?:minutes|hours|days|weeks|months|years|times|million|billion|percent|per cent|countries|languages)\b)"
_VERSION = re.compile(rf"[ -]?{_NUMBER}{_AMOUNT}")
_JOINT = re.compile(r"([ .-]?)[A-Z]?\d")
_LAST_WORD = re.compile(rf"(?:^|[ .-]){_NUMBER}$")


@dataclass(frozen=True, slots=True)
class Found:
    """A mention with its entity and rank: the place of the entity in its vocabularies, earlier is stronger."""

    start: int
    end: int
    entity: Entity
    rank: int

    @property
    def fallback(self) -> bool:
        return bool(self.entity.facts.get("fallback"))


def outermost(document: Document, vocabularies: Sequence[Vocabulary], *, exclusive: bool = True) -> list[Found]:
    """Mentions of one kind in order of position, without those inside a longer one ("GPT" in "GPT oss").

    `exclusive`: of two entities for the same words the first listed counts; signs may say several things at once, and
    one of them inside another.
    """
    found: list[Found] = []
    before = 0
    for vocabulary in vocabularies:
        mentions: Sequence[Mention] = [m for m in document.mentions(vocabulary) if m.start < _AUTHOR]
        found += [Found(m.start, m.end, _entity(document, vocabulary, m), before + m.entity) for m in mentions]
        before += len(vocabulary.entities)
    found.sort(key=lambda m: (m.fallback, m.start, -m.end, m.rank))
    kept: list[Found] = []
    reached: dict[int, int] = {}  # how far what is kept reaches: all of it begins no later
    for mention in found:
        of = 0 if exclusive else id(mention.entity)
        if not mention.fallback and mention.end > reached.get(of, -1):
            reached[of] = mention.end
            kept.append(mention)
    taken, after = Spread((k.start, k.end, 0) for k in kept), 0
    for mention in found:
        if mention.fallback and mention.start >= after and not taken.overlaps((mention.start, mention.end, 0)):
            after = mention.end
            kept.append(mention)
    return sorted(kept, key=lambda m: (m.start, -m.end))


def _entity(document: Document, vocabulary: Vocabulary, mention: Mention) -> Entity:
    """The entity of a mention; one that is named as written gets the words as its name."""
    entity = vocabulary.entities[mention.entity]
    if not entity.facts.get("as_written"):
        return entity
    return replace(entity, name=_words(document, mention.start, mention.end)[0])


def with_versions(document: Document, found: Sequence[Found], vocabularies: Sequence[Vocabulary]) -> list[Found]:
    """The same, each family by its name and the version that is written with it, listed or not: "Llama 6"."""
    kept: list[Found] = []
    for mention in (_with_version(document, one, vocabularies) for one in found):
        if kept and mention.start < kept[-1].end and family(mention.entity.name) != mention.entity.name:
            continue  # "Llama 3" in "Code Llama 3", whose version is read already
        kept.append(mention)
    return kept


def _with_version(document: Document, mention: Found, vocabularies: Sequence[Vocabulary]) -> Found:
    line = mention.entity.name
    if re.search(r"\d", line) or mention.entity.facts.get("as_written"):
        return mention
    words, behind = _words(document, mention.start, mention.end)
    last = rf"(?i:\b{re.escape(line.split()[-1])})"
    named = re.compile(last + _VERSION.pattern).search(words + behind)
    if named is None or named.start() >= len(words):
        # "DeepSeek gives out the weights of V6"
        named = _LAST_WORD.search(words) if re.search(rf"{last}\b", words) else None
    if named is None:
        return mention
    name = line + _joint(line, tuple(vocabularies)) + named["version"]
    return replace(mention, entity=replace(mention.entity, name=name))


def family(name: str) -> str:
    """A name without the version behind it: "Llama" for "Llama 6"."""
    version = _LAST_WORD.search(name)
    return name[: version.start()] if version else name


@lru_cache(maxsize=256)
def _joint(line: str, vocabularies: tuple[Vocabulary, ...]) -> str:
    """What stands between a line of models and its versions in most of the names that are listed: "GPT-5", "Qwen 3"."""
    names = (entity.name for vocabulary in vocabularies for entity in vocabulary.entities)
    versions = (name[len(line) :] for name in names if name.startswith(line))
    joints = Counter(found[1] for found in map(_JOINT.match, versions) if found)
    return max(joints, key=lambda joint: (joints[joint], joint == " ")) if joints.total() > 1 else " "


def _words(document: Document, start: int, end: int) -> tuple[str, str]:
    """The text of a mention, and what follows it."""
    span = document.span((start, end))
    text = document.texts[FIELDS.index(span.field)]
    return text[span.start : span.end], text[span.end : span.end + _FAR]
