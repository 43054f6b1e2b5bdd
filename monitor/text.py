"""Folding and tokenising: the one reading of text that rules, stories and search share.

A token is a run of letters and digits. Everything else separates (hyphens and quotes of every kind, spaces, `&`, `_`)
but a point between two digits, so `v3.1` and `2.0` are one token, `gpt-oss-120b` is three; and `A.I.`, `U.S.` are `ai`,
`us`. A possessive `'s` is none.
Case, accents, ligatures and full-width forms are folded (NFKC and a little more); camel-case words stay whole.
Ideographs, kana and Hangul syllables are tokens each, so such text is found by phrase. Offsets count characters of the
original text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Token:
    """A folded word and where it stands: characters `start` to `end` (exclusive) of the original text."""

    text: str
    start: int
    end: int


FIELD_BREAK = "\x00"  # a token of its own between two texts; no text has it as a token
_KEPT = "." + "'" + FIELD_BREAK  # the first two are decided by their neighbours
_BLANKED = {n: " " for n in range(128) if not chr(n).isalnum() and chr(n) not in _KEPT}
_BYTES = bytes(ord(_BLANKED.get(n, chr(n))) for n in range(256))
_LOWER_BYTES = _BYTES[:128].lower() + _BYTES[128:]
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_COMMON = (("’", "'"), ("‘", "'"), ("“", " "), ("”", " "), ("—", " "), ("–", " "), ("\u2011", " "), ("\xa0", " "))
_TOKEN = re.compile(r"\S+")
_INITIALS = re.compile(r"(?<![^\W_])(?<![.])(?:[A-Za-z]\.)+[A-Za-z](?![^\W_])\.?")
_HUMP = re.compile(r"[a-zß-öø-ÿ][A-ZÀ-ÖØ-Þ]")

_APOSTROPHES = frozenset("’‘‛ʼʹ＇`´′")
_MARKS_THAT_SEPARATE = frozenset("™®©℠℗\u200b")  # NFKC makes letters of the first ones
_NO_DECOMPOSITION = {
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "TH",
}
_NO_DECOMPOSITION |= {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T"}
_ACCENTS = (
    (0x300, 0x36F),
    (0x591, 0x5BD),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0x3099, 0x309A),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
_UNSPACED = (  # scripts written without blanks, and Hangul, whose particles cling to the word
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0x20000, 0x323AF),
)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


@cache
def _piece(char: str) -> str:
    """What one non-ASCII character becomes, case kept: letters, a blank, nothing, or several of these."""
    if char in _APOSTROPHES:
        return "'"
    if char in _MARKS_THAT_SEPARATE:
        return " "
    if char in _NO_DECOMPOSITION:
        return _NO_DECOMPOSITION[char]
    code, category = ord(char), unicodedata.category(char)
    if category == "Cf" or _within(code, _ACCENTS):
        return ""
    if _within(code, _UNSPACED) and category[0] == "L":
        return f" {char} "
    plain = unicodedata.normalize("NFKD", char)
    if plain != char:
        return "".join(part if part.isascii() else _piece(part) for part in plain)
    return char if category[0] in "LNM" else " "


@cache
def _lower_piece(char: str) -> str:
    return _piece(char).casefold()


def _lower_run(match: re.Match[str]) -> str:
    return "".join(map(_lower_piece, match[0]))


def _cased_run(match: re.Match[str]) -> str:
    return "".join(map(_piece, match[0]))


def _spread(text: str, table: bytes, run: Callable[[re.Match[str]], str]) -> str:
    if not text.isascii():
        for char, plain in _COMMON:  # most foreign characters of news are these
            text = text.replace(char, plain)
        if not text.isascii():
            text = _NON_ASCII.sub(run, text)
    if text.isascii():  # bytes are translated fifteen times faster
        text = text.encode("ascii").translate(table).decode("ascii")
    else:
        text = text.translate(_BLANKED) if table is _BYTES else text.translate(_BLANKED).lower()
    if "." in text:
        text = text.replace(". ", "  ")  # most end a sentence; what is left is seldom there, and dear to look at
        if text[-1:] == ".":
            text = f"{text[:-1]} "
        if "." in text:
            text = _without_points(_INITIALS.sub(_unpointed, text))
    return _without_quotes(text) if "'" in text else text


def _unpointed(initials: re.Match[str]) -> str:
    """Letters between points as one word, as long as before."""
    return initials[0].replace(".", "").ljust(len(initials[0]))


def _without_points(text: str) -> str:
    """Points are kept between two digits."""
    pieces = text.split(".")
    joined = [pieces[0]]
    for before, piece in pairwise(pieces):
        joined.append("." if before[-1:].isdigit() and piece[:1].isdigit() else " ")
        joined.append(piece)
    return "".join(joined)


def _without_quotes(text: str) -> str:
    """Apostrophes separate; a possessive goes with its s."""
    text = text.replace("'s ", "   ").replace("'S ", "   ")
    if text[-2:] in {"'s", "'S"}:
        text = text[:-2] + "  "
    return text.replace("'", " ")


def _folded(text: str) -> str:
    """The text with tokens folded and blanks for all else. One character for one, unless a fold changes lengths."""
    return _spread(text, _LOWER_BYTES, _lower_run)


def words(text: str) -> list[str]:
    """The folded tokens of a text, without offsets: the fast way."""
    return _folded(text.replace(FIELD_BREAK, " ")).split()


def cased_words(text: str) -> list[str]:
    """The same tokens with their case kept (accents still folded)."""
    return _spread(text.replace(FIELD_BREAK, " "), _BYTES, _cased_run).split()


def spaced(texts: Sequence[str]) -> str:
    """The folded tokens of several texts, each between two blanks, with the token FIELD_BREAK between two texts."""
    joined = f" {FIELD_BREAK} ".join(texts)
    if joined.count(FIELD_BREAK) >= len(texts):  # a text holds the mark itself
        joined = f" {FIELD_BREAK} ".join([text.replace(FIELD_BREAK, " ") for text in texts])
    folded = _folded(f" {joined} ")
    while "  " in folded:  # a third of what it takes to split and join
        folded = folded.replace("  ", " ")
    return folded


def fold(text: str) -> str:
    """The folded tokens with one blank between them: equal for texts that differ only in looks."""
    return " ".join(words(text))


def has_hump(text: str) -> bool:
    """Whether a small letter is followed by a capital somewhere, as in camel-case names."""
    return _HUMP.search(text) is not None


def _origins(text: str) -> list[int] | None:
    """For each character of the folded text the original one it came from; None when they are the same."""
    if text.isascii() or all(len(_lower_piece(char)) == 1 for char in set(text) if char > "\x7f"):
        return None
    origins: list[int] = []
    for at, char in enumerate(text):
        origins.extend([at] * (1 if char <= "\x7f" else len(_lower_piece(char))))
    return origins


def token_spans(text: str) -> list[tuple[int, int]]:
    """Where the tokens of `words(text)` stand in the original text, one (start, end) each."""
    if _origins(text) is None:  # the fast way
        return [match.span() for match in _TOKEN.finditer(_folded(text.replace(FIELD_BREAK, " ")))]
    return [(start, end) for _, start, end in _spans(text)]


def tokens(text: str) -> list[Token]:
    """The folded tokens of a text with offsets into the original."""
    return [Token(word, start, end) for word, start, end in _spans(text)]


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    folded = _folded(text.replace(FIELD_BREAK, " "))
    origins = _origins(text)
    for match in _TOKEN.finditer(folded):
        start, end = match.span()
        if origins is None:
            yield match[0], start, end
            continue
        after = origins[end] if end < len(origins) else len(text)
        # An accent written as a character of its own belongs to the letter before it.
        yield match[0], origins[start], max(origins[end - 1] + 1, after)


# Any English text has these: where one stands says little, and who shares them has nothing in common.
_SMALL_WORDS = """
a an the of in on at to for from by with as and or but nor not is are was were be been being it its this that these
those their his her our your my we you they he she i who what which when where why how if then than so too very just now
still yet also all any some more most no into over after before about up out off down says said say has have had do
does did will would can could may might should amid via per us new latest first big own one two here there against
under between while because get gets got make makes made let lets s t re ve ll d m
"""
SMALL_WORDS = frozenset(_SMALL_WORDS.split())

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？｡]+[”’」』）]*|\n\s*")
_LAST_WORD = re.compile(r"([^\s(\"“‘'\[]+)$")


def _set_of(words_: str) -> frozenset[str]:
    return frozenset(words_.split())


_ABBREVIATIONS = _set_of(
    "mr mrs ms dr prof sr jr st gen sen rep gov capt lt col hon rev vs etc eg ie e.g i.e cf al fig figs no nos vol pp"
    " ed eds approx est dept jan feb mar apr jun jul aug sep sept oct nov dec art sec para"
)
_FIRMS = _set_of("inc corp ltd co llc plc u.s u.k e.u u.n a.i d.c p.m a.m")
_STARTERS = _set_of("the a an it its he she they we i in but and so this that these those for if on at as with")


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a stop found in the text ends a sentence, or belongs to an abbreviation or an initial."""
    mark = match[0]
    if mark[0] in "\n。！？｡":
        return True
    rest = text[match.end() :].lstrip()
    if rest and rest[0].islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    last = _LAST_WORD.search(text, max(0, match.start() - 30), match.start())
    written = last[1] if last else ""
    word = written.lower()
    if word in _FIRMS:
        follower = re.match(r"\w+", rest)
        return follower is not None and follower[0].lower() in _STARTERS
    initial = len(written) == 1 and written.isupper() and written != "I"
    return word not in _ABBREVIATIONS and not initial


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as (start, end), without blanks around them; a text without a stop is one sentence."""
    found: list[tuple[int, int]] = []
    begin = 0
    for match in _END.finditer(text):
        if _ends(text, match):
            _add_sentence(found, text, begin, match.end())
            begin = match.end()
    _add_sentence(found, text, begin, len(text))
    return found


def _add_sentence(found: list[tuple[int, int]], text: str, begin: int, end: int) -> None:
    body = text[begin:end]
    stripped = body.strip()
    if stripped:
        start = begin + body.index(stripped[0])
        found.append((start, start + len(stripped)))


def sentence_at(bounds: list[tuple[int, int]], offset: int) -> int:
    """Which of the sentences holds the character at `offset`; between two it is the earlier one."""
    return max(0, bisect_right(bounds, (offset, 1 << 60)) - 1)


_UNPRINTABLE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def printable(text: str, *, lines: bool = True) -> str:
    r"""The text with control and bidi characters written out (`\x1b`); `lines=False` escapes line feeds too."""
    shown = _UNPRINTABLE.sub(_escaped, text)
    return shown if lines else shown.replace("\n", "\\x0a")


_HUNG = re.compile(r"\s+[-–—|·»]\s+(?P<tail>[^-–—|·»]{2,40})$")
_COMMON_IN_NAMES = frozenset({"the", "com", "news", "www"})


def hung(title: str) -> tuple[str, str]:
    """A headline and the name that an outlet or an aggregator hung on it: "Lab closes its model - The Outlet"."""
    found = _HUNG.search(title)
    if found and len(found["tail"].split()) <= 5 and len(title[: found.start()].split()) >= 4:
        return title[: found.start()], found["tail"].strip()
    return title, ""


def unsigned(title: str, outlet: str) -> str:
    """A headline without its outlet's own name at the end; anything else that stands there is part of it."""
    bare, tail = hung(title)
    signed, name = _name(tail), _name(outlet)
    return bare if signed and (signed == name or (len(signed) > 3 and name.startswith(signed))) else title


def _name(outlet: str) -> str:
    return "".join(word for word in words(outlet) if word not in _COMMON_IN_NAMES)


def title_hash(title: str) -> str:
    """32 hex digits that titles share which differ in case, accents, dashes and spaces only."""
    return hashlib.blake2b(fold(title).encode("utf-8", "replace"), digest_size=16).hexdigest()
