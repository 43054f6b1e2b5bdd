"""A small configuration on disk, to be loaded as the service loads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor import settings

MONITOR = "receivers: [{name: licensing, type: slack}]\nroutes: [{to: [licensing]}]\nops: {to: [licensing]}\n"
FEEDS = "feeds:\n  - {id: a, url: 'https://a.example/feed', tags: [press]}\n"
RULES = """version: 1
rules:
  - id: closing
    title: A lab closes a model
    severity: high
    when: open AND closed
    must_match: [An open model is closed]
"""


def write(directory: Path, monitor: str = MONITOR, feeds: str = FEEDS, rules: str = RULES) -> Path:
    config = directory / "config"
    (config / "rules").mkdir(parents=True)
    (config / "monitor.yaml").write_text(monitor, "utf-8")
    (config / "feeds.yaml").write_text(feeds, "utf-8")
    (config / "rules" / "first.yaml").write_text(rules, "utf-8")
    return config


def load(directory: Path, env: Mapping[str, str] | None = None, **files: str) -> settings.Configuration:
    return settings.load(write(directory, **files), env or {})
