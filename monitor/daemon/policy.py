"""What polls and commits need of a configuration."""

from __future__ import annotations

from monitor.poll import Policy
from monitor.settings import Configuration


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
