"""The made-up story of the canary: the document that tells it, the rule that must see it, and what must come of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

from monitor.model import CANARY, Direction, Document, Feed, FeedState, Message, Reason, Stage, Trust
from monitor.poll import Outcome
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet

HEADLINE = "Pitmouth Canary Works weighs replacing its open Songbird model with a closed one"
ORG, MODEL = "Pitmouth Canary Works", "Songbird"
# .invalid never resolves (RFC 2606): a link that gets out leads nowhere.
FEED = Feed(CANARY, "http://canary.invalid/feed.xml", "The Canary", trust=Trust.PRESS)

_DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>The Canary</title><link>http://canary.invalid/</link><description/>
<item><title>{title}</title><link>http://canary.invalid/{day}</link><guid>http://canary.invalid/{day}</guid>
<pubDate>{date}</pubDate>
<description>{title}. &lt;b&gt;Nobody&lt;/b&gt; has decided, a caf&#233; owner says.</description></item>
</channel></rss>
"""


@cache
def rules() -> RuleSet:
    """The canary's own rule, compiled and its examples run, as at every load."""
    return load_rules([Path(__file__).with_name("rules.yaml")])


def document(now: datetime) -> Document:
    """What the made-up feed serves today."""
    text = _DOCUMENT.format(title=HEADLINE, day=f"{now:%Y-%m-%d}", date=format_datetime(now))
    return Document(FEED.url, 200, {"content-type": "application/rss+xml"}, text.encode())


def before(now: datetime) -> FeedState:
    """The made-up feed as it was known before: polled well a day ago, so that what it brings is news."""
    then = now - timedelta(days=1)
    return FeedState(FEED.id, FEED.url, FEED.url, then, last_poll_at=then, last_success_at=then, baselined_at=then)


def fault_of_decision(outcome: Outcome) -> str:
    """What is wrong with what the poll made of it; empty when all is as it must be."""
    if outcome.stale or outcome.new != 1:
        return f"{outcome.new} entries were new, not 1"
    if len(outcome.told) != 1:
        return f"the rule hit {len(outcome.told)} entries, not 1"
    [told] = outcome.told
    shift = told.story.shift
    if (shift.direction, shift.stage) != (Direction.CLOSING, Stage.CONSIDERING):
        return f"it was read as {shift.direction}, {shift.stage}"
    if (shift.orgs, shift.models) != ((ORG,), (MODEL,)):
        return f"it was read as of {', '.join((*shift.orgs, *shift.models)) or 'nobody'}"
    if told.alert.suppressed or told.alert.reason is not Reason.NEW_STORY or told.deliveries != 1:
        return f"the decision was: {told.alert.reason}, {told.deliveries} deliveries. {told.alert.note}".strip()
    return ""


def fault_of_message(message: Message) -> str:
    """What is wrong with the message that arrived; empty when it tells the story."""
    shown = message.text + " " + " ".join(map(str, message.blocks))
    missing = [word for word in (HEADLINE, ORG, MODEL) if word not in shown]
    return f"the message does not say: {', '.join(missing)}" if missing else ""
