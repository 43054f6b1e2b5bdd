"""The shipped pack: what it finds, what it leaves alone, and that people can read it. All wording is our own."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest

from monitor.model import Entry, Shift
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet
from monitor.stories.weigh import entry_shift
from monitor.yamlfile import load, plain

PACK = Path(__file__).parents[2] / "config" / "rules"
FILES = sorted(PACK.glob("*.yaml"))


@cache
def pack() -> RuleSet:
    """The pack as it ships, its examples run."""
    return load_rules([PACK])


def shift_of(title: str, summary: str = "") -> Shift | None:
    """The shift that the pack reads from an entry, None when no rule matches."""
    hits = pack().match(Entry(feed_id="press", keys=(), title=title, summary=summary))
    return entry_shift(hits) if hits else None


FOUND = {
    "closing": [
        "Meta may stop open-sourcing its most powerful AI models",
        "Meta's open-source era may be over",
        "Mistral Large is API-only: the French lab stops publishing weights",
        "Alibaba turns its back on open source with its latest Qwen",
        "Moonshot considers going proprietary with its next Kimi",
        "xAI backtracks on its promise to open source Grok 3",
        "Chinese labs back away from open-weight releases",
        "Stability AI pulls Stable Diffusion weights from Hugging Face",
        "Qwen 4 Max won't be open",
        "Meta debuts a proprietary model in a break with Llama",
    ],
    "opening": [
        "OpenAI to release an open-weight language model this summer",
        "OpenAI delays its open-weight model indefinitely",
        "Musk: Grok 3 will be open sourced in half a year",
        "Apple quietly open-sources its on-device language models",
        "Baidu to make Ernie 5 open source from next June",
        "Abu Dhabi's TII makes Falcon 40B open source",
        "ByteDance makes its Seed-OSS weights public",
        "Kimi K3 weights have landed on Hugging Face",
        "Meta makes OPT-175B available to researchers",
        "Google opens up a Gemini model as open weights",
        "Mistral drops Mixtral as a torrent",
        "Thinking Machines unveils its first open-weight model",
    ],
    "restricting": [
        "Llama 4 licence bars companies from the EU",
        "Meta won't release its multimodal models in Europe",
        "Codestral comes with a non-production license",
        "MiniMax quietly changed the license of its M2 model",
        "Anthropic cuts off OpenAI's access to Claude",
        "Anthropic bars Chinese-owned companies from using Claude",
        "OpenAI pulls plug on Chinese developers",
        "OpenAI limits GPT-5.6 to vetted customers at government request",
        "US orders Anthropic to suspend access to Fable 5 abroad",
        "Anthropic bans third-party harnesses from Claude subscriptions",
        "OpenAI tightens its usage policy on medical advice",
    ],
    "loosening": [
        "OpenAI drops ban on military use",
        "Meta allows US defense contractors to use Llama",
        "Stability AI relaxes its license for Stable Diffusion 3",
        "Falcon 40B is now royalty-free under Apache 2.0",
        "Microsoft switches Phi-2 to the MIT license",
        "Tencent drops territorial limits from the Hy3 licence",
        "MiniMax backtracks on its license after protests",
        "US lifts export restrictions on Anthropic's Fable 5",
        "Anthropic restores access to Fable 5",
    ],
    "dispute": [
        "OSI says Llama is not open source",
        "Open-washing: why companies pretend that their AI is open",
        "Nobody agrees what open source AI means",
        "ByteDance secretly used OpenAI's tech to build a rival, breaking its terms",
        "Chinese army researchers built a military AI on Meta's Llama",
        "Cursor admits that its new model was built on Kimi",
        "Meta's LLaMA language model leaks online",
        "Huawei denies that Pangu copied Alibaba's Qwen",
    ],
    "policy": [
        "White House report wants open-weight AI models left free",
        "US weighs ban on Chinese open-weight models",
        "EU AI Act exempts open source models",
        "Beijing weighs curbs on exporting AI model weights",
        "Tech firms sign a letter that defends open-weight models",
        "A bill in Congress would outlaw downloads of DeepSeek",
    ],
    "unclear": [
        "Mistral says it remains committed to open source",
        "Qwen will stay open source, Alibaba says",
    ],
}

LEFT_ALONE = [
    "OpenAI signs a content licensing deal with a German publisher",
    "Reddit strikes a licensing deal with Google for AI training data",
    "Redis changes its license again",
    "Elasticsearch is open source again",
    "Authors sue Meta over books in the training data of Llama",
    "Police body looks at driver's license photos with AI",
    "Broadcaster loses its broadcast license",
    "Nvidia gets an export licence for H20 chips to China",
    "OpenAI closes a 40 billion dollar funding round",
    "Anthropic launches Claude Opus 5",
    "OpenAI cuts the prices of the GPT-5 API",
    "Open letter calls for a pause in AI training",
    "Apple in talks to license Gemini for Siri",
    "Show HN: an open-source LLM gateway in Rust",
    "Google open-sources an AI agent framework",
    "Best open source LLM for a 24 GB card?",
    "How to run DeepSeek locally",
    "Samsung bans staff use of ChatGPT",
    "OpenAI bans accounts linked to a surveillance campaign",
    "ChatGPT returns after a global outage",
    "US lifts its ban on H20 chip exports to China",
    "Weights & Biases is acquired by a cloud company",
    "GPT-5 could be released in summer, sources say",
    "Texas bans DeepSeek on government devices",
]


def test_the_pack_loads_with_its_examples_and_without_warnings() -> None:
    """Every rule holds its own examples; the loader has nothing to warn of."""
    assert len(pack().rules) >= 25
    assert pack().warnings == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_and_lines_stay_short_enough_to_read(path: Path) -> None:
    """A file of the pack has fewer than 400 lines and begins with the line that tells editors its schema."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 400
    assert lines[0].startswith("# yaml-language-server: $schema=")
    assert [line for line in lines if len(line) > 150 and "/" not in line] == []  # but for regexes, lines fold


