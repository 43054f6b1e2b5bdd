"""Names of licences: SPDX identifiers where they exist, `LicenseRef-…` otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

ENDS = ("open", "closed")  # not licences, but what a model changes from and to
_EXPRESSION = re.compile(r"\b(?:and|or|with)\b|[()]", re.IGNORECASE)


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
    """The SPDX identifier that a name is, in any case, or the expression of such; empty when it is none."""
    found = _identifiers().get(name.strip().lower(), "")
    return found or (_parsed(name) if _EXPRESSION.search(name) else "")


@cache
def _identifiers() -> Mapping[str, str]:
    """SPDX identifiers, and those they had before, in small letters to how they are written.

    The library's own lookup takes ten times as long to be made, and several megabytes: it is for expressions.
    """
    from license_expression import get_license_index

    found: dict[str, str] = {}
    for licence in get_license_index():
        key = licence.get("spdx_license_key", "")
        if key and not licence.get("is_exception"):
            found |= dict.fromkeys([one.lower() for one in (key, *licence.get("other_spdx_license_keys", ()))], key)
    return found


@cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def _parsed(name: str) -> str:
    import license_expression

    try:
        parsed = _spdx().parse(name, validate=True, strict=True)
    except license_expression.ExpressionError:
        return ""
    return str(parsed) if parsed is not None else ""


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")
