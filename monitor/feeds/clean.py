"""HTML to what a reader sees of it: tags gone, entities decoded, whitespace folded, mojibake mended; and its links.

Pure and linear: every pattern stops at the next `<`. HTML parsers are not: 50,000 nested elements took one of them five
seconds, and an ordinary feed ten times what this costs.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

import ftfy

_COMMENT_OR_SKIPPED = re.compile(r"<(!--|(?:script|style|template|iframe|noscript|svg|math|object)\b)", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:p|div|br|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|thead|tbody|blockquote|section|article|header|footer|aside|"
    r"pre|hr|figure|figcaption|center|details|summary|form|main|nav|address|caption|option)\b[^<>]*>",
    re.IGNORECASE,
)
# `<!channel>` is no markup: browsers hide it, and we show what a publisher wrote.
_TAG = re.compile(
    r"<(?:/?[a-zA-Z][^\s<>/]*(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+|(?:!(?:[dD][oO][cC][tT]|[\[-])|[?/a-zA-Z])[^<>]*)>"
)
# Most tags are these, as they stand here: one look into a table tells what becomes of them.
_BLOCKS = "p div br li ul ol h1 h2 h3 h4 h5 h6 blockquote tr td th table pre hr figure figcaption"
_INLINES = "a b i u em strong span code small sup sub s q cite"
_PLAIN_TAGS = dict.fromkeys(("br/", "br /", "hr/", "hr /"), "\n") | {
    f"{slash}{name}": mark
    for names, mark in ((_BLOCKS, "\n"), (_INLINES, ""))
    for name in names.split()
    for slash in ("", "/")
}
_INLINE_TAG = re.compile(r"(?:a|img|span|b|i|em|strong|code)\s[^<>\"']*+(?:\"[^\"<>]*+\"[^<>\"']*+)*+")
_HREF = re.compile(r"<a\s(?:[^<>]*?\s)??href\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)'|([^\s<>\"']+))", re.IGNORECASE)
# C0 and C1 controls that are no whitespace, and lone surrogates (JSON can hold them, databases and sockets cannot)
_GARBAGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MOJIBAKE = re.compile("[ÂÃÅÄâåæçèéãäðÐÑÎÏØÙ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ¡-¿]")
# What no title is about: one that holds it was escaped once too often, or is HTML and does not say so.
_MARKUP_IN_PLAIN_TITLE = re.compile(
    r"<(?:br|wbr|img|p|hr)\b[^<>]*>|</(?:a|b|i|u|em|strong|span|p|div|h[1-6]|sup|sub|code|font|small|q|cite|mark|script|style)\s*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#x[\da-f]{1,6}|amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip);", re.IGNORECASE
)
_SHOWN = bytes(range(32, 127))  # what of ASCII is printable
_ENDLESS_NUMBER = re.compile(r"&#\d{100,}+;?")
_LONGEST = 200_000
_LONGEST_MARKUP = 1_000_000


def text(markup: str) -> str:
    """What a reader sees of HTML: one line a paragraph, spaces folded. At most 200,000 characters."""
    markup = markup[:_LONGEST_MARKUP]
    if "<" in markup:
        words = _without_plain_tags(markup)
        if words is not None and "&" not in words and len(words) <= _LONGEST:
            return _lines(words)
        markup = _without_tags(markup) if words is None else words
    if "&" in markup:
        markup = unescaped(markup)
    return plain(markup)


def _without_plain_tags(markup: str) -> str | None:
    """Ordinary HTML in printable ASCII without its tags, block by block; None for any other."""
    markup = markup.replace("\n", " ")  # lines of the source are no lines of the text
    if not (markup.isascii() and _is_printable(markup)):
        return None
    first, *pieces = markup.split("<")
    for number, piece in enumerate(pieces):
        tag, closed, words = piece.partition(">")
        mark = _PLAIN_TAGS.get(tag) if closed else None
        if mark is None:
            if not closed or not _INLINE_TAG.fullmatch(tag):
                return None
            mark = ""
        pieces[number] = mark + words
    return first + "".join(pieces)


def _lines(words: str) -> str:
    """As `plain` for printable ASCII of several lines."""
    lines = words.split("\n")
    if "  " in words:
        lines = [" ".join(line.split()) for line in lines]
    return "\n".join(filter(None, map(str.strip, lines)))


def unescaped(markup: str) -> str:
    """HTML's character references as characters."""
    if "&" not in markup:
        return markup
    if markup.count("&") == markup.count("&amp;"):  # nearly all that links have
        return markup.replace("&amp;", "&")
    try:
        return html.unescape(markup)
    except ValueError:  # numbers of thousands of digits
        return html.unescape(_ENDLESS_NUMBER.sub("\ufffd", markup))


