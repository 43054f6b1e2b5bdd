"""Who, how surely, what: every way to put a shift into one sentence, in a headline and in a summary (own wording)."""

from __future__ import annotations

from itertools import product

import pytest

from tests.rules.test_pack import shift_of

LABS = (("Meta", "Llama 5"), ("Cohere", "Command R"))
OBJECTS = ("{model}", "its open-source {model}", "its {model} model")
# Words between actor and act, form of the verb after them (0 to close, 1 closing, 2 closes), and the stage they say.
MODALITIES: tuple[tuple[str, int, str], ...] = (
    ("is weighing", 1, "considering"),
    ("considers", 1, "considering"),
    ("mulls", 1, "considering"),
    ("is debating whether to", 0, "considering"),
    ("is thinking about", 1, "considering"),
    ("has discussed", 1, "considering"),
    ("may", 0, "considering"),
    ("could", 0, "considering"),
    ("might", 0, "considering"),
    ("is reportedly", 1, "rumour"),
    ("reportedly plans to", 0, "rumour"),
    ("is said to be", 1, "rumour"),
    ("plans to", 0, "announced"),
    ("will", 0, "announced"),
    ("to", 0, "announced"),
    ("says it will", 0, "announced"),
    ("announces plan to", 0, "announced"),
    ("is set to", 0, "announced"),
    ("has decided to", 0, "announced/effective"),
    ("confirms it will", 0, "announced"),
    ("", 2, "effective"),
    ("quietly", 2, "effective"),
    ("abruptly", 2, "effective"),
)
ACTS: tuple[tuple[str, str, str, str], ...] = (
    ("closing", "close {object}", "closing {object}", "closes {object}"),
    ("closing", "shut off {object}", "shutting off {object}", "shuts off {object}"),
    ("closing", "make {object} proprietary", "making {object} proprietary", "makes {object} proprietary"),
    ("closing", "keep {object} closed", "keeping {object} closed", "keeps {object} closed"),
    (
        "closing",
        "abandon open source for {model}",
        "abandoning open source for {model}",
        "abandons open source for {model}",
    ),
    (
        "closing",
        "replace {object} with a closed model",
        "replacing {object} with a closed model",
        "replaces {object} with a closed model",
    ),
    (
        "closing",
        "withhold the weights of {model}",
        "withholding the weights of {model}",
        "withholds the weights of {model}",
    ),
    (
        "closing",
        "stop releasing {model} weights",
        "stopping releases of {model} weights",
        "stops releasing {model} weights",
    ),
    ("closing", "pull {model} weights offline", "pulling {model} weights offline", "pulls {model} weights offline"),
    ("closing", "end open releases of {model}", "ending open releases of {model}", "ends open releases of {model}"),
    (
        "closing",
        "drop {object} in favor of a closed one",
        "dropping {object} in favor of a closed one",
        "drops {object} in favor of a closed one",
    ),
    ("opening", "open-source {model}", "open-sourcing {model}", "open-sources {model}"),
    (
        "opening",
        "release {model} as open weights",
        "releasing {model} as open weights",
        "releases {model} as open weights",
    ),
    (
        "opening",
        "publish the weights of {model}",
        "publishing the weights of {model}",
        "publishes the weights of {model}",
    ),
    ("opening", "release the {model} weights", "releasing the {model} weights", "releases the {model} weights"),
    ("opening", "make {model} open source", "making {model} open source", "makes {model} open source"),
    ("opening", "let anyone download {model}", "letting anyone download {model}", "lets anyone download {model}"),
    ("restricting", "tighten the {model} license", "tightening the {model} license", "tightens the {model} license"),
    (
        "restricting",
        "ban commercial use of {model}",
        "banning commercial use of {model}",
        "bans commercial use of {model}",
    ),
    ("restricting", "ban military use of {model}", "banning military use of {model}", "bans military use of {model}"),
    (
        "restricting",
        "charge large companies for {model}",
        "charging large companies for {model}",
        "charges large companies for {model}",
    ),
    (
        "restricting",
        "add a user cap to the {model} license",
        "adding a user cap to the {model} license",
        "adds a user cap to the {model} license",
    ),
    (
        "restricting",
        "move {model} to a non-commercial license",
        "moving {model} to a non-commercial license",
        "moves {model} to a non-commercial license",
    ),
    (
        "restricting",
        "require attribution for {model}",
        "requiring attribution for {model}",
        "requires attribution for {model}",
    ),
    ("restricting", "bar EU users from {model}", "barring EU users from {model}", "bars EU users from {model}"),
    (
        "restricting",
        "forbid training rivals on {model} outputs",
        "forbidding training rivals on {model} outputs",
        "forbids training rivals on {model} outputs",
    ),
    ("loosening", "loosen the {model} license", "loosening the {model} license", "loosens the {model} license"),
    (
        "loosening",
        "relicense {model} under Apache 2.0",
        "relicensing {model} under Apache 2.0",
        "relicenses {model} under Apache 2.0",
    ),
    (
        "loosening",
        "allow commercial use of {model}",
        "allowing commercial use of {model}",
        "allows commercial use of {model}",
    ),
    (
        "loosening",
        "lift the ban on military use of {model}",
        "lifting the ban on military use of {model}",
        "lifts the ban on military use of {model}",
    ),
    (
        "loosening",
        "remove the user cap from the {model} license",
        "removing the user cap from the {model} license",
        "removes the user cap from the {model} license",
    ),
    (
        "loosening",
        "switch {model} to the MIT license",
        "switching {model} to the MIT license",
        "switches {model} to the MIT license",
    ),
)


