"""JSON Feed 1.0 and 1.1 (jsonfeed.org). Pure; a field of the wrong type is as good as absent, an item never is."""

from __future__ import annotations

import html
import json
from typing import Any

from monitor.errors import ParseError
from monitor.feeds import clean, dates
from monitor.model import Parsed, RawItem


def parse(body: bytes) -> Parsed:
    """Reads a JSON Feed. Raises ParseError when the document is none."""
    try:
        document = json.loads(_decoded(body), parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"is not valid JSON ({error})") from error
    if not isinstance(document, dict) or not _is_feed(document):
        raise ParseError("is JSON, but no JSON Feed")
    version = _text(document, "version").rstrip("/").rpartition("/")[2]
    author = _author(document)
    return Parsed(
        items=tuple(_item(item, author) for item in document["items"] if isinstance(item, dict)),
        format="json" + (version if version in ("1", "1.1") else "1"),
        title=_text(document, "title"),
        link=_text(document, "home_page_url"),
    )


def _decoded(body: bytes) -> str:
    """The text of a JSON document in any of the encodings that JSON may have, without what guards it from scripts."""
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n")
    return text.removeprefix(")]}'").lstrip(", \t\r\n")


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 100 else digits


def _is_feed(document: dict[str, Any]) -> bool:
    if not isinstance(document.get("items"), list):
        return False
    return "jsonfeed.org" in _text(document, "version") or "title" in document


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _author(mapping: dict[str, Any]) -> str:
    """`authors` of 1.1, else `author` of 1.0."""
    many = mapping.get("authors")
    found = many if isinstance(many, list) else [mapping.get("author")]
    return ", ".join(filter(None, (_text(author, "name") for author in found if isinstance(author, dict))))


def _item(item: dict[str, Any], feed_author: str) -> RawItem:
    tags = item.get("tags")
    title, title_is_html = clean.plain_title(_text(item, "title"))
    return RawItem(
        guid=_text(item, "id"),
        link=_text(item, "url") or _text(item, "external_url"),
        title=title,
        summary=html.escape(_text(item, "summary"), quote=False),
        content=_text(item, "content_html") or html.escape(_text(item, "content_text"), quote=False),
        author=_author(item) or feed_author,
        tags=tuple(str(tag) for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        published_at=dates.read(_text(item, "date_published")),
        updated_at=dates.read(_text(item, "date_modified")),
        title_is_html=title_is_html,
    )
