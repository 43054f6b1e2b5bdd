"""What placing reads in an entry."""

from __future__ import annotations

import pytest

from monitor.model import Entry, Shift, Stage
from monitor.stories import traits
from monitor.stories.outlets import outlet, unsigned
from monitor.stories.traits import Kind
from tests.stories.samples import candidate


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Acme keeps its next model closed - The Daily Byte", "Acme keeps its next model closed"),
        ("Acme keeps its next model closed | Byte News", "Acme keeps its next model closed"),
        ("BREAKING: Acme keeps its next model closed", "Acme keeps its next model closed"),
        ("[News] Acme keeps its next model closed", "Acme keeps its next model closed"),
        ("Acme - a short history", "Acme - a short history"),
        ("Updated terms for Acme One", "Updated terms for Acme One"),
    ],
)
def test_a_headline_loses_what_outlets_hang_on_it(title: str, bare: str) -> None:
    assert traits.headline(title) == bare


@pytest.mark.parametrize(
    ("name", "title", "line", "versions"),
    [
        ("Grok", "xAI opens Grok-2.5 at last", "grok", {"2.5"}),
        ("GPT-5.6", "OpenAI holds its model back", "gpt", {"5.6"}),
        ("Qwen3.5", "Alibaba opens Qwen3.5", "qwen", {"3.5"}),
        ("Kimi K3", "Moonshot promises K3 weights", "kimi", {"k3"}),
        ("Dolly 2.0", "Dolly 2 for everyone", "dolly", {"2"}),
        ("Sarvam 105B", "Sarvam 105B is out", "sarvam", set()),
    ],
)
def test_a_model_name_is_a_line_and_its_versions(name: str, title: str, line: str, versions: set[str]) -> None:
    assert traits.read(candidate(title, models=(name,))).models[line] == versions


def test_a_version_is_read_though_no_vocabulary_knows_the_model() -> None:
    """A model that came out today is told apart from its predecessor."""
    assert traits.read(candidate("Acme opens Roadrunner 4 under Apache 2.0 on March 3")).models == {"roadrunner": {"4"}}


def test_a_delay_in_the_headline_goes_before_the_stage() -> None:
    assert traits.read(candidate("Acme delays open weights again", stage=Stage.ANNOUNCED)).kind is Kind.DELAY


def test_two_ways_to_say_a_thing_are_one() -> None:
    one = traits.read(candidate("Acme scrubs ban on warfare from its terms"))
    other = traits.read(candidate("Acme removes ban on military use from its licence"))
    assert {"lift", "ban", "military", "licence"} <= one.title & other.title


def test_a_bare_host_is_no_link() -> None:
    assert traits.address("https://www.example.org/") == ""
    assert traits.address("http://www.Example.org/a/#top") == traits.address("https://example.org/a")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://news.google.com/rss/articles/CBMiX", "The Daily Byte"),
        ("https://example.org/a", "Search: open weights"),
    ],
)
def test_an_aggregator_names_the_publisher_it_hides(url: str, name: str) -> None:
    entry = Entry("search", (), "Acme keeps its next model closed - The Daily Byte", url=url)
    assert outlet(entry, "Search: open weights") == name


def test_a_quote_does_not_end_in_the_outlets_own_name() -> None:
    said = "Acme keeps Falcon closed"
    marks = ((0, 4), (18, 24), (27, 31))
    found = unsigned(Shift(evidence=f"{said} - The Byte", marks=marks), f"{said} - The Byte", "The Byte")
    assert (found.evidence, found.marks) == (said, marks[:2])
    other = Shift(evidence="It will not publish it.", marks=((0, 2),))
    assert unsigned(other, f"{said} - The Byte", "The Byte") == other


@pytest.mark.parametrize(
    ("model", "title", "found"),
    [
        ("Qwen 3", "Alibaba releases Qwen3-Coder under Apache 2.0", {"coder"}),
        ("Qwen 3", "Alibaba releases Qwen3-VL under Apache 2.0", {"vl"}),
        ("Phi", "Microsoft releases Phi-5-vision weights under MIT", {"vision"}),
        ("GLM", "Zhipu opens GLM-6V under MIT licence", {"v"}),
        ("Llama", "Meta opens Llama 7 Scout and Maverick, Meta says", {"scout", "maverick"}),
        ("Command", "Cohere releases Command Vega Mini under Apache 2.0", {"vega mini"}),
        ("DeepSeek V4", "DeepSeek opens DeepSeek-Prover-V4 under MIT", {"prover"}),
        ("DeepSeek OCR", "DeepSeek opens DeepSeek-OCR 2 under MIT", {"ocr"}),
        ("Hunyuan", "Tencent open-sources Hunyuan3D 5", {"d"}),
        ("Hunyuan", "Tencent open-sources HunyuanVideo 5", {"video"}),
        ("Kimi", "Moonshot AI opens Kimi K2 Thinking weights", {"thinking"}),
        ("Nemotron", "NVIDIA Opens Nemotron 4 Nano To Everybody", {"nano"}),
        ("Llama 4", "Meta releases Llama 4 Scout Mini and Maverick", {"scout mini", "maverick"}),
        ("Phi", "Microsoft Releases Phi-5-Vivid Weights Under MIT", {"vivid"}),
        ("Qwen 3", "Alibaba releases Qwen3 Openweights today", set()),
        ("Llama 7", "Meta Opens Llama 7 Weights To Everybody", set()),
        ("Llama 7", "Meta Releases Llama 7 Despite Outcry", set()),
        ("Llama 8", "Meta rewrites Llama 8 Community License", set()),
        ("Llama 4", "Llama 4-based model, GPT-style and Llama 70B", set()),
        ("DeepSeek", "DeepSeek Chinese weights, says DeepSeek CEO", set()),
        ("Llama", "Use of Llama Meta forbids", set()),
    ],
)
def test_what_a_headline_hangs_on_a_models_name(model: str, title: str, found: set[str]) -> None:
    orgs = ("Meta", "DeepSeek", "Moonshot AI", "Cohere")
    assert traits.read(candidate(title, models=(model,), orgs=orgs)).variants == found


@pytest.mark.parametrize(
    ("title", "sizes"),
    [
        ("Alibaba releases Qwen 9 72B and 7B under Apache 2.0", {"72b", "7b"}),
        ("Alibaba releases Qwen 9 72B-Instruct under Apache 2.0", {"72b"}),
        ("Alibaba releases Qwen 9 72B-Safety under Apache 2.0", {"72b safety"}),
        ("Qwen 9, a model of 72B parameters, is open", set()),
    ],
)
def test_how_large_the_models_are_that_a_headline_names(title: str, sizes: set[str]) -> None:
    found = traits.read(candidate(title, models=("Qwen 9",), orgs=("Alibaba",))).scales
    assert found.get("qwen", frozenset()) == sizes


def test_a_name_that_ends_in_anothers_is_another_model() -> None:
    facts = {"models": ("Gemma",)}
    assert traits.read(candidate("Google releases MedGemma 6", summary="Made of Gemma 3.", **facts)).models == {  # type: ignore[arg-type]  # a mix of fields
        "medgemma": {"6"}
    }
    assert "gemma" in traits.read(candidate("Google releases Gemma 6 and MedGemma", **facts)).models  # type: ignore[arg-type]  # a mix of fields
