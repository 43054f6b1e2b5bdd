"""Charts as geometry: where each bar and mark stands. Templates draw them; nothing here knows of SVG or HTML."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt

from monitor.counts import counted
from monitor.model import Direction
from monitor.store.figures import Mark

# The order of stacks and legends: what takes away first, what gives last.
ORDER = (
    Direction.CLOSING,
    Direction.RESTRICTING,
    Direction.DISPUTE,
    Direction.POLICY,
    Direction.UNCLEAR,
    Direction.LOOSENING,
    Direction.OPENING,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and what it stands for: `kind` gives its colour, `label` its words."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a place; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


# ---- rhythm of a feed


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The polls of a feed over time: a tick each, a bar where they brought news, as high as there was much of it."""

    width: int
    height: int
    ticks: tuple[float, ...]
    bars: tuple[Bar, ...]
    words: str


def sparkline(polls: Sequence[tuple[datetime, int]], now: datetime, width: int = 160, height: int = 28) -> Sparkline:
    """`polls` are (when, new entries), oldest first; time runs to `now` at the right edge."""
    if not polls:
        return Sparkline(width, height, (), (), "no polls yet")
    start = polls[0][0]
    span = max((now - start).total_seconds(), 1.0)
    most = max(1, *(news for _, news in polls))

    def x(at: datetime) -> float:
        return round(1.5 + (width - 4) * min(1.0, max(0.0, (at - start).total_seconds() / span)), 1)

    bars = []
    for at, news in polls:
        if news:
            tall = round(5 + (height - 8) * sqrt(news / most), 1)
            bars.append(Bar(x(at) - 1, round(height - 2 - tall, 1), 2.5, tall))
    arrivals = sum(1 for _, news in polls if news)
    words = f"{counted(len(polls), 'poll')} in {span_words(now - start)}, {arrivals} with news"
    return Sparkline(width, height, tuple(sorted({x(at) for at, _ in polls})), tuple(bars), words)


def span_words(span: timedelta) -> str:
    """A span as people say it: 40 minutes, 6 hours, 12 days."""
    minutes = max(0, round(span.total_seconds() / 60))
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}s"
    return counted(minutes, "minute")


# ---- parts of a whole


def shares(counts: Sequence[tuple[str, int]], width: float = 100.0, gap: float = 0.4) -> tuple[Bar, ...]:
    """Counts side by side in one bar of `width`; what is not nought stays wide enough to be seen."""
    present = [(kind, count) for kind, count in counts if count]
    total = sum(count for _, count in present)
    room = width - gap * max(0, len(present) - 1)
    widths = [max(room * count / total, 1.2) for _, count in present]
    scale = room / sum(widths) if widths else 1.0
    bars, x = [], 0.0
    for (kind, count), wide in zip(present, widths, strict=True):
        bars.append(Bar(round(x, 2), 0, round(wide * scale, 2), 8, kind, f"{count} {kind}"))
        x += wide * scale + gap
    return tuple(bars)


# ---- shifts over time, by direction


