"""The figures on paper of docs/scale.md follow from what it assumes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from monitor.cluster.batches import BUCKETS

TEXT = (Path(__file__).parents[2] / "docs" / "scale.md").read_text("utf-8")
DAY, HOUR = 86_400, 3_600
KEPT_DAYS = 180


def jobs(polls: float) -> float:
    """Buckets of which a feed is due in a given second."""
    return BUCKETS * (1 - math.exp(-polls / BUCKETS))


# Each row of the table by how it begins; feeds are polled once an hour and bring two entries a day.
ROWS: dict[str, Callable[[int], float]] = {
    "polls a second": lambda feeds: feeds / HOUR,
    "jobs a second": lambda feeds: jobs(feeds / HOUR),
    "CPU for polls at 10 ms": lambda feeds: feeds / HOUR * 0.010,
    "new entries a day": lambda feeds: feeds * 2,
    "rows written a day by entries (6 each)": lambda feeds: feeds * 2 * 6,
    "rows written a day by polls (3 each)": lambda feeds: feeds * 24 * 3,
    "rows written a day by jobs (5 each)": lambda feeds: jobs(feeds / HOUR) * DAY * 5,
    "decisions to tell (hits) a day": lambda feeds: feeds * 2 / 250,
    "rows of entries kept (180 days)": lambda feeds: feeds * 2 * KEPT_DAYS,
}


def number(cell: str) -> float:
    words = cell.replace(",", "").split()
    return float(words[0]) * (1e6 if words[1:] == ["M"] else 1)


def test_what_a_million_feeds_cost_on_paper_adds_up() -> None:
    table = TEXT.partition("## To a million feeds, on paper")[2]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", table, re.M)]
    sizes = [int(number(cell)) for cell in lines[0][1:]]
    assert sizes == [10_000, 100_000, 1_000_000]
    for begin, of in ROWS.items():
        [cells] = [line[1:] for line in lines if line[0].startswith(begin)]
        wrong = [(cell, of(size)) for cell, size in zip(cells, sizes, strict=True) if not _rounds(of(size), cell)]
        assert wrong == [], begin


def _rounds(exactly: float, cell: str) -> bool:
    """Whether the cell is that number, rounded as people round: to one figure or more."""
    figures = len(cell.split(maxsplit=1)[0].replace(",", "").replace(".", "").strip("0"))
    return abs(number(cell) / exactly - 1) < (0.2 if figures == 1 else 0.03)
