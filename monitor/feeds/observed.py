"""What is remembered of a feed's polls: enough to know its rhythm, in time that somebody watched. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.model import FeedState

POLLS_KEPT = 12  # of the latest, and as many again of those that brought news
_LONGEST_SKIP = timedelta(days=6)  # of skipDays


def observed(state: FeedState, now: datetime, news: int, longest_wait: timedelta) -> tuple[tuple[datetime, int], ...]:
    """The last polls and, before them, the last ones that brought news; this one ends at `now`.

    Time that nobody watched is no silence: when the last poll is longer ago than we ever wait, or still to come (we
    stood still, or the clock was set), the polls before move up to this one.
    """
    gone_by = _unwatched(state, now, longest_wait)
    polls = (*((at + gone_by, new) for at, new in state.polls), (now, news))
    older = tuple(item for item in polls[:-POLLS_KEPT] if item[1])
    return older[-POLLS_KEPT:] + polls[-POLLS_KEPT:]


def _unwatched(state: FeedState, now: datetime, longest_wait: timedelta) -> timedelta:
    if state.last_poll_at is None:
        return timedelta()
    passed = now - state.last_poll_at
    longest = longest_wait + (_LONGEST_SKIP if state.hints.skip_days else timedelta())
    return timedelta() if timedelta() <= passed <= longest else passed
