"""JSON Schemas of the configuration files, for editors. `python -m monitor.settings DIR` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monitor.rules.load import rules_schema
from monitor.settings.descriptions import description
from monitor.settings.shape import FeedsFile, MonitorFile
from monitor.yamlfile import schema


def schemas() -> dict[str, dict[str, Any]]:
    """By file name: the schema of monitor.yaml, of feeds.yaml and of rules/*.yaml."""
    return {
        "monitor.json": _described(schema(MonitorFile, title="licensewatch: monitor.yaml"), "MonitorFile"),
        "feeds.json": _described(schema(FeedsFile, title="licensewatch: feeds.yaml"), "FeedsFile"),
        "rules.json": rules_schema(),
    }


def _described(made: dict[str, Any], root: str) -> dict[str, Any]:
    """The schema with one line about every key, for editors to show."""
    for section, part in {root: made, **made["$defs"]}.items():
        for key, value in part.get("properties", {}).items():
            text = description(section, key)
            if text:
                value["description"] = text
    return made


def write(directory: Path) -> list[Path]:
    """Write the schemas, and say which files those are."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, made in schemas().items():
        path = directory / name
        path.write_text(as_text(made), "utf-8")
        written.append(path)
    return written


def as_text(made: dict[str, Any]) -> str:
    """A schema as the file has it."""
    return json.dumps(made, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
