"""Many polls beside each other: bounded in number, paced by host, committed in batches.

Whatever finishes within a tenth of a second, or while the last transaction runs, shares the next one (at most 50
polls): a commit costs one fsync, not fifty. Each poll is whole in it or absent.

A slot is for a request in flight: what was fetched gives it back before it is read, so that readers that are busy, or a
host that is slow, keep nobody else from being asked. No more is fetched than can be read and committed: where megabytes
of documents wait for that, polls keep their slots, so that memory is bounded however slow the disk is. Beside those,
few large documents are taken in at a time; a poll that waits for that gives its slot back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from weakref import WeakValueDictionary

import structlog

from monitor.clock import monotonic
from monitor.errors import FetchError, FetchReason, HostAway, StoreError
from monitor.feeds import plan
from monitor.feeds.fetch import LARGE, Leave
from monitor.feeds.pace import HostPace, host_key
from monitor.model import Feed, FeedState
from monitor.poll.commit import Outcome
from monitor.poll.full_text import FullText
from monitor.poll.look import Look, Tools, look
from monitor.poll.room import LEAST, Room
from monitor.poll.turns import Turns

MOST_IN_ONE_COMMIT = 50
GATHERED_S = 0.1  # how long a commit waits for further polls, where any are under way
MOST_WAITING = 100  # looks that wait for their commit
MOST_BYTES = 8 * 1024 * 1024  # of documents fetched, and not yet read and handed over to be committed
MOST_LARGE = 4  # documents larger than fetch.LARGE, from when they prove to be; they are not counted among those bytes
AGAIN_AFTER_S = 2.0  # the database cannot be written: what was found waits in memory, its feeds stay due

log = structlog.get_logger("poll")

Commit = Callable[[Sequence[Look]], Awaitable[Sequence[Outcome]]]


@dataclass
class Manners:
    """How hosts are treated: the pace and the order of this process, and turns `shared` with others, where there are.

    A poll that would wait for its host for longer than `patience_s` is let go; so is one whose host asked for rest,
    however short: that may be a day, and a poll that waits in memory takes room from those of other hosts.
    """

    pace: HostPace
    shared: Turns | None = None
    patience_s: float = float("inf")
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)  # kept by those who wait

    def block(self, host: str, wait: timedelta) -> None:
        """Leave a host alone for so long, here and wherever it is shared."""
        self.pace.block(host, monotonic() + wait.total_seconds())
        if self.shared is not None:
            self.shared.block(host, wait)


class _Turn:
    """Leave to ask one host at a time: its lock, its pace, and one of the slots for requests in flight.

    Whoever goes on to another host (a redirect, a page) lets go of the first before waiting for the next: two that
    redirect to each other must not wait for ever.
    """

    def __init__(self, manners: Manners, slots: asyncio.Semaphore) -> None:
        self._manners, self._slots = manners, slots
        self._host = ""
        self._lock: asyncio.Lock | None = None
        self._has_slot = False

    async def at(self, url: str) -> None:
        """Wait until the host of a URL may be asked, in the order of asking. Raises HostAway when that is too long."""
        self.over()
        host = host_key(url)
        lock = self._manners.locks.setdefault(host, asyncio.Lock())
        await lock.acquire()
        try:
            await self._wait(host)
            await self._take_slot()
            if self._manners.shared is not None:
                await self._manners.shared.take(host, self._manners.patience_s)
        except BaseException:
            self._leave_slot()
            lock.release()
            raise
        self._manners.pace.start(host, monotonic())
        self._host, self._lock = host, lock

    async def _wait(self, host: str) -> None:
        while wait := self._manners.pace.wait(host, monotonic()):  # Retry-After may come meanwhile
            if wait > self._manners.patience_s or self._manners.pace.rests(host, monotonic()):
                raise HostAway(timedelta(seconds=wait))
            await asyncio.sleep(wait)

    async def on_the_way(self, url: str) -> None:
        """As `at`, for a host that another one sent us to: too long a wait is a failure of this poll."""
        try:
            await self.at(url)
        except HostAway as error:
            words = f"redirected to {host_key(url)}: {error}"
            raise FetchError(FetchReason.RATE_LIMITED, words, retry_after=error.wait) from error

    async def _take_slot(self) -> None:
        await self._slots.acquire()
        self._has_slot = True

    def _leave_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._slots.release()

    async def aside(self, what: Awaitable[None]) -> None:
        """Wait for something other than the host, whose answer is under way; others may have the slot meanwhile."""
        self._leave_slot()
        await what
        await self._take_slot()

    def over(self) -> None:
        """Others may ask the host now."""
        self._leave_slot()
        if self._lock is not None:
            self._manners.pace.finish(self._host)
            if self._manners.shared is not None:
                self._manners.shared.give_back(self._host)
            self._lock.release()
            self._lock = None


class _Place:
    """A place among the documents in memory, given back once."""

    def __init__(self, room: Room) -> None:
        self._room, self._taken = room, 0

    async def take(self, size: int) -> None:
        self._taken = await self._room.take(size)

    def give_back(self) -> None:
        if self._taken:
            taken, self._taken = self._taken, 0
            self._room.give_back(taken)


class Rounds:
    """Runs polls. `start` never waits; `join` waits until everything started is committed."""

    def __init__(self, tools: Tools, commit: Commit, manners: Manners, concurrency: int) -> None:
        self.tools = tools
        self.full_text: FullText | None = None  # where it is None, no feed gets pages fetched
        self.may_read, self.may_commit = asyncio.Event(), asyncio.Event()  # cleared until it is certain by which rules
        self.may_read.set()
        self.may_commit.set()
        self.store_ok = True  # False while the database refuses commits: no new polls are started then
        self._commit = commit
        self._manners = manners
        self._slots = asyncio.Semaphore(concurrency)
        self._room = Room(MOST_BYTES)
        self._large_room = Room(MOST_LARGE * LEAST)
        self._found: asyncio.Queue[Look] = asyncio.Queue(MOST_WAITING)
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._lines: Counter[str] = Counter()  # polls under way by host
        self._ends: dict[str, asyncio.Event] = {}  # of the polls that somebody waits for
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._committer = asyncio.create_task(self._commit_what_is_found(), name="commit polls")

    @property
    def under_way(self) -> frozenset[str]:
        """Ids of the feeds that are being polled, or wait for their host or for their commit."""
        return frozenset(self._polls)

    @property
    def lines(self) -> Mapping[str, int]:
        """How many polls are under way on each host."""
        return self._lines

    def start(self, feed: Feed, state: FeedState) -> None:
        """Poll a feed soon, unless it is under way already, or all of this was closed."""
        if feed.id not in self._polls and not self._closed:
            self._idle.clear()
            self._lines[host_key(state.url)] += 1
            self._polls[feed.id] = asyncio.create_task(self._poll(feed, state), name=f"poll {feed.id}")

    def adopt(self, tools: Tools, concurrency: int) -> None:
        """Poll with other tools from now on; polls under way keep theirs."""
        self.tools = tools
        self._slots = asyncio.Semaphore(concurrency)

    async def join(self) -> None:
        """Wait until every started poll is committed, or was given up."""
        idle = asyncio.create_task(self._idle.wait())
        await asyncio.wait([idle, self._committer], return_when=asyncio.FIRST_COMPLETED)
        if not idle.done():
            idle.cancel()
            self._committer.result()  # it ended, which it never should: say why

    async def settled(self, feed_ids: Collection[str]) -> None:
        """Wait until none of these feeds is under way: committed, or given up."""
        for feed_id in feed_ids:
            if feed_id in self._polls:
                await self._ends.setdefault(feed_id, asyncio.Event()).wait()

    async def close(self, grace_s: float = 5.0) -> None:
        """Commit what is found within `grace_s` seconds, drop the rest: dropped feeds stay due and lose nothing.

        What may not be read or committed is dropped at once.
        """
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s if self.may_read.is_set() and self.may_commit.is_set() else 0):
                await self.join()
        tasks = [*self._polls.values(), self._committer]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()
        for feed_id in list(self._polls):
            self._over(feed_id, "")

    async def _poll(self, feed: Feed, state: FeedState) -> None:
        try:
            await self._look_in_turn(feed, state)
        except HostAway as error:
            log.debug("poll let go", feed=feed.id, why=str(error))
            self._over(feed.id, state.url)
            return
        except BaseException:
            self._over(feed.id, state.url)
            raise

    async def _look_in_turn(self, feed: Feed, state: FeedState) -> None:
        """Look at a feed when its host's turn comes: one request in flight there, starts a gap apart, in order."""
        tools, full_text = self.tools, self.full_text
        turn = _Turn(self._manners, self._slots)
        place, large_place = _Place(self._room), _Place(self._large_room)
        leave = Leave(turn.on_the_way, lambda: turn.aside(large_place.take(LEAST)))

        async def fetched(size: int) -> None:
            if size <= LARGE:
                await place.take(size)
            turn.over()
            await self.may_read.wait()

        try:
            await turn.at(state.url)
            found = await look(feed, state, tools, leave, fetched)
            self._mind_refusal(state.url, found.error, found.at)
            if full_text is not None and feed.full_text:
                turn.over()
                place.give_back()  # pages need slots: who waits for one must not keep those back that have one
                large_place.give_back()
                refused = partial(self._mind_refusal, at=found.at)
                found = await full_text.complete(found, turn.on_the_way, refused)
            await self._found.put(found)
        finally:
            turn.over()
            place.give_back()
            large_place.give_back()

    def _mind_refusal(self, url: str, error: Exception | None, at: datetime) -> None:
        """Leave the host alone that said for how long: the one that answered, where redirects led to another."""
        until = plan.host_block(error, at) if isinstance(error, FetchError) else None
        if isinstance(error, FetchError) and until is not None:
            self._manners.block(host_key(error.url or url), until - at)

    async def _commit_what_is_found(self) -> None:
        while True:
            batch = [await self._found.get()]
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHERED_S):
                    while len(batch) < min(MOST_IN_ONE_COMMIT, len(self._polls)):
                        batch.append(await self._found.get())
            await self.may_commit.wait()
            await self._commit_until_done(batch)
            for one in batch:
                self._over(one.feed.id, one.before.url)

    async def _commit_until_done(self, batch: Sequence[Look]) -> None:
        while True:
            try:
                await self._commit(batch)
            except StoreError as error:
                if self.store_ok:
                    log.error("polls not stored", problem=str(error), waiting=len(batch), again_in_s=AGAIN_AFTER_S)
                self.store_ok = False
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                if not self.store_ok:
                    log.info("polls stored again")
                self.store_ok = True
                return

    def _over(self, feed_id: str, url: str) -> None:
        self._polls.pop(feed_id, None)
        host = host_key(url)
        self._lines[host] -= 1
        if self._lines[host] <= 0:
            del self._lines[host]
        if feed_id in self._ends:
            self._ends.pop(feed_id).set()
        if not self._polls:
            self._idle.set()
