"""Loading: all or nothing, every mistake at its own character, examples run when something changed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jsonschema
import pytest

from monitor.errors import ConfigError
from monitor.rules import passed
from monitor.rules.compile import content_hash
from monitor.rules.load import load_rules, rules_schema
from monitor.yamlfile import load, parse, plain
from tests.rules.helpers import entry, problems_of, rules_of

SHIPPED = Path(__file__).parents[2] / "config" / "rules"


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        ("rules:\n- id: a\n  title: t\n  when: |\n    open AND\n      closed source\n", "6:14", "two terms"),
        ("rules:\n- id: a\n  title: t\n  when: open source\n", "4:14", "two terms"),
        ("rules:\n- id: a\n  title: t\n  when: 'it''s AND (b'\n", "4:20", "never closed"),
        ('rules:\n- id: a\n  title: t\n  when: "\\"a b\\" c"\n', "4:18", "two terms"),
        ("rules:\n- id: a\n  title: t\n  when: >\n    open\n    AND\n    $nope\n", "7:5", "no vocabulary nope"),
        ("rules:\n- id: a\n  title: t\n  any:\n  - a\n  - a NEAR/2 b NEAR/2 c\n", "6:16", "chain of NEARs"),
        ("rules:\n- {id: a, title: t, score: {threshold: 1, add: [{when: a b, points: 1}]}}\n", "2:58", "two terms"),
        ("rules:\n- {id: a, title: t, when: a, unless: '/(?=b)/'}\n", "2:39", "RE2 refuses"),
        ("vocabularies:\n  v: [open, 'o*']\n", "2:14", "two letters"),
        ("vocabularies:\n  v: [a NEAR/2 b]\n", "2:9", "operator"),
        ("vocabularies:\n  v: [$w]\n  w: [$v]\n", "3:7", "leads back to itself"),
        ("vocabularies:\n" + "".join(f"  v{n}: [$v{n + 1}]\n" for n in range(3000)), "61:9", "more than 60"),
        (f"rules:\n- id: a\n  title: t\n  when: |\n    {'NOT ' * 3000}b\n", "5:245", "more than 60"),
        (f"rules:\n- id: a\n  title: t\n  when: |\n    {'title:' * 3000}b\n", "5:365", "more than 60"),
        (f"rules:\n- id: a\n  title: t\n  when: |\n    {'(' * 61}b{')' * 61}\n", "5:65", "more than 60"),
        ("vocabularies:\n  v: {kind: stage, entities: [{name: considerng, terms: [a]}]}\n", "2:38", "considering"),
        ("vocabularies:\n  v: []\n", "2:3", "empty"),
        ("vocabularies:\n  v: {kind: org, terms: [a]}\n", "2:3", "entities"),
        ("vocabularies:\n  v: [a]\nrules:\n- {id: v, title: t, when: a}\n", "4:8", "taken, at rules.yaml:2:3"),
        ("rules:\n- {id: a, title: t}\n", "2:8", "says nothing"),
        ("rules:\n- {id: a, title: t, when: a, any: [b]}\n", "2:8", "two ways"),
        ("rules:\n- {id: a, title: t, none: [b]}\n", "2:28", "none alone"),
        ("rules:\n- {id: a, title: t, when: NOT b}\n", "2:27", "not negated"),
        ("rules:\n- {id: a, title: t, when: a, must_match: [b]}\n", "2:43", "does not match its example: a fails"),
        ("rules:\n- {id: a, title: t, when: a, must_not_match: [b a]}\n", "2:47", "by 'a'"),
        (
            "rules:\n- {id: a, title: t, when: a, must_match: [{title: a, expect: {stage: rumour}}]}\n",
            "2:43",
            "stage is read",
        ),
        ("rules:\n- {id: a, title: t, when: a, shift: {direction: closng}}\n", "2:49", "closing"),
        ("rules:\n- {id: a, title: t, wen: a}\n", "2:21", "when"),
        ("rules:\n- {id: a, title: t, when: a near/3 b}\n", "2:29", "write NEAR/3"),
        ("rules:\n- {id: a, title: t, when: a W/3 b}\n", "2:29", "write NEAR/3"),
        ("rules:\n- {id: a, title: t, when: a NEAR/-1 b}\n", "2:29", "a distance in words"),
        ("rules:\n- {id: a, title: t, when: a | b}\n", "2:29", "write OR"),
        ("rules:\n- {id: a, title: t, when: a AND !b}\n", "2:33", "write AND NOT b"),
        ("rules:\n- {id: a, title: t, when: a b\u200bc}\n", "2:29", "two terms"),
        ("rules:\n- {id: a, title: t, when: b\u200bc}\n", "2:27", "nobody sees stands in this term (U+200B)"),
        ("rules:\n- {id: a, title: t, when: gpt-4*}\n", "2:27", "two letters before it, in '4*'"),
        ("rules:\n- {id: a, title: t, when: 'a AND feed:x*'}\n", "2:39", "wildcards have no meaning"),
        ("rules:\n- {id: a, title: t, when: 'a AND domain:*.org'}\n", "2:41", "domain:org includes"),
        ("rules:\n- {id: a, title: t, when: 'a AND domain:x.org/b'}\n", "2:46", "the host alone"),
        ("rules:\n- {id: a, title: t, when: '$Lab', vocabularies: {lab: [x]}}\n", "2:28", "did you mean $lab?"),
        ("rules:\n- {id: a, title: '', when: a}\n", "2:18", "no title"),
        ("rules:\n- {id: a, title: t, score: {threshold: 0, add: [{when: a, points: 1}]}}\n", "2:40", "by every entry"),
        ("vocabularies:\n  v: [NOT open]\n", "2:7", "NOT is an operator"),
        ("vocabularies:\n  v: ['title:open']\n", "2:8", "title: is no part of a term"),
        ("vocabularies:\n  w: [x]\n  v: [new $w]\n", "3:11", "$w is no part of a term"),
        ("vocabularies:\n  w: [x]\n  v: [=$w]\n", "3:7", "= stands before a word"),
        ("vocabularies:\n  v: {kind: org, entities: [{name: '', terms: [a]}]}\n", "2:36", "no name"),
    ],
)
def test_a_mistake_is_named_at_its_character(document: str, place: str, words: str) -> None:
    """A20: file:line:column, and the mend."""
    found = problems_of(document)
    assert found
    assert found[0].startswith(f"rules.yaml:{place}:")
    assert words in found[0]


def test_all_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    tmp_path.joinpath("a.yaml").write_text("rules: [{id: a, title: t, when: a b}, {id: b, title: t, when: c d}]")
    tmp_path.joinpath("b.yaml").write_text("vocabularies: {v: [o*]}\n")
    with pytest.raises(ConfigError) as caught:
        load_rules([tmp_path])
    assert [Path(problem.place.file).name for problem in caught.value.problems] == ["a.yaml", "a.yaml", "b.yaml"]


def test_a_file_that_cannot_be_read_is_not_blamed_on_those_that_use_it(tmp_path: Path) -> None:
    """A20: what others miss of it is counted, not listed; their own mistakes are named all the same."""
    tmp_path.joinpath("b.yaml").write_text("rules: [{id: a, title: t, when: $v}, {id: b, title: t, when: $v AND $w}]")
    for broken in ("vocabularies: {v: [open]\n", "vocabularies: {v: [open]}\nrulez: []\n"):
        tmp_path.joinpath("a.yaml").write_text(broken)
        with pytest.raises(ConfigError) as caught:
            load_rules([tmp_path])
        (said,) = caught.value.problems
        assert said.place.file.endswith("a.yaml")
        assert said.message.endswith(", and 2 mistakes that may follow from it")
    tmp_path.joinpath("b.yaml").write_text("rules: [{id: a, title: t, when: c d}]")
    with pytest.raises(ConfigError) as caught:
        load_rules([tmp_path])
    assert ["may follow" in one.message for one in caught.value.problems] == [False, False]


@pytest.mark.parametrize(
    "document",
    [
        "rules:\n- id: a\n  title: t\n  when: open # OR closed\n",
        "rules:\n- id: a\n  title: t\n  when: >\n    open # a remark\n    OR closed\n",
    ],
)
def test_queries_that_yaml_may_have_cut_are_warned_about(document: str) -> None:
    assert len(rules_of(document).warnings) == 1


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        ("rules: [{id: a, title: t, when: a OR NOT b}]", "1:33: this holds of every entry"),
        ("rules: [{id: a, title: t, when: a AND NOT b, unless: NOT c}]", ""),
        ("rules: [{id: a, title: t, score: {threshold: 5, add: [{when: a, points: 3}]}}]", "1:46: the points are 3"),
        (
            "rules: [{id: a, title: t, when: a, must_not_match: [{title: b, expect: {stage: rumour}}]}]",
            "1:72: what must",
        ),
        ("vocabularies: {v: ['open source, open weights', 'Example, Inc', a]}", "1:32: 'open source, open weights' is"),
    ],
)
def test_what_is_allowed_but_hardly_meant_is_warned_about(document: str, warning: str) -> None:
    found = [str(one) for one in rules_of(document).warnings]
    assert any(f"rules.yaml:{warning}" in one for one in found) if warning else not found


def test_a_version_is_a_hash_of_the_rule_and_the_vocabularies_it_uses() -> None:
    def version(inner: str, other: str, example: str) -> str:
        words = f"inner: [{inner}], outer: [$inner], other: [{other}]"
        rule = f"{{id: r, title: t, when: $outer, must_match: [{example}]}}"
        return rules_of(f"{{vocabularies: {{{words}}}, rules: [{rule}]}}").rules["r"].version

    assert version("a", "x", "a") == version("a", "y", "a b")
    assert version("a", "x", "a") != version("ac", "x", "ac")


def write(file: Path, content: str) -> Path:
    file.write_text(content)
    return file


def test_examples_run_again_when_the_rule_or_a_vocabulary_of_it_changed(tmp_path: Path) -> None:
    text = "vocabularies: {v: [a]}\nrules: [{id: one, title: t, when: $v, must_match: [a]}]\n"
    file = write(tmp_path / "r.yaml", text)
    first = load_rules([file])
    assert load_rules([file], first.examples_passed).examples_passed == first.examples_passed
    for changed in (text.replace("must_match: [a]", "must_match: [b]"), text.replace("v: [a]", "v: [c]")):
        with pytest.raises(ConfigError):
            load_rules([write(file, changed)], first.examples_passed)


def test_a_reload_trusts_examples_that_are_known_to_pass(tmp_path: Path) -> None:
    """Where it is claimed of a rule which breaks its example, it is believed."""
    rule = "rules: [{id: one, title: t, when: a, must_match: [b]}]\n"
    file = write(tmp_path / "r.yaml", rule)
    with pytest.raises(ConfigError):
        load_rules([file])
    version = rules_of(rule.replace(", must_match: [b]", "")).rules["one"].version
    claimed = content_hash(version, content_hash([]), [["b"]])
    assert load_rules([file], [claimed]).examples_passed == {claimed}


def test_what_passed_is_known_at_the_next_start_of_the_same_program_only(tmp_path: Path) -> None:
    """What cannot be read, or another program wrote, says nothing; where nothing can be written, nothing breaks."""
    state, file = tmp_path / "state", tmp_path / "state" / passed.NAME
    assert passed.recall(state) == frozenset()
    for _ in range(2):
        passed.remember(state, ["bb", "aa"])
        assert passed.recall(state) == {"aa", "bb"}
    assert [path.name for path in state.iterdir()] == [passed.NAME], "nothing unfinished is left"
    passed.remember(file, ["aa"])
    program, *hashes = file.read_text().split()
    for broken in (b"", b"\xff\xfe", f"{program[:-1]}x {' '.join(hashes)}".encode()):
        file.write_bytes(broken)
        assert passed.recall(state) == frozenset()


def test_a_thousand_rules_reload_within_two_seconds(tmp_path: Path) -> None:
    """A20: saved edits are live within 2 s; loading is most of it."""
    file = tmp_path / "r.yaml"
    query = "(alpha{0} OR beta) NEAR/8 gamma{0} AND NOT delta{0}"
    rule = "- {{id: r{0}, title: t, when: '" + query + "', must_match: [beta gamma{0}]}}\n"
    file.write_text("rules:\n" + "".join(rule.format(n) for n in range(1000)))
    first = load_rules([file])
    begin = time.process_time()
    load_rules([file], first.examples_passed)
    assert time.process_time() - begin < 2


def test_the_shipped_rules_load_and_fit_their_schema() -> None:
    rules = load_rules([SHIPPED])
    assert rules.rules
    for file in SHIPPED.glob("*.yaml"):
        jsonschema.validate(plain(load(file)), rules_schema())
        assert file.read_text().startswith("# yaml-language-server: $schema=")
    json.dumps(rules_schema())


@pytest.mark.parametrize(
    "document",
    [
        "rules: [{id: a b, title: t, when: a}]",
        "rules: [{id: a, title: '', when: a}]",
        "rules: [{id: a, title: t, when: ''}]",
        "rules: [{id: a, title: t, when: a, any: [b]}]",
        "rules: [{id: a, title: t, none: [b]}]",
        "rules: [{id: a, title: t, when: a, priority: high}]",
        "rules: [{id: a, title: t, when: a, severity: hgih}]",
        "rules: [{id: a, title: t, score: {threshold: x, add: [{when: a, points: 1}]}}]",
        "rules: [{id: a, title: t, score: {threshold: 1, add: []}}]",
        "vocabularies: {v: []}",
        "vocabularies: {v: {terms: [a], entities: [{name: b, terms: [c]}]}}",
        "vocabularies: {v: {kind: licence, entities: [{name: b, terms: [c], rank: high}]}}",
        "vocabularies: {v: {kind: org, entities: [{name: '', terms: [c]}]}}",
        "vocabularies: {v: {kind: org, entities: [{name: b, terms: []}]}}",
    ],
)
def test_an_editor_refuses_the_shape_that_the_loader_refuses(document: str) -> None:
    assert problems_of(document)
    assert list(jsonschema.Draft202012Validator(rules_schema()).iter_errors(plain(parse(document, "r.yaml"))))


def test_the_story_it_was_made_for_is_closing_and_considered() -> None:
    hits = load_rules([SHIPPED]).match(
        entry("Meta's AI team weighs scrapping open\u2011source model for closed alternative")
    )
    assert any(
        (str(hit.shift.direction), str(hit.shift.stage), str(hit.shift.object), hit.shift.orgs)
        == ("closing", "considering", "weights", ("Meta",))
        for hit in hits
    )


def test_names_of_organisations_and_models_lead_to_the_canonical_one() -> None:
    rules = rules_of(
        "vocabularies:\n"
        "  lab: {kind: org, entities: [{name: Google, terms: [Google, DeepMind, =GDM]}]}\n"
        "  model: {kind: model, entities: [{name: Llama, org: Meta, terms: [=Llama, =Llama ?]}]}\n"
    )
    assert rules.orgs()["deepmind"] == "Google"
    assert rules.canonical("org", "Google DeepMind") == "Google"
    assert rules.canonical("model", "Llama 4") == "Llama"
    assert rules.canonical("org", "Nobody Ltd") == "nobody ltd"


def test_vocabularies_that_hold_each_other_are_shown_in_few_words() -> None:
    """asyncio writes out what a task returned; a chain of vocabularies, each twice in the next, must not double."""
    chain = "".join(f"  v{n}: [$v{n + 1} NEAR/3 a{n}, $v{n + 1} NEAR/3 b{n}]\n" for n in range(14))
    rules = rules_of(f"vocabularies:\n{chain}  v14: [z]\nrules:\n- {{id: a, title: t, when: $v0}}\n")
    assert len(repr(rules)) < 5_000
