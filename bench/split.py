"""Splits labelled stories into parts that are read while rules are written and parts that are only measured.

A story is on one side by a seeded hash of its `story_id` (an unlabelled item by its `id`), so nothing of a story that
was only measured is ever read while rules are written. `look` is one half; the other, `measure`, is split again:
`second` (two thirds) was opened for a second round of work, `last` (one third) never. Stories named with --look are
always in `look`.

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
SECOND_SEED = "licensewatch-2"
SIDES = {"look": {"look"}, "measure": {"second", "last"}, "second": {"second"}, "last": {"last"}}


def side(key: str, always_look: frozenset[str] = frozenset()) -> str:
    """`look`, `second` or `last`: a half, a third and a sixth of all keys, the same on every machine."""
    if key in always_look or not _drawn(SEED, key) & 1:
        return "look"
    return "last" if _drawn(SECOND_SEED, key) % 3 == 0 else "second"


def _drawn(seed: str, key: str) -> int:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()[0]


def lines(path: Path) -> Iterator[str]:
    """The lines of a JSONL file, packed or not."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as stream:
        yield from stream


def chosen(path: Path, wanted: str, always_look: frozenset[str]) -> Iterator[str]:
    """The lines of a file that fall on one side (`measure` is `second` and `last`)."""
    for line in lines(path):
        item = json.loads(line)
        if side(item.get("story_id") or item["id"], always_look) in SIDES[wanted]:
            yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=sorted(SIDES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--look", action="append", default=[], metavar="STORY", help="a story that is always read")
    options = parser.parse_args()
    sys.stdout.writelines(chosen(options.file, options.side, frozenset(options.look)))


if __name__ == "__main__":
    main()
