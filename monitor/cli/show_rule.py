"""`licensewatch rules show`: one rule as its file has it, with what the program knows of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.context import current
from monitor.errors import UsageError
from monitor.rules.rule_set import Rule, RuleSet
from monitor.yamlfile import nearest


def show(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The id of a rule.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a rule as its file has it, and where that is."""
    found = known_rule(current(ctx).configuration().rules, rule)
    text = "\n".join(_lines(found))
    if json_:
        facts = {name: getattr(found, name) for name in ("id", "title", "severity", "priority", "version", "tags")}
        output.emit_json({**facts, "place": str(found.place), "text": text})
        return
    output.say(f"# {found.place}")
    output.say(text)


def known_rule(rules: RuleSet, name: str) -> Rule:
    """The rule of that id. UsageError with the nearest id when there is none."""
    if name in rules.rules:
        return rules.rules[name]
    close = nearest(name, rules.rules)
    remedy = f"Did you mean {close}?" if close else "`licensewatch rules list` shows those there are."
    raise UsageError(f"There is no rule {name}. {remedy}")


def _lines(rule: Rule) -> Iterable[str]:
    """The lines of the item that a rule is: up to the next line that is indented as little."""
    try:
        lines = Path(rule.place.file).read_text(encoding="utf-8").splitlines()[rule.place.line - 1 :]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{rule.place.file} cannot be read: {error}") from None
    depth = _depth(lines[0])
    end = next((n for n, line in enumerate(lines) if n and line.strip() and _depth(line) <= depth), len(lines))
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return [line[depth:] for line in lines[:end]]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
