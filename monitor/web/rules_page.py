"""The rules: what each caught, which of its versions, and how right people say it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from monitor.rules.rule_set import Rule
from monitor.store import figures, hits
from monitor.store.figures import RuleVersion, Verdicts
from monitor.web.asked import Asked, Shown


@dataclass(frozen=True, slots=True)
class Row:
    """A rule in force, or (without `rule`) one that was."""

    id: str
    rule: Rule | None
    title: str
    versions: tuple[RuleVersion, ...]
    week: int
    month: int
    verdicts: Verdicts

    @property
    def hits(self) -> int:
        """Hits of all versions, those of first polls left out."""
        return sum(one.hits for one in self.versions)

    @property
    def first(self) -> int:
        """Hits on first polls."""
        return sum(one.first for one in self.versions)


def page(asked: Asked) -> Shown:
    """Every rule in force, the busiest first; then those that left the files but are remembered."""
    rules = asked.configuration.rules.rules
    versions = figures.rule_versions(asked.conn)
    week = hits.counts(asked.conn, asked.now - timedelta(days=7))
    month = hits.counts(asked.conn, asked.now - timedelta(days=30))
    said = figures.verdicts(asked.conn)
    rows = [
        Row(
            id=rule_id,
            rule=rules.get(rule_id),
            title=rules[rule_id].title if rule_id in rules else versions[rule_id][0].title,
            versions=tuple(versions.get(rule_id, ())),
            week=week.get(rule_id, 0),
            month=month.get(rule_id, 0),
            verdicts=figures.of_rule(said, rule_id),
        )
        for rule_id in rules.keys() | versions.keys()
    ]
    rows.sort(key=lambda row: (row.rule is None, -row.month, -row.hits, row.id))
    values = {
        "rows": [row for row in rows if row.rule is not None],
        "former": [row for row in rows if row.rule is None],
        "most": max((row.month for row in rows), default=0),
    }
    return Shown("rules.html", values)
