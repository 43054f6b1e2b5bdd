"""A33: one shift from rumour to reversal over four outlets is one storyline, its developments stories of their own."""

from __future__ import annotations

import pytest

from monitor.model import Direction, Stage
from monitor.stories.score import replay
from tests.stories.samples import candidate

WHO = {"orgs": ("Meta",), "models": ("Behemoth",)}
CLOSING = WHO | {"direction": Direction.CLOSING}
NEWS = (
    ("Meta mulls a closed successor to its open Behemoth model", 0, Stage.CONSIDERING, CLOSING),
    ("Behemoth may never be opened: Meta's lab debates a closed model - Byte Wire", 0.3, Stage.CONSIDERING, CLOSING),
    ("Meta denies that it will drop open source, Behemoth talks go on", 1, Stage.CONSIDERING, CLOSING),
    ("Meta: Behemoth will not be released as open weights", 12, Stage.ANNOUNCED, CLOSING),
    ("No open weights for Behemoth, Meta announces", 12.2, Stage.ANNOUNCED, CLOSING),
    ("Behemoth is here, and it is closed", 25, Stage.EFFECTIVE, CLOSING),
    ("Meta turns around and opens Behemoth", 40, Stage.REVERSED, WHO | {"direction": Direction.OPENING}),
    (
        "After the outcry: Behemoth weights are free - Open Ledger",
        40.5,
        Stage.REVERSED,
        WHO | {"direction": Direction.OPENING},
    ),
)


def test_from_rumour_to_reversal() -> None:
    entries = [candidate(title, day=day, stage=stage, **facts) for title, day, stage, facts in NEWS]  # type: ignore[arg-type]  # a mix of fields
    placed = replay(entries)
    assert {one.storyline for one in placed} == {1}
    assert [one.story for one in placed] == [1, 1, 1, 1, 1, 6, 7, 7]


def test_what_comes_after_the_storyline_fell_asleep_is_a_new_one() -> None:
    title, _, stage, facts = NEWS[-2]
    late = candidate(title, day=80, stage=stage, **facts)  # type: ignore[arg-type]  # a mix of fields
    first = candidate(NEWS[0][0], stage=Stage.CONSIDERING, **CLOSING)
    assert [one.storyline for one in replay([first, late])] == [1, 2]


QWEN = {"orgs": ("Alibaba",), "models": ("Qwen 8",)}
GLM = {"orgs": ("Zhipu AI",), "models": ("GLM-8",)}
MIMO = {"orgs": ("Xiaomi",), "models": ("MiMo 5",)}
OPEN, CLOSED = Direction.OPENING, Direction.CLOSING
DONE, TOLD, UNDONE = Stage.EFFECTIVE, Stage.ANNOUNCED, Stage.REVERSED


@pytest.mark.parametrize(
    ("who", "life", "expected"),
    [
        pytest.param(
            QWEN,
            [
                ("Alibaba announces Qwen 8 will be closed", 0, CLOSED, TOLD),
                ("Alibaba reverses decision to close Qwen 8", 5, OPEN, UNDONE),
                ("Alibaba closes Qwen 8 after all: no weights", 10, CLOSED, TOLD),
                ("Alibaba to keep Qwen 8 closed after all", 10.1, CLOSED, TOLD),
                ("Alibaba says Qwen 8 weights stay at home", 12, CLOSED, TOLD),
                ("Alibaba will not open Qwen 8", 0.4, CLOSED, TOLD),
                ("Why did Alibaba announce that Qwen 8 will be closed?", 13, CLOSED, Stage.NONE),
                ("Alibaba reverses again: Qwen 8 weights to be released", 14, OPEN, TOLD),
            ],
            [1, 2, 3, 3, 3, 1, 1, 8],
            id="closed, reversed, closed after all; a late report; an analysis; reversed once more",
        ),
        pytest.param(
            GLM,
            [
                ("Zhipu releases GLM-8 weights under MIT", 0, OPEN, DONE),
                ("Zhipu pulls GLM-8 weights from Hugging Face", 4, CLOSED, DONE),
                ("Zhipu puts GLM-8 weights up under MIT", 8, OPEN, DONE),
                ("Zhipu pulls GLM-8 weights from Hugging Face and GitHub", 11, CLOSED, DONE),
                ("GLM-8 weights can be had under MIT, says Zhipu", 8.5, OPEN, DONE),
                ("Zhipu opens GLM-8 under MIT", 0.2, OPEN, DONE),
                ("GLM-8 gone from Hugging Face: Zhipu pulls weights", 4.2, CLOSED, DONE),
            ],
            [1, 2, 3, 4, 3, 1, 2],
            id="released, pulled, restored, pulled, without a word for it; late reports of each",
        ),
        pytest.param(
            MIMO,
            [
                ("Xiaomi releases MiMo 5 weights under MIT", 0, OPEN, DONE),
                ("Xiaomi pulls MiMo 5 weights: model is closed now", 0.1, CLOSED, DONE),
                ("Xiaomi opens MiMo 5 weights under MIT", 0.3, OPEN, DONE),
                ("Xiaomi reverses, MiMo 5 weights are back under MIT", 0.5, OPEN, DONE),
                ("MiMo 5 weights back under MIT, says Xiaomi", 0.6, OPEN, DONE),
            ],
            [1, 2, 1, 4, 4],
            id="within a day, the headline must say so: outlets are slow",
        ),
    ],
)
def test_a_storyline_that_turns_back_goes_on_with_a_story_of_its_own(
    who: dict[str, object], life: list[tuple[str, float, Direction, Stage]], expected: list[int]
) -> None:
    """A33: what is dated after a step the opposite way is none of the story before it, and the other way round."""
    entries = [
        candidate(title, day=day, direction=direction, stage=stage, **who)  # type: ignore[arg-type]  # a mix of fields
        for title, day, direction, stage in life
    ]
    placed = replay(entries)
    assert [one.story for one in placed] == expected
    assert {one.storyline for one in placed} == {1}


