"""What examples passed, from one start to the next: a start runs only those of rules that changed.

A text file in the state directory: a name for the program that ran them, then the hashes of RuleSet.examples_passed.
Whoever may write there could at most spare a rule its examples. What cannot be read, or is another program's, says
nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import monitor
from monitor.rules.compile import content_hash

NAME = "examples-passed"
# What decides whether a rule matches, and what rules are made of.
_READING = ("rules/*.py", "model/*.py", "yamlfile/*.py", "text.py", "urls.py", "errors.py")


def recall(state_dir: Path) -> frozenset[str]:
    """The hashes of rules whose examples passed in this very program before."""
    try:
        by, *passed = (state_dir / NAME).read_text("ascii").split()
    except (OSError, ValueError):
        return frozenset()
    return frozenset(passed) if by == program() else frozenset()


def remember(state_dir: Path, passed: Iterable[str]) -> None:
    """Keep these for the next start; where the directory cannot be written, the next start runs all examples."""
    text = "\n".join([program(), *sorted(passed)]) + "\n"
    with suppress(OSError, ValueError):
        if (state_dir / NAME).exists() and (state_dir / NAME).read_text("ascii") == text:
            return
    with suppress(OSError):
        state_dir.mkdir(parents=True, exist_ok=True)
        file, unfinished = tempfile.mkstemp(prefix=f".{NAME}-", dir=state_dir)
        try:
            with os.fdopen(file, "w", encoding="ascii") as stream:
                stream.write(text)
            Path(unfinished).replace(state_dir / NAME)
        except OSError:
            Path(unfinished).unlink(missing_ok=True)
            raise


@cache
def program() -> str:
    """A name for this program: another when anything that reads rules or texts differs (Python, release, a file)."""
    package = Path(monitor.__file__).parent
    stats = [(str(path), path.stat()) for pattern in _READING for path in sorted(package.glob(pattern))]
    files = [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    return content_hash(monitor.__version__, sys.version, files)
