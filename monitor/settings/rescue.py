"""What a broken settings file still says: the few keys that lead to the database, where they say it beyond doubt."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from monitor.errors import ConfigError
from monitor.yamlfile import MappingNode, Node, ScalarNode, load, nearest, parse

_KEY = re.compile(r"[\"']?([\w-]+)[\"']?[ \t]*:(?:[ \t].*)?")  # a key of the file itself: it begins its line


def places(path: Path, known: Collection[str], wanted: Collection[str]) -> MappingNode | None:
    """The wanted keys of a file, each a text, whatever else is wrong with it. None when they cannot be told.

    Doubt is: one of them twice, one that is no text, one that looks misspelt (a key not `known` that is near to it),
    and a file whose syntax is broken and that names one anywhere but at the beginning of a line.
    """
    try:
        document: Node = load(path)
    except ConfigError:
        found = _by_lines(path, wanted)
    else:
        found = document if isinstance(document, MappingNode) else None
    if found is None or any(nearest(key, known) in wanted for key in found.values if key not in known):
        return None
    values = {key: found.values[key] for key in wanted if key in found.values}
    if any(not isinstance(value, ScalarNode) for value in values.values()):
        return None
    said = {key: value for key, value in values.items() if isinstance(value, ScalarNode) and not value.is_null}
    keys = {key: found.keys[key] for key in said}
    return MappingNode(found.source, found.line, found.column, found.start, found.end, said, keys)


def _by_lines(path: Path, wanted: Collection[str]) -> MappingNode | None:
    """The keys that begin a line of a file that is no YAML; those that are wanted have the text beside them."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    kept: list[str] = []
    open_ = False  # whether an indented line would go on with a wanted key
    for line in map(str.rstrip, text.splitlines()):
        key = _KEY.fullmatch(line)
        if not line or line.lstrip().startswith("#"):
            kept.append("")
        elif key and key[1] in wanted:
            kept.append(line)
            open_ = True
        elif (open_ and line[0].isspace()) or (not key and any(name in line for name in wanted)):
            return None
        else:
            name = f"{key[1]}:" if key else ""  # it may be a misspelt one; what it says is of no interest
            kept.append(name if name not in kept else "")
            open_ = False
    try:
        document = parse("\n".join(kept), str(path))
    except ConfigError:
        return None
    return document if isinstance(document, MappingNode) else None
