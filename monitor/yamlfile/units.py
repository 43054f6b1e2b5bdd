"""Durations (`2s`, `15m`, `1h`, `3d`) and sizes (`15MiB`), as people write them in YAML."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|[smhdwy])")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)(B|[KMG]iB|kB|MB|GB)")
_LONGEST = timedelta(days=36500)


def parse_duration(text: object) -> timedelta:
    """`90s`, `1.5h`, `1h30m` or `500ms`; a year is 365 days. ValueError says what is allowed."""
    if isinstance(text, timedelta):
        return text
    parts = _DURATION.findall(str(text))
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("a duration is a number with its unit, such as 2s, 15m, 1h, 3d or 1h30m")
    seconds = sum(float(number) * (0.001 if unit == "ms" else _SECONDS[unit]) for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is at most 100y")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: 5400 s is `1h30m`."""
    milliseconds = round(duration.total_seconds() * 1000)
    whole, rest = divmod(milliseconds, 1000)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, whole = divmod(whole, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if rest:
        parts.append(f"{rest}ms")
    return "".join(parts) or "0s"


def parse_size(text: object) -> int:
    """`15MiB`, `512KiB`, `1GB` or `100B`, in bytes. ValueError says what is allowed."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    found = _SIZE.fullmatch(str(text))
    if not found:
        raise ValueError("a size is a number with its unit, such as 512KiB or 15MiB")
    return int(float(found[1]) * _BYTES[found[2]])


def format_size(size: int) -> str:
    """The largest binary unit that keeps the number whole: 15728640 is `15MiB`."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^(\d+(\.\d+)?(ms|[smhdwy]))+$",
    "examples": ["2s", "15m", "1h", "3d"],
}
SIZE_SCHEMA = {"type": "string", "pattern": r"^\d+(\.\d+)?(B|[KMG]iB|kB|MB|GB)$", "examples": ["512KiB", "15MiB"]}

Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration), WithJsonSchema(DURATION_SCHEMA)
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size),
    WithJsonSchema(SIZE_SCHEMA),
]