def _sentences(forms: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each sentence with the stages that fit it."""
    objects = OBJECTS if "{object}" in forms[0] else ("",)
    made = []
    for (words, form, stages), thing, (lab, model) in product(MODALITIES, objects, LABS):
        act = forms[form].replace("{object}", thing).format(model=model)
        made.append((" ".join(part for part in (lab, words, act) if part), stages))
    return made


def _misread(act: tuple[str, str, str, str], headline: str = "", summary: str = "") -> list[str]:
    """The sentences that are not read as what they tell, put where `{}` stands."""
    direction, *forms = act
    found = []
    for sentence, stages in _sentences(tuple(forms)):
        shift = shift_of(headline.format(sentence), summary.format(sentence))
        if shift is None or shift.direction != direction or shift.stage not in stages.split("/"):
            found.append(f"{sentence}: {shift.direction} {shift.stage}" if shift else f"{sentence}: nothing")
    return found


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act[1])
def test_a_shift_is_read_from_a_headline_however_surely_it_is_put(act: tuple[str, str, str, str]) -> None:
    assert _misread(act, "{}") == []


@pytest.mark.parametrize("act", [act for act in ACTS if act[0] != "opening"], ids=lambda act: act[1])
def test_a_shift_is_read_from_a_summary_under_a_headline_that_tells_nothing(act: tuple[str, str, str, str]) -> None:
    """Openings are left out: of labs whose habit they are, only what is not done yet is news there."""
    told = "{}, its chief executive says. It did not comment further."
    assert _misread(act, "Big changes in AI strategy", told) == []


@pytest.mark.parametrize("said", ["will close", "plans to close", "is set to close", "may close"])
@pytest.mark.parametrize("who", ["sources say", "people familiar with the plan say", "people briefed on the talks say"])
def test_what_only_unnamed_people_say_is_not_announced(said: str, who: str) -> None:
    """However sure it sounds, in a headline, under one, and when the firm declines to comment."""
    told = f"Meta {said} Llama 5, {who}"
    summary = f"{told}. A Meta spokesperson declined to comment."
    stages = {shift.stage for shift in (shift_of(told), shift_of("A new plan", summary)) if shift is not None}
    assert stages <= {"rumour", "considering"}
    confirmed = shift_of("Meta to close Llama 5", f"Work took a year, {who}. A Meta spokesperson confirmed the plan.")
    assert confirmed is not None
    assert confirmed.stage == "announced"
