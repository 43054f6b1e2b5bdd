"""What is said plainly is read for every lab: sentences in our own words, each told of many labs and models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.test_pack import shift_of

LABS = (
    ("Meta", "Llama 5"),
    ("Mistral", "Mistral Large 3"),
    ("Alibaba", "Qwen 4"),
    ("Google", "Gemma 4"),
    ("xAI", "Grok 4"),
    ("Cohere", "Command R"),
    ("Stability AI", "Stable Diffusion 4"),
)
SENTENCES = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "plainly.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.mark.parametrize(("direction", "stages", "sentence"), [one[:3] for one in SENTENCES])
def test_a_plain_sentence_is_read_alike_for_every_lab(direction: str, stages: str, sentence: str) -> None:
    misread = {}
    for lab, model in LABS:
        shift = shift_of(sentence.format(lab=lab, model=model))
        if direction == "none":
            read, wanted = shift is None, "nothing"
        else:
            read = shift is not None and _among(shift.direction, direction) and _among(shift.stage, stages)
            wanted = f"{direction} {stages}"
        if not read:
            misread[lab] = f"{shift.direction} {shift.stage}" if shift else "nothing"
    assert not misread, f"wanted {wanted}"


@pytest.mark.parametrize(("direction", "sentence"), [(one[0], one[2]) for one in SENTENCES if len(one) == 3])
def test_a_plain_sentence_of_the_summary_is_read_under_a_headline_that_tells_nothing(
    direction: str, sentence: str
) -> None:
    told = (
        sentence.format(lab="Meta", model="Llama 5")
        + ", a person briefed on the matter says. The firm did not comment."
    )
    shift = shift_of("Big changes in AI strategy", told)
    if direction == "none":
        assert shift is None
    else:
        assert shift is not None
        assert _among(shift.direction, direction)


def _among(read: str, wanted: str) -> bool:
    return wanted == "*" or read in wanted.split("/")
