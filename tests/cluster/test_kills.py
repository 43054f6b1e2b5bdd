"""Proof by violence for many machines: workers, the leading one among them, die at random under load.

The judge reads what the feed server served and what Slack accepted. Four kills here, two hundred in `make soak`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.crowd import SOAK, baseline, crowd

KILLS = int(os.environ.get("LICENSEWATCH_KILLS", "200" if SOAK else "4"))
SEED = int(os.environ.get("LICENSEWATCH_SEED", "20261125"))


@pytest.mark.slow
@pytest.mark.timeout(7200 if SOAK else 400)
async def test_workers_that_are_killed_lose_and_double_nothing(
    tmp_path: Path, cluster_url: str, tell: Callable[[str], None]
) -> None:
    """A24, A25, A26 across machines: two workers, one of which leads, and `kill -9` for either at any time."""
    async with crowd(tmp_path, cluster_url, SEED) as one:
        try:
            await one.start("w0")
            await one.start("w1")
            await baseline(one)
            for _ in range(KILLS):
                one.siege.news()
                one.siege.spoil()
                await one.live_and_die()
            if not KILLS:
                one.siege.newsroom.begin(one.siege.dice)
            await one.settle()
        finally:
            tell(f"{one.siege.counts()}; {one.leaders_killed} of the killed led")
        wrong = [words for verdict in one.verdicts() for words in (*verdict.lost, *verdict.doubled, *verdict.strange)]
        words = one.words()
        trace = words[words.index("Traceback") - 500 :][:3000] if "Traceback" in words else ""
        assert (wrong, trace) == ([], "")
        assert one.leaders_killed or KILLS < 10
