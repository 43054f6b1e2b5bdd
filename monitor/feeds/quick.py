"""A reader for ordinary documents in front of feedparser, many times as fast, that reads the same or nothing at all.

It takes RSS 2.0 and Atom 1.0 in well-formed UTF-8, made of elements it knows, each once, with absolute links and dates
in shapes we read ourselves. Where it meets anything else (a DOCTYPE, xml:base, markup inside a title, an element that
feedparser might make something of) it leaves the document to feedparser, the reader of record. A test holds both to the
same answer, field by field, on every document of the corpus. (fastfeedparser is as fast, but invents guids, dates and
summaries, which would change what entries are known by; behind a gate that found that out, its speed would be gone.)
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from lxml import etree

from monitor.feeds import clean, dates, hints, prolog
from monitor.model import Parsed, RawItem

Element: TypeAlias = Any  # lxml's; it ships no types

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_DC = "{http://purl.org/dc/elements/1.1/}"
_SY = "{http://purl.org/rss/1.0/modules/syndication/}"
_SLASH = "{http://purl.org/rss/1.0/modules/slash/}"
_WFW = "{http://wellformedweb.org/CommentAPI/}"
_WORDPRESS = "{com-wordpress:feed-additions:1}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_TERMS = "{http://purl.org/dc/terms/}"
_FEEDBURNER = "{http://rssnamespace.org/feedburner/ext/1.0}"
_ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"

# Elements that say nothing we keep, and that feedparser keeps apart from what we do.
_CHANNEL_IGNORED = frozenset(
    {"description", "language", "copyright", "managingEditor", "webMaster", "pubDate", "lastBuildDate", "category"}
    | {"generator", "docs", "ttl", "rating", "skipHours", "skipDays", f"{_SY}updatePeriod", f"{_SY}updateFrequency"}
    | {f"{_SY}updateBase", f"{_WORDPRESS}site", f"{_FEEDBURNER}info", "cloud", "image"}
    | {f"{_DC}{name}" for name in ("date", "language", "rights", "creator", "publisher")}
    | {f"{_ITUNES}{name}" for name in ("author", "subtitle", "explicit", "type", "category", "owner", "image", "block")}
)
_ITEM_IGNORED = frozenset(
    {"comments", "enclosure", "source", f"{_SLASH}comments", f"{_WFW}commentRss", f"{_WFW}comment"}
    | {f"{_MEDIA}content", f"{_MEDIA}thumbnail", f"{_FEEDBURNER}origLink"}
    | {f"{_ITUNES}{name}" for name in ("duration", "explicit", "episodeType", "episode", "season", "block")}
    | {f"{_WORDPRESS}post-id", f"{_SLASH}section", f"{_SLASH}department", f"{_SLASH}hit_parade"}
)
_FEED_IGNORED = frozenset(
    f"{_ATOM}{name}"
    for name in (
        "id",
        "updated",
        "subtitle",
        "generator",
        "icon",
        "logo",
        "rights",
        "author",
        "category",
        "contributor",
    )
)
_NAME = f"{_ATOM}name"
_PERSON = frozenset({_NAME, f"{_ATOM}uri"})
_ANYBODY = _PERSON | {f"{_ATOM}email"}
# What those hold; feedparser takes an item, a title or a link for one wherever it stands.
_PARTS: dict[str, frozenset[str]] = {
    "image": frozenset({"url", "title", "link", "width", "height", "description"}),
    "skipHours": frozenset({"hour"}),
    "skipDays": frozenset({"day"}),
    f"{_ITUNES}owner": frozenset({f"{_ITUNES}name", f"{_ITUNES}email"}),
    f"{_ITUNES}category": frozenset({f"{_ITUNES}category"}),
    f"{_ATOM}author": _ANYBODY,
    f"{_ATOM}contributor": _ANYBODY,
}
_ENTRY_IGNORED = frozenset({f"{_ATOM}contributor", f"{_ATOM}rights"})
_HTML_TYPES = frozenset({"text/html", "html", "application/xhtml+xml", "xhtml"})
_OTHER_RELS = frozenset({"self", "hub", "next", "prev", "first", "last", "replies", "edit"})
_LINK_ATTRIBUTES = frozenset({"rel", "type", "href", "title", "hreflang", "length"})
_BASE = re.compile(rb"base(?<=[\s:]base)\s*=")  # an attribute, whatever it stands on, changes what links mean
_ENCODING = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)")
_C1 = re.compile("[\x80-\x9f]")
_MAYBE_MARKUP = re.compile(r"</\w|&#?\w+;|<(?:br|wbr|img|p|hr)\b", re.IGNORECASE)
_ABSOLUTE = re.compile(r"https?://[^/\s][^\s]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, collect_ids=False
)


class Unusual(Exception):  # noqa: N818 - it is no error: the other reader reads this document
    """This document is for feedparser."""


def read(body: bytes, headers: Mapping[str, str]) -> Parsed | None:
    """What feedparser would have read, or None when it must be asked. `body` declares no entities (prolog.py)."""
    if not _is_ordinary(body, headers):
        return None
    try:
        root = etree.fromstring(body, _PARSER)
        if root.tag == "rss":
            return _rss(root, body)
        return _atom(root, body) if root.tag == f"{_ATOM}feed" else None
    except (etree.XMLSyntaxError, Unusual, ValueError):
        return None


def _is_ordinary(body: bytes, headers: Mapping[str, str]) -> bool:
    charset = headers.get("content-type", "").lower().partition("charset=")[2].strip("\"' ;")
    declared = _ENCODING.search(body[:200])
    encodings = {charset or "utf-8", declared[1].decode("latin-1").lower() if declared else "utf-8"}
    if encodings != {"utf-8"} or body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:64]:
        return False
    return (
        b"<!DOCTYPE" not in body
        and not _BASE.search(body)
        and not prolog.has_odd_numbers(body)
        and b'http://purl.org/rss/1.0/"' not in body
        and b"http://purl.org/rss/1.0/'" not in body
    )


def _holds_its_parts(element: Element) -> None:
    """Whether what says nothing we keep says so of all that is in it."""
    if len(element):
        parts = _PARTS.get(element.tag, frozenset())
        if any(part.tag not in parts or len(part) for part in element):
            raise Unusual


def _unusual() -> datetime | None:
    raise Unusual


def _plain(element: Element, attributes: Collection[str] = ()) -> str:
    """The text of an element without children, and with no attributes but these, mended as feedparser mends it."""
    if len(element):
        raise Unusual
    for name in element.keys():  # noqa: SIM118  # of an element: to walk through it gives children
        if name not in attributes:
            raise Unusual
    words = element.text
    if words is None:
        return ""
    words = words.strip()
    return words if words.isascii() else _mended(words)


def _mended(words: str) -> str:
    with contextlib.suppress(UnicodeError):  # UTF-8 that was taken for Latin-1 and encoded again
        words = words.encode("iso-8859-1").decode("utf-8")
    if _C1.search(words):
        raise Unusual
    return words


def _url(words: str) -> str:
    if not _ABSOLUTE.fullmatch(words) or ("&" in words and ";" in words):
        raise Unusual
    return words


def _date(element: Element) -> datetime | None:
    return dates.read(_plain(element), _unusual)


class _Draft:
    """An item while it is read; a second value for anything makes it unusual."""

    __slots__ = ("dates", "permalink", "tags", "title_is_html", "values")

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.dates: dict[str, datetime | None] = {}
        self.tags: dict[str, None] = {}
        self.title_is_html = False
        self.permalink = True

    def set(self, name: str, value: str) -> None:
        if name in self.values:
            raise Unusual
        self.values[name] = value

    def date(self, name: str, value: datetime | None) -> None:
        if name in self.dates:
            raise Unusual
        self.dates[name] = value

    def item(self) -> RawItem:
        """The item, its link and summary chosen as parse.py chooses."""
        values = self.values
        guid, link = values.get("guid", ""), values.get("link", "")
        if "guid" in values and _SCHEME.match(guid) and guid.partition("://")[2].startswith("/"):
            raise Unusual
        if not link:
            if "link" in values or not self.permalink or not guid:
                raise Unusual
            link = _url(guid)
        summary, content = values.get("summary"), values.get("content", "")
        if summary is None:
            summary, content = content, ""
        if content == summary:
            content = ""
        title, author, tags, dates = values.get("title", ""), values.get("author", ""), tuple(self.tags), self.dates
        published, updated = dates.get("published"), dates.get("updated")
        return RawItem(guid, link, title, summary, content, author, tags, published, updated, self.title_is_html)


# ---- RSS


def _rss(root: Element, body: bytes) -> Parsed:
    if not root.get("version", "").startswith("2.") or len(root) != 1 or root[0].tag != "channel" or root[0].keys():
        raise Unusual
    channel, items = _Draft(), []
    for element in root[0]:
        tag = element.tag
        if tag == "item":
            items.append(_rss_item(element))
        elif tag in ("title", "link"):
            channel.set(str(tag), _plain(element))
        elif tag in _CHANNEL_IGNORED:
            _holds_its_parts(element)
        elif tag == f"{_ATOM}link":
            _rss_atom_link(channel, element)
        else:
            raise Unusual
    return Parsed(tuple(items), "rss20", channel.values.get("title", ""), _site(channel), hints.read(body))


def _site(channel: _Draft) -> str:
    link = channel.values.get("link", "")
    return _url(link) if link else ""


def _rss_item(element: Element) -> RawItem:
    draft = _Draft()
    if element.keys():
        raise Unusual
    for part in element:
        tag = part.tag
        name = _RSS_WORDS.get(tag)
        if name is not None:
            draft.set(name, _plain(part))
        elif (handler := _RSS_PARTS.get(tag)) is not None:
            handler(draft, part)
        elif tag not in _ITEM_IGNORED or len(part):
            raise Unusual
    return draft.item()


def _rss_title(draft: _Draft, element: Element) -> None:
    title = _plain(element)
    if ("<" in title or "&" in title) and _MAYBE_MARKUP.search(title):
        raise Unusual  # feedparser guesses whether it is HTML
    draft.set("title", title)


def _rss_guid(draft: _Draft, element: Element) -> None:
    draft.set("guid", _plain(element, ("isPermaLink",)))
    draft.permalink = element.get("isPermaLink", "true") == "true"


def _rss_atom_link(_: _Draft, element: Element) -> None:
    """An Atom link in RSS: fine, as long as it does not lead to the page that <link> is for."""
    if element.get("rel") not in _OTHER_RELS or "href" not in element.attrib or len(element):
        raise Unusual


def _rss_category(draft: _Draft, element: Element) -> None:
    if term := _plain(element, ("domain",)):
        draft.tags[term] = None


# Elements that are words and nothing else, and those that take more.
_RSS_WORDS = {"description": "summary", _CONTENT: "content", "author": "author", f"{_DC}creator": "author"}
_RSS_PARTS: dict[str, Callable[[_Draft, Element], None]] = {
    "title": _rss_title,
    "guid": _rss_guid,
    "link": lambda draft, element: draft.set("link", _url(_plain(element))),
    "pubDate": lambda draft, element: draft.date("published", _date(element)),
    f"{_DC}date": lambda draft, element: draft.date("updated", _date(element)),
    f"{_TERMS}modified": lambda draft, element: draft.date("updated", _date(element)),
    f"{_ATOM}updated": lambda draft, element: draft.date("updated", _date(element)),
    f"{_ATOM}link": _rss_atom_link,
    "category": _rss_category,
}


# ---- Atom


def _atom(root: Element, body: bytes) -> Parsed:
    feed, items = _Draft(), []
    for element in root:
        tag = element.tag
        if tag == f"{_ATOM}entry":
            items.append(_atom_entry(element))
        elif tag == f"{_ATOM}title":
            _atom_title(feed, element)
        elif tag == f"{_ATOM}link":
            _atom_link(feed, element)
        elif tag in _FEED_IGNORED:
            _holds_its_parts(element)
        else:
            raise Unusual
    return Parsed(tuple(items), "atom10", feed.values.get("title", ""), feed.values.get("link", ""), hints.read(body))


def _atom_entry(element: Element) -> RawItem:
    draft = _Draft()
    if element.keys():
        raise Unusual
    for part in element:
        handler = _ATOM_PARTS.get(part.tag)
        if handler is not None:
            handler(draft, part)
        elif part.tag in _ENTRY_IGNORED:
            _holds_its_parts(part)
        else:
            raise Unusual
    return draft.item()


def _atom_text(element: Element) -> tuple[str, bool]:
    """A text construct and whether it is HTML; XHTML and media types are unusual."""
    kind = element.get("type", "text")
    if kind not in ("text", "html"):
        raise Unusual
    return _plain(element, ("type",)), kind == "html"


def _atom_title(draft: _Draft, element: Element) -> None:
    title, is_html = _atom_text(element)
    title, draft.title_is_html = (title, bool(title)) if is_html else clean.plain_title(title)
    draft.set("title", title)


def _atom_markup(name: str) -> Callable[[_Draft, Element], None]:
    def handle(draft: _Draft, element: Element) -> None:
        words, is_html = _atom_text(element)
        draft.set(name, words if is_html else html.escape(words, quote=False))

    return handle


def _atom_link(draft: _Draft, element: Element) -> None:
    names, href = element.keys(), element.get("href")
    if href is None or element.text or len(element) or not _LINK_ATTRIBUTES.issuperset(names):
        raise Unusual
    if element.get("rel", "alternate").lower() == "alternate" and element.get("type", "text/html") in _HTML_TYPES:
        draft.set("link", _url(href))


def _atom_author(draft: _Draft, element: Element) -> None:
    parts = {part.tag: part for part in element}
    if _NAME not in parts or not _PERSON.issuperset(parts) or len(parts) != len(element) or any(map(len, element)):
        raise Unusual
    if (element.text or "").strip() or any((part.tail or "").strip() for part in element):
        raise Unusual
    name = _plain(parts[_NAME])
    if name != (parts[_NAME].text or "").strip():
        raise Unusual  # feedparser mends all texts but this
    draft.set("author", name)


def _atom_category(draft: _Draft, element: Element) -> None:
    if (element.text or "").strip() or len(element):
        raise Unusual
    if term := (element.get("label", "").strip() or element.get("term", "").strip()):
        draft.tags[term] = None


_ATOM_PARTS: dict[str, Callable[[_Draft, Element], None]] = {
    f"{_ATOM}title": _atom_title,
    f"{_ATOM}id": lambda draft, element: draft.set("guid", _plain(element)),
    f"{_ATOM}link": _atom_link,
    f"{_ATOM}summary": _atom_markup("summary"),
    f"{_ATOM}content": _atom_markup("content"),
    f"{_ATOM}published": lambda draft, element: draft.date("published", _date(element)),
    f"{_ATOM}updated": lambda draft, element: draft.date("updated", _date(element)),
    f"{_ATOM}author": _atom_author,
    f"{_ATOM}category": _atom_category,
}
