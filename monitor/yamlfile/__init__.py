"""Strict YAML with positions: for settings, feeds and rules.

Every scalar is read as text and typed by the schema. Unknown and duplicate keys, aliases, anchors, tags, merge keys,
control characters and wrong types are errors that name file, line, column, key, what was found and what is allowed.
`load` reads a file into nodes that know their place, `typed` turns nodes into frozen dataclasses, `schema` writes the
JSON Schema of the same dataclasses for editors.

The deciding modules take `Duration` and `Size` from here, so nothing here imports what they may not (pathlib, os …).
"""

from monitor.yamlfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    find,
    kind,
    nearest,
    place_in,
    plain,
    problem,
    shorten,
)
from monitor.yamlfile.reading import MAX_BYTES, load, parse
from monitor.yamlfile.schema import schema
from monitor.yamlfile.typing import key_names, typed
from monitor.yamlfile.units import Duration, Size, format_duration, format_size, parse_duration, parse_size

__all__ = [
    "MAX_BYTES",
    "Duration",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "Size",
    "find",
    "format_duration",
    "format_size",
    "key_names",
    "kind",
    "load",
    "nearest",
    "parse",
    "parse_duration",
    "parse_size",
    "place_in",
    "plain",
    "problem",
    "schema",
    "shorten",
    "typed",
]
