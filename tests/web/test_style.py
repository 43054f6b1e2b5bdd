"""Colours, as the style names them: legible by WCAG 2.2 AA, light and dark (https://www.w3.org/TR/WCAG22/)."""

from __future__ import annotations

import re

import pytest

from monitor.model import Direction
from monitor.web.words import HERE

STYLE = (HERE / "static" / "style.css").read_text("utf-8")
TEXTS = ("ink", "soft", "accent", "well", "attention", "stopped", *(str(one) for one in Direction))
MARKS = ("focus", "strong-line", "well", "attention", "stopped", "accent", *(str(one) for one in Direction))


def colours(dark: bool) -> dict[str, tuple[int, int, int]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    named = re.findall(r"--([\w-]+): #([0-9a-f]{6});", blocks[1 if dark else 0])
    return {name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for name, code in named}


def luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_and_marks_are_legible(dark: bool) -> None:
    """Texts 4.5 to 1 on both grounds and on marked words; shapes 3 to 1, in charts too, where they are softer."""
    named = colours(dark)
    for ground in ("paper", "raised"):
        assert {name for name in TEXTS if contrast(named[name], named[ground]) < 4.5} == set(), ground
        assert {name for name in MARKS if contrast(named[name], named[ground]) < 3} == set(), ground
    assert contrast(named["ink"], named["mark"]) >= 4.5
    assert contrast(named["paper"], named["accent"]) >= 4.5  # words on a button
    found = re.search(r"\.chart rect \{ opacity: ([\d.]+)", STYLE)
    assert found
    part = float(found[1])
    for direction in map(str, Direction):
        softened = tuple(
            round(own * part + under * (1 - part)) for own, under in zip(named[direction], named["paper"], strict=True)
        )
        assert contrast(softened, named["paper"]) >= 3, direction  # type: ignore[arg-type]  # three numbers


def test_the_style_loads_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "@font-face" not in STYLE
