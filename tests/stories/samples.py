"""Entries for tests: own headlines about invented events of real and made-up labs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.model import Candidate, Direction, Entry, Shift, ShiftObject, Stage, Trust

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def candidate(
    title: str,
    *,
    day: float = 0,
    dated: bool = True,
    orgs: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    direction: Direction = Direction.UNCLEAR,
    stage: Stage = Stage.NONE,
    object_: ShiftObject = ShiftObject.WEIGHTS,
    summary: str = "",
    url: str = "",
    links: tuple[str, ...] = (),
    entry_id: int = 0,
    trust: Trust = Trust.PRESS,
    denied: bool = False,
    feed: str = "",
) -> Candidate:
    """An entry seen `day` days after START, with the shift its hits read; `feed`: its own where none is named."""
    at = START + timedelta(days=day)
    entry = Entry(
        feed or f"feed of {title}", (), title, summary, url=url, links=links, published_at=at if dated else None
    )
    shift = Shift(direction, stage, object_, orgs, models, denied=denied)
    return Candidate(entry, shift, at, entry_id, trust)
