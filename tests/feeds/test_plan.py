"""When a feed is polled next: a table a rule, and properties over any history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import FetchError, FetchReason, ParseError
from monitor.feeds import plan
from monitor.feeds.plan import Poll, Polling
from monitor.model import Feed, FeedHealth, FeedState, PublisherHints, Rhythm
from tests.feeds.planning import FEED, NOW, SLACK, document, found, poll, state, wait

# ---- validators (A2, A3)


def test_validators_are_replaced_after_every_200() -> None:
    """A2: both validators are replaced after a 200, even by none."""
    after = plan.after_document(poll(before=state(etag='"a"', last_modified="Mon")), document(etag='W/"b"'), found())
    assert (after.etag, after.last_modified) == ('W/"b"', None)


def test_validators_are_replaced_when_the_body_is_the_same() -> None:
    """A2: a 200 with the bytes we had still replaces validators."""
    after = plan.after_not_modified(poll(before=state(etag='"a"', last_modified="Mon")), document(etag='"b"'))
    assert (after.etag, after.last_modified) == ('"b"', None)


def test_a_304_updates_what_it_carries_and_keeps_the_rest() -> None:
    """A3: a 304 with a new ETag and max-age updates both and the next poll; Last-Modified stays."""
    before = state(etag='"a"', last_modified="Mon", hints=PublisherHints(fresh_s=60, ttl_s=120))
    after = plan.after_not_modified(poll(before=before), document(304, b"", etag='"b"', cache_control="max-age=7200"))
    assert (after.etag, after.last_modified, after.hints.fresh_s, after.hints.ttl_s) == ('"b"', "Mon", 7200, 120)
    assert timedelta(hours=2) <= wait(after) <= timedelta(hours=2) + SLACK


def test_a_silent_304_keeps_the_stored_max_age() -> None:
    """A3: a 304 that says nothing of freshness leaves the stored max-age in force."""
    after = plan.after_not_modified(poll(before=state(hints=PublisherHints(fresh_s=7200))), document(304, b""))
    assert wait(after) >= timedelta(hours=2)


# ---- how long to wait (A4)


@pytest.mark.parametrize(
    ("headers", "hints", "least", "why"),
    [
        ({}, {}, timedelta(minutes=15), "interval"),
        ({"cache_control": "max-age=3600"}, {}, timedelta(hours=1), "max-age 3600 from the publisher"),
        ({"cache_control": 'public, max-age="3600"'}, {}, timedelta(hours=1), "max-age 3600 from the publisher"),
        ({"cache_control": "no-cache, max-age=3600"}, {}, timedelta(minutes=15), "interval"),
        ({"cache_control": "no-store, max-age=3600"}, {}, timedelta(minutes=15), "interval"),
        ({"cache_control": 'no-cache="Set-Cookie", max-age=3600'}, {}, timedelta(hours=1), "max-age"),
        ({"cache_control": "s-maxage=7200"}, {}, timedelta(minutes=15), "interval"),
        ({"cache_control": "max-age=0"}, {}, timedelta(minutes=15), "interval"),
        ({"expires": "Wed, 04 Mar 2026 14:00:00 GMT"}, {}, timedelta(hours=2), "Expires in 7200 s from the publisher"),
        (
            {"expires": "Wed, 04 Mar 2026 14:00:00 GMT", "date": "Wed, 04 Mar 2026 13:00:00 GMT"},
            {},
            timedelta(hours=1),
            "Expires in 3600 s",
        ),
        ({"expires": "0"}, {}, timedelta(minutes=15), "interval"),
        (
            {"expires": "Wed, 04 Mar 2026 14:00:00 GMT", "cache_control": "max-age=1800"},
            {},
            timedelta(minutes=30),
            "max-age 1800",
        ),
        ({}, {"ttl_s": 3600}, timedelta(hours=1), "ttl of 3600 s"),
        ({}, {"update_period_s": 7200}, timedelta(hours=2), "update period of 7200 s"),
        ({"cache_control": "max-age=60"}, {"ttl_s": 5400, "update_period_s": 3600}, timedelta(minutes=90), "ttl"),
        ({"cache_control": "max-age=31536000"}, {}, timedelta(days=1), "of which we honour a day"),
    ],
)
def test_the_longest_wish_decides(headers: dict, hints: dict, least: timedelta, why: str) -> None:
    """A4: interval, max-age or Expires, ttl and update period: the longest decides, up to a day, and says so."""
    after = plan.after_document(poll(), document(**headers), found(hints=PublisherHints(**hints)))
    assert least <= wait(after) <= least + SLACK
    assert why in after.why_next


def test_a_feeds_own_interval_replaces_the_general_one() -> None:
    after = plan.after_document(poll(Feed("lab", FEED.url, interval=timedelta(minutes=5))), document(), found())
    assert timedelta(minutes=5) <= wait(after) <= timedelta(minutes=6)


def _wishes(polling: Polling, after: FeedState) -> timedelta:
    day = 86400
    seconds = [after.hints.fresh_s, after.hints.ttl_s, after.hints.update_period_s]
    return max(polling.interval, *(timedelta(seconds=min(s or 0, day)) for s in seconds))


_answers = st.one_of(
    st.tuples(
        st.just("document"),
        st.sampled_from(["", "max-age=30", "max-age=4000", "no-cache", "max-age=999999999"]),
        st.integers(0, 200_000),
        st.integers(0, 3),
    ),
    st.tuples(st.just("same"), st.sampled_from(["", "max-age=50", "max-age=9000"]), st.just(0), st.just(0)),
    st.tuples(st.just("failure"), st.just(""), st.integers(0, 200_000), st.just(0)),
    st.tuples(st.just("unreadable"), st.just("max-age=7000"), st.just(0), st.just(0)),
    st.tuples(st.just("reload"), st.just(""), st.integers(1, 100_000), st.just(0)),
)


def _step(answer: tuple, feed: Feed, before: FeedState, polling: Polling, now: datetime) -> tuple[FeedState, timedelta]:
    """The state after one poll, and the least wait that was asked for."""
    kind, control, number, news = answer
    it, headers = Poll(feed, before, polling, now), {"cache_control": control} if control else {}
    if kind == "document":
        after = plan.after_document(
            it, document(**headers), found(new_entries=news, hints=PublisherHints(ttl_s=number or None))
        )
    elif kind == "same":
        after = plan.after_not_modified(it, document(304, b"", **headers))
    elif kind == "unreadable":
        after = plan.after_failure(it, ParseError("is not a feed"), document(**headers))
    else:
        asked = timedelta(seconds=number) if number else None
        error = FetchError(FetchReason.HTTP, "x answered 503", status=503, retry_after=asked)
        after = plan.after_failure(it, error)
        return after, max(_wishes(polling, after), min(asked or timedelta(), timedelta(days=1)))
    return after, _wishes(polling, after)


@settings(max_examples=300, deadline=None)
@given(st.lists(_answers, min_size=1, max_size=40), st.sampled_from([2, 900, 7200]), st.sampled_from(list(Rhythm)))
def test_no_two_polls_are_closer_than_anybody_wished(answers: list[tuple], interval: int, rhythm: Rhythm) -> None:
    """A4: for any history of answers and reloads, the next poll is never nearer than every wish in force."""
    polling = Polling(interval=timedelta(seconds=interval), rhythm=rhythm, max_interval=timedelta(hours=6))
    feed_state, now = plan.new_state(FEED, NOW), NOW
    for answer in answers:
        if answer[0] == "reload":
            polling = replace(polling, interval=timedelta(seconds=answer[2]))
            before = feed_state
            feed_state = plan.reload(FEED, feed_state, polling, now)
            if before.last_poll_at:
                assert feed_state.next_poll_at - before.last_poll_at >= _wishes(polling, feed_state)
            continue
        feed_state, least = _step(answer, FEED, feed_state, polling, now)
        assert feed_state.next_poll_at - now >= least
        ceiling = max(timedelta(days=1), polling.interval) * 1.05 + SLACK
        assert feed_state.next_poll_at - now <= ceiling
        now = feed_state.next_poll_at


@pytest.mark.parametrize(
    ("retry_after", "least"),
    [(timedelta(seconds=7200), timedelta(hours=2)), (timedelta(days=30), timedelta(days=1))],
)
def test_retry_after_is_waited_for_up_to_a_day(retry_after: timedelta, least: timedelta) -> None:
    """A4, A5: Retry-After delays the feed and names its host's block, up to the documented day."""
    error = FetchError(FetchReason.RATE_LIMITED, "x answered 429", status=429, retry_after=retry_after)
    after = plan.after_failure(poll(), error)
    assert least <= wait(after) <= least + SLACK
    assert "Retry-After" in after.why_next
    assert plan.host_block(error, NOW) == NOW + least


