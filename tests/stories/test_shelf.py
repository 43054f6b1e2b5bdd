"""Story to storyline: same lab, same model line, same question; asleep after a while, awake while a promise is open."""

from __future__ import annotations

from datetime import timedelta

from monitor.model import Candidate, Direction, OpenStory, Stage
from monitor.stories.assign import Assignment, StoryIndex, assign
from tests.stories.samples import START, candidate

LATER = timedelta(days=31)


def placed(newcomer: Candidate, *stories: OpenStory) -> Assignment:
    return assign(newcomer, StoryIndex(stories), newcomer.seen_at)


def closing(title: str, stage: Stage, day: float = 0, direction: Direction = Direction.CLOSING) -> Candidate:
    return candidate(title, day=day, orgs=("Meta",), models=("Behemoth",), direction=direction, stage=stage)


RUMOUR = closing("Meta weighs keeping Behemoth closed", Stage.CONSIDERING)


def test_a_later_stage_is_a_new_story_of_the_same_storyline() -> None:
    """A33: a later story of the storyline is told in the same place."""
    found = placed(closing("Behemoth: the decision has fallen", Stage.EFFECTIVE, 20), OpenStory(4, 2, (RUMOUR,)))
    assert (found.story_id, found.storyline_id) == (None, 2)


def test_a_reversal_stays_in_the_storyline() -> None:
    back = closing("Meta opens Behemoth after all", Stage.REVERSED, 20, Direction.OPENING)
    assert placed(back, OpenStory(4, 2, (RUMOUR,))).storyline_id == 2


def test_news_after_repeat_after_opens_a_storyline_that_links_back() -> None:
    found = placed(closing("Behemoth stays closed, Meta decides", Stage.EFFECTIVE, 31), OpenStory(4, 2, (RUMOUR,)))
    assert (found.story_id, found.storyline_id, found.previous_id) == (None, None, 2)


def test_a_promise_keeps_the_storyline_awake_until_it_is_due() -> None:
    due = START + timedelta(days=60)
    found = placed(
        closing("Behemoth opens today", Stage.EFFECTIVE, 61, Direction.OPENING), OpenStory(4, 2, (RUMOUR,), due)
    )
    assert found.storyline_id == 2


def test_a_promise_is_read_from_the_headline() -> None:
    found = placed(closing("Meta will close Behemoth in two months", Stage.ANNOUNCED))
    assert found.due_at == START + timedelta(days=60)


def test_two_routine_releases_are_two_storylines() -> None:
    release = candidate("Acme opens Falcon 3", orgs=("Acme",), models=("Falcon",), direction=Direction.OPENING,
                        stage=Stage.EFFECTIVE)  # fmt: skip
    other = candidate("Acme opens a small translation model", day=3, orgs=("Acme",), direction=Direction.OPENING,
                      stage=Stage.EFFECTIVE)  # fmt: skip
    found = placed(other, OpenStory(1, 1, (release,)))
    assert (found.story_id, found.storyline_id) == (None, None)


def test_a_storyline_of_long_ago_is_found_on_the_shelf() -> None:
    index = StoryIndex()
    index.shelve(OpenStory(4, 2, (RUMOUR,)))
    late = closing("Behemoth is released as a closed product", Stage.EFFECTIVE, 200)
    found = assign(late, index, late.seen_at)
    assert (len(index), found.previous_id) == (0, 2)


def test_what_is_put_up_late_does_not_hide_what_is_newer() -> None:
    """At start stories come in no order: the latest word of a storyline is what it asks and how awake it is."""
    index = StoryIndex()
    index.shelve(OpenStory(5, 2, (closing("Meta pulls Behemoth", Stage.EFFECTIVE, 40),)))
    index.shelve(OpenStory(4, 2, (RUMOUR,)))
    late = closing("Meta opens Behemoth after all", Stage.REVERSED, 60, Direction.OPENING)
    assert assign(late, index, late.seen_at).storyline_id == 2


def test_a_fight_is_no_answer_to_what_a_lab_weighs_unless_it_names_the_model() -> None:
    facts = {"orgs": ("Meta",), "direction": Direction.DISPUTE, "stage": Stage.ENFORCEMENT}
    suit = candidate("Farmers drag the company to court", day=3, **facts)
    assert placed(suit, OpenStory(4, 2, (RUMOUR,))).storyline_id is None
    named = candidate("Farmers drag the company to court", day=3, models=("Behemoth",), **facts)
    assert placed(named, OpenStory(4, 2, (RUMOUR,))).storyline_id == 2


def test_a_line_without_its_version_asks_the_same_only_while_something_is_pending() -> None:
    facts = {"orgs": ("Meta",), "direction": Direction.RESTRICTING}
    newcomer = candidate("Farmers get the bird", day=9, orgs=("Meta",), models=("Llama",), direction=Direction.OPENING,
                         stage=Stage.EFFECTIVE)  # fmt: skip
    done = candidate("No eggs for Llama 2 users", models=("Llama 2",), stage=Stage.EFFECTIVE, **facts)
    pending = candidate("No eggs for Llama 2 users", models=("Llama 2",), stage=Stage.CONSIDERING, **facts)
    found = [placed(newcomer, OpenStory(4, 2, (latest,))).storyline_id for latest in (done, pending)]
    assert found == [None, 2]


def test_talk_that_goes_further_is_the_same_question_and_talk_that_does_not_is_not() -> None:
    """A rumour that names no model, and days later what the lab considers: one storyline; not the other way round."""
    rumour = candidate(
        "Meta reportedly plans a proprietary model", orgs=("Meta",), direction=Direction.CLOSING, stage=Stage.RUMOUR
    )
    later = closing("Meta weighs dropping Behemoth for another", Stage.CONSIDERING, 9)
    earlier = candidate(
        "Talk of a proprietary system at Meta", day=9, orgs=("Meta",), direction=Direction.CLOSING, stage=Stage.RUMOUR
    )
    assert placed(later, OpenStory(1, 1, (rumour,))).storyline_id == 1
    assert placed(earlier, OpenStory(1, 1, (RUMOUR,))).storyline_id is None


def test_what_is_taken_back_without_a_models_name_is_the_step_the_other_way() -> None:
    done = candidate("Meta ends public downloads", orgs=("Meta",), direction=Direction.CLOSING, stage=Stage.EFFECTIVE)
    facts = {"day": 9, "orgs": ("Meta",), "stage": Stage.REVERSED}
    back = candidate("U-turn at the Menlo Park lab", direction=Direction.OPENING, **facts)  # type: ignore[arg-type]  # a mix of fields
    same_way = candidate("U-turn at the Menlo Park lab", direction=Direction.CLOSING, **facts)  # type: ignore[arg-type]  # a mix of fields
    assert placed(back, OpenStory(1, 1, (done,))).storyline_id == 1
    assert placed(same_way, OpenStory(1, 1, (done,))).storyline_id is None
