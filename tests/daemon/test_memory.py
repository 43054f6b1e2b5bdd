"""Memory that a round took goes back to the machine, and what only workers need is not loaded."""

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


def test_what_takes_documents_apart_is_loaded_by_workers_alone() -> None:
    """The parser of HTML and what mends its text are 5 MB of a process that has 150 for ten thousand feeds."""
    parsers = ("feedparser", "ftfy", "lxml", "selectolax", "trafilatura")
    code = f"import monitor.cli.rounds, sys; print([name for name in {parsers} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
