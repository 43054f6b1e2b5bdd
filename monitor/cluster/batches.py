"""Which feeds go into one job: those whose hosts fall into one bucket, so that a host is one job's business."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import timedelta

from monitor.feeds.pace import host_key
from monitor.store.feeds import DueFeed

BUCKETS = 128  # jobs of polls that may be under way in the whole cluster
MOST_FEEDS = 50  # of one job: so many share a commit
HOST_TIME = timedelta(seconds=15)  # what one host may take of a job, at its pace


def bucket_of(url: str) -> int:
    """The bucket of a feed: by its host, the same on every machine."""
    return zlib.crc32(host_key(url).encode()) % BUCKETS


def batches(due: Iterable[DueFeed], gap: timedelta, busy: Collection[int] = ()) -> dict[int, list[str]]:
    """Feed ids by bucket, the longest due first; nothing for `busy` buckets. What finds no room stays due."""
    most_of_host = max(1, int(HOST_TIME / gap)) if gap else MOST_FEEDS
    of_host: Counter[str] = Counter()
    found: dict[int, list[str]] = {}
    for feed in due:
        bucket, host = bucket_of(feed.url), host_key(feed.url)
        if bucket in busy or of_host[host] >= most_of_host or len(found.get(bucket, ())) >= MOST_FEEDS:
            continue
        of_host[host] += 1
        found.setdefault(bucket, []).append(feed.id)
    return found
