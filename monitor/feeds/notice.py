"""Which feeds people must be told about: one notice when it starts, one when it is over. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.model import Feed, FeedState

FAILURES_TO_TELL = 5  # in a row: 4 hours at an interval of 15 minutes
UNREADABLE_TO_TELL = 3  # HTML, consent pages: they seldom heal by themselves
ARRIVALS_TO_KNOW = 4
LEAST_SILENCE = timedelta(days=3)  # newsrooms rest on weekends


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell about a feed. `reason` is the new `FeedState.notice`: a word while it lasts, None when over."""

    reason: str | None
    title: str
    text: str
    remedy: str = ""


def notice(feed: Feed, before: FeedState, after: FeedState, now: datetime) -> Notice | None:
    """The notice that a poll which led from `before` to `after` calls for; None: nothing new to tell."""
    known, reason = before.notice, _trouble(after, now)
    if reason == known:
        return None
    name, recovered = feed.title or feed.id, _RECOVERED.get(known or "", "all well again")
    if reason is None:
        return Notice(None, "A feed is well again", f"{name}: {recovered}.")
    # What lasts beneath a trouble comes to light when that is over.
    ended = f"{recovered}; " if known is not None and reason in _LASTING else ""
    words = f"{name}: {ended}{_words(reason, after, now)}"
    return Notice(reason, _TITLES[reason], words, _REMEDIES[reason].format(id=feed.id))


_RECOVERED = {
    "failing": "answers again",
    "unreadable": "is a readable feed again",
    "gone": "is back",
    "silent": "has news again",
    "moved": "is polled at its configured URL again",
}
_TITLES = {
    "failing": "A feed fails",
    "unreadable": "A feed cannot be read",
    "gone": "A feed is gone",
    "silent": "A feed is silent",
    "moved": "A feed has moved",
}
_TRY = "`licensewatch feeds test {id}` shows what it answers now. If it moved, change its `url` in feeds.yaml."
_REMEDIES = {
    "failing": _TRY,
    "unreadable": _TRY,
    "gone": "`licensewatch feeds resume {id}` tries it again; or take it out of feeds.yaml.",
    "silent": _TRY,
    "moved": "`licensewatch feeds accept-redirect {id}` writes that into feeds.yaml.",
}
_FAILURES = frozenset({"failing", "unreadable"})
_LASTING = frozenset({"silent", "moved"})


def _trouble(state: FeedState, now: datetime) -> str | None:
    if state.gone:
        return "gone"
    if state.failures:
        enough = UNREADABLE_TO_TELL if state.unreadable else FAILURES_TO_TELL
        if state.failures >= enough and state.notice not in _FAILURES:  # one trouble, whatever its cause is by now
            return "unreadable" if state.unreadable else "failing"
        return state.notice  # one failure neither opens nor closes anything
    if silent_since(state, now) is not None:
        return "silent"
    return "moved" if state.url != state.config_url else None


def silent_since(state: FeedState, now: datetime) -> datetime | None:
    """Since when a feed is silent against its own rhythm; None while it is not, or while its rhythm is unknown.

    Its rhythm is the gaps between polls that brought news: silent is three times the longest and six times the usual.
    """
    arrivals = [at for at, news in state.polls if news]
    if len(arrivals) < ARRIVALS_TO_KNOW:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    patience = max(3 * gaps[-1], 6 * gaps[len(gaps) // 2], LEAST_SILENCE)
    return arrivals[-1] if now - arrivals[-1] > patience else None


def _words(reason: str, state: FeedState, now: datetime) -> str:
    since = f"{state.failing_since:%Y-%m-%d %H:%M} UTC" if state.failing_since else "now"
    match reason:
        case "gone":
            return "the publisher says 410 Gone. It is not polled any more."
        case "unreadable":
            return f"answers something that is no readable feed, since {since}: {state.last_error}. It is tried again."
        case "failing":
            return f"{state.failures} polls failed in a row, since {since}: {state.last_error}. It is tried again."
        case "moved":
            return f"moved for good to {state.url}, which is polled now."
        case _:
            at = silent_since(state, now) or now
            return f"no news since {at:%Y-%m-%d %H:%M} UTC, which is long against its own rhythm."
