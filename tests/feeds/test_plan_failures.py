"""When a feed is polled next after it moved or failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.errors import FetchError, FetchReason, ParseError, ParseInterrupted
from monitor.feeds import plan
from monitor.feeds.plan import Poll, Polling
from monitor.model import Feed, FeedHealth
from tests.feeds.planning import FEED, NOW, document, found, poll, state, wait

# ---- redirects (A9)


def test_a_permanent_redirect_is_taken_over_after_a_day() -> None:
    """A9: the new URL is polled once all-permanent redirects were seen at least 24 hours apart."""
    moved = document(permanent_url="https://new.example/feed")
    first = plan.after_document(poll(), moved, found())
    early = plan.after_document(Poll(FEED, first, Polling(), NOW + timedelta(hours=23)), moved, found())
    late = plan.after_document(Poll(FEED, early, Polling(), NOW + timedelta(hours=24)), moved, found())
    assert (first.url, early.url) == (FEED.url, FEED.url)
    assert (late.url, late.config_url) == ("https://new.example/feed", FEED.url)


def test_a_redirect_that_changes_its_mind_starts_anew() -> None:
    """A9: another target, or an answer without redirect, starts the 24 hours anew."""
    first = plan.after_document(poll(), document(permanent_url="https://a.example/"), found())
    other = plan.after_document(
        Poll(FEED, first, Polling(), NOW + timedelta(days=2)), document(permanent_url="https://b.example/"), found()
    )
    none = plan.after_document(Poll(FEED, other, Polling(), NOW + timedelta(days=2, hours=1)), document(), found())
    assert other.url == none.url == FEED.url
    assert none.redirect_since is None


def test_a_304_behind_the_redirect_counts_too() -> None:
    """A9: conditional polls see the redirect as well."""
    before = state(redirect_url="https://new.example/", redirect_since=NOW - timedelta(days=2))
    after = plan.after_not_modified(poll(before=before), document(304, b"", permanent_url="https://new.example/"))
    assert after.url == "https://new.example/"


def test_a_redirect_to_plain_http_is_not_taken_over() -> None:
    before = state(redirect_url="http://new.example/", redirect_since=NOW - timedelta(days=2))
    after = plan.after_document(poll(before=before), document(permanent_url="http://new.example/"), found())
    assert after.url == FEED.url


# ---- failures (A10)


def test_410_stops_polling_and_says_so() -> None:
    """A10: 410 means never again, until a person resumes the feed."""
    after = plan.after_failure(poll(), FetchError(FetchReason.GONE, "lab.example says 410 Gone", status=410))
    assert (after.gone, after.next_poll_at, plan.health(FEED, after)) == (True, None, FeedHealth.GONE)
    assert "410" in after.why_next
    assert plan.resume(after, NOW).next_poll_at == NOW


@pytest.mark.parametrize(
    "error",
    [
        FetchError(FetchReason.HTTP, "x answered 404", status=404),
        FetchError(FetchReason.HTTP, "x answered 500", status=500),
        FetchError(FetchReason.DNS, "the name x does not resolve"),
        FetchError(FetchReason.TLS, "the certificate is not accepted"),
        ParseError("is a web page, not a feed"),
    ],
)
def test_failures_back_off_to_a_day_and_go_on_for_ever(error: Exception) -> None:
    """A10: waits grow, never beyond a day; after 30 days the feed is still tried daily, with its last error."""
    feed_state, now, waits = state(), NOW, []
    while now < NOW + timedelta(days=30):
        feed_state = plan.after_failure(Poll(FEED, feed_state, Polling(), now), error, document())
        waits.append(feed_state.next_poll_at - now)
        now = feed_state.next_poll_at
    assert waits[0] < timedelta(minutes=16)
    assert all(timedelta(hours=16) < w <= timedelta(days=1) for w in waits[8:])
    assert waits[3] > waits[1]
    assert str(error).split()[-1] in (feed_state.last_error or "")
    assert plan.health(FEED, feed_state) is FeedHealth.FAILING


def test_back_off_is_spread_among_feeds() -> None:
    """A10: feeds that failed together do not come back together."""
    error = FetchError(FetchReason.DNS, "no name")
    waits = {
        plan.after_failure(Poll(Feed(f"f{n}", "https://x/"), state(failures=5), Polling(), NOW), error).next_poll_at
        for n in range(50)
    }
    assert len(waits) == 50


def test_one_success_ends_the_back_off() -> None:
    """A10: a feed recovers by itself, and its error goes."""
    before = state(failures=9, failing_since=NOW - timedelta(days=2), last_error="x answered 500")
    after = plan.after_not_modified(poll(before=before), document(304, b""))
    assert (after.failures, after.failing_since, after.last_error) == (0, None, None)
    assert wait(after) < timedelta(minutes=17)


def test_a_304_about_an_unreadable_document_is_no_success() -> None:
    """A2, A12: the validators of a consent page are sent back, and its 304 is one more failure."""
    broken = plan.after_failure(poll(), ParseError("is a web page"), document(etag='"consent"'))
    again = plan.after_not_modified(Poll(FEED, broken, Polling(), NOW + timedelta(hours=1)), document(304, b""))
    assert broken.etag == '"consent"'
    assert (again.failures, again.last_success_at) == (2, broken.last_success_at)


def test_a_304_about_an_unreadable_document_says_so_whatever_failed_since() -> None:
    """A10, A12: what the publisher still serves is the trouble, not the 503 in between."""
    broken = plan.after_failure(poll(), ParseError("is a web page"), document(etag='"consent"'))
    assert plan.after_not_modified(poll(before=broken), document(304, b"")).last_error == "parse: is a web page"
    away = FetchError(FetchReason.HTTP, "lab.example answered 503", status=503)
    between = plan.after_failure(poll(before=broken), away)
    assert (between.last_error, between.unreadable) == ("lab.example answered 503", False)
    again = plan.after_not_modified(poll(before=between), document(304, b""))
    assert (again.last_error, again.unreadable) == ("parse: is still the document that could not be read", True)
    assert (again.failures, again.last_status) == (3, 304)


def test_an_interrupted_reading_keeps_the_old_validators() -> None:
    """What a dying worker did not read is asked for again in full."""
    after = plan.after_failure(poll(before=state(etag='"old"')), ParseInterrupted("too long"), document(etag='"new"'))
    assert after.etag == '"old"'


def test_a_readable_document_ends_being_unreadable() -> None:
    broken = plan.after_failure(poll(), ParseError("is a web page"), document(body=b"html"))
    assert plan.is_unread(broken)
    assert plan.same_body(broken, plan.body_hash(b"html"))
    mended = plan.after_document(poll(before=broken), document(), found())
    assert not plan.is_unread(mended)
