"""A death at each point of monitor/trial.py, one at a time, and what the next life makes of it (A24, A25, A26)."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from monitor.errors import UsageError
from monitor.feeds.fetch import Fetcher
from monitor.rules.load import load_rules
from monitor.rules.rule_set import RuleSet
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.feed_server import FeedServer
from monitor.testing.judge import judge
from monitor.testing.newsroom import Kind, Newsroom
from monitor.testing.slack_server import SlackServer
from monitor.trial import Point, Trial
from tests.violence.house import CHANNEL, POLLING, Death, House
from tests.violence.rules import write_rules

TROUBLE = {
    Point.FAILED: faults.server_error(stored=True),
    Point.FAILURE_RECORDED: faults.server_error(stored=False),
    Point.FAILURE_COMMITTED: faults.html(stored=True),
    Point.LOOK_ANSWERED: faults.drop(stored=True),
    Point.LOOK_COMMITTED: faults.drop(stored=False),
}
TIMES = (1, 2, 3) if os.environ.get("LICENSEWATCH_SOAK") else (1,)  # dies when it passes the point for this time
# The daemon's own points are not passed here: tests/violence/test_kills.py dies there.
ELSEWHERE = {Point.START_LISTED, Point.COMMIT_DONE}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuleSet]:
    directory = tmp_path_factory.mktemp("rules")
    yield load_rules(write_rules(directory))
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def house(either_database: Database, rules: RuleSet) -> AsyncIterator[House]:
    async with FeedServer() as feeds, SlackServer(rate=None) as slack, Fetcher(POLLING, "0") as fetcher:
        slack.bot()
        slack.channel(CHANNEL)
        room = Newsroom(feeds, datetime.now(UTC) - timedelta(hours=1))
        room.open()
        made = House(either_database.url.render_as_string(hide_password=False), room, slack, rules, fetcher)
        await made.start()
        await made.poll()
        await made.poll()
        yield made
        await made.end()


async def live(house: House) -> bool:
    """One life, until its work is done (True) or it dies where it was told to."""
    wanted = house.die_at is not None
    try:
        for _ in range(10 if wanted else 1):
            await house.poll()
            await house.deliver()
            house.skip(10.0)
    except Death:
        await house.restart()
        return False
    return True


async def dies(house: House, dice: Random) -> bool:
    """A life until it dies where it was told to. Two reports in one document pass a point of polling once, so there
    may have to be more news before the point is passed often enough."""
    for _ in range(5):
        if not await live(house):
            return True
        house.newsroom.begin(dice)
    return False


@pytest.mark.parametrize("point", [one for one in Point if one not in ELSEWHERE])
async def test_a_death_at_a_point_loses_and_doubles_nothing(house: House, point: Point) -> None:
    """A24, A25, A26: with a first, a second and a later report of a storyline on their way."""
    dice = Random(1)
    died = 0
    for count in TIMES:
        told = house.newsroom.storylines
        house.newsroom.begin(dice)
        await live(house)
        house.newsroom.repeat(told, dice)
        house.newsroom.write(told, Kind.MOVE, dice.choice(house.newsroom.feeds))
        house.newsroom.begin(dice)
        if point in TROUBLE:
            house.slack.script(replace(TROUBLE[point]))
        if point in (Point.RECOVERED, Point.RECOVER_RECORDED):
            house.die_at = (Point.SEND_COMMITTED, count)
            assert await dies(house, dice)
        house.die_at = (point, 1 if point in TROUBLE or point.startswith("recover") else count)
        died += await dies(house, dice)
    await house.settle()
    assert died == len(TIMES)
    assert house.verdict().good, house.verdict()
    assert house.waiting() == 0


async def test_items_of_one_document_are_told_as_they_happened(house: House) -> None:
    """A25, A33: the newest stands on top, and yet the first report is the message and the later story its reply."""
    dice = Random(2)
    report = house.newsroom.begin(dice)
    house.newsroom.write(report.storyline, Kind.MOVE, report.feed)
    await house.poll()
    await house.settle()
    assert house.verdict().good, house.verdict()
    assert house.verdict().expected == 2


async def test_news_is_told_though_our_clock_is_years_ahead(house: House) -> None:
    """A39, A25: entries look ten years old then, and are not; nor when the clock is right again."""
    dice = Random(4)
    house.step(timedelta(days=3650))
    await house.poll()
    house.newsroom.begin(dice)
    await house.poll()
    await house.settle()
    assert house.verdict().good, house.verdict()
    house.step(timedelta(days=-3650))
    house.newsroom.begin(dice)
    await house.poll()
    await house.settle()
    assert house.verdict().good, house.verdict()
    assert house.verdict().expected == 2


async def test_a_story_does_not_grow_old_by_a_clock_that_was_set(house: House) -> None:
    """A39: more coverage after ten years that never passed is no new message; also after a restart, and back again."""
    dice = Random(5)
    house.newsroom.begin(dice)
    await house.poll()
    await house.settle()
    house.step(timedelta(days=3650))
    await house.restart()
    house.newsroom.repeat(0, dice)
    await house.poll()
    await house.settle()
    assert house.verdict().good, house.verdict()
    house.step(timedelta(days=-3650))
    house.newsroom.write(0, Kind.MOVE, dice.choice(house.newsroom.feeds))
    await house.poll()
    await house.settle()
    assert house.verdict().good, house.verdict()
    assert house.verdict().expected == 3


async def test_the_judge_sees_a_message_that_is_missing_doubled_or_strange(house: House) -> None:
    """A judge that finds nothing wrong proves nothing unless it would find it."""
    dice = Random(3)
    house.newsroom.begin(dice)
    house.newsroom.begin(dice)
    await house.poll()
    await house.settle()
    first, second = house.slack.messages(CHANNEL)
    served, room = house.newsroom.server.requests, house.newsroom
    assert judge(served, room, [first, second]).good
    assert len(judge(served, room, [first]).lost) == 1
    assert len(judge(served, room, [first, second, second]).doubled) == 1
    assert len(judge(served, room, [first, second, {"ts": "1", "text": "buy now", "blocks": []}]).strange) == 1
    reply = {**second, "ts": "2", "thread_ts": first["ts"], "subtype": "thread_broadcast"}
    assert len(judge(served, room, [first, second, reply]).doubled) == 1


@pytest.mark.parametrize("environ", [{"LICENSEWATCH_CRASH_AT": "nowhere"}, {"LICENSEWATCH_PACE": "fast"}])
def test_a_trial_that_makes_no_sense_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="LICENSEWATCH_"):
        Trial.of(environ)


def test_without_its_variables_a_process_is_on_no_trial() -> None:
    assert Trial.of({"PATH": "/bin"}) == Trial()
    assert Trial().pace is None
