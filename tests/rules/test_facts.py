"""The shift record: who, what, from what to what, how far, and how sure."""

from __future__ import annotations

import re

import license_expression
import pytest

from monitor.model import Shift, ShiftObject
from monitor.rules.licences import canonical_licence
from monitor.rules.load import load_nodes
from monitor.yamlfile import parse
from tests.rules.helpers import entry, problems_of, rules_of
from tests.rules.test_pack import shift_of

PACK = r"""
vocabularies:
  lab:
    kind: org
    entities:
      - {name: Meta, terms: [=Meta]}
      - {name: OpenAI, terms: [OpenAI]}
      - {name: Google, terms: [Google]}
      - {name: The Hub, venue: true, terms: [The Hub]}
  model:
    kind: model
    entities:
      - {name: GPT, org: OpenAI, terms: [GPT, =GPT ?]}
      - {name: gpt-oss, org: OpenAI, terms: [gpt-oss]}
      - {name: Llama, org: Meta, terms: [=Llama]}
      - {name: Llama 4, org: Meta, terms: [Llama 4]}
      - {name: Llama 4 again, org: Google, terms: [Llama 4]}
      - {name: Gemini, org: Google, fallback: true, terms: [Google API]}
      - {name: unlisted, fallback: true, as_written: true, terms: ['/\b[A-Z]\w*-\d+B(?:-[A-Z]\w*)*/']}
  licence:
    kind: licence
    entities:
      - {name: apache 2.0, rank: 8, terms: [Apache 2.0]}
      - {name: Llama Community, rank: 4, terms: [Llama licen?e]}
      - {name: closed, terms: [closed]}
  stage:
    kind: stage
    entities:
      - {name: reversed, terms: [reverses]}
      - {name: considering, terms: [weighs, may]}
      - {name: rumour, terms: [reportedly]}
      - {name: effective, terms: [released, has changed]}
      - {name: announced, terms: [to be released]}
  object:
    kind: object
    entities:
      - {name: licence_text, terms: [licen?e]}
      - {name: code, terms: [code]}
  sign:
    kind: sign
    entities:
      - {name: denied, terms: [denies]}
      - {name: anonymous, terms: [people familiar]}
      - {name: official, terms: [in a blog post]}
      - {name: aside, terms: [unlike, rivals, than]}
      - {name: from, terms: [from, drops]}
      - {name: to, terms: [to, under]}
rules:
  - {id: any, title: t, when: weights OR model OR licence OR license}
"""
RULES = rules_of(PACK)


def shift(title: str, summary: str = "", content: str = "") -> Shift:
    (hit,) = RULES.match(entry(title, summary, content=content))
    return hit.shift


@pytest.mark.parametrize(
    ("title", "orgs"),
    [
        ("Meta's model", ("Meta",)),
        ("A Llama model", ("Meta",)),
        ("Unlike OpenAI, Meta keeps its model open", ("Meta",)),
        ("Meta model beats rivals OpenAI and Google", ("Meta",)),
        ("Meta model on The Hub", ("Meta",)),
        ("The Hub keeps a model", ("The Hub",)),
        ("OpenAI and Meta on model weights", ("OpenAI", "Meta")),
        ("A model", ()),
    ],
)
def test_who_is_meant(title: str, orgs: tuple[str, ...]) -> None:
    assert shift(title).orgs == orgs


def test_names_come_from_the_headline_first_and_from_the_summary_when_it_has_none() -> None:
    assert shift("Meta's model", "OpenAI did so before.").orgs == ("Meta",)
    assert shift("A model goes", "It rained. OpenAI said so.").orgs == ("OpenAI",)


def test_what_opens_or_closes_is_the_weights_unless_the_headline_says_otherwise() -> None:
    """How a closed model comes to people (a code sample, an API) stands in the summary, and is not what was closed."""
    closing = rules_of(PACK.replace("id: any,", "id: any, shift: {direction: closing},"))
    objects = [
        rules.match(entry(title, "It was slow. A sample of code is out."))[0].shift.object
        for rules, title in (
            (closing, "Meta has a model"),
            (closing, "Meta and the code of its model"),
            (RULES, "A model"),
        )
    ]
    assert objects == [ShiftObject.WEIGHTS, ShiftObject.CODE, ShiftObject.CODE]


def test_a_longer_name_wins_over_one_inside_it() -> None:
    assert shift("The gpt-oss model").models == ("gpt-oss",)


