"""A rule's own examples: they run when it is loaded, and a rule that fails one is refused."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from monitor.errors import Problem
from monitor.model import Entry, Hit
from monitor.rules.document import Subject
from monitor.rules.files import ExampleForm, ExpectForm, RuleForm
from monitor.rules.rule_set import Rule, RuleSet
from monitor.yamlfile import MappingNode, ScalarNode, find, problem

_NOTHING = ExpectForm()


def failures(rule_set: RuleSet, rule: Rule, form: RuleForm, node: MappingNode) -> list[Problem]:
    """What is wrong with the examples of a rule, each at its place."""
    found: list[Problem] = []
    for key, wanted in (("must_match", True), ("must_not_match", False)):
        for number, example in enumerate(getattr(form, key)):
            made = ExampleForm(title=example.text) if isinstance(example, ScalarNode) else example
            message = _failure(rule_set, rule, made, wanted)
            if message:
                found.append(problem(find(node, key, number), f"{rule.id}: {message}", "mend the rule or the example"))
    return found


def subject_of(example: ExampleForm) -> Subject:
    """The entry an example stands for."""
    entry = Entry(
        feed_id=example.feed,
        keys=(),
        title=example.title,
        summary=example.summary,
        content=example.content,
        author=example.author,
        url=example.url,
        tags=example.tags,
    )
    return Subject(entry)


def _failure(rule_set: RuleSet, rule: Rule, example: ExampleForm, wanted: bool) -> str:
    if wanted and example.expect == _NOTHING and rule_set.holds(rule.id, subject_of(example)):
        return ""
    hit = rule_set.hit(rule.id, subject_of(example))
    if hit is None and wanted:
        from monitor.rules.explain import why_not

        return f"does not match its example: {why_not(rule_set, rule.id, subject_of(example))}"
    if hit is not None and not wanted:
        words = [_cut(example, span) for span in hit.spans]
        return f"matches what it must not match, by {', '.join(dict.fromkeys(words)) or 'its feed'}"
    return _unexpected(hit, example.expect) if hit is not None else ""


def _cut(example: ExampleForm, span: Any) -> str:
    return f"'{getattr(example, span.field)[span.start : span.end]}'"


def _unexpected(hit: Hit, expect: ExpectForm) -> str:
    """How the shift record differs from what the example expects."""
    wrong = []
    for field in fields(expect):
        wanted, read = getattr(expect, field.name), getattr(hit.shift, field.name)
        if wanted is not None and wanted != read:
            wrong.append(f"{field.name.rstrip('_')} is read as {_said(read)}, the example expects {_said(wanted)}")
    return "; ".join(wrong)


def _said(value: Any) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value) or "nothing"
