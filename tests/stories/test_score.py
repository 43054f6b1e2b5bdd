"""B-cubed, and the figures on the labelled corpus."""

from __future__ import annotations

from monitor.stories.score import b_cubed, replay
from tests.stories.samples import START, candidate


def test_perfect_stories_score_one() -> None:
    score = b_cubed(["a", "a", "b"], [1, 1, 2])
    assert (score.precision, score.recall, score.f1, score.merged_wrongly) == (1.0, 1.0, 1.0, ())


def test_one_big_story_is_complete_and_wrong() -> None:
    score = b_cubed(["a", "a", "b"], [1, 1, 1])
    assert score.recall == 1.0
    assert round(score.precision, 4) == round((2 / 3 + 2 / 3 + 1 / 3) / 3, 4)
    assert score.merged_wrongly == ((0, 2), (1, 2))


def test_stories_of_one_are_right_and_incomplete() -> None:
    score = b_cubed(["a", "a", "b"], [1, 2, 3])
    assert (score.precision, score.split_wrongly) == (1.0, ((0, 1),))


def test_replay_numbers_stories_by_their_first_entry() -> None:
    entries = [candidate("Acme opens the weights of Falcon for all", day=n) for n in (0, 1)]
    assert [placed.story for placed in replay(entries)] == [1, 1]
    assert entries[0].seen_at == START
