"""Numbers that a person types to name a row of the database."""

from __future__ import annotations

LARGEST = 2**63 - 1  # what a column of the database holds


def row_number(typed: str) -> int | None:
    """The row that was named, or None where that cannot be the number of one."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(LARGEST))):
        return None
    return number if (number := int(typed)) <= LARGEST else None