LLAMA = {"orgs": ("Meta",), "models": ("Llama 7",)}
BOTH = {"orgs": ("Meta", "Google"), "models": ("Llama 9", "Gemma 9")}
GEMMA = {"orgs": ("Google",), "models": ("Gemma 9",)}
OSS = {"orgs": ("OpenAI",), "models": ("gpt-oss",)}
LARGE = {"orgs": ("Mistral AI",), "models": ("Mistral Large 4",)}
Told = tuple[str, dict[str, tuple[str, ...]], Direction, Stage]


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        pytest.param(
            [
                ("Meta releases Llama 7 Scout weights", LLAMA, OPEN, DONE),
                ("Meta keeps Llama 7 Behemoth closed", LLAMA, CLOSED, TOLD),
                ("Meta closes Llama 7 after all", LLAMA, CLOSED, TOLD),
            ],
            [1, 2, 2],
            id="siblings; what names none of them",
        ),
        pytest.param(
            [
                ("Meta keeps Llama 9 closed", LLAMA | {"models": ("Llama 9",)}, CLOSED, TOLD),
                ("Meta releases Code Llama 9 weights", LLAMA | {"models": ("Code Llama 9",)}, OPEN, DONE),
            ],
            [1, 2],
            id="a name that ends in another",
        ),
        pytest.param(
            [
                ("OpenAI releases gpt-oss-300b under Apache 2.0", OSS, OPEN, DONE),
                ("OpenAI releases gpt-oss-20b under Apache 2.0", OSS, OPEN, DONE),
                ("OpenAI pulls the weights of gpt-oss-20b", OSS, CLOSED, DONE),
            ],
            [1, 2, 2],
            id="two sizes",
        ),
        pytest.param(
            [
                ("Cohere releases Command Vega under Apache 2.0", {"orgs": ("Cohere",)}, OPEN, DONE),
                ("Cohere releases Command Vega Mini under Apache 2.0", {"orgs": ("Cohere",)}, OPEN, DONE),
            ],
            [1, 2],
            id="a little sibling",
        ),
        pytest.param(
            [
                ("Meta and Google both stop releasing open weights", BOTH, CLOSED, TOLD),
                ("Google stops releasing open weights with Gemma 9", GEMMA, CLOSED, TOLD),
                ("Google reverses decision to close Gemma 9", GEMMA, OPEN, UNDONE),
            ],
            [1, 1, 3],
            id="two labs in one headline",
        ),
        pytest.param(
            [
                ("Mistral will not release weights of Mistral Large 4", LARGE, CLOSED, TOLD),
                (
                    "Mistral reverses course, will release Large 4 weights under Apache 2.0",
                    {"orgs": ("Mistral AI",)},
                    OPEN,
                    UNDONE,
                ),
                ("Mistral opens Large 5 under Apache 2.0", {"orgs": ("Mistral AI",)}, OPEN, DONE),
            ],
            [1, 1, 3],
            id="the model without its family's name",
        ),
    ],
)
def test_which_storyline_goes_on(told: list[Told], lines: list[int]) -> None:
    """A33: neither a sibling nor the other lab of a headline turns a storyline."""
    entries = [
        candidate(title, day=2.0 * number, direction=direction, stage=stage, **who)  # type: ignore[arg-type]  # a mix of fields
        for number, (title, who, direction, stage) in enumerate(told)
    ]
    assert [one.storyline for one in replay(entries)] == lines
