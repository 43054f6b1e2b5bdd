"""What a worker makes of web pages: the text of an article, the feeds they name, and what a robots.txt allows.

Runs where it can be killed: pages and robots.txt files are written by strangers, as feeds are.
"""

from __future__ import annotations

import json
from dataclasses import astuple

import trafilatura
from protego import Protego

from monitor.errors import ParseError
from monitor.feeds import clean, discover, wire

MOST_ROBOTS = 500 * 1024  # bytes of a robots.txt that are read (RFC 9309, 2.5)


def perform(order: bytes, body: bytes) -> bytes:
    """What is asked of a page: `["text", url]` its article as plain text, `["feeds", url]` the feeds that it names.

    Of a robots.txt, `["robots", url, agent]`: whether the URL may be fetched.
    """
    kind, url, *rest = json.loads(order)
    if kind == "robots":
        rules = Protego.parse(body[:MOST_ROBOTS].decode("utf-8", "replace"))
        return wire.dumps({"allowed": bool(rules.can_fetch(url, rest[0]))})
    if kind == "feeds":
        return wire.dumps({"feeds": [astuple(one) for one in discover.candidates(body, url)]})
    return wire.dumps({"text": _article(body, url)})


def _article(body: bytes, url: str) -> str:
    found = trafilatura.extract(body, url=url, include_comments=False, include_formatting=False)
    if not found:
        raise ParseError("no article was found in the page")
    return clean.plain(found)