def plain_title(title: str) -> tuple[str, bool]:
    """A title that is said to be plain text, with its entities decoded; and whether it is HTML all the same."""
    if _MARKUP_IN_PLAIN_TITLE.search(title):
        return title, True
    return (unescaped(title) if "&" in title and _ENTITY.search(title) else title), False


def plain(words: str) -> str:
    """The same for text that is no HTML."""
    words = words[:_LONGEST_MARKUP]
    if words.isascii():
        if "\n" not in words and _is_printable(words) and "  " not in words and len(words) <= _LONGEST:
            return words.strip()
    elif _MOJIBAKE.search(words):
        words = ftfy.fix_encoding(words)
    folded = "\n".join([_folded(line) for line in words.splitlines() if line and not line.isspace()])
    return folded if len(folded) <= _LONGEST else folded[:_LONGEST].strip()


def _folded(line: str) -> str:
    if _is_printable(line):  # the only white space in it is the blank
        return line.strip() if "  " not in line else " ".join(line.split())
    return " ".join(_GARBAGE.sub("", " ".join(line.split())).split())


def _is_printable(words: str) -> bool:
    """str.isprintable, which looks at letters one by one, where bytes are looked at four times as fast."""
    return not words.encode().translate(None, _SHOWN) if words.isascii() else words.isprintable()


def bare(words: str) -> str:
    """A guid as written, but for characters that no database takes."""
    return words if words.isprintable() else _GARBAGE.sub("", words)


def line(words: str) -> str:
    """Text on one line: for titles, names and tags."""
    return words.replace("\n", " ")


def name(markup: str) -> str:
    """A name or tag in HTML, on one line."""
    return _short_name(markup) if len(markup) < 100 else line(text(markup))


@lru_cache(1024)  # the entries of a feed share their tags and authors
def _short_name(markup: str) -> str:
    return line(text(markup))


def _without_tags(markup: str) -> str:
    markup = _without_skipped(markup).replace("\n", " ")  # lines of the source are no lines of the text
    if not _is_printable(markup):
        markup = " ".join(markup.split())
    bare = markup.replace("<p>", "\n").replace("</p>", "\n")  # often all the tags there are
    return bare if "<" not in bare else _TAG.sub("", _BLOCK.sub("\n", bare))


def _without_skipped(markup: str) -> str:
    """Without comments, scripts and the like, content included; one that never ends reaches to the end."""
    pieces, start = [], 0
    lower = ""
    while found := _COMMENT_OR_SKIPPED.search(markup, start):
        lower = lower or markup.lower()
        pieces.append(markup[start : found.start()])
        closing = "-->" if found[1] == "!--" else f"</{found[1].lower()}"
        end = lower.find(closing, found.end())
        if end < 0:
            return "".join(pieces)
        close = end + len(closing) if closing == "-->" else lower.find(">", end) + 1
        start = close or len(markup)
    return "".join([*pieces, markup[start:]])


def links(markup: str) -> list[str]:
    """The targets of the links in HTML, as written, in order."""
    if "href" not in markup and "HREF" not in markup:
        return []
    return [unescaped(a or b or c).strip() for a, b, c in _HREF.findall(markup[:_LONGEST_MARKUP])]
