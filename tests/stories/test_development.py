"""A33: one shift from rumour to reversal over four outlets is one storyline, its developments stories of their own."""

from __future__ import annotations

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
