"""Compiled rules, from one start to the next: those that nobody touched are there in a sixth of the time.

A file of the state directory: a key, a digest, and the rules. The key names the program (passed.py) and the rule files
with every byte in them. The rules are a pickle, for nothing else keeps what hundreds of them share; its reader makes
values of the classes of rules and calls nothing else. Whoever may write there could change what is watched, as whoever
may write the database beside it could. What cannot be read, or is another program's, says nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from monitor.rules import passed
from monitor.rules.compile import content_hash
from monitor.rules.rule_set import RuleSet

NAME = "rules-compiled"
_DIGEST = 16  # bytes
# The modules whose classes the values are of.
_OF_RULES = ("compile", "entities", "facts", "index", "literals", "match", "plan", "rule_set", "sieve", "terms", "told")
_MODULES = frozenset({"monitor.errors", "monitor.model.shifts", *(f"monitor.rules.{name}" for name in _OF_RULES)})


def key_of(paths: Sequence[Path]) -> bytes:
    """What rules made of these files are kept by; empty, and nothing is kept by it, where one cannot be read."""
    try:
        files = [(str(path), _digest(path.read_bytes()).hex()) for path in paths]
    except OSError:
        return b""
    return content_hash(passed.program(), files).encode("ascii")


def knows(state_dir: Path, key: bytes) -> bool:
    """Whether rules are kept there under this key, as far as a look at the file's head tells."""
    try:
        with (state_dir / NAME).open("rb") as stream:
            return bool(key) and stream.read(len(key)) == key
    except OSError:
        return False


def recall(state_dir: Path, key: bytes) -> RuleSet | None:
    """The rules that are kept there under this key."""
    try:
        data = (state_dir / NAME).read_bytes()
        rest = data.removeprefix(key)
        if len(rest) == len(data) or rest[:_DIGEST] != _digest(rest[_DIGEST:]):
            return None
        found = _Reader(io.BytesIO(rest[_DIGEST:])).load()
    except Exception:  # whatever is wrong with it, rules can be compiled
        return None
    return found if isinstance(found, RuleSet) else None


def keep(state_dir: Path, key: bytes, rules: RuleSet) -> None:
    """Keep rules for the next start; where the directory cannot be written, that one compiles them."""
    if not key:
        return
    pickled = pickle.dumps(rules, 5)
    unfinished = state_dir / f".{NAME}-new"
    with suppress(OSError):
        with open(unfinished, "wb", opener=_private) as stream:
            stream.write(key + _digest(pickled) + pickled)
        unfinished.replace(state_dir / NAME)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


class _Reader(pickle.Unpickler):
    """Lets in the classes of compiled rules, and no function."""

    def find_class(self, module: str, name: str) -> Any:
        found = getattr(sys.modules.get(module), name, None)
        if module in _MODULES and isinstance(found, type) and found.__module__ == module:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no class of rules")
