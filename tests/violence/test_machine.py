"""A state machine that publishes, edits, replays, polls, crashes, spoils Slack and sets the clock, in any order.

The parts of the program are the real ones (tests/violence/house.py); the judge reads what was served and accepted.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from monitor.feeds.fetch import Fetcher
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.feed_server import FeedServer
from monitor.testing.newsroom import Kind, Newsroom
from monitor.testing.slack_server import SlackServer
from monitor.trial import Point
from tests.violence.house import CHANNEL, POLLING, Death, House
from tests.violence.rules import write_rules

SOAK = bool(os.environ.get("LICENSEWATCH_SOAK"))
KINDS = ("drop", "server_error", "html", "truncated", "not_json")
METHODS = ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies", "auth.test")


class Scene:
    """What all examples share, because it is dear to make: rules, an upgraded database to copy, servers, a client."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._open())
        self.directory = Path(tempfile.mkdtemp(prefix="licensewatch-machine-"))
        self.rules: RuleSet = load_rules(write_rules(self.directory / "rules"))
        self.template = self.directory / "template.db"
        database = Database(f"sqlite:///{self.template}")
        database.upgrade()
        database.close()

    async def _open(self) -> None:
        self.feeds = await FeedServer().__aenter__()
        self.slack = await SlackServer(rate=None).__aenter__()
        self.slack.bot()
        self.fetcher = await Fetcher(POLLING, "0").__aenter__()

    def clear(self) -> None:
        """The servers forget everything."""
        self.feeds.requests.clear()
        self.slack.calls.clear()
        self.slack.faults.clear()
        self.slack.channel(CHANNEL)

    def close(self) -> None:
        self.loop.run_until_complete(self._close())
        self.loop.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _close(self) -> None:
        await self.fetcher.__aexit__(None, None, None)
        await self.slack.stop()
        await self.feeds.__aexit__(None, None, None)


class Violence(RuleBasedStateMachine):
    """One example: a house from its first poll to the end of all trouble."""

    scene: Scene

    def __init__(self) -> None:
        super().__init__()
        self.loop, self.slack = self.scene.loop, self.scene.slack
        self.root = Path(tempfile.mkdtemp(dir=self.scene.directory))
        self.loop.run_until_complete(self._open())

    async def _open(self) -> None:
        shutil.copy(self.scene.template, self.root / "house.db")
        self.scene.clear()
        self.room = Newsroom(self.scene.feeds, datetime.now(UTC) - timedelta(hours=1))
        self.room.open()
        url = f"sqlite:///{self.root / 'house.db'}"
        self.house = House(url, self.room, self.slack, self.scene.rules, self.scene.fetcher)
        await self.house.start()
        await self.house.poll()
        await self.house.poll()

    def run(self, work: Any) -> None:
        """Work of the program; when it dies on the way, another process starts."""

        async def living() -> None:
            try:
                await work
            except Death:
                await self.house.restart()

        self.loop.run_until_complete(living())

    def told(self) -> list[int]:
        """Storylines whose message stands in Slack."""
        shown = str(self.slack.top_level(CHANNEL))
        return [
            one.storyline
            for one in self.room.reports.values()
            if one.kind is Kind.FIRST and one.title.removesuffix(", people say") in shown
        ]

    # --- what may happen -------------------------------------------------------------------------------------------

    @rule(dice=st.randoms(use_true_random=False))
    def publish(self, dice: Random) -> None:
        self.room.begin(dice)

    @precondition(lambda self: self.room.storylines)
    @rule(dice=st.randoms(use_true_random=False))
    def publish_coverage(self, dice: Random) -> None:
        self.room.repeat(dice.randrange(self.room.storylines), dice)

    @rule(dice=st.randoms(use_true_random=False))
    def publish_a_later_story(self, dice: Random) -> None:
        unmoved = [number for number in self.told() if not self.room.reported(number, Kind.MOVE)]
        if unmoved:
            self.room.write(dice.choice(unmoved), Kind.MOVE, dice.choice(self.room.feeds))

    @precondition(lambda self: self.room.reports)
    @rule(dice=st.randoms(use_true_random=False))
    def edit(self, dice: Random) -> None:
        dice.choice((self.room.edit, self.room.change_scheme))(dice.choice(list(self.room.reports)))

    @rule(dice=st.randoms(use_true_random=False))
    def replay(self, dice: Random) -> None:
        told = self.told()
        old = [one.guid for one in self.room.reports.values() if one.kind is Kind.FIRST and one.storyline in told]
        if old:
            guid = dice.choice(old)
            (self.room.replay if guid in self.room.hidden else self.room.hide)(guid)

    @rule()
    def poll(self) -> None:
        self.run(self.house.poll())

    @rule()
    def deliver(self) -> None:
        self.run(self.house.deliver())

    @rule()
    def time_passes(self) -> None:
        self.house.skip(40.0)

    @rule()
    def crash(self) -> None:
        self.loop.run_until_complete(self.house.restart())

    @rule(point=st.sampled_from(Point), count=st.integers(1, 3))
    def crash_at(self, point: Point, count: int) -> None:
        self.house.die_at = (point, count)

    @rule(kind=st.sampled_from(KINDS), stored=st.booleans(), method=st.sampled_from(METHODS))
    def slack_fails(self, kind: str, stored: bool, method: str) -> None:
        self.slack.script(getattr(faults, kind)(stored=stored, method=method))

    @rule(seconds=st.sampled_from((0.0, 1.0, 20.0)), http_date=st.booleans())
    def slack_is_busy(self, seconds: float, http_date: bool) -> None:
        self.slack.script(faults.rate_limited(seconds, method="chat.postMessage", http_date=http_date))

    @rule(hours=st.sampled_from((-24 * 3650, -1, -0.1, 0.1, 1, 24 * 3650)))
    def set_the_clock(self, hours: float) -> None:
        self.house.step(timedelta(hours=hours))

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_doubled(self) -> None:
        verdict = self.house.verdict()
        assert (verdict.doubled, verdict.strange) == ((), ())

    def teardown(self) -> None:
        """The end of all trouble: whatever was lost would be missing now."""
        try:
            self.loop.run_until_complete(self._close())
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    async def _close(self) -> None:
        await self.house.restart()
        await self.house.settle()
        verdict, waiting = self.house.verdict(), self.house.waiting()
        await self.house.end()
        assert (verdict.lost, verdict.doubled, verdict.strange, waiting) == ((), (), (), 0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_order_of_events_loses_or_doubles_a_message() -> None:
    """A17, A18, A24, A25, A26, A39"""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    Violence.scene = Scene()
    checked = settings(
        max_examples=int(os.environ.get("LICENSEWATCH_EXAMPLES", "250" if SOAK else "8")),
        stateful_step_count=60 if SOAK else 25,
        deadline=None,
        derandomize=not SOAK,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Violence, settings=checked)
    finally:
        Violence.scene.close()
        structlog.reset_defaults()
