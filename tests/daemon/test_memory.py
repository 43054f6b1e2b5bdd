"""Memory that a round took goes back to the machine."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FRAGMENTED = """
import re
from pathlib import Path
from monitor.daemon import memory

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

documents = [bytearray(b"x" * 20_000) for _ in range(5_000)]
kept = documents[::50]
del documents
before = resident()
memory.give_back()
print(before, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory, and has malloc_trim")
def test_memory_between_what_is_still_in_use_is_given_back() -> None:
    """Freed documents among kept ones stay resident until give_back, and are gone after it."""
    told = subprocess.run([sys.executable, "-c", FRAGMENTED], capture_output=True, text=True, check=True, timeout=60)
    before, after = map(int, told.stdout.split())
    assert before - after > 50
