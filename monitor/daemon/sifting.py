"""What the main process says to the workers that sift (sifter.py), whose parsers it never imports."""

from __future__ import annotations

import os
from collections.abc import Sequence

from monitor.feeds.reader import Briefing
from monitor.feeds.wire import INSTALL
from monitor.rules.rule_set import RuleSet

PROGRAM = "monitor.daemon.sifter"
WORKERS = max(1, min(4, os.cpu_count() or 2))  # on two cores one worker alone waits for the main process


def briefing(rules: RuleSet, feed_tags: Sequence[str]) -> Briefing:
    """The rules in force, as far as a worker needs them to tell which entries of a feed they may match."""
    name, plan = rules.sifter
    return Briefing(name, f"{INSTALL}{name}".encode(), plan, feed_tags)
