"""What placing looks at in an entry: who, which model and version, which links, which words, when, which way, how far.

Everything is read once, when the entry arrives, so that comparing it with thousands of stories is set arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from sys import intern

from monitor import text
from monitor.model import Candidate, Direction, ShiftObject, Stage, Trust
from monitor.stories.variants import compounds, scales, sized, variants
from monitor.stories.words import (
    ANEW,
    ASIDES,
    BANS,
    CONCEPTS,
    ENDS,
    GENERIC,
    NO_MODELS,
    NO_NAMES,
    PHRASES,
    PLACES,
    PREVIEWS,
    SUITS,
    THINGS,
    TURNS,
)
from monitor.text import SMALL_WORDS

_NO_PART_OF_A_NAME = SMALL_WORDS | GENERIC | NO_NAMES
SUMMARY_CHARS = 350  # a story's event stands in its first sentences; the rest of a digest is about other things
_PAPERS = frozenset(["licence", "license", "terms", "policy", "agreement"])
SUBJECT = 4  # words: a longer beginning of a headline is more than who acts
_LABEL = re.compile(
    r"^\s*(?:\[[\w /-]{1,16}\]"
    r"|(?:breaking|exclusive|update|updated|report|news|analysis|opinion|watch|live)\s*(?=[:|])"
    r"|(?:update|wrapup|refile|corrected)\s+\d+\s*-)"  # a news agency counts its versions: "UPDATE 2-"
    r"[\s:|]*",
    re.IGNORECASE,
)
_GLUED = re.compile(r"([^\W\d_]{3,})(\d+(?:\.\d+)*)([a-z]?)")  # qwen3.5 -> qwen 3.5
_SIZE = re.compile(r"\d+(?:\.\d+)?[bmt]|a\d+b|\d+k")  # 105b, 1.5b, a16b: how large, not which version
_DIGIT = re.compile(r"\d")
_SCHEME = re.compile(r"^[a-z]+://(?:www\.)?", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][^\W_]+")
_NO_TERMS = frozenset({"", "open", "closed"})
_NAME_AND_VERSION = re.compile(
    r"\b(?P<name>[A-Z][A-Za-z]+|x[A-Z]{2})[- ]?[vV]?(?P<version>\d{1,2}(?:\.\d{1,2})?)(?![\w%]|[.,]\d|\s*(?:%|B\b))"
)

# Bodies that speak about everybody's models, by whom they speak for: sharing one says little about which event it is.
_BODIES = {
    "us": """us government, united states, white house, us commerce, us commerce department, us department of commerce,
    us congress, congress, pentagon, us department of defense, ntia""",
    "eu": "eu, european union, european commission, european parliament",
    "uk": "uk government",
    "china": "china, chinese government",
    "hugging face": "hugging face",
    "github": "github",
}
BODIES = {" ".join(name.split()): whose for whose, names in _BODIES.items() for name in names.split(",")}
GOVERNMENTS = frozenset(body for body, whose in BODIES.items() if whose not in {"hugging face", "github"})


# Lines that name a lab's whole range: sharing one without a version says little more than sharing the lab.
FLAGSHIPS = frozenset(
    {"claude", "gpt", "chatgpt", "gemini", "gemma", "llama", "grok", "qwen", "deepseek", "mistral", "kimi", "glm"}
    | {"minimax", "ernie", "hunyuan", "phi", "nemotron", "granite", "stable diffusion", "flux", "command"}
)


class Sense(StrEnum):
    """Which way, coarsely: outlets call one event opening or loosening, closing or restricting."""

    OPENWARD = "openward"
    CLOSEWARD = "closeward"
    DISPUTE = "dispute"
    POLICY = "policy"
    UNCLEAR = "unclear"


SENSES: Mapping[Direction, Sense] = {
    Direction.OPENING: Sense.OPENWARD,
    Direction.LOOSENING: Sense.OPENWARD,
    Direction.CLOSING: Sense.CLOSEWARD,
    Direction.RESTRICTING: Sense.CLOSEWARD,
    Direction.DISPUTE: Sense.DISPUTE,
    Direction.POLICY: Sense.POLICY,
    Direction.UNCLEAR: Sense.UNCLEAR,
}


OPPOSITE: Mapping[Sense, Sense] = {Sense.OPENWARD: Sense.CLOSEWARD, Sense.CLOSEWARD: Sense.OPENWARD}


_OPENNESS = frozenset({ShiftObject.WEIGHTS, ShiftObject.CODE, ShiftObject.DATA, ShiftObject.LICENCE_TEXT})


def on_openness(direction: Direction, what: ShiftObject) -> bool:
    """Whether a shift is about openness or licences; what opens or closes is, through whatever it is reached."""
    return what in _OPENNESS or direction in {Direction.OPENING, Direction.CLOSING}


class Kind(StrEnum):
    """What kind of event: talk of it, its delay, the deed, its undoing, a fight over it, or none (analysis)."""

    TALK = "talk"
    DELAY = "delay"
    DEED = "deed"
    UNDOING = "undoing"
    FIGHT = "fight"
    ESSAY = "essay"


KINDS: Mapping[Stage, Kind] = {
    Stage.RUMOUR: Kind.TALK,
    Stage.CONSIDERING: Kind.TALK,
    Stage.ANNOUNCED: Kind.TALK,
    Stage.EFFECTIVE: Kind.DEED,
    Stage.REVERSED: Kind.UNDOING,
    Stage.ENFORCEMENT: Kind.FIGHT,
    Stage.NONE: Kind.ESSAY,
}


@dataclass(frozen=True, slots=True)
class Traits:
    """An entry as placing sees it. `models` maps a model line to the versions named (none: the line as such)."""

    labs: frozenset[str]
    actor: str  # the lab that is named first, or the body where there is no lab
    joint: frozenset[str]  # the labs that a headline says act, each on its own: "Meta and Google both …"
    places: frozenset[str]  # of the headline
    bodies: frozenset[str]
    models: Mapping[str, frozenset[str]]
    own: str  # the entry's own link, as a key
    links: frozenset[str]  # the pages it links to
    core: str  # the headline without label and publisher, folded: equal in syndicated copies
    title: frozenset[str]
    names: frozenset[str]  # words of the headline that look like names, whether a vocabulary knows them or not
    variants: frozenset[str]  # what the headline hangs on a model's name: {"coder"} for "Qwen3-Coder"
    sizes: Mapping[str, frozenset[str]]  # the names of the headline with the sizes hung on them: {"vega": {"mini"}}
    scales: Mapping[str, frozenset[str]]  # how large the models are that the headline names: {"gpt oss": {"120b"}}
    things: frozenset[str]  # what the headline says is handed out: weights, data
    tells_ban: bool  # the headline has a word for a ban
    banner: frozenset[str]  # the words for who bans, where a headline begins with that: "Fedora bans …"
    suer: frozenset[str]  # the same for who goes to court
    words: frozenset[str]  # of title and the summary's beginning
    sense: Sense
    direction: Direction
    kind: Kind
    stage: Stage
    object: ShiftObject
    terms: str  # the licence something is put under, where one is named
    denied: bool
    turns: bool  # the headline says that something is taken back, or done once more
    anew: bool  # it says that it is done once more, or that what somebody else did is over
    day: float | None  # as the publisher dates it, in days since 1970; None: nobody knows
    said: float  # when it was said, as far as anybody knows: else when it was seen
    seen_at: datetime
    source: str  # who says it; "" for a community, which is many
    first_hand: bool  # the actor itself says it


def read(candidate: Candidate) -> Traits:
    """The traits of an entry and its shift."""
    entry, shift = candidate.entry, candidate.shift
    bare = headline(entry.title)
    title = spell(bare)
    summary = spell((entry.summary or entry.content)[:SUMMARY_CHARS])
    orgs = frozenset(filter(None, (" ".join(spell(org)) for org in shift.orgs)))
    models = _models(shift.models, title, summary)
    for line, versions in _versioned(bare).items():
        if line in models:
            # The headline's finer version goes before a vocabulary's: it may know V3.1 as "DeepSeek V3".
            coarse = {one for one in models[line] if any(finer.startswith(f"{one}.") for finer in versions)}
            models[line] = models[line] - coarse | versions
        elif not any(line in other.split() for other in models):
            models[line] = versions
    for part, whole in compounds(bare).items():
        # MedGemma is another model than Gemma, though a vocabulary knows no other.
        if models.pop(part, None) is not None:
            models.setdefault(whole, frozenset())
    models = {line: versions for line, versions in models.items() if not _aside(line.split(), title)}
    known = frozenset(word for org in orgs for word in org.split())
    return Traits(
        labs=orgs - BODIES.keys(),
        actor=_actor(shift.orgs),
        joint=_joint(title, orgs - BODIES.keys(), models),
        places=frozenset(PLACES[word] for word in title if word in PLACES),
        bodies=orgs & BODIES.keys(),
        models=models,
        own=address(entry.url),
        links=frozenset(filter(None, map(address, entry.links))),
        core=" ".join(title),
        title=frozenset(content(title)) - known,
        names=_names(bare) - known - frozenset(word for line in models for word in line.split()),
        variants=variants(bare, models, known),
        sizes=sized(bare, known),
        scales=scales(bare, title, models),
        things=frozenset(THINGS[word] for word in title if word in THINGS),
        tells_ban=any(_stem(word) in BANS for word in title),
        banner=_banner(title),
        suer=_before(title, SUITS.__contains__),
        words=frozenset(content([*title, *summary])) - known,
        sense=SENSES[shift.direction],
        direction=shift.direction,
        kind=kind(shift.stage, title),
        stage=shift.stage,
        object=shift.object,
        terms=text.fold(shift.to) if shift.to not in _NO_TERMS else "",
        denied=shift.denied,
        turns=_says(title, TURNS),
        anew=_says(title, ANEW),
        day=min(entry.published_at, candidate.seen_at).timestamp() / 86400 if entry.published_at else None,
        said=candidate.at.timestamp() / 86400,
        seen_at=candidate.seen_at,
        source="" if candidate.trust is Trust.COMMUNITY else text.hung(entry.title)[1] or entry.feed_id,
        first_hand=candidate.trust is Trust.PRIMARY,
    )


def _says(title: list[str], words: frozenset[str]) -> bool:
    """Whether a headline has one of these words, or two of them side by side."""
    return not words.isdisjoint(title) or any(pair in words for pair in map(" ".join, pairwise(title)))


def _actor(orgs: Iterable[str]) -> str:
    spelt = [org for org in (" ".join(spell(org)) for org in orgs) if org]
    return next((org for org in spelt if org not in BODIES), next(iter(spelt), ""))


def _joint(title: list[str], labs: frozenset[str], models: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The labs that a headline names first, side by side, each on its own: of one model in it they are its makers."""
    owner = {word: lab for lab in labs for word in lab.split() if word not in SMALL_WORDS | GENERIC}
    first = next((at for at, word in enumerate(title) if word in owner), len(title))
    found: list[str] = []
    named = [line for line in models if set(line.split()) <= set(title)]
    each = len(models) != 1 or not named
    for word in title[first:]:
        if word not in owner and word not in {"and", "ai"}:
            each = each or word in {"both", "each"}
            break
        found += [owner[word]] if word in owner else []
    return frozenset(found) if each and len(set(found)) > 1 else frozenset()