@pytest.mark.parametrize(
    ("title", "summary", "models", "orgs"),
    [
        ("Llama gets a licence: Llama 4", "", ("Llama 4",), ("Meta",)),
        ("Llama gets a licence", "It came with Llama 4.", ("Llama 4",), ("Meta",)),
        ("Better than Llama: OpenAI shares model weights", "", (), ("OpenAI",)),
        ("Acme/Zebu-70B-Instruct weights are up", "", ("Zebu-70B-Instruct",), ()),
        ("Google changes the licence of Zebu-7B", "", ("Zebu-7B",), ("Google",)),
        ("Zebu-7B is Llama under a new licence", "", ("Llama",), ("Meta",)),
        ("Google API gets a model licence", "", ("Gemini",), ("Google",)),
        ("Google API drops GPT model", "", ("GPT",), ("Google", "OpenAI")),
    ],
)
def test_which_model_is_meant(title: str, summary: str, models: tuple[str, ...], orgs: tuple[str, ...]) -> None:
    """A version stands for its family, a comparison for nothing; the rest counts where nothing else is named."""
    found = shift(title, summary)
    assert (found.models, found.orgs) == (models, orgs)


TURNS = r"""
vocabularies:
  stage: {kind: stage, entities: [{name: considering, terms: [weighs]}]}
  frames:
    kind: turn
    entities:
      - {name: closing, severity: high, stage: announced, instead_of: [opening], terms: [(stops NEAR/2 opening)]}
      - {name: opening, instead_of: [closing], terms: [(drops NEAR/2 plan)]}
      - {name: unclear, instead_of: [opening, closing, loosening], terms: [stays as it was]}
rules:
- {id: opens, title: Opens, when: opening, shift: {direction: opening, stage: effective}}
- {id: shuts, title: Shuts, when: closing, shift: {direction: closing}, priority: 1}
- {id: denies, title: Denies, when: opening AND denies, shift: {direction: opening, denied: true}, priority: 2}
"""


@pytest.mark.parametrize(
    ("title", "summary", "read"),
    [
        ("Meta is opening it", "", "opening"),
        ("Meta stops opening it", "", "closing"),
        ("Meta drops its plan that stops opening it", "", "opening"),
        ("Meta drops its plan of closing it", "", "opening"),
        ("Opening or closing, all stays as it was", "", "unclear"),
        ("Meta on opening it", "Google stops opening it.", "opening"),
        ("Meta and what it has", "Google stops opening it.", "closing"),
        ("Meta denies that it stops opening it", "", "opening"),
    ],
)
def test_a_turn_says_the_other_way_of_what_a_rule_has_read(title: str, summary: str, read: str) -> None:
    """In the order of the list, in the headline or the evidence; who settles a denial knows what is denied."""
    hits = rules_of(TURNS).match(entry(title, summary))
    assert max(hits, key=lambda hit: hit.priority).shift.direction == read


def test_a_turned_hit_is_as_grave_as_what_it_tells() -> None:
    """The turn's severity and stage, unless the text says how far it has come or all is as the rule had read it.

    A stage that the rule settles was meant for the direction it had read.
    """
    rules = rules_of(TURNS)
    for title, severity, stage in (
        ("Meta is opening it", "medium", "effective"),
        ("Meta stops opening it", "high", "announced"),
        ("Meta weighs how it stops opening it", "high", "considering"),
        ("Meta drops its plan that stops opening it", "medium", "effective"),
    ):
        (hit,) = rules.match(entry(title))
        assert (str(hit.severity), str(hit.shift.stage)) == (severity, stage), title


def test_only_a_turn_stands_instead_of_something() -> None:
    """A turn that turns nothing, and a direction that turns something, are mistakes that name the mend."""
    turn = "vocabularies: {{v: {{kind: {}, entities: [{{name: closing, terms: [ends]{}}}]}}}}"
    assert "closing turns nothing" in problems_of(turn.format("turn", ""))[0]
    assert "only a turn" in problems_of(turn.format("direction", ", instead_of: [opening]"))[0]
    assert "only a turn has a severity" in problems_of(turn.format("direction", ", severity: high"))[0]
    assert problems_of(turn.format("turn", ", instead_of: [opening]")) == []


def test_a_label_is_read_as_the_name_that_was_written() -> None:
    """A model that no list knows is called by its own words, in labels too."""
    assert RULES.canonical("model", "Zebu-7B") == "Zebu-7B"


@pytest.mark.parametrize(
    ("title", "stage"),
    [
        ("Meta weighs a released model", "considering"),
        ("Model to be released", "announced"),
        ("Model released", "effective"),
        ("Meta reverses: model released", "reversed"),
        ("A model", "n/a"),
    ],
)
def test_the_stage_follows_the_words_and_the_order_of_the_vocabulary(title: str, stage: str) -> None:
    assert shift(title).stage == stage


def test_the_stage_of_the_headline_wins_over_one_in_the_summary() -> None:
    assert shift("Model released", "Others may follow.").stage == "effective"


