"""A rule's own examples: they run when it is loaded, and a rule that fails one is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from monitor.errors import ConfigError, Problem
from monitor.model import Entry, Hit
from monitor.rules.compile import content_hash
from monitor.rules.document import Subject
from monitor.rules.files import ExampleForm, ExpectForm, RuleForm
from monitor.rules.rule_set import Rule, RuleSet
from monitor.yamlfile import MappingNode, ScalarNode, find, plain, problem

GIVEN = frozenset({"must_match", "must_not_match"})  # the keys of a rule under which examples stand
_NOTHING = ExpectForm()


@dataclass(frozen=True, slots=True)
class Examples:
    """Compiled rules and the forms that hold their examples. Those that stand in `known` passed before."""

    rules: RuleSet
    forms: Sequence[tuple[RuleForm, MappingNode]]
    known: frozenset[str] = frozenset()

    def checked(self) -> RuleSet:
        """The rules, when all examples hold. ConfigError names each that does not."""
        passed, problems = self.run()
        if problems:
            raise ConfigError(*problems)
        return self.with_passed(passed)

    def with_passed(self, passed: frozenset[str]) -> RuleSet:
        """The rules, these examples of which have held."""
        return replace(self.rules, examples_passed=passed)

    def run(self) -> tuple[frozenset[str], list[Problem]]:
        """What RuleSet.examples_passed holds of the examples, and what is wrong with others."""
        passed: set[str] = set()
        problems: list[Problem] = []
        for key, form, node in self._keyed():
            failed = [] if key in self.known else failures(self.rules, self.rules.rules[form.id.text], form, node)
            problems += failed
            if not failed:
                passed.add(key)
        return frozenset(passed), in_order(problems)

    def _keyed(self) -> Iterable[tuple[str, RuleForm, MappingNode]]:
        """Rules that have examples, by a hash of all that these depend on."""
        facts = content_hash([v.version for v in self.rules.vocabularies.values() if v.kind != "terms"])
        for form, node in self.forms:
            if form.must_match or form.must_not_match:
                written = [plain(node.values[key]) for key in sorted(GIVEN & set(node.values))]
                yield content_hash(self.rules.rules[form.id.text].version, facts, written), form, node


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems as they stand in the files."""
    return sorted(problems, key=lambda one: (one.place.file, one.place.line, one.place.column))


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
