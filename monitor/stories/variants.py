"""What a headline hangs on a model's name: siblings of one version (Qwen3-Coder, Qwen3-VL) are two models."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from monitor import text
from monitor.stories.words import CONCEPTS, GENERIC, NO_MODELS, NO_NAMES, PLACES, PREVIEWS
from monitor.text import SMALL_WORDS

_NAME = re.compile(r"(?<![\w-])(?P<name>[A-Z][A-Za-z]+)(?P<version>[- ]?[A-Za-z]?\d{1,2}(?:\.\d{1,2})?)?")
_HYPHEN = re.compile(r"-([A-Za-z]{2,})(?!\w)")  # Phi-5-mini
_GLUED = re.compile(r"([A-Za-z]{1,2})(?![\w-])")  # GLM-6V
_SPACED = re.compile(r" ([A-Z][A-Za-z]+)(?![\w'\u2019])")  # Llama 4 Scout
_SIZE = re.compile(r"[- ]([A-Z][a-z]+|nano|mini|micro|tiny|lite|flash|turbo)(?!\w)")  # GPT-6 mini; no "large model"
_NEXT = re.compile(r"(?: \d{1,2}(?:\.\d{1,2})?)?(?:, ?(?:and )?| and | & |/)([A-Z][A-Za-z]+)(?!\w)")  # … and Maverick
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONE = re.compile(r"(?<![\w-])[A-Za-z]+(?![\w-])")
_SMALL = SMALL_WORDS | {"under", "with", "from", "over", "into", "after"}  # small in every headline
_COMPOUND = re.compile(r"\b[A-Z][a-z]+[A-Z][A-Za-z]+")  # MedGemma
_TERMS = re.compile(r"(?: \w+)?[ -](?:licen[cs]e|agreement|policy|terms)", re.IGNORECASE)  # "Llama 4 Community License"
_SIZES = frozenset("bmtkx")
_SCALE = re.compile(r"(?:\d+x)?\d+(?:\.\d+)?[bmt]|a\d+b")  # 120b, 8x22b, a3b
_SCALED = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?[bm])-([a-z]{3,})(?![\w-])", re.IGNORECASE)  # 20b-safety
_SAME_MODEL = SMALL_WORDS | {
    "parameter",
    "parameters",
    "instruct",
    "base",
    "chat",
    "class",
    "scale",
    "sized",
    "preview",
}

# Said of a model of any lab; the first ones tell two models of one name apart.
_SIZED = "nano mini micro tiny small medium large max pro ultra plus lite flash turbo air"
_TIERS = frozenset(_SIZED.split())
_FIELDS = "code coder vision vl audio image video omni voice math ocr prover embedding guard"
_KINDS = _TIERS | frozenset(_FIELDS.split())
_ADJECTIVES = """
based like style class powered level maker makers licensed weight weights family only trained generated derived
compatible free scale sized built
"""
_NO_VARIANTS = SMALL_WORDS | GENERIC | NO_NAMES | NO_MODELS | PLACES.keys() | PREVIEWS | frozenset(_ADJECTIVES.split())


def variants(title: str, models: Iterable[str], orgs: Collection[str]) -> frozenset[str]:
    """What a headline hangs on the names of these lines: {"coder"} for "Qwen3-Coder". `orgs`: words that name none.

    Where a headline capitalises every word, a word apart is only taken for a part of the name if it is one that labs
    give their models.
    """
    sentence_case = any(word.islower() and len(word) > 3 and word not in _SMALL for word in _LONE.findall(title))
    known = {word for line in models for word in line.split()}
    found: set[str] = set()
    for one in _NAME.finditer(title):
        first, *rest = _HUMP.split(one["name"], maxsplit=1)
        if rest and text.fold(first) in known:
            found.add(text.fold(rest[0]))  # HunyuanVideo
        elif text.fold(one["name"]) in known:
            found.update(_behind(title, one, sentence_case=sentence_case))
    return frozenset(word for word in found if word.split()[0] not in orgs)


def _behind(title: str, name: re.Match[str], *, sentence_case: bool) -> Iterator[str]:
    glued = _GLUED.match(title, name.end()) if name["version"] else None
    if glued and glued[1].lower() not in _SIZES:
        yield glued[1].lower()
    part = _HYPHEN.match(title, name.end()) or _SPACED.match(title, name.end())
    while part and _names(part, title, sentence_case=sentence_case):
        word = text.fold(part[1])
        size = _HYPHEN.match(title, part.end()) or _SPACED.match(title, part.end())
        closer = text.fold(size[1]) if size else ""
        yield f"{word} {closer}" if closer in _TIERS else word
        part = _NEXT.match(title, size.end() if size and closer in _TIERS else part.end())


def _names(part: re.Match[str], title: str, *, sentence_case: bool) -> bool:
    word = text.fold(part[1])
    if word in _NO_VARIANTS or CONCEPTS.get(word) in GENERIC or _TERMS.match(title, part.end()):
        return False
    return sentence_case or part[0][0] == "-" or word in _KINDS


def sized(title: str, orgs: Collection[str]) -> dict[str, frozenset[str]]:
    """The names of a headline, known to a vocabulary or not, with the size that it hangs on each: {"vega": {"mini"}},
    {"gpt 6": {""}} for a name without. `orgs`: words that name none."""
    found: dict[str, frozenset[str]] = {}
    for one in _NAME.finditer(title):
        name = text.fold(one["name"])
        part = _SIZE.match(title, one.end())
        size = text.fold(part[1]) if part else ""
        if name not in orgs and name not in _NO_VARIANTS and name not in _TIERS:
            whole = f"{name} {(one['version'] or '').strip(' -')}".strip()
            found[whole] = found.get(whole, frozenset()) | {size if size in _TIERS else ""}
    return found


def scales(title: str, words: Sequence[str], lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """How large the models of these lines are that a headline names: {"gpt oss": {"120b", "20b"}}; "20b safety" for
    what a hyphen hangs on a size. `words`: the headline's."""
    hung = {text.fold(size): text.fold(word) for size, word in _SCALED.findall(title)}
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        name = line.split()
        starts = [at + len(name) for at in range(len(words)) if list(words[at : at + len(name)]) == name]
        sizes = {size for at in starts for size in _sizes_at(words, at)}
        if sizes:
            closer = {size: hung[size] for size in sizes if hung.get(size, "") not in _SAME_MODEL | {""}}
            found[line] = frozenset(f"{size} {closer[size]}" if size in closer else size for size in sizes)
    return found


def _sizes_at(words: Sequence[str], at: int) -> Iterator[str]:
    """The sizes that stand behind a name: "Qwen 9 72B and 7B"."""
    if words[at : at + 1] and words[at][0].isdigit() and not _SCALE.fullmatch(words[at]):
        at += 1  # the version
    while at < len(words) and (_SCALE.fullmatch(words[at]) or words[at] == "and"):
        if words[at] != "and":
            yield words[at]
        at += 1


def compounds(title: str) -> dict[str, str]:
    """Names that end in another name, by their last part: {"gemma": "medgemma"}; none where that stands alone, too."""
    words = set(text.words(title))
    found = {}
    for one in _COMPOUND.findall(title):
        last = text.fold(_HUMP.split(one)[-1])
        if last not in words and text.fold(one) not in NO_NAMES:
            found[last] = text.fold(one)
    return found
