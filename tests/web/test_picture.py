"""What is said of a service that nobody hears: stopped, never started, or in trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.model import Feed
from monitor.store import facts, feeds, workers
from monitor.store.engine import Database
from monitor.store.workers import WorkerState
from monitor.web import picture
from monitor.web.status_page import verdict

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ticked_s", "stopped_s", "running", "problems"),
    [
        (None, None, False, 0),  # it never ran
        (5, None, True, 0),
        (5, 60, True, 0),  # stopped, and started again
        (5, 2, False, 0),  # stopped just now
        (3600, 3599, False, 0),
        (120, None, False, 1),  # killed, or its database refuses
        (120, 3600, False, 1),
    ],
)
def test_ticks_that_end_without_a_word_are_a_problem(
    database: Database, ticked_s: int | None, stopped_s: int | None, running: bool, problems: int
) -> None:
    """A40: health tells the truth while the database cannot be written."""
    with database.write() as conn:
        for name, ago in (("last_tick", ticked_s), ("stopped", stopped_s)):
            if ago is not None:
                facts.set(conn, name, "x", NOW - timedelta(seconds=ago))
        seen = picture.take(conn, NOW)
    assert seen.running is running
    assert len(picture.problems_of(seen)) == problems


def test_of_two_that_say_they_lead_the_one_that_lives_does(database: Database) -> None:
    """A killed leader is on the list for half a minute, and the other took over long before."""
    killed = WorkerState("a", "one", 1, "1", NOW, NOW - timedelta(seconds=20), leads=True)
    with database.write() as conn:
        workers.beat(conn, killed)
        workers.beat(conn, replace(killed, id="b", pid=2, seen_at=NOW - timedelta(seconds=2)))
        workers.beat(conn, replace(killed, id="c", pid=3, seen_at=NOW, leads=False))
        seen = picture.take(conn, NOW)
    assert [one.pid for one in seen.workers if one.leads] == [2]
    assert len(seen.workers) == 3


def test_a_parked_receiver_is_the_first_thing_said() -> None:
    """A30: the page is not `working` while alerts reach nobody."""
    said = [verdict([], ["parked", *more], ["licensing"]).sentence for more in ((), ("one",), ("one", "two"))]
    assert said[0] == "Alerts wait: licensing is parked."
    assert said[1].endswith("is parked, and 1 more thing needs you.")
    assert said[2].endswith("is parked, and 2 more things need you.")
    assert verdict(["x"], ["parked"], ["licensing"]).sentence == "It is not working."


@pytest.mark.parametrize(
    ("due", "polled", "paused", "told"),
    [
        (20, 20, False, True),  # minutes ago: nothing of what is due was stored
        (20, 2, False, False),  # many are due, and one after the other is polled
        (2, 60, False, False),
        (-30, 60, False, False),
        (20, 20, True, False),
        (20, None, False, True),
    ],
)
def test_polls_that_cannot_be_stored_are_a_problem(
    database: Database, due: int, polled: int | None, paused: bool, told: bool
) -> None:
    """A40: on a full disk a small row may still be written, so that ticks alone say that all is well."""
    feed = Feed("a", "https://a.example/feed", paused=paused)
    with database.write() as conn:
        facts.set(conn, "last_tick", "x", NOW)
        feeds.sync_feeds(conn, [feed], lambda _: NOW - timedelta(minutes=due), NOW)
        state = feeds.states(conn)["a"]
        at = None if polled is None else NOW - timedelta(minutes=polled)
        assert feeds.save(conn, replace(state, last_poll_at=at), state.poll_seq)
        problems = picture.problems_of(picture.take(conn, NOW))
    assert [one.startswith("no poll was stored since") for one in problems] == [True] * told
