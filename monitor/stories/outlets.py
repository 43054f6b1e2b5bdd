"""Who published an entry: the feed's own name, or the publisher that an aggregator hangs on the headline."""

from __future__ import annotations

import re
from dataclasses import replace

from monitor import text
from monitor.model import Entry, Shift
from monitor.stories.traits import address

# They hide the publisher's address behind their own and write "Headline - Publisher".
_AGGREGATORS = (
    "news.google.com",
    "bing.com",
    "news.yahoo.com",
    "apple.news",
    "flipboard.com",
    "msn.com",
    "newsbreak.com",
)


# "Correction: …" under which an outlet takes back what it reported; "CORRECTED-" is how agencies mark a new version.
_CORRECTS = re.compile(
    r"^\W*(?:correction|retraction)\b"
    r"|\b(?:retract(?:s|ed)|withdr(?:aws|ew)) (?:(?:its|the|a) )?(?:report|story|article)\b",
    re.IGNORECASE,
)


def corrects(title: str) -> bool:
    """Whether a headline says that a report is taken back: it denies what was reported."""
    return bool(_CORRECTS.search(title))


def outlet(entry: Entry, feed_title: str) -> str:
    """The outlet of an entry; the feed's title, or its id, when nothing better is known."""
    host = address(entry.url).partition("/")[0]
    hidden = any(host == one or host.endswith(f".{one}") for one in _AGGREGATORS)
    return (text.hung(entry.title)[1] if hidden else "") or feed_title or entry.feed_id


def unsigned(shift: Shift, title: str, outlet: str) -> Shift:
    """A shift whose quote does not end in the outlet's own name, where its headline does."""
    name = title[len(text.unsigned(title, outlet)) :]
    if not name:
        return shift
    evidence = shift.evidence.removesuffix(name)
    return replace(shift, evidence=evidence, marks=tuple(mark for mark in shift.marks if mark[1] <= len(evidence)))