def test_other_failures_block_no_host() -> None:
    """A5: only Retry-After of a 429 or 503 parks a host."""
    assert plan.host_block(FetchError(FetchReason.HTTP, "x", status=503), NOW) is None
    wished = FetchError(FetchReason.HTTP, "x", status=404, retry_after=timedelta(hours=1))
    assert plan.host_block(wished, NOW) is None


# ---- spread (A7), skip hours (A8)


def test_a_thousand_new_feeds_are_spread_over_half_a_minute() -> None:
    """A7, A11: new feeds are first polled within 30 s, and not all at once."""
    delays = [plan.first_poll(Feed(f"f{n}", "https://x/"), None, NOW) - NOW for n in range(1000)]
    assert max(delays) <= timedelta(seconds=30)
    in_each_second = [sum(1 for d in delays if d // timedelta(seconds=1) == second) for second in range(30)]
    assert max(in_each_second) < 70


def test_a_handful_of_new_feeds_starts_at_once() -> None:
    assert plan.first_poll(FEED, None, NOW, among=5) - NOW < timedelta(milliseconds=200)


def test_a_known_feed_keeps_its_plan() -> None:
    due = NOW + timedelta(hours=3)
    assert plan.first_poll(FEED, state(next_poll_at=due), NOW) == due


@pytest.mark.parametrize(
    ("hours", "days", "expected"),
    [
        ((12, 13), (), NOW.replace(hour=14)),  # the next quarter of an hour is skipped, and the hour after it
        ((), (2,), NOW.replace(day=5, hour=0)),  # Wednesday
        ((0, 1), (2,), NOW.replace(day=5, hour=2)),
        ((11,), (1,), NOW.replace(minute=15)),
        (tuple(range(24)), (), NOW.replace(minute=15)),  # nobody means that
        ((), tuple(range(7)), NOW.replace(minute=15)),
    ],
)
def test_skipped_hours_and_days_delay_polls(hours: tuple, days: tuple, expected: datetime) -> None:
    """A8: a poll that falls into skipHours or skipDays moves to the first hour that is free."""
    hints = PublisherHints(skip_hours=hours, skip_days=days)
    after = plan.after_document(poll(), document(), found(hints=hints))
    assert expected <= after.next_poll_at <= expected + timedelta(minutes=6)


def test_a_feed_may_override_skip_hours() -> None:
    """A8: skip_hours: false in feeds.yaml wins over the publisher's skipHours."""
    hints = PublisherHints(skip_hours=(12, 13))
    after = plan.after_document(poll(replace(FEED, skip_hours=False)), document(), found(hints=hints))
    assert wait(after) < timedelta(minutes=17)


# ---- rhythm (A11)


def _live(publishes: timedelta | None, days: int, polling: Polling) -> list[timedelta]:
    """The waits between the polls of a feed that has news so often, over some days."""
    feed_state, now, waits, last = plan.new_state(FEED, NOW), NOW, [], NOW
    while now < NOW + timedelta(days=days):
        news = int((now - NOW) / publishes) - int((last - NOW) / publishes) if publishes else 0
        feed_state = plan.after_document(Poll(FEED, feed_state, polling, now), document(), found(new_entries=news))
        waits.append(feed_state.next_poll_at - now)
        last, now = now, feed_state.next_poll_at
    return waits


def test_the_rhythm_is_learnt() -> None:
    """A11: an hourly feed is polled more often than a daily one, and that more often than a silent one."""
    hourly, daily, silent = (
        len(_live(every, 14, Polling())) for every in (timedelta(hours=1), timedelta(days=1), None)
    )
    assert hourly > 3 * daily > 3 * silent
    assert hourly > 14 * 80


def test_a_silent_feed_slows_to_the_longest_interval() -> None:
    """A11: silence slows a feed towards max_interval, never beyond."""
    waits = _live(None, 14, Polling(max_interval=timedelta(hours=3)))
    assert timedelta(hours=3) <= waits[-1] <= timedelta(hours=3) + SLACK


def test_nothing_is_learnt_from_less_than_ten_polls() -> None:
    """A11: the first ten polls keep to the interval."""
    assert all(w <= timedelta(minutes=16) for w in _live(None, 14, Polling())[:9])


def test_news_brings_the_interval_back() -> None:
    """A11: a new entry ends the slowness."""
    polls = tuple((NOW - timedelta(hours=6 * n), 0) for n in range(20, 0, -1))
    after = plan.after_document(poll(before=state(polls=polls)), document(), found(new_entries=1))
    assert wait(after) < timedelta(minutes=17)


@pytest.mark.parametrize("feed", [replace(FEED, rhythm=Rhythm.FIXED), replace(FEED, interval=timedelta(minutes=10))])
def test_a_fixed_rhythm_learns_nothing(feed: Feed) -> None:
    """A11: a feed's own interval, or rhythm: fixed, is kept whatever it publishes."""
    polls = tuple((NOW - timedelta(hours=6 * n), 0) for n in range(20, 0, -1))
    after = plan.after_document(poll(feed, state(polls=polls)), document(), found())
    assert wait(after) < timedelta(minutes=17)


def test_the_first_document_teaches_no_rhythm() -> None:
    """A11: entries found by the first poll are history, not news."""
    after = plan.after_document(poll(before=state(baselined_at=None)), document(), found(new_entries=40))
    assert (after.baselined_at, after.last_new_at, after.polls) == (NOW, None, ((NOW, 0),))


def test_what_is_remembered_of_polls_stays_small() -> None:
    feed_state = state()
    for n in range(500):
        it = Poll(FEED, feed_state, Polling(), NOW + timedelta(minutes=15 * n))
        feed_state = plan.after_document(it, document(), found(new_entries=n % 7 == 0))
    assert len(feed_state.polls) <= 24
    assert sum(1 for _, news in feed_state.polls if news) >= 12


# ---- settings that change


def test_a_reload_never_brings_a_poll_nearer_than_the_publisher_allows() -> None:
    """A4: a shorter interval takes effect at once, but not against max-age."""
    before = state(
        last_poll_at=NOW, next_poll_at=NOW + timedelta(hours=1), hints=PublisherHints(fresh_s=1800), polls=()
    )
    after = plan.reload(FEED, before, Polling(interval=timedelta(minutes=1)), NOW + timedelta(minutes=5))
    assert timedelta(minutes=30) <= wait(after) <= timedelta(minutes=32)


@pytest.mark.parametrize("failures", [0, 3])
def test_a_reload_after_the_clock_was_set_back_keeps_the_plan(failures: int) -> None:
    """A39: the last poll is dated ten years ahead; a saved edit must not put the next one there, too."""
    before = state(last_poll_at=NOW + timedelta(days=3650), next_poll_at=NOW + timedelta(minutes=3), failures=failures)
    assert plan.reload(FEED, before, Polling(interval=timedelta(minutes=5)), NOW).next_poll_at == before.next_poll_at


@pytest.mark.parametrize(
    ("feed", "values", "expected"),
    [
        (replace(FEED, paused=True), {}, FeedHealth.PAUSED),
        (FEED, {"last_poll_at": None}, FeedHealth.NEW),
        (FEED, {"failures": 1}, FeedHealth.FAILING),
        (FEED, {"gone": True}, FeedHealth.GONE),
        (FEED, {}, FeedHealth.ACTIVE),
    ],
)
def test_health_is_one_word(feed: Feed, values: dict, expected: FeedHealth) -> None:
    assert plan.health(feed, state(**values)) is expected
