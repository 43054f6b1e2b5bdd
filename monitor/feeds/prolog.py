"""What a document is, by its first bytes, and what its DOCTYPE may declare.

Pure; the documents are in UTF-8, or another encoding in which ASCII is one byte a character (labels.py sees to that).
In what is neither (EBCDIC) nothing is found here, and expat's own limits hold. External and parameter entities are
never declared to a parser; internal ones only while all their uses together stay under 1 MB (feedparser's fallback
parser turned 65 KB into 250 MB). Uses of what is taken out stay as text: no item is lost.
"""

from __future__ import annotations

import re

_MOST_EXPANSION = 1_000_000
_HEAD = 64 * 1024
_ROOT = re.compile(rb"<[A-Za-z_]")
_DECLARATION = re.compile(rb"<!ENTITY\b", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!DOCTYPE\b", re.IGNORECASE)
_SUBSET = re.compile(rb"(<!DOCTYPE[^\[>]*)\[.*\]\s*>", re.IGNORECASE | re.DOTALL)
_SIMPLE = re.compile(rb"<!ENTITY\s+([\w.-]+)\s+(?:\"([^\"]*)\"|'([^']*)')\s*>", re.IGNORECASE)
_MOST_OPEN = 50_000
_MOST_ATTRIBUTES = 300
_LONG_PIECE = re.compile(rb"<([A-Za-z_][\w.:-]*)(?=\s)[^<]{2000,}+")
_ATTRIBUTE = re.compile(rb"\s+[^\s=<>\"'/]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')")
_AMPERSAND = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&(?!#?\w+;)", re.DOTALL)
_ODD_NUMBER = rb"&#(?:0*+(?:5[5-7]\d{3}|[1-9]\d{6,}+)|x0*+(?:d[89a-f][\da-f]{2}|[\da-f]{6,}+));"
_FIRST_ODD_NUMBER = re.compile(_ODD_NUMBER, re.IGNORECASE)
_ODD_NUMBERS = re.compile(rb"(?:" + _ODD_NUMBER + rb")+", re.IGNORECASE)
_FEED_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf|channel)\b", re.IGNORECASE)
_REFERENCE = re.compile(rb"&([\w.-]+);")


def without_nul(data: bytes) -> bytes:
    """UTF-16 and UTF-32 as something ASCII patterns can look at; other bytes as they are."""
    return data.replace(b"\0", b"") if b"\0" in data[:64] else data


def looks_like_json(body: bytes) -> bool:
    """Whether the document starts as a JSON object does."""
    start = without_nul(body[:4096]).lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return start[:1] == b"{" or start[:4] == b")]}'"


def names_a_feed(body: bytes) -> bool:
    """Whether the root element of a feed stands somewhere near the beginning."""
    return _FEED_ROOT.search(body[:_HEAD]) is not None


def looks_like_html(body: bytes) -> bool:
    """Whether the document starts as a web page does, consent pages included."""
    head = without_nul(body[:4096]).lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    head = re.sub(rb"<!--.*?(?:-->|$)|<\?xml[^>]*\?>", b"", head, flags=re.DOTALL).lstrip()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script"))


def looks_like_opml(body: bytes) -> bool:
    """Whether the document is a list of feeds."""
    return re.search(rb"<opml\b", without_nul(body[:4096]), re.IGNORECASE) is not None


def trimmed(body: bytes) -> bytes:
    """The document without white space around it, and without attributes beyond the 300th of an element.

    feedparser's time grows with the square of their number; no feed has so many.
    """
    return _LONG_PIECE.sub(_with_fewer_attributes, body.lstrip(b" \t\r\n"))


def _with_fewer_attributes(piece: re.Match[bytes]) -> bytes:
    text, start, count = piece[0], len(piece[1]) + 1, 0
    end = kept = start
    while found := _ATTRIBUTE.match(text, end):
        end, count = found.end(), count + 1
        if count <= _MOST_ATTRIBUTES:
            kept = end
    return text[:kept] + text[end:] if kept < end else text


def with_ampersands(body: bytes) -> bytes:
    """The document with every `&` escaped that begins no reference, but for those in CDATA."""
    if b"&" not in body:
        return body
    return _AMPERSAND.sub(lambda found: b"&amp;" if found[0] == b"&" else found[0], body)


def with_true_numbers(body: bytes) -> bytes:
    """The document with numeric references mended that name no character: feedparser gives the whole of it up for one.

    Two halves of one, which is how JavaScript counts, become the character; anything else the replacement character.
    """
    return _ODD_NUMBERS.sub(_true_numbers, body) if has_odd_numbers(body) else body


def has_odd_numbers(body: bytes) -> bool:
    """Whether a numeric reference may name no character."""
    return _FIRST_ODD_NUMBER.search(body) is not None


def _true_numbers(found: re.Match[bytes]) -> bytes:
    texts = [text[2:].lower() for text in found[0].rstrip(b";").split(b";")]
    codes = [0xFFFD if len(text) > 20 else int(text[1:], 16) if text[:1] == b"x" else int(text) for text in texts]
    halves = "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in codes)
    whole = halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(f"&#{ord(char)};" for char in whole).encode()


def endless(body: bytes) -> bool:
    """Whether tens of thousands of elements are never closed: feedparser's time grows faster than their number.

    Where there is CDATA nothing is said: HTML stands in it, whose elements may stay open.
    """
    opened = body.count(b"<") - body.count(b"</") - body.count(b"/>") - body.count(b"<!") - body.count(b"<?")
    return opened - body.count(b"</") > _MOST_OPEN and b"<![CDATA[" not in body


def declares_entities(body: bytes) -> bool:
    """Whether anything before the root element declares an entity."""
    return _DECLARATION.search(_head(body)) is not None


def _head(body: bytes) -> bytes:
    root = _ROOT.search(body)
    return body[: root.start()] if root else body


def harmless(body: bytes) -> tuple[bytes, str]:
    """The document with nothing dangerous declared, and a warning in words when something was taken out."""
    if not declares_entities(body):
        return body, ""
    head = _head(body)
    if _is_affordable(head, body):
        return body, ""
    bare = _SUBSET.sub(rb"\1>", head)
    if _DECLARATION.search(bare):
        bare = _DOCTYPE.split(bare)[0]
    return bare + body[len(head) :], "declares entities that are external, nested or too large; they are not expanded"


def _is_affordable(head: bytes, body: bytes) -> bool:
    """Whether every declaration is a plain internal entity, and their uses stay small."""
    sizes = {name: value or other for name, value, other in _SIMPLE.findall(head)}
    if len(_SIMPLE.findall(head)) != len(_DECLARATION.findall(head)):
        return False
    if any(_REFERENCE.search(value) and not value.startswith(b"&#") for value in sizes.values()):
        return False
    total = 0
    for name in _REFERENCE.findall(body, len(head)):
        total += len(sizes.get(name, b""))
        if total > _MOST_EXPANSION:
            return False
    return True
