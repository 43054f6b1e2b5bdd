"""From values to what templates show: times, spans, links, marked texts. Whatever is shown is escaped and printable."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from monitor.clock import stamp
from monitor.counts import counted
from monitor.model import what
from monitor.text import printable
from monitor.web.asked import Shown
from monitor.web.charts import span_words

HERE = Path(__file__).parent
_CODE = re.compile("`([^`]+)`")
LONGEST = 600  # characters of one text on a page


def shown(value: Any) -> Any:
    """What every value becomes before it is escaped: nothing for None, text without control or bidi characters."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value if len(value) <= 20 * LONGEST else value[: 20 * LONGEST] + "…")
    return value


def short(text: str, most: int = LONGEST) -> str:
    """The text, cut at a word when it is long."""
    if len(text) <= most:
        return text
    cut = text[:most].rsplit(" ", 1)[0]
    return (cut if len(cut) > most // 2 else text[:most]) + "…"


def link(url: str) -> str:
    """The address when a page may lead there: absolute http or https, without blanks or control characters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    harmless = url == printable(url, lines=False) and not any(char.isspace() for char in url)
    return url if parts.scheme in ("http", "https") and parts.netloc and harmless else ""


def host(url: str) -> str:
    """The host of an address, as people know it."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def ago(at: datetime | None, now: datetime) -> Markup:
    """How long ago, or in how long; a date when that is more than two days. The exact time stands in the tooltip."""
    if at is None:
        return Markup('<span class="none">never</span>')
    return _time(at, _distance(at, now))


def _distance(at: datetime, now: datetime) -> str:
    span = now - at
    if abs(span) >= timedelta(days=2):
        return day(at, now)
    if timedelta(seconds=-5) < span < timedelta(seconds=10):
        return "just now"
    seconds = abs(span).total_seconds()
    words = f"{round(seconds)} seconds" if seconds < 60 else span_words(abs(span))
    return f"{words} ago" if span > timedelta() else f"in {words}"


def day(at: datetime, now: datetime) -> str:
    """A date: 4 March, with its year when that is not the present one."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B}" if at.year == now.year else f"{at.day} {at:%B %Y}"


def dated(at: datetime | None, now: datetime) -> Markup:
    """A date and a time of day."""
    return Markup("") if at is None else _time(at, f"{day(at, now)}, {at.astimezone(UTC):%H:%M}")


def clock_time(at: datetime) -> Markup:
    """A time of day."""
    return _time(at, f"{at.astimezone(UTC):%H:%M}")


def _time(at: datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        stamp(at), f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", words
    )


def marked(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is one of the spans (start, end); spans that overlap are joined."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        start, end = max(start, at), min(end, len(text))  # noqa: PLW2901  # the part of it that is left
        if start < end:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    return [piece for piece in (*pieces, (text[at:], False)) if piece[0]]


def sentence(text: str, capital: bool = True) -> Markup:
    """Words of ours as a sentence: a capital first, what stands between backticks as code."""
    pieces = _CODE.split(shown(text[:1].upper() + text[1:] if capital else text))
    return Markup("").join(Markup("<code>{}</code>").format(one) if n % 2 else one for n, one in enumerate(pieces))


def environment() -> Environment:
    """Templates that escape everything and stumble over names they do not know."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "short": short,
        "link": link,
        "host": host,
        "counted": counted,
        "sentence": sentence,
        "n": "{:,}".format,
    }
    made.globals |= {"ago": ago, "dated": dated, "clock_time": clock_time, "marked": marked}
    made.globals |= {"what": what, "style": _fingerprint()}
    return made


def _fingerprint() -> str:
    return sha256((HERE / "static" / "style.css").read_bytes()).hexdigest()[:12]


def renderer() -> Callable[[Shown, dict[str, Any]], str]:
    """A function that makes the text of a page; `common` is what every page has."""
    templates = environment()

    def render(page: Shown, common: dict[str, Any]) -> str:
        return templates.get_template(page.template).render({**common, **page.values})

    return render
