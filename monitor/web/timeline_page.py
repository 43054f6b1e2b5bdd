"""Shifts over time: how many in which direction, and which orgs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from monitor.store import figures
from monitor.web import charts
from monitor.web.asked import Asked, Shown

SPANS = (("30", "30 days"), ("90", "3 months"), ("365", "1 year"), ("1096", "3 years"))
WIDE, NARROW = 1040, 340  # the two sizes a chart is drawn in: letters keep theirs


def page(asked: Asked) -> Shown:
    """Two charts over one span, each wide and narrow, and their numbers as tables."""
    days = asked.word("days") if asked.word("days") in dict(SPANS) else "90"
    since, now = asked.now - timedelta(days=int(days)), asked.now
    every = figures.shifts(asked.conn, since)
    first = asked.query.get("first") == "1"
    marks = every if first else [mark for mark in every if not mark.first_poll]
    counted = Counter(mark.direction for mark in marks)
    values = {
        "days": days,
        "spans": SPANS,
        "first": first,
        "left_out": len(every) - len(marks),
        "marks": marks,
        "totals": [(direction, counted[direction]) for direction in charts.ORDER if counted[direction]],
        "columns": [charts.columns(marks, since, now, width) for width in (WIDE, NARROW)],
        "lanes": [charts.lanes(marks, since, now, width) for width in (WIDE, NARROW)],
        "order": charts.ORDER,
    }
    return Shown("timeline.html", values)