def test_every_rule_shows_what_it_must_and_must_not_match() -> None:
    """A rule without both kinds of examples cannot be edited safely."""
    bare = [
        rule["id"]
        for path in FILES
        for rule in dict(plain(load(path))).get("rules", [])
        if not rule.get("must_match") or not rule.get("must_not_match")
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("direction", "title"), [(direction, title) for direction, titles in FOUND.items() for title in titles]
)
def test_news_of_every_direction_is_found_and_read(direction: str, title: str) -> None:
    """The headline alone is enough, and its direction is read right."""
    shift = shift_of(title)
    assert shift is not None
    assert shift.direction == direction


def headlines() -> dict[str, list[str]]:
    """The headlines of headlines*.txt by the direction they tell; `none` for look-alikes."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("headlines*.txt")):
        for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
            if line.startswith("["):
                told = found.setdefault(line.strip("[]"), [])
            elif not line.startswith("#"):
                told.append(line)
    return found


@pytest.mark.parametrize("direction", sorted(headlines()))
def test_hundreds_of_wordings_are_read_right(direction: str) -> None:
    """A change of a list breaks no wording that was known before."""
    wrong = []
    for title in headlines()[direction]:
        shift = shift_of(title)
        if ("none" if shift is None else shift.direction) != direction:
            wrong.append(title)
    assert wrong == []


@pytest.mark.parametrize("title", LEFT_ALONE)
def test_look_alikes_are_left_alone(title: str) -> None:
    """Content deals, software licences, chips, lawsuits, funding, launches and prices raise no alert."""
    assert shift_of(title) is None


def test_the_mission_story_with_its_non_breaking_hyphen() -> None:
    """A lab weighs giving up an open‑source model: closing, considered, weights, and who."""
    shift = shift_of("Meta's AI team weighs scrapping open\u2011source model for closed alternative")
    assert shift is not None
    assert (shift.direction, shift.stage, shift.object, shift.to) == ("closing", "considering", "weights", "closed")
    assert shift.orgs == ("Meta",)


@pytest.mark.parametrize(
    ("title", "stage"),
    [
        ("Meta weighs closing its AI models", "considering"),
        ("Meta is reportedly ditching open Llama models", "rumour"),
        ("OpenAI plans an open-weight model", "announced"),
        ("xAI open-sources Grok-1", "effective"),
        ("Moonshot accuses Cursor of breaching the Kimi license", "enforcement"),
    ],
)
def test_the_stage_follows_the_words(title: str, stage: str) -> None:
    shift = shift_of(title)
    assert shift is not None
    assert shift.stage == stage


def test_the_stage_of_the_headline_outranks_a_weaker_word_of_the_summary() -> None:
    """What the headline says has happened did happen, whatever else may come."""
    shift = shift_of(
        "xAI open-sources Grok-1", "xAI has open-sourced Grok-1 and is considering the same for its next model."
    )
    assert shift is not None
    assert shift.stage == "effective"


@pytest.mark.parametrize(
    ("title", "orgs", "models"),
    [
        ("Kimi K3 weights are out", ("Moonshot AI",), ("Kimi K3",)),
        ("Gemma 4 moves from custom terms to Apache 2.0", ("Google",), ("Gemma 4",)),
        ("Apple open-sources an image model to challenge OpenAI", ("Apple",), ()),
        ("US lifts export restrictions on Anthropic's Fable 5", ("US Government", "Anthropic"), ("Claude Fable 5",)),
    ],
)
def test_who_and_which_model(title: str, orgs: tuple[str, ...], models: tuple[str, ...]) -> None:
    """A model implies its lab; who is only compared with is no actor."""
    shift = shift_of(title)
    assert shift is not None
    assert (shift.orgs, shift.models) == (orgs, models)


def test_a_summary_tells_what_a_headline_hides() -> None:
    """A headline without the news is read together with its summary."""
    shift = shift_of(
        "Some drama around a new coding model",
        "Cursor's Composer model is said to be built on Kimi K2.5 without the attribution its license asks for.",
    )
    assert shift is not None
    assert (shift.direction, shift.stage) == ("dispute", "enforcement")


@pytest.mark.parametrize(
    "words",
    ["unlike Meta, rivals OpenAI than Llama ", "while OpenAI stays closed, ", "from MIT to Apache-2.0 Llama, Qwen "],
)
def test_a_text_made_to_hurt_holds_no_poll_up(words: str) -> None:
    """A22: the longest text an entry may have, full of what facts are read from."""
    content = words * (200_000 // len(words))
    begin = time.process_time()
    assert pack().match(Entry(feed_id="press", keys=(), title="Meta closes Llama 6 weights", content=content))
    assert time.process_time() - begin < 8
