"""The rules of config/rules for made-up news: their vocabularies know the newsroom's labs and models.

Their examples are left out: they are proven elsewhere, and every life of a process would run them again.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from monitor import settings
from monitor.testing.newsroom import subject

STORYLINES = 160  # so many are known
# What tells the made-up stories; the other rules would only make each start longer. Vocabularies are there all of them:
# those named in one file use those of others.
_RULES_OF = ("closing", "false-friends")


def write_rules(directory: Path) -> list[Path]:
    """Write the rule files into a directory; their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted((settings.packaged_config() / "rules").glob("*.yaml")):
        content = yaml.load(source.read_text(encoding="utf-8"), yaml.CBaseLoader)
        if source.stem not in _RULES_OF:
            content.pop("rules", None)
        for rule in content.get("rules") or ():
            rule.pop("must_match", None)
            rule.pop("must_not_match", None)
        vocabularies = content.get("vocabularies") or {}
        pairs = [subject(number) for number in range(STORYLINES)]
        if "lab" in vocabularies:
            vocabularies["lab"]["entities"] += [{"name": lab, "terms": [f"={lab}"]} for lab, _ in pairs]
        if "language_model" in vocabularies:
            vocabularies["language_model"]["entities"] += [
                {"name": model, "org": lab, "terms": [f"={model}"]} for lab, model in pairs
            ]
        written.append(directory / source.name)
        written[-1].write_text(yaml.safe_dump(content, allow_unicode=True, width=1_000), encoding="utf-8")
    return written
