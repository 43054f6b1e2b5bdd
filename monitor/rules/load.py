"""Rule files to a RuleSet: all or nothing, with every mistake named at its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from monitor.counts import counted
from monitor.errors import ConfigError, Problem
from monitor.rules import match
from monitor.rules.compile import NO_VOCABULARY, Compiler, Pool, content_hash, either
from monitor.rules.entities import Vocabulary
from monitor.rules.examples import GIVEN, Examples, in_order
from monitor.rules.facts import Rulings
from monitor.rules.files import ExampleForm, ExpectForm, FileForm, RuleForm, ScoreForm, ShiftForm
from monitor.rules.index import build_index
from monitor.rules.rule_set import Rule, RuleSet
from monitor.rules.schema import rules_schema
from monitor.rules.syntax import QueryError
from monitor.rules.told import Sources
from monitor.rules.vocabularies import Source, VocabularyCompiler
from monitor.yamlfile import MappingNode, Node, ScalarNode, find, load, place_in, plain, problem, typed

__all__ = ["compile_rules", "load_nodes", "load_rules", "rule_files", "rules_schema"]

_RULE_ID = re.compile(r"[A-Za-z0-9][\w.-]*")


def load_rules(paths: Sequence[Path], passed: Collection[str] = ()) -> RuleSet:
    """The rules of these files, or of the *.yaml files of these directories.

    ConfigError holds all mistakes. Examples that stand in `passed` (RuleSet.examples_passed) are not run again.
    """
    return compile_rules(paths, passed).checked()


def compile_rules(paths: Sequence[Path], passed: Collection[str] = ()) -> Examples:
    """The same, with examples that are still to run."""
    problems: list[Problem] = []
    roots: list[Node] = []
    for path in rule_files(paths):
        try:
            roots.append(load(path))
        except ConfigError as error:
            problems.extend(error.problems)
    return _compiled(roots, passed, problems)


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The files meant, each once, those of a directory by name; what is hidden there is an editor's."""
    found = (sorted(path.glob("[!.]*.yaml")) if path.is_dir() else [path] for path in paths)
    return list(dict.fromkeys(file for files in found for file in files))


def load_nodes(roots: Sequence[Node], passed: Collection[str] = ()) -> RuleSet:
    """The rules of documents that were read already."""
    return _compiled(roots, passed, ()).checked()


def _compiled(roots: Sequence[Node], passed: Collection[str], problems: Iterable[Problem]) -> Examples:
    """`problems` are mistakes found on the way to the documents."""
    loader = _Loader(problems=list(problems))
    loader.incomplete = bool(loader.problems)
    for root in roots:
        loader.read(root)
    unread = loader.problems[0] if loader.incomplete else None
    rule_set = loader.compiled()
    if unread is not None:
        loader.problems = _without_what_follows(loader.problems, unread)
    if loader.problems:
        raise ConfigError(*in_order(loader.problems))
    return Examples(rule_set, loader.rules, frozenset(passed))


def _without_what_follows(problems: Sequence[Problem], unread: Problem) -> list[Problem]:
    """Files that are right name vocabularies of the file that cannot be read: one mistake, and it is not theirs."""
    kept = [one for one in problems if not one.message.startswith(NO_VOCABULARY)]
    more = len(problems) - len(kept)
    if not more:
        return kept
    said = replace(unread, message=f"{unread.message}, and {counted(more, 'mistake')} that may follow from it")
    return [said if one is unread else one for one in kept]


