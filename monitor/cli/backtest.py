"""`licensewatch rules backtest`: candidate rules against the rules of now, over the stored history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor import clock
from monitor.cli import output
from monitor.cli.context import Context, current
from monitor.errors import UsageError
from monitor.rules.load import load_rules, rule_files
from monitor.rules.rule_set import RuleSet
from monitor.store import entries
from monitor.store.entries import StoredEntry
from monitor.yamlfile import parse_duration

_SHOWN = 20  # titles of each kind; --json has all


@dataclass(frozen=True, slots=True)
class Difference:
    """A hit that one side has and the other has not."""

    rule: str
    entry: StoredEntry


@dataclass(slots=True)
class Comparison:
    """Hits of the rules of now and of the candidates over the same entries."""

    entries: int = 0
    first: datetime | None = None
    last: datetime | None = None
    now: Counter[str] = field(default_factory=Counter)
    candidate: Counter[str] = field(default_factory=Counter)
    alerts_now: int = 0
    alerts_candidate: int = 0
    gained: list[Difference] = field(default_factory=list)
    lost: list[Difference] = field(default_factory=list)

    def add(self, one: StoredEntry, now: frozenset[str], candidate: frozenset[str]) -> None:
        self.entries += 1
        self.first = min(self.first or one.first_seen_at, one.first_seen_at)
        self.last = max(self.last or one.first_seen_at, one.first_seen_at)
        self.now.update(now)
        self.candidate.update(candidate)
        self.alerts_now += bool(now)
        self.alerts_candidate += bool(candidate)
        self.gained += [Difference(rule, one) for rule in sorted(candidate - now)]
        self.lost += [Difference(rule, one) for rule in sorted(now - candidate)]

    def weeks(self) -> float:
        """How long the entries reach, at least a day, so that a rate can be named."""
        if self.first is None or self.last is None:
            return 1.0
        return max((self.last - self.first) / timedelta(weeks=1), 1 / 7)


def backtest(
    ctx: typer.Context,
    candidates: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE|DIR", help="Candidate rule files; none: the rules of now.", show_default=False),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far back, as in 30d; else all that is stored.")
    ] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare candidate rules with the rules of now over the stored entries: hits gained and lost, matches a week.

    A directory stands for all rules; a file for the one of the same name, the other files staying as they are. Fails
    (exit 2) when the candidates do not load or break one of their examples, so it can guard a pull request.

    As in: licensewatch rules backtest candidate/own.yaml --since 90d
    """
    context = current(ctx)
    candidate = load_rules(candidate_files(context, candidates or []))
    for warning in candidate.warnings if candidates else ():
        output.warn(str(warning))
    compared = _compared(context, candidate, _start(since))
    if json_:
        output.emit_json(_record(compared))
    else:
        _print(compared)


def candidate_files(context: Context, given: Sequence[Path]) -> list[Path]:
    """The files that make up the candidate rules. UsageError when one does not exist."""
    for path in given:
        if not path.exists():
            raise UsageError(f"{path} does not exist.")
        if (path.is_dir() and not rule_files([path])) or (path / "rules").is_dir():
            meant = f" Did you mean {path / 'rules'}?" if (path / "rules").is_dir() else ""
            raise UsageError(f"{path} is no directory of rule files (*.yaml).{meant}")
    current_files = rule_files([context.directory() / "rules"])
    if not given:
        return current_files
    replaced = rule_files(given)
    if any(path.is_dir() for path in given):
        return replaced
    names = {path.name for path in replaced}
    return [path for path in current_files if path.name not in names] + replaced


def _start(since: str) -> datetime | None:
    if not since:
        return None
    try:
        return clock.now() - parse_duration(since)
    except ValueError as error:
        raise UsageError(f"--since {since}: {error}") from None


def _compared(context: Context, candidate: RuleSet, start: datetime | None) -> Comparison:
    configuration = context.configuration()
    tags = {feed.id: feed.tags for feed in configuration.feeds}
    compared = Comparison()
    with context.database().read() as conn:
        total = sum(entries.counts(conn).values())
        with output.progress("backtesting", total) as advance:
            for page in entries.iterate(conn, start):
                for one in page:
                    compared.add(one, _hits(configuration.rules, one, tags), _hits(candidate, one, tags))
                advance(len(page))
    return compared


def _hits(rules: RuleSet, one: StoredEntry, tags: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found = rules.match(one.entry, feed_tags=tags.get(one.entry.feed_id, ()))
    return frozenset(hit.rule_id for hit in found)


def _record(compared: Comparison) -> dict[str, Any]:
    weeks = compared.weeks()
    return {
        "entries": compared.entries,
        "from": compared.first,
        "to": compared.last,
        "matches_a_week": {
            "now": round(compared.alerts_now / weeks, 1),
            "candidate": round(compared.alerts_candidate / weeks, 1),
        },
        "rules": {
            rule: {"now": compared.now[rule], "candidate": compared.candidate[rule]}
            for rule in sorted(compared.now | compared.candidate)
        },
        "gained": [_difference(one) for one in compared.gained],
        "lost": [_difference(one) for one in compared.lost],
    }


def _difference(one: Difference) -> dict[str, Any]:
    entry = one.entry.entry
    return {"rule": one.rule, "entry": one.entry.id, "feed": entry.feed_id, "title": entry.title, "url": entry.url}


def _print(compared: Comparison) -> None:
    record = _record(compared)
    rules = [
        (rule, counts["now"], counts["candidate"], f"{counts['candidate'] - counts['now']:+d}")
        for rule, counts in record["rules"].items()
    ]
    output.table(
        "Hits by rule", ("rule", "now", "candidate", "change"), rows=rules, right=("now", "candidate", "change")
    )
    for title, found in (("Gained", compared.gained), ("Lost", compared.lost)):
        rows = [(one.rule, one.entry.entry.feed_id, one.entry.entry.title) for one in found[:_SHOWN]]
        if rows:
            more = f", the first {_SHOWN} of {len(found)}" if len(found) > _SHOWN else ""
            output.table(title + more, ("rule", "feed", "title"), rows)
    rate = record["matches_a_week"]
    output.say(
        f"{compared.entries} entries. Matching entries a week: {rate['now']} now,"
        f" {rate['candidate']} with the candidates; several may be one story."
    )
