"""Housekeeping: what is too old is let go of, a page at a time, so that nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from monitor.yamlfile import Duration


@dataclass(frozen=True, slots=True)
class Retention:
    """How long texts of entries are kept, and stories with their alerts. Identity keys are kept for ever."""

    entries: Duration = timedelta(days=180)
    stories: Duration = timedelta(days=3 * 365)
