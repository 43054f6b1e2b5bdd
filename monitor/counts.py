"""Counts as people say them, in every place that says one."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 entry", "1,240 entries". `many` where an s does not make the plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
