"""The JSON Schema of a settings dataclass, for editors: the same annotations that `typed` reads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from monitor.yamlfile.units import DURATION_SCHEMA, SIZE_SCHEMA, format_duration, format_size


def schema(type_: Any, *, title: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a file whose document is a `type_`."""
    made = TypeAdapter(type_).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_tidied(made), "title": title}


def _tidied(value: Any) -> Any:
    """As YAML has it: no unknown keys, keys without their trailing underscore, durations as we write them."""
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "duration":
        value = {**DURATION_SCHEMA, **{k: v for k, v in value.items() if k in {"description", "default"}}}
    if value.get("format") == "time":
        return {"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2})?$", "examples": ["07:30"]}
    tidied = {key: _tidied(item) for key, item in value.items() if not _is_noise(key, item)}
    if "default" in tidied:
        tidied["default"] = _as_written(value)
    if "properties" in value:
        tidied["properties"] = {key.rstrip("_"): _tidied(item) for key, item in value["properties"].items()}
        kinds = [key for key, item in value["properties"].items() if "const" in item]  # tell a union's members apart
        tidied["required"] = [key.rstrip("_") for key in [*value.get("required", []), *kinds]]
        tidied["additionalProperties"] = False
    return tidied


def _as_written(value: dict[str, Any]) -> Any:
    """A default as people write it: pydantic gives durations as ISO 8601 and sizes as bytes."""
    default = value["default"]
    if value.get("pattern") == DURATION_SCHEMA["pattern"]:
        return format_duration(TypeAdapter(timedelta).validate_python(default))
    return format_size(default) if value.get("pattern") == SIZE_SCHEMA["pattern"] else default


def _is_noise(key: str, item: Any) -> bool:
    """Titles that pydantic makes up from names, and defaults that only say null."""
    return (key == "title" and isinstance(item, str)) or (key == "default" and item is None)
