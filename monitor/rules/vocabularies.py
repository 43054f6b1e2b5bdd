"""From the vocabularies of rule files to compiled ones, each after those it refers to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.errors import Problem
from monitor.model import Direction, ShiftObject, Stage
from monitor.rules import match
from monitor.rules.compile import Compiler, Pool, content_hash
from monitor.rules.entities import Entity, Terms, Vocabulary
from monitor.rules.facts import SIGNS
from monitor.rules.files import EntityForm, VocabularyForm
from monitor.rules.licences import canonical_licence
from monitor.rules.syntax import MAX_DEPTH, QueryError
from monitor.yamlfile import Node, ScalarNode, nearest, place_in, plain, problem, shorten

NAME = re.compile(r"[A-Za-z_][\w-]*")
_JOINT = re.compile(r"[,;|]")  # people list with them; in a term they part words, as a blank does
_REFERENCE = re.compile(r"\$([A-Za-z_][\w-]*)")
_FACTS = ("rank", "venue", "fallback", "as_written", "instead_of", "severity", "stage")
_NAMES_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "stage": tuple(Stage),
    "object": tuple(ShiftObject),
    "direction": tuple(Direction),
    "turn": tuple(Direction),
    "sign": SIGNS,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A vocabulary as a file has it: its key, its value, and the same as typed form."""

    key: ScalarNode
    node: Node
    form: tuple[ScalarNode, ...] | VocabularyForm

    @property
    def name(self) -> str:
        return self.key.text

    @property
    def typed(self) -> VocabularyForm:
        return self.form if isinstance(self.form, VocabularyForm) else VocabularyForm(terms=self.form)


