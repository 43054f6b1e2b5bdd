"""Memory back to the machine. glibc keeps what documents and their entries took; after a large round that is much."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim (malloc_trim(3)); None where the C library is another."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Return free memory, where the C library can: some milliseconds, a tenth of a second with what is collected."""
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)
