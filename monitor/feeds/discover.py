"""The feeds behind a web page: what the page itself names. Addresses are never guessed.

Pure; run by a worker (article.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from monitor import urls
from monitor.feeds import clean, labels

_FEED_TYPES = {
    "application/rss+xml": "RSS",
    "application/atom+xml": "Atom",
    "application/rdf+xml": "RDF",
    "application/feed+json": "JSON Feed",
    "application/json": "JSON Feed",
    "text/xml": "XML",
    "application/xml": "XML",
}
_LOOKS_LIKE_FEED = re.compile(
    r"(?:/(?:feed|rss|atom)/?$|\.(?:rss|atom|rdf)$|/(?:rss|atom|feed|index)\.(?:xml|json)$)", re.I
)
_NOT_NEWS = re.compile(r"wp-json|oembed|/comments?/(?:feed|default)|manifest\.json", re.I)
_MOST = 20
_LONGEST_PAGE = 2_000_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that a page names: its URL, its title there, and its kind in words."""

    url: str
    title: str
    kind: str


def candidates(page: bytes, page_url: str) -> tuple[Candidate, ...]:
    """The feeds a page declares (`<link rel=alternate>`), else those it links to; comments last."""
    page, _ = labels.mended(page[:_LONGEST_PAGE], {})
    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    base_tag = tree.css_first("base[href]")
    base = urls.absolute(page_url, (base_tag.attributes.get("href") if base_tag else "") or "") or page_url
    found: dict[str, Candidate] = {}
    for node in tree.css("link[href]"):
        kind = _FEED_TYPES.get((node.attributes.get("type") or "").split(";")[0].strip().lower(), "")
        rels = (node.attributes.get("rel") or "").lower().split()
        if kind and ("alternate" in rels or "feed" in rels):
            _note(found, base, node.attributes.get("href") or "", (node.attributes.get("title") or "", kind))
    if not found:
        for node in tree.css("a[href]"):
            href = node.attributes.get("href") or ""
            if _LOOKS_LIKE_FEED.search(href.partition("?")[0]):
                _note(found, base, href, (node.text(), "linked"))
    return tuple(sorted(found.values(), key=lambda one: bool(_NOT_NEWS.search(one.url))))[:_MOST]


def _note(found: dict[str, Candidate], base: str, href: str, told: tuple[str, str]) -> None:
    url = urls.absolute(base, href)
    if url and "oembed" not in url and "wp-json" not in url:
        found.setdefault(url, Candidate(url, clean.line(clean.plain(told[0]))[:200], told[1]))
