"""Bytes to raw items. feedparser is the reader of record; JSON Feed is ours.

Synchronous and without network: runs in worker processes that can be killed (reader.py), because some documents cost
feedparser time or memory out of all proportion.
"""

from __future__ import annotations

import calendar
import html
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor import urls
from monitor.errors import ParseError
from monitor.feeds import clean, dates, hints, jsonfeed, labels, prolog, quick
from monitor.feeds.wire import READ_HEADERS
from monitor.model import FeedFormat, Parsed, RawItem

_TEXT_TYPES = ("text/", "application/xhtml+xml", "application/xml")


def parse(body: bytes, headers: Mapping[str, str], format: FeedFormat = FeedFormat.AUTO) -> Parsed:
    """The items of a document, its title, link and wishes. Raises ParseError when it is no feed.

    `headers` are the answer's (lower case). Links stay as written: normalise.py knows where the document came from.
    """
    if not body or body.isspace():
        raise ParseError("is empty")
    if format is FeedFormat.JSONFEED or (format is FeedFormat.AUTO and prolog.looks_like_json(body)):
        try:
            return jsonfeed.parse(body)
        except ParseError:
            if format is FeedFormat.JSONFEED or not prolog.names_a_feed(body):
                raise
    body, headers = labels.mended(body, headers)
    read = quick.read(body.lstrip(b" \t\r\n"), headers)
    if read is not None:
        return read
    if prolog.endless(body):
        raise ParseError("opens tens of thousands of elements and never closes them")
    body, warning = prolog.harmless(prolog.trimmed(body))
    return parse_xml(body, headers, warning)


def parse_xml(body: bytes, headers: Mapping[str, str], warning: str = "") -> Parsed:
    """What feedparser reads out of a document whose DOCTYPE is harmless.

    Bare ampersands, the commonest fault, are mended where that makes the document whole: feedparser's reading of
    broken ones takes `AT&T` for an entity, and writes `AT&T;`.
    """
    body = prolog.with_true_numbers(body)
    document = _fed(body, headers)
    if document.bozo and (whole := prolog.with_ampersands(body)) != body:
        again = _fed(whole, headers)
        if len(again.entries) >= len(document.entries) and _is_well_formed(again):
            document = again
    version = document.get("version", "")
    if not document.entries and not version:
        raise ParseError(_what_it_is(body))
    if document.bozo and not warning:
        warning = _complaint(document.get("bozo_exception"))
    return Parsed(
        items=tuple(_item(entry) for entry in document.entries),
        format=version or "unknown",
        title=_title(document.feed)[0],
        link=_site(document.feed),
        hints=hints.read(body),
        warning=warning,
    )


def _fed(body: bytes, headers: Mapping[str, str]) -> Any:
    """feedparser's own result. Raises ParseError where it stumbles."""
    import feedparser

    content_type = {name: headers[name] for name in READ_HEADERS if name in headers}
    if "content-type" not in content_type:
        content_type = {}  # without one, feedparser would take ISO-8859-1 for the default
    try:
        return feedparser.parse(
            io.BytesIO(body), response_headers=content_type, sanitize_html=False, resolve_relative_uris=False
        )
    except (ValueError, AttributeError, KeyError, IndexError, TypeError, AssertionError, RecursionError) as error:
        raise ParseError(f"makes feedparser stumble ({type(error).__name__})") from error


def _is_well_formed(document: Any) -> bool:
    return not document.bozo or not _complaint(document.get("bozo_exception"))


def _what_it_is(body: bytes) -> str:
    if prolog.looks_like_html(body):
        return "is a web page, not a feed (moved, or behind a consent or login page?)"
    if prolog.looks_like_opml(body):
        return "is an OPML list of feeds, not a feed"
    return "is not a feed"


def _complaint(error: object) -> str:
    """What feedparser found wrong; a media type or charset that is only declared wrongly is nobody's trouble."""
    name = type(error).__name__
    if error is None or name in ("NonXMLContentType", "CharacterEncodingOverride"):
        return ""
    return f"is broken ({' '.join(str(error).split())[:120]})"


def _item(entry: Any) -> RawItem:
    title, title_is_html = _title(entry)
    summary, base = _markup(entry.get("summary_detail"), entry.get("summary"))
    content, content_base = _content(entry)
    if content and "summary_detail" not in entry:  # feedparser's copy of the content, without its type
        summary, base, content = content, content_base, ""
    return RawItem(
        guid=_word(entry.get("id")),
        link=_link(entry),
        title=title,
        summary=summary,
        content=content if content != summary else "",
        author=_word(entry.get("author")),
        tags=_tags(entry),
        published_at=_date(entry, "published"),
        updated_at=_date(entry, "updated"),
        title_is_html=title_is_html,
        base=base or content_base,
    )


def _word(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _title(mapping: Any) -> tuple[str, bool]:
    """A title and whether it is HTML. RSS does not say; feedparser guesses by closing tags and entities."""
    title = _word(mapping.get("title"))
    detail = mapping.get("title_detail")
    kind = detail.get("type") if isinstance(detail, Mapping) else None
    return (title, bool(title)) if kind != "text/plain" else clean.plain_title(title)


def _markup(detail: Any, value: Any = None) -> tuple[str, str]:
    """A text as HTML, and what its links are relative to. What is no text (images in base64) is left out."""
    if not isinstance(detail, Mapping):
        return _word(value), ""
    kind = detail.get("type") or "text/html"
    found = _word(detail.get("value"))
    if not kind.startswith(_TEXT_TYPES) and not kind.endswith("+xml"):
        return "", ""
    return (html.escape(found, quote=False) if kind == "text/plain" else found), _word(detail.get("base"))


def _content(entry: Any) -> tuple[str, str]:
    parts = [_markup(detail) for detail in entry.get("content") or () if isinstance(detail, Mapping)]
    distinct = list(dict.fromkeys(part for part, _ in parts if part))
    return "\n<br>".join(distinct), next((base for _, base in parts if base), "")


def _link(entry: Any) -> str:
    """The link of an item: its <link>, else a guid that is a URL, else what else it links to, enclosures last.

    feedparser takes any guid for a link that does not say isPermaLink="false", Atom's tag: URIs included.
    """
    links = [found for found in entry.get("links") or () if isinstance(found, Mapping) and _word(found.get("href"))]
    named, guid = _word(entry.get("link")), _word(entry.get("id"))
    if named and (named != guid or urls.is_web(named) or any(found.get("href") == named for found in links)):
        return named
    for rel in ("alternate", "related", "via", "enclosure"):
        for found in links:
            if found.get("rel") == rel:
                return _word(found.get("href"))
    return named if named.startswith("/") else ""


def _site(feed: Any) -> str:
    """The page a feed stands for: its own <link>, not the id that feedparser puts in its place."""
    named = _word(feed.get("link"))
    pages = (link for link in feed.get("links") or () if link.get("rel") == "alternate")
    return named if any(link.get("href", "").strip() == named for link in pages) else ""


def _tags(entry: Any) -> tuple[str, ...]:
    found = (_word(tag.get("label")) or _word(tag.get("term")) for tag in entry.get("tags") or ())
    return tuple(dict.fromkeys(filter(None, found)))


def _date(entry: Any, name: str) -> datetime | None:
    """A date by our own reading of its text; by feedparser's where the text is in words we do not know."""
    if not dict.__contains__(entry, name):  # .get() would hand out the publishing date as the one of the update
        return None
    parsed = entry.get(f"{name}_parsed")
    return dates.read(_word(entry.get(name)), lambda: _from_struct(parsed))


def _from_struct(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, TypeError, OSError):
        return None
