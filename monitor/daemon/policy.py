"""What polls and commits need of a configuration, and due times that follow when it changed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from monitor.alerts import dispatch
from monitor.feeds import plan
from monitor.poll import Policy
from monitor.settings import Configuration
from monitor.store import due, facts
from monitor.store import feeds as feed_store
from monitor.store import rules as rule_store
from monitor.store.engine import Connection

_PLANNED_BY = "planned_by"


def policy_of(configuration: Configuration) -> Policy:
    """What polls and commits need of a configuration."""
    chosen = configuration.settings
    return Policy(
        feeds={feed.id: feed for feed in configuration.feeds},
        rules=configuration.rules,
        polling=chosen.polling,
        entries=chosen.entries,
        alerts=chosen.alerts,
        receivers={receiver.name: receiver for receiver in chosen.receivers},
        routes=chosen.routes,
        ops=chosen.ops,
    )


def remember_rules(conn: Connection, policy: Policy, now: datetime) -> None:
    """Note which rules are in force, and since when."""
    rules = policy.rules.rules.values()
    rule_store.remember(conn, [(rule.id, rule.version, rule.title, rule.severity) for rule in rules], now)


def replan(conn: Connection, policy: Policy, now: datetime) -> None:
    """Move due times to what the settings say, where those are not the ones that due times were planned by.

    An edit may have been saved while nobody ran, so the database knows which settings it follows.
    """
    settings = _pace(policy)
    if facts.get(conn, _PLANNED_BY) == settings:
        return
    facts.set(conn, _PLANNED_BY, settings, now)
    for state in feed_store.states(conn).values():
        feed = policy.feeds.get(state.feed_id)
        moved = plan.reload(feed, state, policy.polling, now) if feed is not None else state
        if moved.next_poll_at != state.next_poll_at:
            feed_store.reschedule(conn, moved)


def rehour(conn: Connection, policy: Policy, now: datetime) -> None:
    """Let messages that wait for quiet hours to end, or for a digest, wait for what the settings say now."""
    for wait in due.waits(conn, now):
        receiver = policy.receivers.get(wait.receiver)
        if receiver is not None:
            until = dispatch.due_now(wait.role, wait.severity, receiver, policy.alerts, now)
            if until != wait.until:
                due.wait_until(conn, wait.id, until if until > now else None)


def _pace(policy: Policy) -> str:
    """A hash of every setting that says when feeds are polled."""
    general = policy.polling
    feeds = sorted((one.id, one.interval, one.rhythm, one.skip_hours) for one in policy.feeds.values())
    settings = repr((general.interval, general.rhythm, general.max_interval, feeds))
    return hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()
