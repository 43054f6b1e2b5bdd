"""A28 as a channel sees it: one message a pace, edits counted, never faster, and no longer than it must take.

Here at twenty-five messages a second; in `make soak` 500 alerts at Slack's own pace, which is nearly nine minutes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from monitor.model import Reason
from monitor.store.engine import Database
from tests.alerts.world import connected, storyline

SOAK = bool(os.environ.get("LICENSEWATCH_SOAK"))
PACE = timedelta(seconds=1) if SOAK else timedelta(seconds=0.04)
CALLS = 500 if SOAK else 40
BUDGET = 1.04  # 520 s for 500
TOLD = 5  # storylines that stand in the channel already, and change ten times while it waits
CHANGES = 10


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_full_outbox_drains_at_the_pace_of_the_channel_edits_counted(
    sqlite_database: Database, tell: Callable[[str], None]
) -> None:
    """A28: the server allows one message a pace, and would refuse what is faster; ten changes are one edit."""
    async with connected(sqlite_database, rate=1 / PACE.total_seconds()) as (slack, world):
        world.pace = PACE
        for number in range(1, TOLD + 1):
            world.tell(storyline(number))
        assert await world.drain(60)
        before = len(slack.posts())
        fresh = CALLS - 2 * TOLD  # a repeat is one edit and one coverage reply
        for turn in range(CHANGES):
            for number in range(1, TOLD + 1):
                world.tell(storyline(number, outlets=min(2 + turn, 8)), Reason.REPEAT)
        for number in range(TOLD + 1, TOLD + 1 + fresh):
            world.tell(storyline(number))
        assert await world.drain(800)
        calls = slack.posts()[before:]
        at = [call.at for call in slack.posts()]
        gaps = [later - earlier for earlier, later in pairwise(at)]
        lasted = calls[-1].at - calls[0].at
        tell(f"{len(calls)} calls in {lasted:.1f} s, the shortest gap {min(gaps):.4f} s")
        assert Counter(call.method for call in calls) == {"chat.postMessage": CALLS - TOLD, "chat.update": TOLD}
        assert {call.error for call in slack.posts()} == {""}
        assert min(gaps) >= PACE.total_seconds()
        if SOAK:
            assert lasted <= CALLS * PACE.total_seconds() * BUDGET
