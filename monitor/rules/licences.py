"""Names of licences: SPDX identifiers where they exist, `LicenseRef-…` otherwise."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

ENDS = ("open", "closed")  # not licences, but what a model changes from and to


@cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def canonical_licence(name: str) -> str:
    """`apache-2.0` → `Apache-2.0`, `Llama 4 Community` → `LicenseRef-Llama-4-Community`; open and closed stay."""
    if name in ENDS:
        return name
    if name.startswith("LicenseRef-"):
        return "LicenseRef-" + _slug(name.removeprefix("LicenseRef-"))
    known = _known(name) or _known(_slug(name))
    return known or f"LicenseRef-{_slug(name)}"


def _known(name: str) -> str:
    """The SPDX identifier that a name is, in any case; empty when it is none."""
    import license_expression

    try:
        parsed = _spdx().parse(name, validate=True, strict=True)
    except license_expression.ExpressionError:
        return ""
    return str(parsed) if parsed is not None else ""


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")
