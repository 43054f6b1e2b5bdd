"""The parts of a running service, put together: database thread, HTTP, parsing workers, world, polls, deliveries."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, TypeVar

import structlog

from monitor import __version__, clock, settings
from monitor.canary import RECEIVER, Canary
from monitor.canary import Ground as Flyover
from monitor.clock import ClockWatch
from monitor.daemon import lines, sifting
from monitor.daemon import policy as policies
from monitor.daemon.lines import Lines
from monitor.daemon.pages import full_text, page_reader
from monitor.daemon.policy import policy_of
from monitor.deliver import PACE, Deliverer, Options
from monitor.errors import ConfigError, ParseError, StoreError
from monitor.feeds import plan
from monitor.feeds.fetch import Fetcher
from monitor.feeds.pace import HostPace, host_key
from monitor.feeds.polling import Polling
from monitor.feeds.reader import Briefing, Reader
from monitor.model import Feed, FeedState
from monitor.poll import Look, Manners, Outcome, Rounds, Tools, Turns, World, commit, outage
from monitor.settings import Configuration
from monitor.store import canary as canary_store
from monitor.store import due as due_times
from monitor.store import facts, hosts
from monitor.store import feeds as feed_store
from monitor.store.engine import Connection, Database
from monitor.telemetry import Counters
from monitor.trial import Point, Trial

LONGEST_WAIT_S = 20.0  # a poll that others could do as well waits no longer for its host
LEASE_MARGIN = timedelta(seconds=5)  # a request ends by its timeout; nobody takes its host before that
CEILING = timedelta(days=1)  # no due time of ours lies further ahead than this or an interval, spread included twice

log = structlog.get_logger("poll")
T = TypeVar("T")


@dataclass
class Service:
    """Everything that polls and delivers. An async context manager; the caller holds the database's lock.

    `shared`: other processes work on the same database. Then one of them leads: it alone says which feeds are listed.
    """

    configuration: Configuration
    database: Database
    environ: Mapping[str, str]
    learn_secret: Callable[[str], None] = lambda _: None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    counters: Counters = field(default_factory=Counters)
    alone: bool = False  # one process ticks here, and moves due times with its clock; of many, the leader does
    _watch: ClockWatch = field(default_factory=ClockWatch)
    _owed_step: timedelta = timedelta()
    _minding: asyncio.Lock = field(default_factory=asyncio.Lock)
    listens: bool = False  # somebody answers the buttons of our messages
    now: Callable[[], datetime] = clock.now
    shared: str | None = None  # the name of this process among them

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._stack.callback(self._thread.shutdown)
        trial = self._trial = Trial.of(self.environ)
        if trial.words:
            log.warning("process on trial", asked=trial.words)
        self.world = World(policy_of(self.configuration), self.new_id, trial.reached)
        polling = self.configuration.settings.polling
        self.pace = HostPace(polling.host_gap.total_seconds())
        reader = Reader(sifting.WORKERS, program=sifting.PROGRAM)
        await self._stack.enter_async_context(reader)
        fetcher = await self._stack.enter_async_context(
            Fetcher(polling, __version__, self.configuration.settings.state_dir / "inbox")
        )
        tools = Tools(fetcher, reader, self.now, trial.reached, self._briefing)
        self.turns: Turns | None = None
        if self.shared is not None:
            self.turns = await self._stack.enter_async_context(Turns(self.database, self._shared_manners(polling)))
        manners = Manners(self.pace, self.turns, LONGEST_WAIT_S if self.shared is not None else float("inf"))
        self.rounds = Rounds(tools, self._commit, manners, polling.concurrency)
        chosen = self.configuration.settings
        self.canary = self._made_canary()
        options = Options(
            ops=chosen.ops.receivers,
            pace=trial.pace or PACE,
            acting=lambda receiver: self.listens and self.app_token(receiver.app_credential) is not None,
            reached=trial.reached,
            now=self.now,
            storyline=self.canary.storyline,
            built_in=self.canary.box,
        )
        self.deliverer = Deliverer(self.database, (*chosen.receivers, RECEIVER), self.credential, options)
        self._page_reader = await self._stack.enter_async_context(page_reader())
        self.rounds.full_text = full_text(fetcher, self._page_reader, self.world, self.reading)
        self.leads = self.shared is None
        await self.in_database(self._begin)
        return self

    async def lead(self) -> None:
        """From now on this process says for all which feeds are listed."""
        self.leads = True
        await self.in_database(self._take_stock)

    def _shared_manners(self, polling: Polling) -> hosts.Manners:
        assert self.shared is not None
        return hosts.Manners(self.shared, polling.host_gap, polling.timeout + LEASE_MARGIN)

    async def __aexit__(self, *exc: object) -> None:
        await self.rounds.close()
        await self.deliverer.close()
        if self.leads:
            await self._say_stopped()
        await self._stack.aclose()

    async def _say_stopped(self) -> None:
        with suppress(StoreError):  # refused to the end: health then sees ticks that ended without a word
            await self.in_database(lambda conn: facts.set(conn, "stopped", __version__, self.now()))

    def credential(self, name: str) -> str | None:
        """The value of a credential, read afresh; from now on it is cut out of every log line."""
        found = settings.credential(name, self.environ)
        if found is None:
            return None
        self.learn_secret(found.value)
        return found.value

    def new_id(self) -> str:
        """An id for a new delivery."""
        return uuid.uuid4().hex

    def app_token(self, name: str) -> str | None:
        """The credential of that name for acting from Slack; None also when its file cannot be read: it is optional."""
        try:
            return self.credential(name)
        except ConfigError:
            return None

    async def in_database(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one writing transaction on the database thread."""

        def transaction() -> T:
            with self.database.write() as conn:
                return work(conn)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def reading(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one state of the database, on the database thread."""

        def look() -> T:
            with self.database.read() as conn:
                return work(conn)

        return await asyncio.get_running_loop().run_in_executor(self._thread, look)

    def _made_canary(self) -> Canary:
        return Canary(
            Flyover(
                read=self.rounds.tools.reader.read,
                writing=self.in_database,
                reading=self.reading,
                configured=lambda: self.world.policy.rules,
                ops=lambda: self.world.policy.ops.receivers,
                new_id=self.world.new_id,
            )
        )

    async def mind_the_canary(self) -> None:
        """Let it fly when it is due. On trial it stays: it would pass the points in the place of news."""
        if self.rounds.store_ok and not self._trial.words:
            await self.canary.mind()

    def _begin(self, conn: Connection) -> None:
        now = self.now()
        if self.leads:
            self._take_stock(conn)
        blocked = feed_store.host_blocks(conn, now)
        for host, until in blocked.items():
            self.pace.block(host, clock.monotonic() + (until - now).total_seconds())

    def _take_stock(self, conn: Connection) -> None:
        longest = max((feed.interval for feed in self.configuration.feeds if feed.interval), default=CEILING)
        due_times.pull_back(conn, self.now(), max(CEILING, longest, self.world.policy.polling.interval) * 2)
        self._list_feeds(conn)
        self._replan(conn)
        self._trial.reached(Point.START_LISTED)
        canary_store.sweep(conn)

    def _list_feeds(self, conn: Connection) -> None:
        now, feeds = self.now(), self.configuration.feeds
        known = feed_store.states(conn)
        feed_store.sync_feeds(
            conn, feeds, lambda feed: plan.first_poll(feed, known.get(feed.id), now, among=len(feeds)), now
        )
        policies.remember_rules(conn, self.world.policy, now)

    async def take_rules(self, configuration: Configuration) -> None:
        """Go on with the same configuration and its rules, which were under way when this began."""
        self.configuration = configuration
        self.world.policy = policy_of(configuration)
        await self.in_database(lambda conn: policies.remember_rules(conn, self.world.policy, self.now()))

    def _briefing(self, feed: Feed) -> Briefing:
        return sifting.briefing(self.configuration.rules, feed.tags)

    async def adopt(self, configuration: Configuration) -> None:
        """Put a new configuration in force: feeds listed, due times moved, polls and deliveries by the new settings."""
        before, self.configuration = self.configuration, configuration
        self.world.policy = policy_of(configuration)
        polling = configuration.settings.polling
        if polling != before.settings.polling:
            # Polls under way finish with the old client, which is closed with everything else at the end.
            fetcher = await self._stack.enter_async_context(
                Fetcher(polling, __version__, self.configuration.settings.state_dir / "inbox")
            )
            self.rounds.adopt(replace(self.rounds.tools, fetcher=fetcher), polling.concurrency)
            self.rounds.full_text = full_text(fetcher, self._page_reader, self.world, self.reading)
            self.pace.gap = polling.host_gap.total_seconds()
            if self.turns is not None:
                self.turns.manners = self._shared_manners(polling)
        self.deliverer.configure((*configuration.settings.receivers, RECEIVER), configuration.settings.ops.receivers)
        if self.leads:
            await self.in_database(self._list_feeds)
            await self.in_database(self._replan)

    def _replan(self, conn: Connection) -> None:
        policies.replan(conn, self.world.policy, self.now())
        policies.rehour(conn, self.world.policy, self.now())

    async def mind_the_clock(self) -> None:
        """Move due times with a wall clock that somebody set. Each commit looks first: times of before and after such a
        step must not meet in one plan. What the database refuses to move is moved later."""
        async with self._minding:  # ticks and commits look at once, and a step is made once
            step = self._watch.step(clock.now(), clock.monotonic())
            if step is not None:
                log.warning("clock set", moved_s=round(step.total_seconds(), 1), remedy="due times move with it")
                self._owed_step += step
            if self._owed_step:
                owed = self._owed_step
                await self.in_database(lambda conn: due_times.shift_due_times(conn, owed, clock.now()))
                self._owed_step = timedelta()

    # ---- polling

    async def poll_due(self) -> None:
        """Start what is due, as far as there is room; nothing while the database refuses commits.

        Feeds that had better come later (lines.py) are put off, which makes room for others.
        """
        queue = self._lines_of(self.rounds.lines)
        most = 4 * self.configuration.settings.polling.concurrency
        while self.rounds.store_ok and (room := most - len(self.rounds.under_way)) > 0:
            due = await self.reading(partial(self._due, room=room, skip=self.rounds.under_way))
            later = await self._put_off(due, queue)
            self.start(state for state in due if state.feed_id not in later)
            if not later:
                return

    def _due(self, conn: Connection, room: int, skip: Collection[str]) -> list[FeedState]:
        return feed_store.due(conn, self.now(), room, skip=skip)

    def _lines_of(self, under_way: Mapping[str, int]) -> Lines:
        return Lines(self.world.policy.feeds, self.pace, Counter(under_way), self.now(), clock.monotonic())

    async def put_off(self, states: Sequence[FeedState]) -> None:
        """Put off those feeds of a round that were not asked, for their hosts rest."""
        await self._put_off(states, self._lines_of({}))

    async def _put_off(self, due: Sequence[FeedState], queue: Lines) -> frozenset[str]:
        later = queue.put_off(due)
        if later:
            await self.in_database(lambda conn: lines.store(conn, later))
        return frozenset(state.feed_id for state in later)

    def start(self, states: Iterable[FeedState]) -> None:
        """Poll these feeds now, as their hosts allow."""
        for state in states:
            feed = self.world.policy.feeds.get(state.feed_id)
            if feed is not None:
                self.rounds.start(feed, state)

    async def poll_these(self, feed_ids: Collection[str]) -> None:
        """Poll those of these feeds that are due; returns when each is committed, or was given up.

        Feeds of a host that asked for patience are put off until it ends.
        """
        if not self.rounds.store_ok:
            return
        blocked, due = await self.reading(lambda conn: self._due_of(conn, feed_ids))
        self.start(state for state in due if host_key(state.url) not in blocked)
        await self.rounds.settled(feed_ids)
        blocked, due = await self.reading(lambda conn: self._due_of(conn, feed_ids))
        away = [state for state in due if host_key(state.url) in blocked]
        if away:
            await self.in_database(lambda conn: lines.store_until(conn, away, blocked))

    def _due_of(self, conn: Connection, feed_ids: Collection[str]) -> tuple[dict[str, datetime], list[FeedState]]:
        now = self.now()
        return feed_store.host_blocks(conn, now), feed_store.still_due(conn, feed_ids, now)

    async def pollable(self, *, every: bool) -> list[FeedState]:
        """Feeds to poll in one round: those that are due, or all but paused, gone and Retry-After ones."""
        now = self.now()

        def find(conn: Connection) -> list[FeedState]:
            feeds, blocked = self.world.policy.feeds, feed_store.host_blocks(conn, now)
            states = [state for state in feed_store.states(conn).values() if host_key(state.url) not in blocked]
            return [one for one in states if lines.may_be_polled(feeds[one.feed_id], one, now, every=every)]

        return await self.reading(find)

    async def _commit(self, looks: Sequence[Look]) -> Sequence[Outcome]:
        if self.alone:
            await self.mind_the_clock()
        now = clock.now()  # what was seen in a future that was taken back since is seen now
        looks = [replace(one, at=min(one.at, now)) for one in looks]
        loop = asyncio.get_running_loop()
        outcomes = await loop.run_in_executor(self._thread, self._commit_together, looks)
        self._trial.reached(Point.COMMIT_DONE)
        for outcome in outcomes:
            self._account(outcome)
        if back := [one.before for one in outcomes if one.recovered]:
            with suppress(StoreError):  # the polls are stored: nobody need store them again for this
                await self.in_database(lambda conn: outage.hurry_back(conn, back, self.world, self.now()))
        return outcomes

    def _commit_together(self, looks: Sequence[Look]) -> list[Outcome]:
        """All looks in one transaction; one by one when something in them trips a bug, so that it harms only itself."""
        try:
            return self._transaction(looks)
        except StoreError:
            raise
        except Exception:
            log.exception("poll met a bug", feeds=[one.feed.id for one in looks])
            return [outcome for one in looks for outcome in self._commit_alone(one)]

    def _commit_alone(self, look: Look) -> list[Outcome]:
        try:
            return self._transaction([look])
        except StoreError:
            raise
        except Exception as error:
            log.exception("poll met a bug", feed=look.feed.id)
            problem = ParseError(f"a fault of this program, {type(error).__name__}: please report it with the log")
            return self._transaction([replace(look, reading=None, error=problem)])

    def _transaction(self, looks: Sequence[Look]) -> list[Outcome]:
        if self.shared is not None:
            # Rows are locked in one order everywhere: those that tell nobody anything first, then the others by id.
            looks = sorted(looks, key=lambda one: (one.reading is not None, one.feed.id))
        try:
            with self.database.write() as conn:
                return [commit(conn, one, self.world) for one in looks]
        except BaseException:
            self.world.undo()
            raise

    def _account(self, outcome: Outcome) -> None:
        after = outcome.after
        word = "stale" if outcome.stale else "failed" if after.failures else "unchanged" if not outcome.new else "new"
        self.counters.add("polls", word)
        self.counters.add("entries", "new", outcome.new)
        event: dict[str, Any] = {"feed": outcome.feed.id, "status": after.last_status, "next": after.why_next}
        if after.failures:
            log.warning("poll failed", **event, error=after.last_error, failures=after.failures)
        elif outcome.new or outcome.revised:
            level = log.debug if outcome.baseline else log.info  # a first round is summed up in one line
            level("poll done", **event, new=outcome.new, revised=outcome.revised, baseline=outcome.baseline)
        else:
            log.debug("poll done", **event)
        for told in outcome.told:
            self.counters.add("alerts", told.alert.reason)
            level = log.debug if outcome.baseline else log.info
            level(
                "alert suppressed" if told.alert.suppressed else "alert decided",
                reason=str(told.alert.reason),
                story=told.story.id,
                feed=outcome.feed.id,
                title=told.entry.title,
                note=told.alert.note or told.alert.line,
                deliveries=told.deliveries,
            )
        if outcome.notice:
            log.warning("feed noticed", feed=outcome.feed.id, text=outcome.notice)
        self.on_outcome(outcome)
