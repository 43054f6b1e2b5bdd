"""Where a plan turns: the ends of what is learnt, skipped and spread, and headers that are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from monitor.errors import FetchError, FetchReason, ParseError
from monitor.feeds import headers, hints, plan
from monitor.feeds.observed import observed
from monitor.feeds.plan import Poll, Polling
from monitor.model import Feed, PublisherHints
from tests.feeds.planning import FEED, NOW, SLACK, document, found, poll, state, wait

HOUR = timedelta(hours=1)
FRESH = PublisherHints(fresh_s=7200)


def test_what_a_200_no_longer_says_is_forgotten() -> None:
    """A2, A3: validators and freshness go with the answer that named them, whether its body is new or not."""
    before = state(etag='"a"', last_modified="Mon", hints=FRESH)
    for after in (
        plan.after_document(poll(before=before), document(), found()),
        plan.after_not_modified(poll(before=before), document(200)),
    ):
        assert (after.etag, after.last_modified, after.hints.fresh_s) == (None, None, None)


@pytest.mark.parametrize("news_in_memory", [True, False])
def test_a_quarter_of_the_silence_is_waited(news_in_memory: bool) -> None:
    """A11: eight hours without news are a wait of two, counted from the last news, in the memory of polls or before."""
    times = [NOW - 8 * HOUR + n * HOUR / 2 for n in range(12)]
    polls = tuple((at, int(at == NOW - 8 * HOUR and news_in_memory)) for at in times)
    after = plan.after_not_modified(poll(before=state(polls=polls, last_new_at=NOW - 8 * HOUR)), document(304, b""))
    assert 2 * HOUR <= wait(after) <= 2 * HOUR + SLACK


@pytest.mark.parametrize(("polls", "learnt"), [(8, False), (9, True)])
def test_the_tenth_poll_teaches(polls: int, learnt: bool) -> None:
    """A11: a rhythm is learnt from ten observed polls, this one included."""
    seen = tuple((NOW - n * HOUR, 0) for n in range(polls, 0, -1))
    after = plan.after_not_modified(poll(before=state(polls=seen)), document(304, b""))
    assert (wait(after) > HOUR) is learnt


def test_a_person_overrules_what_was_learnt_and_nothing_else() -> None:
    """A4: `run --once --all` asks at once what was never polled, and others as early as settings and wishes allow."""
    silent = tuple((NOW - n * HOUR, 0) for n in range(12, 0, -1))
    known = state(last_poll_at=NOW, polls=silent)
    assert plan.earliest(FEED, known, Polling()) == NOW + timedelta(minutes=15)
    assert plan.earliest(FEED, replace(known, hints=FRESH), Polling()) == NOW + 2 * HOUR
    assert plan.earliest(FEED, plan.new_state(FEED, NOW), Polling()) is None


def test_six_skipped_days_end_on_the_seventh() -> None:
    """A8: from Wednesday noon to the only day that is left, Tuesday."""
    days = PublisherHints(skip_days=(2, 3, 4, 5, 6, 0))
    after = plan.after_document(poll(), document(), found(hints=days))
    tuesday = NOW.replace(hour=0) + timedelta(days=6)
    assert tuesday <= after.next_poll_at <= tuesday + timedelta(minutes=6)


def test_skipped_hours_are_gmt_whatever_the_clock_shows() -> None:
    """A8: noon GMT is skipped also where it is called half past five in the afternoon."""
    noon = state(hints=PublisherHints(skip_hours=(12,)))
    moved = plan.out_of_skips(FEED, noon, NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert moved is not None
    assert moved.next_poll_at >= NOW + HOUR
    assert plan.out_of_skips(FEED, noon, NOW + HOUR) is None


def test_however_many_new_feeds_each_is_polled_within_half_a_minute() -> None:
    """A11: a hundred thousand feeds are spread over the half minute, not beyond."""
    waits = [plan.first_poll(Feed(f"f{n}", FEED.url), None, NOW, among=100_000) - NOW for n in range(300)]
    assert timedelta(seconds=28) < max(waits) <= timedelta(seconds=30)


def test_feeds_polled_together_do_not_stay_together() -> None:
    """A7: the next polls of feeds with one interval are spread, by a twentieth of it and a minute at most."""
    feeds = [Feed(f"f{n}", FEED.url) for n in range(50)]
    waits = [wait(plan.after_document(poll(feed), document(), found())) for feed in feeds]
    assert len(set(waits)) == 50
    assert max(waits) - min(waits) > timedelta(seconds=30)
    assert timedelta(minutes=15) <= min(waits) <= max(waits) <= timedelta(minutes=15, seconds=45)


AWAY = FetchError(FetchReason.HTTP, "lab.example answered 500", status=500)


def test_failures_keep_what_is_known_of_them() -> None:
    """A10, A12: since when it fails, what the unreadable document's headers say, and no next poll after 410."""
    first = plan.after_failure(poll(), AWAY)
    again = plan.after_failure(Poll(FEED, first, Polling(), NOW + HOUR), AWAY)
    assert (first.failing_since, again.failing_since) == (NOW, NOW)
    unread = plan.after_failure(poll(), ParseError("is a web page"), document(cache_control="max-age=10800"))
    assert 3 * HOUR <= wait(unread) <= 3 * HOUR + SLACK
    gone = FetchError(FetchReason.GONE, "lab.example says 410 Gone", status=410)
    assert plan.after_failure(poll(before=state(next_poll_at=NOW)), gone).next_poll_at is None