def headline(title: str) -> str:
    """A title without what outlets and aggregators hang on it: "BREAKING: …", "[News] …", "… - Publisher"."""
    bare = _LABEL.sub("", title, count=1)
    return text.hung(bare)[0].strip() or title


def spell(value: str) -> list[str]:
    """The folded words of a text; a number glued to a name stands for itself."""
    # Interned: thousands of stories share few words.
    return [intern(part) for word in text.words(value) for part in _unglue(word)]


def _unglue(word: str) -> Iterable[str]:
    glued = _GLUED.fullmatch(word)
    parts = [glued[1], glued[2] + glued[3]] if glued else [word]
    return [part.removesuffix(".0") if _DIGIT.search(part) else part for part in parts]


def content(words: Iterable[str]) -> Iterable[str]:
    """The words that tell what happened: without small words, bent to a stem, ways to say a thing made one."""
    previous = ""
    for word in words:
        pair = PHRASES.get(f"{previous} {word}")
        if pair:
            yield pair
        elif word not in SMALL_WORDS:
            stem = _stem(word)
            yield CONCEPTS.get(word) or CONCEPTS.get(stem) or stem
        previous = word


def _stem(word: str) -> str:
    if _DIGIT.search(word) or len(word) < 5:
        return word
    for ending in ("ings", "ing", "ies", "ied", "es", "ed", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return intern(word.removesuffix(ending) + ("y" if ending in {"ies", "ied"} else ""))
    return word


def _models(named: Iterable[str], title: list[str], summary: list[str]) -> dict[str, frozenset[str]]:
    """Model lines with the versions named for them; a version in the text counts when it follows the line's name."""
    lines: dict[str, frozenset[str]] = {}
    for name in named:
        words = spell(name)
        line = " ".join(word for word in words if not _DIGIT.search(word)) or " ".join(words)
        versions = {_version(word) for word in words if _DIGIT.search(word) and not _SIZE.fullmatch(word)}
        if line and not versions:
            versions = versions_after(line, title) or versions_after(line, summary)
        if line:
            lines[line] = lines.get(line, frozenset()) | versions
    return lines


def versions_after(line: str, words: list[str]) -> set[str]:
    """The versions that stand right behind a line's name: {"2.5"} for "grok" in "xAI opens Grok 2.5"."""
    name = line.split()
    found = set()
    for start in range(len(words) - len(name)):
        if words[start : start + len(name)] == name:
            after = words[start + len(name)]
            if _DIGIT.search(after) and not _SIZE.fullmatch(after):
                found.add(_version(after))
    return found


def _version(word: str) -> str:
    return word[1:] if word[0] == "v" and word[1:2].isdigit() else word


def _aside(name: list[str], title: list[str]) -> bool:
    """Whether a headline names a model only to compare or to date: "… a day after Llama 3.1", "first since GPT-2"."""
    starts = [at for at in range(len(title)) if title[at : at + len(name)] == name]
    return bool(starts) and all(at and not ASIDES.isdisjoint(title[max(0, at - 2) : at]) for at in starts)


def _versioned(title: str) -> dict[str, frozenset[str]]:
    """Names with a version that stand in a headline, known to a vocabulary or not: Grok-1, GPT 5.6, Fable 5."""
    found: dict[str, frozenset[str]] = {}
    for match in _NAME_AND_VERSION.finditer(title):
        line, version = text.fold(match["name"]), match["version"].removesuffix(".0")
        if line not in NO_MODELS:
            found[line] = found.get(line, frozenset()) | {version}
    return found


def _names(title: str) -> frozenset[str]:
    """Words written like names: with a capital inside, or with one at all where a headline does not capitalise all."""
    words = _WORD.findall(title)
    long = [word for word in words[1:] if len(word) > 3]
    sentence_case = sum(word[0].isupper() for word in long) * 2 <= len(long)
    names = {
        word
        for number, word in enumerate(words)
        if any(char.isupper() for char in word[1:]) or (sentence_case and number and word[0].isupper())
    }
    if len(names) * 2 > len(words):
        return frozenset()  # shouted
    folded = {text.fold(name) for name in names}
    return frozenset(word for word in folded if word and " " not in word and word not in _NO_PART_OF_A_NAME)


def _before(title: list[str], verb: Callable[[str], bool]) -> frozenset[str]:
    """What stands before a verb, where a headline begins with who does it."""
    return frozenset(title[: next((at for at, word in enumerate(title[: SUBJECT + 1]) if verb(word)), 0)])


def _banner(title: list[str]) -> frozenset[str]:
    """The words for who bans, where a headline begins with that. What a lab's own licence bars, the lab does."""
    who = _before(title, _bans)
    return who if _PAPERS.isdisjoint(who) else frozenset()


def _bans(word: str) -> bool:
    return word.endswith("s") and _stem(word) in BANS


def kind(stage: Stage, title: list[str]) -> Kind:
    """The kind of event a stage and a headline tell of; the headline's word for a delay or a preview goes first."""
    if "delay" in content(title):
        return Kind.DELAY
    # What is shown early is not out yet, though outlets tell it as done: the release is to come.
    early = stage is Stage.EFFECTIVE and not PREVIEWS.isdisjoint(title) and ENDS.isdisjoint(title)
    return Kind.TALK if early else KINDS[stage]


def address(url: str) -> str:
    """A URL as a key: host and path without scheme, `www.` and a final slash. Bare hosts are no key."""
    bare = _SCHEME.sub("", url.strip()).split("#")[0].rstrip("/")
    host, slash, path = bare.partition("/")
    return f"{host.lower()}/{path}" if slash and path else ""


def weight_of(word: str) -> float:
    """How much a shared word may say at all: everybody writes the generic ones, few a number."""
    if word in GENERIC:
        return 0.35
    return 1.0 if word.isalpha() or not _DIGIT.search(word) else 1.3
