"""Feeds in the database: listing, due times, the fence, hosts, and clocks that were put right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.model import Action, Delivery, Feed, FeedState, PublisherHints, Role
from monitor.store import deliveries, feeds
from monitor.store.engine import Connection, Database

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_feed(number: int = 1, **changes: object) -> Feed:
    return replace(Feed(id=f"feed-{number}", url=f"https://example.org/{number}.xml"), **changes)  # type: ignore[arg-type]


def sync(conn: Connection, *wanted: Feed, now: datetime = NOW) -> None:
    feeds.sync_feeds(conn, wanted, lambda feed: now, now)


def full_state(feed: Feed) -> FeedState:
    return FeedState(
        feed_id=feed.id,
        config_url=feed.url,
        url="https://example.org/moved.xml",
        created_at=NOW,
        poll_seq=7,
        etag='W/"q\u00e9"',
        last_modified="Sun, 29 Mar 2026 00:00:00 GMT",
        body_hash="ab" * 16,
        items=25,
        next_poll_at=NOW + 15 * MINUTE,
        last_poll_at=NOW,
        last_success_at=NOW - MINUTE,
        last_status=503,
        last_error="HTTP 503",
        failures=3,
        failing_since=NOW - 5 * MINUTE,
        gone=False,
        baselined_at=NOW - timedelta(days=3),
        redirect_url="https://example.org/there.xml",
        redirect_since=NOW - timedelta(hours=3),
        hints=PublisherHints(fresh_s=300, ttl_s=0, skip_hours=(0, 1, 23), skip_days=(0,)),
        polls=((NOW - MINUTE, 2), (NOW.replace(microsecond=123457), 0)),
        last_new_at=NOW - MINUTE,
        notice="silent",
        why_next="backing off",
    )


def test_a_state_comes_back_as_it_was_saved(database: Database) -> None:
    state = full_state(a_feed())
    with database.write() as conn:
        sync(conn, a_feed())
        assert feeds.save(conn, state, expected_seq=0)
    with database.read() as conn:
        assert feeds.states(conn) == {"feed-1": replace(state, poll_seq=1)}
        assert feeds.get(conn, "feed-1") == replace(state, poll_seq=1)
        assert feeds.get(conn, "nobody") is None


def test_a_new_feed_is_due_at_its_first_poll(database: Database) -> None:
    with database.write() as conn:
        feeds.sync_feeds(conn, [a_feed(1), a_feed(2)], lambda feed: NOW + int(feed.id[-1]) * MINUTE, NOW)
        assert [state.feed_id for state in feeds.due(conn, NOW + MINUTE, 10)] == ["feed-1"]
        assert [state.feed_id for state in feeds.due(conn, NOW + 2 * MINUTE, 10)] == ["feed-1", "feed-2"]


def test_the_longest_due_comes_first_and_those_under_way_are_left_out(database: Database) -> None:
    with database.write() as conn:
        feeds.sync_feeds(conn, [a_feed(n) for n in range(5)], lambda feed: NOW - int(feed.id[-1]) * MINUTE, NOW)
        found = feeds.due(conn, NOW, 2, skip={"feed-4"})
    assert [state.feed_id for state in found] == ["feed-3", "feed-2"]


@pytest.mark.parametrize("changes", [{"paused": True}, {"listed": False}])
def test_a_feed_that_is_paused_or_left_the_file_is_not_due(database: Database, changes: dict[str, bool]) -> None:
    with database.write() as conn:
        sync(conn, a_feed(1), a_feed(2))
        wanted = [a_feed(2)] if "listed" in changes else [a_feed(1, paused=True), a_feed(2)]
        sync(conn, *wanted)
        assert [state.feed_id for state in feeds.due(conn, NOW, 10)] == ["feed-2"]
        sync(conn, a_feed(1), a_feed(2))
        assert len(feeds.due(conn, NOW, 10)) == 2


def test_a_feed_that_is_gone_is_not_due(database: Database) -> None:
    """A10: 410 stops polling."""
    with database.write() as conn:
        sync(conn, a_feed())
        [state] = feeds.due(conn, NOW, 10)
        assert feeds.save(conn, replace(state, gone=True), state.poll_seq)
        assert feeds.due(conn, NOW, 10) == []


def test_a_commit_of_a_poll_that_is_no_longer_the_newest_stores_nothing(database: Database) -> None:
    with database.write() as conn:
        sync(conn, a_feed())
        [state] = feeds.due(conn, NOW, 10)
        assert feeds.save(conn, replace(state, etag="first"), state.poll_seq)
        assert not feeds.save(conn, replace(state, etag="second"), state.poll_seq)
        assert feeds.states(conn)["feed-1"].etag == "first"
        assert feeds.states(conn)["feed-1"].poll_seq == 1


def test_a_feed_that_comes_back_has_its_history(database: Database) -> None:
    """A1: no second unconditional request for a feed that was taken out and put back."""
    with database.write() as conn:
        sync(conn, a_feed())
        feeds.save(conn, replace(feeds.states(conn)["feed-1"], etag='"v"'), 0)
        sync(conn)
        assert feeds.states(conn) == {}
        sync(conn, a_feed())
        assert feeds.states(conn)["feed-1"].etag == '"v"'


def test_another_url_starts_a_new_lifetime_and_fences_off_polls_under_way(database: Database) -> None:
    with database.write() as conn:
        sync(conn, a_feed())
        feeds.save(conn, full_state(a_feed()), 0)
        under_way = feeds.states(conn)["feed-1"]
        sync(conn, a_feed(url="https://elsewhere.example/feed"), now=NOW + MINUTE)
        state = feeds.states(conn)["feed-1"]
        assert (state.url, state.etag, state.baselined_at) == ("https://elsewhere.example/feed", None, None)
        assert state.created_at == NOW + MINUTE
        assert not feeds.save(conn, under_way, under_way.poll_seq)


def test_accepting_where_redirects_led_keeps_the_history(database: Database) -> None:
    """A9: `feeds accept-redirect` edits the file; the feed goes on as it was."""
    with database.write() as conn:
        sync(conn, a_feed())
        feeds.save(conn, full_state(a_feed()), 0)
        sync(conn, a_feed(url="https://example.org/moved.xml"))
        state = feeds.states(conn)["feed-1"]
    assert (state.config_url, state.etag) == ("https://example.org/moved.xml", full_state(a_feed()).etag)
    assert (state.redirect_url, state.baselined_at) == (None, full_state(a_feed()).baselined_at)


def test_a_host_is_left_alone_for_as_long_as_the_longest_wish(database: Database) -> None:
    """A5: Retry-After binds every feed of the host, across restarts."""
    with database.write() as conn:
        feeds.block_host(conn, "example.org:443", NOW + 10 * MINUTE)
        feeds.block_host(conn, "example.org:443", NOW + 5 * MINUTE)
        feeds.block_host(conn, "other.example:443", NOW - MINUTE)
    with database.write() as conn:
        assert feeds.host_blocks(conn, NOW) == {"example.org:443": NOW + 10 * MINUTE}
        assert feeds.forget_hosts(conn, NOW) == 1
        assert feeds.host_blocks(conn, NOW) == {"example.org:443": NOW + 10 * MINUTE}


@pytest.mark.parametrize(
    "step", [timedelta(hours=1), timedelta(days=-3653), timedelta(days=3653), timedelta(seconds=6.25)]
)
def test_a_clock_step_moves_everything_that_waits_by_that_step(database: Database, step: timedelta) -> None:
    """A39: wall clock ±1 h, ±10 years."""
    with database.write() as conn:
        sync(conn, a_feed(1), a_feed(2))
        feeds.save(conn, replace(feeds.states(conn)["feed-2"], next_poll_at=None), 0)
        feeds.block_host(conn, "example.org:443", NOW + 10 * MINUTE)
        waiting = Delivery("d1", "screen", Role.NOTICE, Action.POST, NOW, next_attempt_at=NOW + 7 * MINUTE)
        deliveries.enqueue(conn, [waiting])
        feeds.shift_due_times(conn, step, NOW + step)
        assert feeds.states(conn)["feed-1"].next_poll_at == NOW + step
        assert feeds.states(conn)["feed-2"].next_poll_at is None
        assert feeds.host_blocks(conn, NOW + step) == {"example.org:443": NOW + 10 * MINUTE + step}
        found = deliveries.get(conn, "d1")
        assert found is not None
        assert found.next_attempt_at == NOW + 7 * MINUTE + step
        assert len(feeds.due(conn, NOW + step, 10)) == 1
        assert feeds.due(conn, NOW + step - timedelta(milliseconds=1), 10) == []


def test_due_times_beyond_any_we_would_set_are_pulled_back(database: Database) -> None:
    """A39: a database written under a clock ten years ahead polls and delivers again."""
    ahead, day = NOW + timedelta(days=3653), timedelta(days=1)
    with database.write() as conn:
        feeds.sync_feeds(conn, [a_feed(1), a_feed(2)], lambda feed: ahead if feed.id == "feed-1" else NOW, NOW)
        feeds.block_host(conn, "example.org:443", ahead)
        late = Delivery("d1", "screen", Role.NOTICE, Action.POST, NOW, next_attempt_at=ahead)
        deliveries.enqueue(conn, [late, replace(late, id="d2", next_attempt_at=NOW + 7 * day)])
        assert feeds.pull_back(conn, NOW, day) == 3
        assert feeds.states(conn)["feed-1"].next_poll_at == NOW + day
        assert feeds.states(conn)["feed-2"].next_poll_at == NOW
        assert feeds.host_blocks(conn, NOW) == {"example.org:443": NOW + day}
        waits = [one.next_attempt_at for one in sorted(deliveries.listing(conn), key=lambda one: one.id)]
        assert waits == [NOW + 8 * day, NOW + 7 * day]
