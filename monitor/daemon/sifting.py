"""What the main process says to the workers that sift (sifter.py), whose parsers it never imports."""

from __future__ import annotations

import os
from collections.abc import Sequence

from monitor.feeds.reader import Begun, Briefing, begin
from monitor.feeds.wire import INSTALL
from monitor.rules.rule_set import RuleSet

PROGRAM = "monitor.daemon.sifter"
WORKERS = max(1, min(4, os.cpu_count() or 2))  # on two cores one worker alone waits for the main process


def begun() -> list[Begun]:
    """All workers, started at once: where there is no database yet, everything will have to be read."""
    return [begin(program=PROGRAM) for _ in range(WORKERS)]


def briefing(rules: RuleSet, feed_tags: Sequence[str]) -> Briefing:
    """The rules in force, as far as a worker needs them to tell which entries of a feed they may match."""
    name, plan = rules.sifter
    return Briefing(name, f"{INSTALL}{name}".encode(), plan, feed_tags)