def test_one_feeds_back_off_varies_from_failure_to_failure() -> None:
    """A10: the jitter is the feed's own and the failure's: from a tenth less to nothing, never the same twice."""
    waits = [wait(plan.after_failure(poll(before=state(failures=n)), AWAY)) for n in range(12, 18)]
    assert all(0.8 * timedelta(days=1) <= one <= timedelta(days=1) for one in waits)
    assert max(waits) - min(waits) > HOUR


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_parks_the_host_with_both_statuses(status: int) -> None:
    """A5: 429 and 503 speak for the host, for a day at most."""
    error = FetchError(FetchReason.HTTP, "busy", status=status, retry_after=timedelta(days=3))
    assert plan.host_block(error, NOW) == NOW + timedelta(days=1)


def test_a_reload_plans_nothing_in_the_past() -> None:
    """A4: where a shorter interval is over already, the feed is due now and not hours ago."""
    before = state(last_poll_at=NOW - 5 * HOUR, next_poll_at=NOW + HOUR)
    assert plan.reload(FEED, before, Polling(), NOW).next_poll_at == NOW


@pytest.mark.parametrize(("days", "moved"), [((), True), ((0, 1, 2, 3, 4, 5), False)])
def test_days_that_were_skipped_were_watched(days: tuple[int, ...], moved: bool) -> None:
    """A11: five days without a poll are silence where the publisher skips days, and time that nobody saw elsewhere."""
    before = state(last_poll_at=NOW - 120 * HOUR, polls=((NOW - 120 * HOUR, 1),), hints=PublisherHints(skip_days=days))
    (at, _), _ = observed(before, NOW, 0, timedelta(days=2))
    assert at == (NOW if moved else NOW - 120 * HOUR)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"expires": "Tue, 03 Mar 2026 12:00:00 GMT"}, None),
        ({"cache-control": "stale-max-age=600"}, None),
        ({"cache-control": 'public,MAX-AGE = "600"'}, 600),
        ({"cache-control": 'no-cache="set-cookie", max-age=600'}, 600),
        ({"cache-control": "max-age=0", "expires": "Wed, 04 Mar 2026 13:00:00 GMT"}, None),
    ],
)
def test_what_counts_as_fresh(said: dict[str, str], seconds: int | None) -> None:
    """A4: dates gone by, other directives and `max-age=0` are no wish; `no-cache` of one field is none of the whole."""
    assert headers.fresh_seconds(said, NOW) == seconds


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("Tue, 03 Mar 2026 12:00:00 GMT", timedelta()),
        ("Fri, 04 Mar 2726 12:00:00 GMT", timedelta(days=3650)),
        ("999999999999", timedelta(days=3650)),
        ("90.5", timedelta(seconds=90.5)),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_never_negative_nor_for_ever(said: str, wait: timedelta | None) -> None:
    """A5: both forms, within bounds; what is neither says nothing."""
    assert headers.retry_after({"retry-after": said}, NOW) == wait


def test_hours_that_no_day_has_are_not_skipped() -> None:
    """A8: 24 is midnight, 99 is nothing."""
    body = b"<rss><channel><skipHours><hour>24</hour><hour>25</hour><hour>99</hour></skipHours></channel></rss>"
    assert hints.read(body).skip_hours == (0,)