@pytest.mark.parametrize(
    ("title", "from_", "to", "direction"),
    [
        (
            "Meta moves model from Apache 2.0 to the Llama licence",
            "Apache-2.0",
            "LicenseRef-Llama-Community",
            "restricting",
        ),
        (
            "Meta drops Llama license, model now under Apache 2.0",
            "LicenseRef-Llama-Community",
            "Apache-2.0",
            "loosening",
        ),
        ("Meta model is Apache 2.0", "", "Apache-2.0", "unclear"),
        ("A model", "", "", "unclear"),
    ],
)
def test_from_which_licence_to_which(title: str, from_: str, to: str, direction: str) -> None:
    found = shift(title)
    assert (found.from_, found.to, found.direction) == (from_, to, direction)


def test_closing_goes_from_open_to_closed() -> None:
    rules = rules_of("rules: [{id: r, title: t, when: model, shift: {direction: closing}, assume: {stage: rumour}}]")
    (hit,) = rules.match(entry("A model"))
    assert (hit.shift.from_, hit.shift.to, hit.shift.stage) == ("open", "closed", "rumour")


def test_the_evidence_is_the_sentence_that_says_so_and_its_words_are_marked() -> None:
    found = shift("News of the day", "It rained. Meta pulled the model weights. Then it stopped.")
    assert found.evidence == "Meta pulled the model weights."
    assert [found.evidence[start:end] for start, end in found.marks] == ["model", "weights"]


def test_confidence_has_its_reasons() -> None:
    sure = shift("Meta model released, Llama first", "In a blog post it said so.")
    unsure = shift("Is a model going?", "People familiar say so.")
    assert (sure.confidence, unsure.confidence) == ("high", "low")
    assert "the sources are not named" in unsure.reasons


def test_a_denial_is_noted_and_does_not_change_the_direction() -> None:
    assert shift("Meta weighs a closed model", "A spokesperson denies it.").denied
    assert not shift("Meta weighs a closed model").denied


def test_the_author_is_no_actor() -> None:
    rules = rules_of(PACK + "  - {id: by, title: t, when: 'author:nobody'}\n")
    (hit,) = rules.match(entry("A model", author="Meta"))
    assert hit.shift.orgs == ()


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("cc by nc 4.0", "CC-BY-NC-4.0"),
        ("Llama 4 Community", "LicenseRef-Llama-4-Community"),
        ("LicenseRef-Gemma terms", "LicenseRef-Gemma-terms"),
        ("open", "open"),
    ],
)
def test_licences_get_spdx_names_where_there_are_any(name: str, canonical: str) -> None:
    assert canonical_licence(name) == canonical


def test_licences_are_named_as_the_spdx_library_names_them() -> None:
    """Identifiers are looked up without the library's own index; every tenth, spelt four ways, is the same."""
    library = license_expression.get_spdx_licensing()

    def by_library(name: str) -> str:
        try:
            parsed = library.parse(name, validate=True, strict=True)
        except license_expression.ExpressionError:
            return ""
        return "" if parsed is None else str(parsed)

    keys = [one["spdx_license_key"] for one in license_expression.get_license_index() if one.get("spdx_license_key")]
    names = [form for key in keys[::10] for form in (key, key.lower(), f"{key}-x", key.replace("-", " "))]
    for name in [*names, "MIT OR Apache-2.0", "gpl-2.0 with classpath-exception-2.0", "MIT MIT", "(mit)", "or"]:
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")
        expected = by_library(name) or by_library(slug) or f"LicenseRef-{slug}"
        assert canonical_licence(name) == expected or name.startswith("LicenseRef-"), name


def test_a_rule_may_say_whose_model_it_is_about() -> None:
    """What is settled holds whatever the text names; what is assumed holds where it names none."""
    rules = rules_of(
        PACK + "  - {id: file, title: t, when: 'tag:file', shift: {orgs: [Meta]}, assume: {models: [Llama]}}\n"
    )
    bare = next(hit for hit in rules.match(entry("Update LICENSE"), feed_tags=("file",)) if hit.rule_id == "file")
    assert (bare.shift.orgs, bare.shift.models) == (("Meta",), ("Llama",))


def test_a_specialised_model_is_not_the_version_it_carries() -> None:
    """DeepSeek-Prover-V4 and DeepSeek V4 are two models."""
    for told, name in (("DeepSeek-Prover-V4", "DeepSeek-Prover V4"), ("DeepSeek V4", "DeepSeek V4")):
        read = shift_of(f"DeepSeek open-sources {told}")
        assert read is not None
        assert read.models == (name,)


def test_a_vocabulary_may_tell_facts_in_its_own_file_alone() -> None:
    """`here: true`: a direction that two words of one file tell is none for the rules of another."""
    told = "vocabularies: {way: {kind: direction, here: true, entities: [{name: loosening, terms: [freer]}]}}\n"
    one, other = (f"rules: [{{id: {name}, title: t, when: model}}]" for name in ("one", "other"))
    rules = load_nodes([parse(told + one, "one.yaml"), parse(other, "other.yaml")])
    assert {hit.rule_id: hit.shift.direction for hit in rules.match(entry("A freer model"))} == {
        "one": "loosening",
        "other": "unclear",
    }
