"""Which feed of feeds.yaml a person means."""

from __future__ import annotations

from monitor.errors import UsageError
from monitor.model import Feed
from monitor.settings import Configuration
from monitor.settings.checks import same_url_key, url_fault
from monitor.yamlfile import nearest


def wanted(configuration: Configuration, feed_id: str) -> Feed:
    """The feed of feeds.yaml with this id; raises UsageError that suggests the nearest one."""
    feed = configuration.feed(feed_id)
    if feed is None:
        close = nearest(feed_id, [one.id for one in configuration.feeds])
        hint = f" Did you mean {close!r}?" if close else " `licensewatch feeds list` shows those there are."
        raise UsageError(f"There is no feed {feed_id!r} in feeds.yaml.{hint}")
    return feed


def named(configuration: Configuration, url: str) -> Feed | None:
    """The feed of feeds.yaml that `url` is the id or the URL of."""
    found = configuration.feed(url)
    key = same_url_key(url) if "://" in url and not url_fault(url) else None
    return found or next((feed for feed in configuration.feeds if key and same_url_key(feed.url) == key), None)