@dataclass(slots=True)
class _Loader:
    """Collects the files, then compiles them together: names reach over all files."""

    problems: list[Problem]
    incomplete: bool = False  # a file could not be read, and what it defines is missing
    warnings: list[Problem] = field(default_factory=list)
    pool: Pool = field(default_factory=Pool)
    vocabularies: dict[str, Source] = field(default_factory=dict)
    rules: list[tuple[RuleForm, MappingNode]] = field(default_factory=list)
    names: dict[str, ScalarNode] = field(default_factory=dict)

    def read(self, root: Node) -> None:
        try:
            form: FileForm = typed(root, FileForm)
        except ConfigError as error:
            self.problems[:0] = error.problems
            self.incomplete = True
            return
        for source in _sources(find(root, "vocabularies"), form.vocabularies):
            if self._is_new(source.key):
                self.vocabularies[source.name] = source
        for number, rule in enumerate(form.rules):
            node = find(root, "rules", number)
            if isinstance(node, MappingNode) and self._is_new(rule.id):
                self.rules.append((rule, node))

    def _is_new(self, name: ScalarNode) -> bool:
        first = self.names.setdefault(name.text, name)
        if first is not name:
            self.problems.append(
                problem(
                    name, f"'{name.text}' is taken, at {first.place}", "vocabularies and rules share one set of names"
                )
            )
        return first is name

    def compiled(self) -> RuleSet:
        vocabularies = VocabularyCompiler(self.pool, self.vocabularies, self.problems, self.warnings).compile_all()
        here = {name: source.key.place.file for name, source in self.vocabularies.items() if source.typed.here}
        sources = Sources(_by_kind(found for name, found in vocabularies.items() if name not in here))
        of_file = {
            file: sources.with_local(vocabularies[name] for name, its in here.items() if its == file)
            for file in set(here.values())
        }
        rules: dict[str, Rule] = {}
        for form, node in self.rules:
            its_sources = of_file.get(form.id.place.file, sources)
            rule = _RuleCompiler(self, form, node, vocabularies).rule(its_sources, len(rules))
            if rule is not None:
                rules[rule.id] = rule
        index = build_index(self.pool, [rule.condition for rule in rules.values()])
        return RuleSet(rules, vocabularies, index, tuple(self.warnings))


def _sources(node: Node, forms: Mapping[str, Any]) -> Iterable[Source]:
    if isinstance(node, MappingNode):
        for name, form in forms.items():
            yield Source(node.keys[name], node.values[name], form)


def _by_kind(vocabularies: Iterable[Vocabulary]) -> dict[str, list[Vocabulary]]:
    found: dict[str, list[Vocabulary]] = {}
    for vocabulary in vocabularies:
        if vocabulary.kind != "terms":
            found.setdefault(vocabulary.kind, []).append(vocabulary)
    return found