@dataclass(slots=True)
class VocabularyCompiler:
    """Compiles the sources; mistakes go to `problems`, and a vocabulary with one is compiled without it."""

    pool: Pool
    sources: Mapping[str, Source]
    problems: list[Problem]
    warnings: list[Problem]
    outer: Mapping[str, Vocabulary] = field(default_factory=dict)
    done: dict[str, Vocabulary] = field(default_factory=dict)
    _under_way: list[str] = field(default_factory=list)

    def compile_all(self) -> Mapping[str, Vocabulary]:
        for name in self.sources:
            self._compile(name)
        return self.done

    def _compile(self, name: str) -> None:
        if name in self.done:
            return
        source = self.sources[name]
        self._under_way.append(name)
        for item in _items(source.typed):
            for other in _REFERENCE.findall(item.text) if item.text.startswith(("$", "(")) else ():
                if other in self._under_way:
                    self._refuse(item, name, f"${other} leads back to itself", "take it out of the circle")
                elif other in self.sources and len(self._under_way) >= MAX_DEPTH:
                    self._refuse(item, name, f"more than {MAX_DEPTH} vocabularies inside each other", "say it directly")
                elif other in self.sources:
                    self._compile(other)
        self._under_way.pop()
        if name not in self.done:
            self.done[name] = self._made(source)

    def _refuse(self, item: ScalarNode, name: str, message: str, remedy: str) -> None:
        """Note a mistake, and let those that refer to `name` go on with an empty one."""
        self.problems.append(problem(item, message, remedy))
        if name not in self.done:
            self.done[name] = Vocabulary(len(self.pool.vocabularies), name, "terms", ())
            self.pool.vocabularies.append(self.done[name])

    def _made(self, source: Source) -> Vocabulary:
        form = source.typed
        compiler = Compiler(self.pool, {**self.outer, **self.done})
        self._check_form(source, form)
        forms = form.entities or (EntityForm(source.key, form.terms, form.not_),)
        shown, hidden = _Table(), _Table()
        for number, entity in enumerate(forms):
            for table, items in ((shown, entity.terms), (hidden, entity.not_)):
                for item in items:
                    self._add(table, number, item, compiler)
        used = sorted(compiler.scope[name].version for name in compiler.used)
        vocabulary = Vocabulary(
            number=len(self.pool.vocabularies),
            name=source.name,
            kind=form.kind,
            entities=[self._entity(form.kind, entity) for entity in forms],
            by_term=shown.compiled(self.pool),
            others=shown.others,
            queries=[node for _, node in shown.others],
            hiding=hidden.compiled(self.pool),
            hiding_others=hidden.others,
            version=content_hash(source.name, plain(source.node), used),
        )
        self.pool.vocabularies.append(vocabulary)
        return vocabulary

    def _add(self, table: _Table, number: int, item: ScalarNode, compiler: Compiler) -> None:
        try:
            node = compiler.item(item.text)
        except QueryError as error:
            self.problems.append(problem(place_in(item, error.offset), error.message, error.remedy))
            return
        table.add(number, node)
        if isinstance(node, match.TermNode) and (joint := _JOINT.search(item.text)):
            remedy = f"one item for each, or leave the {joint[0]} out"
            self.warnings.append(
                problem(place_in(item, joint.start()), f"'{shorten(item.text)}' is one phrase", remedy)
            )

    def _entity(self, kind: str, form: EntityForm) -> Entity:
        facts: dict[str, Any] = {name: getattr(form, name) for name in _FACTS}
        aliases = tuple(item.text.lstrip("=") for item in form.terms if re.match(r"=?[^$(/*?]+$", item.text))
        name = form.name.text
        if kind == "licence":
            name = canonical_licence(name)
        return Entity(name, form.org, {key: value for key, value in facts.items() if value}, aliases)

    def _check_form(self, source: Source, form: VocabularyForm) -> None:
        refuse = self.problems.append
        if not NAME.fullmatch(source.name):
            refuse(problem(source.key, f"'{source.name}' is no name for a vocabulary", "letters, digits, _ and -"))
        if form.entities and (form.terms or form.not_):
            refuse(problem(source.key, "a vocabulary has terms or entities, not both", "put the terms into entities"))
        if not form.entities and not form.terms:
            refuse(problem(source.key, f"the vocabulary {source.name} is empty", "give it terms or entities"))
        if form.kind != "terms" and not form.entities:
            refuse(problem(source.key, f"kind {form.kind} needs entities", "- {name: …, terms: […]}"))
        self._check_names(form, refuse)

    def _check_names(self, form: VocabularyForm, refuse: Callable[[Problem], None]) -> None:
        allowed = _NAMES_OF_KIND.get(form.kind)
        for entity in form.entities:
            name = entity.name.text
            if allowed and name not in allowed:
                close = nearest(name, allowed)
                remedy = f"did you mean {close}?" if close else f"allowed: {', '.join(allowed)}"
                refuse(problem(entity.name, f"there is no {form.kind} '{name}'", remedy))
            if not name.strip():
                refuse(problem(entity.name, "an entity has no name", "name: as the shift record shall have it"))
            if not entity.terms:
                refuse(problem(entity.name, f"{name} has no terms", "terms: […]"))
            if (form.kind == "turn") != bool(entity.instead_of):
                message = f"{name} turns nothing" if form.kind == "turn" else "only a turn stands instead_of something"
                refuse(problem(entity.name, message, "kind: turn, and instead_of: [opening, …]"))
            if form.kind != "turn" and (entity.severity or entity.stage):
                refuse(problem(entity.name, "only a turn has a severity and a stage", "write them on the rule"))


@dataclass(slots=True)
class _Table:
    """Items of a vocabulary by what they compile to."""

    terms: dict[int, list[int]] = field(default_factory=dict)
    others: list[tuple[int, match.Node]] = field(default_factory=list)

    def compiled(self, pool: Pool) -> Terms:
        entities = {number: tuple(found) for number, found in self.terms.items()}  # half as large as lists
        return Terms(entities, frozenset(pool.term_places[number][0] for number in entities))

    def add(self, entity: int, node: match.Node) -> None:
        if isinstance(node, match.TermNode):
            self.terms.setdefault(node.number, []).append(entity)
        else:
            self.others.append((entity, node))


def _items(form: VocabularyForm) -> Iterable[ScalarNode]:
    yield from form.terms
    yield from form.not_
    for entity in form.entities:
        yield from entity.terms
        yield from entity.not_
