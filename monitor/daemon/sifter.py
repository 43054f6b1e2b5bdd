"""The program of the workers that read feeds for polls: reading.py, and the sieve of the rules behind it.

All entries of a feed's first document are new, so each would be held against the rules; most hold nothing that any rule
asks for. The worker, which has a core to itself, tells which these are. The plan of the sieve comes from the main
process; an answer names the sieve that was used, so that no entry is passed over by rules that are no longer in force.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.feeds import reading, worker
from monitor.feeds.wire import INSTALL, Sifted
from monitor.model import Entry
from monitor.rules.document import Subject
from monitor.rules.sieve import Sieve


@dataclass(slots=True)
class Sifter:
    """Reads documents, and sifts their entries when an order names the tags of the feed."""

    name: str = ""
    sieve: Sieve | None = None

    def perform(self, order: bytes, body: bytes) -> bytes:
        """Install a sieve, or read a document. Raises ParseError."""
        if order.startswith(INSTALL.encode()):
            self.name, self.sieve = order.decode().removeprefix(INSTALL), Sieve(body)
            return b""
        parsed, entries, tags = reading.read(order, body)
        return reading.answer(parsed, entries, self._sifted(entries, tags[0]) if tags else Sifted())

    def _sifted(self, entries: tuple[Entry, ...], feed_tags: list[str]) -> Sifted:
        if self.sieve is None:
            return Sifted()
        found = [self.sieve.candidates(Subject(entry, feed_tags)) for entry in entries]
        return Sifted(self.name, tuple([(n, tuple(rules)) for n, rules in enumerate(found) if rules]))


def _warmed_up(work: str) -> worker.Perform:
    worker.warmed_up(work)
    return Sifter().perform


if __name__ == "__main__":
    worker.main(_warmed_up)