@dataclass(slots=True)
class _RuleCompiler:
    """One rule of a file to a Rule; None when there are problems."""

    loader: _Loader
    form: RuleForm
    node: MappingNode
    vocabularies: Mapping[str, Vocabulary]
    failed: bool = False

    def rule(self, sources: Sources, number: int) -> Rule | None:
        form = self.form
        local = self._local_vocabularies()
        compiler = Compiler(self.loader.pool, {**self.vocabularies, **local} if local else self.vocabularies)
        parts = self._parts(compiler)
        self._check()
        if self.failed:
            return None
        used = sorted(self.vocabularies[name].version for name in compiler.used if name in self.vocabularies)
        content = {key: plain(value) for key, value in self.node.values.items() if key not in GIVEN}
        return Rule(
            id=form.id.text,
            title=form.title,
            severity=form.severity,
            version=content_hash(content, used),
            tags=form.tags,
            place=form.id.place,
            condition=_condition(parts),
            parts=tuple(parts),
            rulings=Rulings(_given(form.shift), _given(form.assume)),
            sources=sources.with_local(local.values()) if local else sources,
            number=number,
            priority=form.priority,
        )

    def warn(self, where: Node, message: str, remedy: str = "") -> None:
        self.loader.warnings.append(problem(where, message, remedy))

    def refuse(self, where: Node, message: str, remedy: str = "") -> None:
        self.loader.problems.append(problem(where, message, remedy))
        self.failed = True

    def _local_vocabularies(self) -> Mapping[str, Vocabulary]:
        if not self.form.vocabularies:
            return {}
        found = {source.name: source for source in _sources(self.node.values["vocabularies"], self.form.vocabularies)}
        for source in found.values():
            if source.name in self.loader.names:
                self.refuse(
                    source.key,
                    f"'{source.name}' is taken, at {self.loader.names[source.name].place}",
                    "choose another name",
                )
        problems: list[Problem] = []
        compiled = VocabularyCompiler(
            self.loader.pool, found, problems, self.loader.warnings, self.vocabularies
        ).compile_all()
        self.loader.problems.extend(problems)
        self.failed = self.failed or bool(problems)
        return compiled

    def _check(self) -> None:
        form = self.form
        if not _RULE_ID.fullmatch(form.id.text):
            self.refuse(form.id, f"'{form.id.text}' is no id for a rule", "letters, digits, -, _ and .")
        ways = [form.when is not None, form.score is not None, bool(form.any or form.all or form.none)]
        if sum(ways) != 1:
            said = "says nothing to look for" if not any(ways) else "says in two ways what to look for"
            self.refuse(form.id, f"the rule {form.id.text} {said}", "exactly one of: when; score; any, all and none")
        elif form.none and not (form.any or form.all):
            self.refuse(form.none[0], "none alone matches almost everything", "say in any or all what must be there")
        if not form.title.strip():
            self.refuse(self.node.values["title"], f"the rule {form.id.text} has no title", "say what it finds")
        if form.score is not None:
            self._check_score(form.score)
        for number, example in enumerate(form.must_not_match):
            if isinstance(example, ExampleForm) and example.expect != ExpectForm():
                self.warn(find(self.node, "must_not_match", number, "expect"), "what must not match is read as nothing")

    def _check_score(self, score: ScoreForm) -> None:
        at = find(self.node, "score", "threshold")
        most = sum(item.points for item in score.add if item.points > 0)
        if not score.add:
            self.refuse(self.node.values["score"], "the score has no clauses", "add: [{when: …, points: 3}]")
        elif score.threshold <= 0:
            self.refuse(at, f"a threshold of {score.threshold:g} is reached by every entry", "a number above 0")
        elif most < score.threshold:
            self.warn(at, f"the points are {most:g} together, so {score.threshold:g} are never reached")

    def _parts(self, compiler: Compiler) -> list[tuple[str, match.Node]]:
        form = self.form
        parts: list[tuple[str, match.Node]] = []
        if form.when is not None:
            parts += [("when", node) for node in self._compiled(compiler, [form.when])]
        for name, queries, positive in (("any", form.any, True), ("all", form.all, True), ("none", form.none, False)):
            nodes = self._compiled(compiler, queries, positive=positive)
            if nodes:
                parts.append((name, match.AndNode(name, nodes) if name == "all" else either(name, nodes)))
        if form.score is not None:
            nodes = self._compiled(compiler, [item.when for item in form.score.add])
            points = [item.points for item in form.score.add]
            if len(nodes) == len(points):
                parts.append(
                    ("score", match.ScoreNode("score", form.score.threshold, list(zip(nodes, points, strict=True))))
                )
        if form.unless is not None:
            parts += [("unless", node) for node in self._compiled(compiler, [form.unless], positive=False)]
        return parts

    def _compiled(
        self, compiler: Compiler, queries: Iterable[ScalarNode], *, positive: bool = True
    ) -> list[match.Node]:
        nodes = []
        for query in queries:
            self._warn(query)
            try:
                nodes.append(compiler.query(query.text, positive=positive))
            except QueryError as error:
                self.refuse_at(query, error)
            if compiler.loose:
                compiler.loose = False
                self.warn(
                    query,
                    "this holds of every entry in which none of its words stands",
                    "join what must not be there by AND NOT",
                )
        return nodes

    def refuse_at(self, query: ScalarNode, error: QueryError) -> None:
        self.loader.problems.append(problem(place_in(query, error.offset), error.message, error.remedy))
        self.failed = True

    def _warn(self, query: ScalarNode) -> None:
        """YAML takes ` #` for its own comment, and folding makes a comment of the query's eat what follows."""
        text = query.source.text
        line_end = text.find("\n", query.end)
        rest = text[query.end : line_end if line_end >= 0 else len(text)]
        remedy = "write the query as a block scalar: | and the query indented below"
        if query.style == "" and rest.lstrip().startswith("#") and rest != rest.lstrip():
            self.warn(query, f"YAML cut this query before '{rest.strip()[:30]}'", remedy)
        elif query.style in {">", ""} and "#" in query.text and "\n" in text[query.start : query.end]:
            self.warn(query, "a # in a folded query comments out all that follows", remedy)


def _condition(parts: Sequence[tuple[str, match.Node]]) -> match.Node:
    clauses = [match.NotNode(name, node) if name in {"none", "unless"} else node for name, node in parts]
    return clauses[0] if len(clauses) == 1 else match.AndNode("", clauses)


def _given(form: ShiftForm) -> dict[str, Any]:
    """The fields that were written, by their names in the shift record."""
    values = {f.name.rstrip("_"): getattr(form, f.name) for f in fields(form)}
    return {name: value for name, value in values.items() if value is not None}
