"""Entry to story: what joins, what does not, and what is left open for lack of certainty."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model import Candidate, Direction, OpenStory, Stage
from monitor.stories import traits
from monitor.stories.assign import StoryIndex, assign
from tests.stories.samples import START, candidate

CLOSING = {"orgs": ("Meta",), "models": ("Behemoth",), "direction": Direction.CLOSING, "stage": Stage.CONSIDERING}
TITLE = "Meta weighs dropping its biggest open model for a closed one"


def index_of(*members: Candidate) -> StoryIndex:
    """An index with one story, number 1 in storyline 1."""
    return StoryIndex([OpenStory(1, 1, members)])


def joins(newcomer: Candidate, *members: Candidate) -> bool:
    return assign(newcomer, index_of(*members), newcomer.seen_at).story_id == 1


def test_another_outlet_in_other_words_joins() -> None:
    """A33: one event reported by many outlets is one story."""
    first = candidate(TITLE, **CLOSING)
    assert joins(candidate("Is the Behemoth era of openness over at Meta?", day=1, **CLOSING), first)


def test_a_syndicated_copy_joins_whatever_was_read_in_it() -> None:
    first = candidate(TITLE, **CLOSING)
    assert joins(candidate(f"{TITLE} - The Daily Byte", day=2), first)


def test_a_headline_of_three_words_is_no_proof_of_anything() -> None:
    def joined(title: str) -> bool:
        return joins(candidate(title, day=7, orgs=("Acme",)), candidate(title, orgs=("Globex",)))

    assert not joined("Models this week")
    assert joined("All models of this week")


def test_the_original_joins_the_aggregator_item_that_came_first() -> None:
    first = candidate("So much for openness", links=("http://example.org/meta",))
    assert joins(candidate(TITLE, url="https://www.example.org/meta/", **CLOSING), first)


def test_a_redirect_link_that_hides_the_publisher_joins_by_its_headline() -> None:
    first = candidate(TITLE, url="https://example.org/meta", **CLOSING)
    copy = candidate(f"{TITLE} - Example", day=1, url="https://news.google.com/rss/articles/CBMiabc", **CLOSING)
    assert joins(copy, first)


def test_an_aggregator_item_joins_the_original_it_links_to() -> None:
    first = candidate(TITLE, url="https://www.example.org/meta/", **CLOSING)
    assert joins(candidate("So much for openness", links=("http://example.org/meta",)), first)


def test_a_page_that_everybody_links_to_joins_nothing() -> None:
    footer = ("https://example.org/subscribe",)
    stories = [
        OpenStory(n, n, (candidate(f"Story {word} about something else", links=footer, entry_id=n),))
        for n, word in enumerate(("alpha", "beta", "gamma", "delta"), 1)
    ]
    newcomer = candidate("Quite another thing happened", links=footer)
    assert assign(newcomer, StoryIndex(stories), START).story_id is None


def test_a_page_that_two_stories_cite_joins_them_and_one_that_everybody_cites_does_not() -> None:
    facts = {
        "orgs": ("Acme",),
        "direction": Direction.OPENING,
        "stage": Stage.EFFECTIVE,
        "links": ("https://a.example/b",),
    }
    told = OpenStory(1, 1, (candidate("Acme hands the bird to everybody", **facts),))
    others = [OpenStory(n, n, (candidate(f"Labs {n} did it", links=facts["links"]),)) for n in (2, 3, 4)]
    newcomer = candidate("Wings for all", day=1, **facts)
    assert assign(newcomer, StoryIndex([told]), START).story_id == 1
    assert assign(newcomer, StoryIndex([told, *others]), START).story_id is None


def test_a_lab_that_did_one_thing_of_the_kind_lately_is_taken_at_its_word() -> None:
    """What it did weeks ago is no rival; what it did this week is."""
    facts = {"orgs": ("Acme",), "direction": Direction.CLOSING, "stage": Stage.EFFECTIVE}
    old = OpenStory(1, 1, (candidate("Acme shuts the barn", **facts),))
    lately = OpenStory(2, 2, (candidate("No more eggs to be had", day=19, **facts),))
    this_week = OpenStory(3, 3, (candidate("Stable locked up", day=16.5, **facts),))
    newcomer = candidate("Farm life ends", day=20, **facts)
    assert assign(newcomer, StoryIndex([old, lately]), newcomer.seen_at).story_id == 2
    assert assign(newcomer, StoryIndex([old, lately, this_week]), newcomer.seen_at).story_id is None


RELEASE = {"orgs": ("OpenAI",), "models": ("gpt-oss",), "direction": Direction.OPENING}


@pytest.mark.parametrize(
    ("title", "stage", "day"),
    [
        ("OpenAI delays its open-weight model gpt-oss", Stage.ANNOUNCED, 12.0),
        ("OpenAI delays its open-weight model once more", Stage.ANNOUNCED, 20.0),
        ("OpenAI releases gpt-oss weights for download", Stage.EFFECTIVE, 25.0),
    ],
)
def test_announcement_delay_and_release_are_stories_of_their_own(title: str, stage: Stage, day: float) -> None:
    announced = candidate("OpenAI promises gpt-oss, an open-weight model", stage=Stage.ANNOUNCED, **RELEASE)
    newcomer = candidate(title, stage=stage, day=day, **RELEASE)
    found = assign(newcomer, index_of(announced), newcomer.seen_at)
    assert (found.story_id, found.storyline_id) == (None, 1)


def test_the_release_a_week_after_the_announcement_is_its_own_story_in_like_words() -> None:
    facts = {"orgs": ("Alibaba",), "models": ("Qwen3.8-Max",), "direction": Direction.OPENING}
    announced = candidate("Alibaba to open the weights of Qwen3.8-Max", stage=Stage.ANNOUNCED, **facts)
    released = candidate("Alibaba opens the weights of Qwen3.8-Max", stage=Stage.EFFECTIVE, day=6, **facts)
    assert not joins(released, announced)


def test_outlets_that_read_the_stage_otherwise_on_the_same_day_join() -> None:
    facts = {"orgs": ("Alibaba",), "models": ("Qwen3.8-Max",), "direction": Direction.OPENING}
    announced = candidate("Alibaba to open the weights of Qwen3.8-Max", stage=Stage.ANNOUNCED, **facts)
    released = candidate("Qwen3.8-Max weights: Alibaba opens up", stage=Stage.EFFECTIVE, day=0.5, **facts)
    assert joins(released, announced)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"orgs": ("Mistral AI",), "models": ("Behemoth",)}, "another lab"),
        ({"orgs": ("Meta",), "models": ("Segment Anything",)}, "another model"),
        ({"orgs": ("Meta",), "models": ("Behemoth",), "direction": Direction.OPENING}, "the other way"),
        ({"orgs": ("Meta",), "models": ("Behemoth",), "day": 40.0}, "weeks later"),
        ({"orgs": ("Meta",), "models": ("Behemoth",), "stage": Stage.REVERSED, "day": 6.0}, "reversed"),
    ],
)
def test_an_event_that_differs_in_one_fact_opens_its_own_story(facts: dict[str, object], why: str) -> None:
    first = candidate(TITLE, **CLOSING)
    newcomer = candidate("Behemoth question answered", **{**CLOSING, **facts})  # type: ignore[arg-type]  # a mix of fields
    assert not joins(newcomer, first), why


def test_two_parties_shut_out_on_one_day_are_two_stories() -> None:
    facts = {"models": ("Tern",), "direction": Direction.RESTRICTING, "stage": Stage.ENFORCEMENT}
    rival = candidate("Acme blocks staff of Globex from using Tern", orgs=("Acme", "Globex"), **facts)
    clients = candidate("Acme blocks Tern subscriptions in third-party clients", orgs=("Acme",), **facts)
    assert not joins(clients, rival)
    assert not joins(rival, clients)
    again = candidate("Globex employees are blocked from Tern", orgs=("Acme", "Globex"), **facts)
    assert joins(again, rival)
    unnamed = candidate("Acme blocks a rival from using Tern", orgs=("Acme",), **facts)
    assert joins(unnamed, rival), "who names nobody else may well mean the same"


def test_a_ban_of_a_model_over_its_licence_is_no_part_of_the_licence_story() -> None:
    facts = {"models": ("Tern 3",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}
    licence = candidate("Tern 3 licence: creators limited to 6000 pictures a month", orgs=("Acme",), **facts)
    ban = candidate("Gullery bans all Tern 3 models over licence", orgs=("Acme",), **facts)
    assert not joins(ban, licence)
    assert not joins(licence, ban)
    assert joins(candidate("Tern 3 models blocked at Gullery over licence", orgs=("Acme",), **facts), ban)
    own = candidate("Acme bans large creators in the Tern 3 licence: 6000 pictures a month", orgs=("Acme",), **facts)
    assert joins(own, licence), "the lab's own ban is what its licence says"


def test_another_version_is_another_story_in_the_same_words() -> None:
    facts = {"orgs": ("xAI",), "direction": Direction.OPENING, "stage": Stage.EFFECTIVE}
    first = candidate("xAI opens the weights of Grok 2", models=("Grok 2",), **facts)
    assert not joins(candidate("xAI opens the weights of Grok 3", models=("Grok 3",), **facts), first)


def test_what_fits_two_stories_alike_opens_its_own() -> None:
    """Wrong merges are worse than missed ones."""
    facts = {"orgs": ("Acme",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}
    stories = [
        OpenStory(1, 1, (candidate("Acme restricts use of its models in Europe", **facts),)),
        OpenStory(2, 2, (candidate("Acme restricts use of its models in Asia", **facts),)),
    ]
    found = assign(candidate("Acme restricts use of its models", **facts), StoryIndex(stories), START)
    assert found.story_id is None
    assert "fit alike" in found.why


def test_what_fits_two_stories_of_one_storyline_goes_into_the_better_one() -> None:
    """Either way it is told in the same place; so nothing is at stake."""
    facts = {"orgs": ("Acme",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}
    first = candidate("Acme restricts use of its models in Europe", **facts)
    second = candidate("Acme restricts use of its models in Asia", **facts)
    newcomer = candidate("Acme restricts use of its models", **facts)
    one_line = StoryIndex([OpenStory(1, 1, (first,)), OpenStory(2, 1, (second,))])
    assert assign(newcomer, one_line, START).storyline_id == 1
    assert assign(newcomer, one_line, START).story_id in {1, 2}


def test_beyond_doubt_no_rival_counts() -> None:
    """Who, which version, which way, when and in like words: that another story fits too makes it no less sure."""
    facts = {"orgs": ("Acme",), "models": ("Tern 3",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}
    first = candidate("Acme restricts use of Tern 3 in Europe", **facts)
    second = candidate("Acme restricts use of Tern 3 in Asia", **facts)
    two_lines = StoryIndex([OpenStory(1, 1, (first,)), OpenStory(2, 2, (second,))])
    assert assign(candidate("Acme restricts use of Tern 3", **facts), two_lines, START).story_id in {1, 2}


def test_a_rumoured_date_keeps_its_storyline_awake_and_a_done_deed_does_not() -> None:
    def due(stage: Stage) -> bool:
        told = candidate("Acme to open Tern in two months", stage=stage, orgs=("Acme",))
        return assign(told, StoryIndex(), START).due_at is not None

    assert [due(stage) for stage in (Stage.RUMOUR, Stage.ANNOUNCED, Stage.EFFECTIVE)] == [True, True, False]


def test_a_story_is_known_by_its_first_report_and_its_latest_ones() -> None:
    """However many reports there are, the one that opened the story stays in comparison."""
    index = index_of(candidate("The barn door closes for good this time", **CLOSING))
    for number in range(9):
        index.join(1, candidate(f"Report number {number} about it", day=number / 10, **CLOSING))
    first = candidate("The barn door closes for good this time - Farm Weekly", day=1)
    latest = candidate("Report number 8 about it | Farm Weekly", day=1)
    assert [assign(one, index, one.seen_at).story_id for one in (first, latest)] == [1, 1]


def test_the_reasons_are_said_in_words() -> None:
    found = assign(candidate("Meta may close Behemoth", **CLOSING), index_of(candidate(TITLE, **CLOSING)), START)
    assert "same lab (meta)" in found.why


def test_a_story_found_by_its_second_member() -> None:
    first, second = candidate(TITLE, **CLOSING), candidate("Behemoth to stay in the barn", day=1, **CLOSING)
    index = index_of(first)
    index.join(1, second)
    copy = candidate("Behemoth to stay in the barn | Farm Weekly", day=1)
    assert assign(copy, index, copy.seen_at).story_id == 1


def test_a_quiet_story_is_forgotten_and_leaves_nothing_behind() -> None:
    index = index_of(candidate(TITLE, **CLOSING))
    assert index.forget(START + timedelta(days=1)) == (1,)
    assert len(index) == 0
    assert not index._keys
    assert not index._words


def test_nothing_found_in_an_empty_index() -> None:
    found = assign(candidate(TITLE, **CLOSING), StoryIndex(), START)
    assert (found.story_id, found.storyline_id, found.previous_id) == (None, None, None)


SHUT_OUT = {"models": ("Claude",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}


@pytest.mark.parametrize(
    ("title", "orgs"),
    [
        ("Anthropic blocks Claude subscriptions in OpenCode", ("Anthropic",)),
        ("Anthropic blocks third-party clients from Claude", ("Anthropic",)),
        ("Anthropic blocks Windsurf staff from using Claude", ("Anthropic", "Windsurf")),
    ],
)
def test_two_parties_shut_out_by_one_lab_on_one_day_are_two_events(title: str, orgs: tuple[str, ...]) -> None:
    first = candidate("Anthropic blocks xAI staff from using Claude", orgs=("Anthropic", "xAI"), **SHUT_OUT)
    assert not joins(candidate(title, orgs=orgs, day=0.2, **SHUT_OUT), first)


def test_a_report_that_leaves_out_who_is_shut_out_still_joins() -> None:
    first = candidate("Anthropic blocks xAI staff from using Claude", orgs=("Anthropic", "xAI"), **SHUT_OUT)
    newcomer = candidate("Anthropic blocks a rival's staff from using Claude", orgs=("Anthropic",), **SHUT_OUT)
    assert joins(newcomer, first)


def test_a_platform_that_bans_a_model_over_its_licence_tells_another_event_than_the_licence() -> None:
    facts = {"models": ("Paintbox 3",), "direction": Direction.RESTRICTING, "stage": Stage.EFFECTIVE}
    licence = candidate("Paintbox 3 licence caps creators at 6,000 images", orgs=("Stability AI",), **facts)
    ban = candidate("Civitai bans all Paintbox 3 models over licence", day=2, orgs=("Civitai", "Stability AI"), **facts)
    assert not joins(ban, licence)


def test_siblings_of_one_family_are_two_models() -> None:
    facts = {"orgs": ("Mistral AI",), "direction": Direction.OPENING, "stage": Stage.EFFECTIVE}
    first = candidate("Mistral releases Mistral NeMo weights", models=("Mistral NeMo",), **facts)
    assert not joins(candidate("Mistral releases Mistral Large weights", models=("Mistral Large",), **facts), first)


def test_a_model_named_only_for_comparison_keeps_no_report_out() -> None:
    facts = {"orgs": ("OpenAI",), "direction": Direction.OPENING, "stage": Stage.ANNOUNCED}
    first = candidate("OpenAI plans an open-weight model this summer", models=("Llama",), **facts)
    newcomer = candidate("OpenAI plans its first open-weight model since GPT-2", models=("GPT-2",), day=0.5, **facts)
    assert joins(newcomer, first)


def test_an_undated_report_without_the_version_is_not_taken_for_the_version_of_today() -> None:
    facts = {"orgs": ("xAI",), "direction": Direction.OPENING, "stage": Stage.RUMOUR}
    first = candidate("When will Grok 3 be open source?", models=("Grok 3",), **facts)
    assert not joins(candidate("Musk: xAI to open source Grok", models=("Grok",), dated=False, **facts), first)


def test_a_preview_and_the_release_a_week_later_are_two_stories_of_one_storyline() -> None:
    facts = {"orgs": ("DeepSeek",), "models": ("DeepSeek V4",), "direction": Direction.OPENING}
    preview = candidate("DeepSeek shows V4 in preview, weights on request", stage=Stage.EFFECTIVE, **facts)
    newcomer = candidate("DeepSeek V4 is out: download under MIT", stage=Stage.EFFECTIVE, day=6, **facts)
    found = assign(newcomer, index_of(preview), newcomer.seen_at)
    assert (found.story_id, found.storyline_id) == (None, 1)


def test_a_release_after_a_preview_is_no_preview() -> None:
    facts = {"orgs": ("DeepSeek",), "models": ("DeepSeek V4",), "stage": Stage.EFFECTIVE}
    release = candidate("DeepSeek V4 weights for all after preview", direction=Direction.OPENING, **facts)
    assert traits.read(release).kind is traits.Kind.DEED


def test_two_licences_named_speak_against_one_event() -> None:
    facts = {"orgs": ("Acme",), "models": ("Tern",), "direction": Direction.OPENING, "stage": Stage.EFFECTIVE}
    first = candidate("Acme hands out Tern under Apache", **facts)
    newcomer = candidate("Researchers get the bird", day=5, **facts)
    under = [replace(newcomer, shift=replace(newcomer.shift, to=to)) for to in ("Apache-2.0", "CC-BY-NC-4.0")]
    first = replace(first, shift=replace(first.shift, to="Apache-2.0"))
    assert [joins(one, first) for one in under] == [True, False]


def test_a_labs_own_word_goes_to_its_own_story_and_only_where_no_other_is_as_likely() -> None:
    """A33: not to another lab's, though that links to it; not to one of two that fit alike; nor to one of weeks ago."""
    facts = {"orgs": ("Acme",), "models": ("Falcon",)}
    weighs = candidate("Acme weighs closing Falcon", links=("https://acme.example/post",), entry_id=1,
                       direction=Direction.CLOSING, stage=Stage.CONSIDERING, **facts)  # fmt: skip
    limits = candidate("Acme limits who may use Falcon", entry_id=2, direction=Direction.RESTRICTING,
                       stage=Stage.EFFECTIVE, **facts)  # fmt: skip
    word = candidate("Where we go from here", day=1, summary="Falcon stays with us.", **facts)
    rival = candidate("Where we go", day=1, url="https://acme.example/post", orgs=("Rival",), models=("Falcon",))
    late = candidate("Falcon: Acme weighs closing it", day=9, **facts)
    alone = StoryIndex([OpenStory(1, 1, (weighs,))])
    found = alone.surely(traits.read(word))
    assert found is not None
    assert found.story_id == 1
    assert [alone.surely(traits.read(one)) for one in (rival, late)] == [None, None]
    assert StoryIndex([OpenStory(1, 1, (weighs,)), OpenStory(2, 2, (limits,))]).surely(traits.read(word)) is None
    assert StoryIndex([OpenStory(1, 1, (weighs,)), OpenStory(2, 1, (limits,))]).surely(traits.read(word)) is not None
