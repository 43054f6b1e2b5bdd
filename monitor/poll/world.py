"""What commits decide by: the configuration in force, and the open stories kept in memory.

The memory is a copy of what the database says: what others decided meanwhile is read before it is used, and after a
failed transaction all of it is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.alerts.decide import AlertPolicy, Ops, Route
from monitor.alerts.receivers import ReceiverSettings
from monitor.feeds.identify import EntryPolicy
from monitor.feeds.plan import Polling
from monitor.model import Feed
from monitor.rules.rule_set import RuleSet
from monitor.store import alerts, due
from monitor.store import open_stories as stored
from monitor.store.engine import Connection
from monitor.stories.assign import StoryIndex
from monitor.trial import Reached


@dataclass(frozen=True, slots=True)
class Policy:
    """The parts of the configuration that polls and their commits need. Replaced whole on a reload."""

    feeds: Mapping[str, Feed]
    rules: RuleSet
    polling: Polling
    entries: EntryPolicy
    alerts: AlertPolicy
    receivers: Mapping[str, ReceiverSettings]
    routes: tuple[Route, ...]
    ops: Ops


@dataclass
class World:
    """The policy in force, the open stories, and where ids come from. Used by the one thread that commits.

    `reached` is told where a crash would be interesting (monitor/trial.py)."""

    policy: Policy
    new_id: Callable[[], str]
    reached: Reached = len
    nothing_answers: bool = False  # operations were told so, as far as this process knows (poll/outage.py)
    hurried_at: datetime | None = None  # when feeds were last polled sooner, for the network was back
    _steps: tuple[object, timedelta] | None = None  # of which transaction, and what it saw
    _index: StoryIndex | None = field(default=None, repr=False)
    _apart: bool = False  # the index is none of the database's
    _known: int = 0  # the last decision (alert) that the index has heard of

    def index(self, conn: Connection, now: datetime) -> StoryIndex:
        """The open stories as they stand now. The caller has the turn of those who tell (store/alone.py)."""
        if self._index is not None and self._apart:
            return self._index
        latest = alerts.latest(conn)
        if self._index is None:
            since = now - self.policy.alerts.repeat_after
            index = StoryIndex(stored.open_stories(conn, since), self.policy.alerts.repeat_after)
            for story in stored.closed_stories(conn, since):
                index.shelve(story)
            self._index = index
        elif latest > self._known:  # other processes told of these
            for story in stored.as_open(conn, alerts.stories_since(conn, self._known)):
                self._index.add(story)
        self._known = latest
        return self._index

    def steps(self, conn: Connection) -> timedelta:
        """By how much our clock was set (store/due.py), looked up once a transaction: each document asks."""
        transaction = conn.get_transaction()
        if self._steps is None or self._steps[0] is not transaction:
            self._steps = transaction, due.steps_so_far(conn)
        return self._steps[1]

    def forget_steps(self) -> None:
        """The transaction has forgotten them."""
        self._steps = None

    def start_with(self, index: StoryIndex) -> None:
        """Know these open stories rather than those of the database."""
        self._index, self._apart = index, True

    def told(self, conn: Connection) -> None:
        """What was just decided here is in the index already."""
        self._known = alerts.latest(conn)

    def undo(self) -> None:
        """The transaction failed: what the index learnt in it is not true. It is read again when next needed."""
        self._index = None

    def forget_quiet(self, now: datetime) -> None:
        """Let go of stories that are over, so that memory stays flat."""
        if self._index is not None:
            self._index.forget(now - self.policy.alerts.repeat_after)
