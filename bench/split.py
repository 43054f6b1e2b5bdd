"""Splits labelled stories into a half to look at and a half that is only measured.

A story is on one side by a seeded hash of its `story_id` (an unlabelled item by its `id`), so nothing of a story that
was only measured is ever read while rules are written. Stories named with --look are always on the side that is read.

    python bench/split.py look FILE.jsonl[.xz] --look meta-behemoth-closed > look.jsonl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path

SEED = "licensewatch-1"


def side(key: str, always_look: frozenset[str] = frozenset(), seed: str = SEED) -> str:
    """`look` or `measure`, half of all keys each, the same on every machine."""
    if key in always_look:
        return "look"
    return "measure" if hashlib.sha256(f"{seed}:{key}".encode()).digest()[0] & 1 else "look"


def lines(path: Path) -> Iterator[str]:
    """The lines of a JSONL file, packed or not."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as stream:
        yield from stream


def chosen(path: Path, wanted: str, always_look: frozenset[str]) -> Iterator[str]:
    """The lines of a file that fall on one side."""
    for line in lines(path):
        item = json.loads(line)
        if side(item.get("story_id") or item["id"], always_look) == wanted:
            yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["look", "measure"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--look", action="append", default=[], metavar="STORY", help="a story that is always read")
    options = parser.parse_args()
    sys.stdout.writelines(chosen(options.file, options.side, frozenset(options.look)))


if __name__ == "__main__":
    main()
