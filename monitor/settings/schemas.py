"""JSON Schemas of the configuration files, for editors. `python -m monitor.settings.schemas DIR` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from monitor.rules.load import rules_schema
from monitor.settings.shape import FeedsFile, MonitorFile
from monitor.yamlfile import schema


def schemas() -> dict[str, dict[str, Any]]:
    """By file name: the schema of monitor.yaml, of feeds.yaml and of rules/*.yaml."""
    return {
        "monitor.json": schema(MonitorFile, title="licensewatch: monitor.yaml"),
        "feeds.json": schema(FeedsFile, title="licensewatch: feeds.yaml"),
        "rules.json": rules_schema(),
    }


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


if __name__ == "__main__":
    for written_path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "config/schema")):
        sys.stdout.write(f"{written_path}\n")
