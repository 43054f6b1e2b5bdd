"""A12: which feeds people are told about: one notice when it starts, one when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import FetchError, FetchReason, MonitorError, ParseError
from monitor.feeds import plan
from monitor.feeds.plan import Found, Notice, Poll, Polling
from monitor.model import Document, Feed, FeedState

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FEED = Feed("lab", "https://lab.example/feed.xml", title="The Lab")
POLLING = Polling()
OK = Document(FEED.url, 200, {}, b"x")


def begin() -> FeedState:
    return replace(plan.new_state(FEED, NOW), baselined_at=NOW)


def told(before: FeedState, after: FeedState, now: datetime) -> tuple[FeedState, Notice | None]:
    """The state as the shell stores it, with the notice that the poll calls for."""
    found = plan.notice(FEED, before, after, now)
    return (after if found is None else replace(after, notice=found.reason)), found


def fail(state: FeedState, times: int, error: MonitorError) -> tuple[FeedState, list[Notice]]:
    notices = []
    for _ in range(times):
        now = max(state.next_poll_at or NOW, NOW)
        state, found = told(state, plan.after_failure(Poll(FEED, state, POLLING, now), error, OK), now)
        notices += [found] if found else []
    return state, notices


def succeed(state: FeedState, now: datetime, news: int = 0) -> tuple[FeedState, Notice | None]:
    after = plan.after_document(Poll(FEED, state, POLLING, now), OK, Found("h", new_entries=news))
    return told(state, after, now)


@pytest.mark.parametrize(
    ("error", "times", "reason"),
    [
        (FetchError(FetchReason.HTTP, "lab.example answered 500", status=500), 5, "failing"),
        (FetchError(FetchReason.DNS, "the name lab.example does not resolve"), 5, "failing"),
        (ParseError("is a web page, not a feed"), 3, "unreadable"),
    ],
)
def test_a_feed_that_keeps_failing_raises_one_notice_and_one_when_it_recovers(
    error: MonitorError, times: int, reason: str
) -> None:
    """A12: failures, HTML and consent pages: silence below the limit, then one notice, then one recovery."""
    state, notices = fail(begin(), times - 1, error)
    assert notices == []
    state, notices = fail(state, 30, error)
    assert [notice.reason for notice in notices] == [reason]
    assert str(error).rpartition(": ")[2] in notices[0].text
    state, recovered = succeed(state, NOW + timedelta(days=20))
    assert recovered is not None
    assert recovered.reason is None
    assert recovered.text.startswith("The Lab: ")
    assert succeed(state, NOW + timedelta(days=21))[1] is None


def test_one_failure_in_between_changes_nothing() -> None:
    """A12: a notice that is open stays open, and none opens, at a single failure."""
    state, notices = fail(begin(), 1, FetchError(FetchReason.DNS, "no name"))
    assert notices == []
    assert succeed(state, NOW + timedelta(hours=1))[1] is None


def test_gone_is_told_at_once() -> None:
    """A10: 410 says so to people as well."""
    _, notices = fail(begin(), 1, FetchError(FetchReason.GONE, "says 410", status=410))
    assert [notice.reason for notice in notices] == ["gone"]


def test_a_move_is_told_once() -> None:
    """A9: taking over a new URL is reported, with the command that writes it down."""
    state = replace(begin(), url="https://new.example/feed")
    _, notice = told(begin(), state, NOW)
    assert notice is not None
    assert notice.reason == "moved"
    assert "accept-redirect lab" in notice.remedy
    assert "https://new.example/feed" in notice.text


def _publish(every: timedelta, times: int) -> tuple[FeedState, datetime]:
    state, now = begin(), NOW
    for _ in range(times):
        state, notices = _watch(state, now, now + every - timedelta(hours=1))
        now += every
        state, notice = succeed(state, now, news=1)
        assert (notices, notice) == ([], None)
    return state, now


def _watch(state: FeedState, now: datetime, until: datetime) -> tuple[FeedState, list[Notice]]:
    """Polls without news, twice a day."""
    notices = []
    while now < until:
        now = min(now + timedelta(hours=12), until)
        state, notice = succeed(state, now)
        notices += [notice] if notice else []
    return state, notices


@pytest.mark.parametrize(
    ("every", "quiet", "loud"),
    [
        (timedelta(hours=1), timedelta(days=2, hours=20), timedelta(days=3, hours=1)),  # a weekend is no alarm
        (timedelta(days=1), timedelta(days=5), timedelta(days=7)),
        (timedelta(days=7), timedelta(days=40), timedelta(days=43)),
    ],
)
def test_silence_is_measured_against_the_feeds_own_rhythm(every: timedelta, quiet: timedelta, loud: timedelta) -> None:
    """A12: an hourly feed is missed after days, a weekly one after weeks; news closes the notice."""
    state, last = _publish(every, 8)
    state, notices = _watch(state, last, last + quiet)
    assert notices == []
    state, (notice,) = _watch(state, last + quiet, last + loud)
    assert notice.reason == "silent"
    state, again = succeed(state, last + loud + timedelta(days=1))
    assert again is None
    _, recovered = succeed(state, last + loud + timedelta(days=2), news=1)
    assert recovered is not None
    assert recovered.reason is None


def test_a_feed_whose_rhythm_is_unknown_is_never_called_silent() -> None:
    """A12: three arrivals are no rhythm."""
    state, last = _publish(timedelta(hours=1), 3)
    assert succeed(state, last + timedelta(days=300))[1] is None


def test_silence_outlasts_the_memory_of_polls() -> None:
    """A12: polls without news do not push the arrivals out of memory before silence can be seen."""
    state, last = _publish(timedelta(days=7), 6)
    notices, now = [], last
    while now < last + timedelta(days=50):
        now += timedelta(hours=6)
        state, notice = succeed(state, now)
        notices += [notice] if notice else []
    assert [notice.reason for notice in notices] == ["silent"]


def test_failures_of_changing_kinds_are_one_trouble() -> None:
    """A12: a maintenance page one hour and a 503 the next are told once, not at every change."""
    page, down = ParseError("is a web page, not a feed"), FetchError(FetchReason.HTTP, "x answered 503", status=503)
    state, notices = begin(), []
    for _ in range(20):
        for error in (page, down):
            state, found = fail(state, 1, error)
            notices += found
    assert len(notices) == 1
    recovered = succeed(state, NOW + timedelta(days=60))[1]
    assert recovered is not None
    assert recovered.reason is None


def test_a_moved_feed_that_failed_is_told_to_answer_again() -> None:
    """A12: what lasts (the feed moved) does not hide that a failure is over."""
    state = replace(begin(), url="https://new.example/feed", notice="moved")
    state, notices = fail(state, 9, FetchError(FetchReason.DNS, "no name"))
    assert [notice.reason for notice in notices] == ["failing"]
    recovered = succeed(state, NOW + timedelta(days=5))[1]
    assert recovered is not None
    assert recovered.text.startswith("The Lab: answers again; moved for good to https://new.example/feed")


@pytest.mark.parametrize("leap", [timedelta(days=150), timedelta(days=3653), timedelta(days=-150)])
def test_a_clock_that_was_set_makes_no_feed_silent_and_hides_no_silence(leap: timedelta) -> None:
    """A12, A39: months that did not pass, or in which nobody watched, are no silence; what is watched after them is."""
    state, now = _publish(timedelta(hours=1), 8)
    now += leap
    for _ in range(4):
        state, notice = succeed(state, now := now + timedelta(hours=6))
        assert notice is None
    state, (notice,) = _watch(state, now, now + timedelta(days=3))
    assert notice.reason == "silent"
    _, recovered = succeed(state, now + timedelta(days=3, hours=6), news=1)
    assert recovered is not None
    assert recovered.reason is None


def test_a_clock_that_was_set_slows_no_feed_down() -> None:
    """A11, A39: the rhythm is learnt from the time that was watched."""
    state, now = _publish(timedelta(hours=1), 12)
    later = now + timedelta(days=400)
    state, _ = succeed(state, later)
    assert state.next_poll_at is not None
    assert state.next_poll_at - later < timedelta(minutes=20)