@dataclass(frozen=True, slots=True)
class Columns:
    """Stacked columns over time."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    grid: tuple[Label, ...]  # a line at `y`, its number at `x`
    axis: tuple[Label, ...]
    periods: tuple[tuple[str, dict[Direction, int]], ...]  # what is drawn, in numbers
    unit: str  # week | month
    left: int = 34


def columns(marks: Sequence[Mark], since: datetime, now: datetime, width: int) -> Columns:
    """How many shifts of each direction a week, or a month when more than half a year is shown."""
    unit = "month" if now - since > timedelta(days=190) else "week"
    starts = _periods(since, now, unit)
    counted: dict[datetime, Counter[Direction]] = defaultdict(Counter)
    for mark in marks:
        counted[max((start for start in starts if start <= mark.at), default=starts[0])][mark.direction] += 1
    height, left, bottom = 240, 34, 26
    most = _ceiling(max((sum(one.values()) for one in counted.values()), default=0))
    step = (width - left) / len(starts)
    thick = min(step * 0.72, 46)
    plot = height - bottom - 10
    bars = []
    for position, start in enumerate(starts):
        top = float(height - bottom)
        for direction in ORDER:
            count = counted[start][direction]
            if count:
                tall = plot * count / most
                top -= tall
                x = left + step * position + (step - thick) / 2
                label = f"{_named(start, unit)}: {count} {direction}"
                bars.append(Bar(round(x, 1), round(top, 1), round(thick, 1), round(tall - 1, 1), str(direction), label))
    grid = tuple(
        Label(left - 8, round(height - bottom - plot * part / 2, 1), str(most * part // 2), "end") for part in (0, 1, 2)
    )
    every = max(1, -(-len(starts) * 62 // width))
    axis = tuple(
        Label(round(left + step * (position + 0.5), 1), height - 8, _short(start, unit))
        for position, start in enumerate(starts)
        if position % every == 0
    )
    periods = tuple((_named(start, unit), dict(counted[start])) for start in starts)
    return Columns(width, height, tuple(bars), grid, axis, periods, unit, left)


def _periods(since: datetime, now: datetime, unit: str) -> list[datetime]:
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        start, found = day - timedelta(days=day.weekday()), []
        while start <= now:
            found.append(start)
            start += timedelta(days=7)
        return found
    start, found = day.replace(day=1), []
    while start <= now:
        found.append(start)
        start = (start + timedelta(days=32)).replace(day=1)
    return found


def _ceiling(most: int) -> int:
    """The next number that halves well."""
    return next((size for size in (2, 4, 6, 8, 10, 14, 20, 30, 40, 60, 80, 100) if size >= most), most + most % 2)


def _named(start: datetime, unit: str) -> str:
    return f"week of {start.day} {start:%B %Y}" if unit == "week" else f"{start:%B %Y}"


def _short(start: datetime, unit: str) -> str:
    return f"{start.day} {start:%b}" if unit == "week" else f"{start:%b} ’{start:%y}"


# ---- shifts over time, by org


@dataclass(frozen=True, slots=True)
class Dot:
    """A shift on the lane of its org; its shape and colour are those of its direction."""

    x: float
    y: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class Lane:
    """An org and its shifts."""

    name: str
    y: float
    height: float
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Orgs below each other over one time axis. `others`: orgs with fewer shifts that found no room."""

    width: int
    height: float
    left: int
    lanes: tuple[Lane, ...]
    axis: tuple[Label, ...]
    others: int


UNNAMED = "no org named"
_APART = 15.0  # between the middles of two dots


def lanes(marks: Sequence[Mark], since: datetime, now: datetime, width: int, most: int = 14) -> Lanes:
    """The orgs with most shifts, the busiest on top; dots that would touch step aside."""
    by_org: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        for org in mark.orgs or (UNNAMED,):
            by_org[org].append(mark)
    ranked = sorted(by_org, key=lambda org: (org == UNNAMED, -len(by_org[org]), org))
    left = 150 if width > 600 else 0  # a narrow picture has its names above the lanes
    span = max((now - since).total_seconds(), 1.0)
    y, found = 8.0, []
    for org in ranked[:most]:
        lane = _lane(
            org, [(left + 12 + (width - left - 24) * _part(mark, since, span), mark) for mark in by_org[org]], y, left
        )
        found.append(lane)
        y += lane.height
    axis = tuple(
        Label(round(left + 12 + (width - left - 24) * ((at - since).total_seconds() / span), 1), y + 20, words)
        for at, words in _dates(since, now, width - left)
    )
    return Lanes(width, y + 28, left, tuple(found), axis, max(0, len(ranked) - most))


def _part(mark: Mark, since: datetime, span: float) -> float:
    return min(1.0, max(0.0, (mark.at - since).total_seconds() / span))


def _lane(org: str, placed: Sequence[tuple[float, Mark]], y: float, left: int) -> Lane:
    rows: list[float] = []  # the last x of each row of dots
    dots = []
    head = 0.0 if left else 20.0
    for x, mark in sorted(placed, key=lambda one: one[0]):
        row = next((number for number, last in enumerate(rows) if x - last >= _APART), len(rows))
        rows[row:] = [x, *rows[row + 1 :]]
        dots.append(Dot(round(x, 1), y + head + 14 + row * _APART, mark))
    return Lane(org, y, head + 28 + (len(rows) - 1) * _APART, tuple(dots))


def _dates(since: datetime, now: datetime, room: int) -> list[tuple[datetime, str]]:
    """Dates for an axis: first days of months, or whole days when less than a season is shown; as many as fit."""
    most = max(2, room // 110)
    if now - since > timedelta(days=120):
        found = [at for at in _periods(since, now, "month") if at >= since]
        form = "%b %Y"
    else:
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        found = [day + timedelta(days=n) for n in range((now - day).days)]
        form = "%-d %b"
    every = max(1, -(-len(found) // most))
    edge = (now - since) * 0.04  # words there would stick out
    shown = [at for at in found[::every] if since + edge <= at <= now - edge]
    return [(at, at.strftime(form)) for at in shown]
