"""Small ways to say rules and entries in a test."""

from __future__ import annotations

import textwrap

from monitor.errors import ConfigError
from monitor.model import Entry, Hit
from monitor.rules.load import load_nodes
from monitor.rules.rule_set import RuleSet
from monitor.yamlfile import parse


def rules_of(document: str) -> RuleSet:
    """The rules of a YAML text."""
    return load_nodes([parse(textwrap.dedent(document), "rules.yaml")])


def one_rule(query: str, vocabularies: str = "{}") -> RuleSet:
    """A single rule with this query as a block scalar; `vocabularies` is YAML in flow style."""
    block = textwrap.indent(query, " " * 6)
    return load_nodes(
        [parse(f"vocabularies: {vocabularies}\nrules:\n- id: r\n  title: t\n  when: |\n{block}\n", "rules.yaml")]
    )


def entry(title: str, summary: str = "", **more: object) -> Entry:
    return Entry("feed", (), title, summary, **more)  # type: ignore[arg-type]  # keyword values of a test


def matched(rules: RuleSet, title: str, summary: str = "") -> list[str]:
    """The texts of the spans of the first hit, in order; an empty list when nothing matches."""
    hits = rules.match(entry(title, summary))
    return spans(hits[0], title, summary) if hits else []


def spans(hit: Hit, title: str, summary: str = "") -> list[str]:
    fields = {"title": title, "summary": summary}
    return [fields[span.field][span.start : span.end] for span in hit.spans]


def problems_of(document: str) -> list[str]:
    """What loading this YAML text complains about."""
    try:
        rules_of(document)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def problem_of(query: str) -> str:
    """What is wrong with a query; empty when nothing is."""
    try:
        one_rule(query)
    except ConfigError as error:
        return str(error)
    return ""
