"""Made-up news for proofs by violence: many storylines over several feeds, and what a reader of them must be told.

Each storyline is of one lab and model: a first report, repeats by other outlets, and a later story that moves it. The
feeds also do what feeds do: headlines are edited, items vanish and come back, links change their scheme.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from random import Random

from monitor.testing.feed_server import FeedServer, rss

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def subject(number: int) -> tuple[str, str]:
    """The lab and the model of a storyline: made up, all different, and in nobody's vocabulary but the test's own."""
    rest, name = number, ""
    for letters in (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS):
        rest, position = divmod(rest, len(letters))
        name = letters[position] + name
    return f"{name.capitalize()}rux", f"{name[::-1].capitalize()}lith"


class Kind(StrEnum):
    """What a report is to its storyline, and so what it must lead to in a channel."""

    FIRST = "first"  # one top-level message
    REPEAT = "repeat"  # the one reply that lists coverage, and edits
    MOVE = "move"  # one reply of its own


_WORDS = {
    Kind.FIRST: (
        "{lab} weighs dropping its open-source {model} model in favour of a closed one",
        "Executives of {lab} have discussed replacing {model}, so far open, with a closed model. "
        "Leadership has not approved it.",
    ),
    Kind.REPEAT: (
        "{lab} considers abandoning open-source {model} model for a closed alternative",
        "A shift away from open models is under discussion; nothing is decided.",
    ),
    Kind.MOVE: (
        "{lab} announces that {model} will be a closed model and its weights will not be released",
        "{lab} will not release the weights of {model}. It will be available through an API only.",
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """One item of a feed. `storyline` numbers the subject; `edits` counts how often its headline was changed."""

    guid: str
    feed: str
    storyline: int
    kind: Kind
    title: str
    text: str
    at: datetime
    edits: int = 0
    scheme: str = "https"

    @property
    def item(self) -> dict[str, str]:
        """As an RSS item; the guid is the link, as many publishers have it."""
        link = f"{self.scheme}://{self.feed}.example.org/{self.guid}"
        dated = format_datetime(self.at)
        return {"title": self.title, "link": link, "guid": link, "description": self.text, "pubDate": dated}


@dataclass
class Newsroom:
    """Writes for the feeds `feeds` of a server. `reports` is everything ever published, by guid, as it reads now."""

    server: FeedServer
    start: datetime
    feeds: tuple[str, ...] = ("ledger", "wire", "forum")
    reports: dict[str, Report] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def open(self) -> None:
        """Serve every feed, with one old item that matches nothing: the baseline."""
        for feed in self.feeds:
            self.publish(feed)

    @property
    def storylines(self) -> int:
        """How many were begun."""
        return len({report.storyline for report in self.reports.values()})

    def reported(self, storyline: int, kind: Kind) -> list[Report]:
        return [one for one in self.reports.values() if one.storyline == storyline and one.kind is kind]

    def begin(self, dice: Random) -> Report:
        """A first report of a storyline nobody heard of."""
        return self.write(self.storylines, Kind.FIRST, dice.choice(self.feeds))

    def write(self, storyline: int, kind: Kind, feed: str) -> Report:
        """Publish another report of a storyline."""
        lab, model = subject(storyline)
        title, text = (words.format(lab=lab, model=model) for words in _WORDS[kind])
        number = next(self._numbers)
        report = Report(f"{number}-{kind}", feed, storyline, kind, title, text, self.start + timedelta(seconds=number))
        self.reports[report.guid] = report
        self.publish(feed)
        return report

    def repeat(self, storyline: int, dice: Random) -> Report | None:
        """Another outlet tells the same; None when every one has."""
        told = {one.feed for one in self.reports.values() if one.storyline == storyline and one.kind is not Kind.MOVE}
        left = [feed for feed in self.feeds if feed not in told]
        return self.write(storyline, Kind.REPEAT, dice.choice(left)) if left else None

    def edit(self, guid: str) -> None:
        """The publisher changes a headline: no news."""
        one = self.reports[guid]
        title = f"{one.title.removesuffix(', people say')}{'' if one.edits % 2 else ', people say'}"
        self._replace(replace(one, title=title, edits=one.edits + 1))

    def change_scheme(self, guid: str) -> None:
        """The guid and link of an item turn from https to http, or back: no news."""
        one = self.reports[guid]
        self._replace(replace(one, scheme="http" if one.scheme == "https" else "https"))

    def hide(self, guid: str) -> None:
        """An item vanishes from its feed."""
        self.hidden.add(guid)
        self.publish(self.reports[guid].feed)

    def replay(self, guid: str) -> None:
        """… and comes back: no news."""
        self.hidden.discard(guid)
        self.publish(self.reports[guid].feed)

    def _replace(self, report: Report) -> None:
        self.reports[report.guid] = report
        self.publish(report.feed)

    def publish(self, feed: str) -> None:
        """Serve a feed as it is now, the newest item on top."""
        shown = [one for one in self.reports.values() if one.feed == feed and one.guid not in self.hidden]
        newest_first = sorted(shown, key=lambda one: one.at, reverse=True)
        old = {"title": f"A quiet week at {feed}", "link": f"https://{feed}.example.org/old", "guid": f"{feed}/old"}
        self.server.document(f"/{feed}.xml", rss(feed.title(), [*(one.item for one in newest_first), old]))

    def headlines(self) -> dict[str, Report]:
        """Every headline that any report had at any time, and whose it is."""
        found: dict[str, Report] = {}
        for one in self.reports.values():
            bare = one.title.removesuffix(", people say")
            found |= {bare: one, f"{bare}, people say": one}
        return found
