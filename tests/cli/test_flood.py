"""A held flood, from the feed to Slack, released or discarded from the command line."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.slack_server import SlackServer
from tests.cli.test_slack import run, slack

__all__ = ["slack"]  # the fixture

LABS = ("Meta", "OpenAI", "Google", "Anthropic", "Mistral", "Cohere", "DeepSeek", "Baidu")
PACK = Path(__file__).parents[2] / "config" / "rules"


def items(*titles: str) -> list[dict[str, str]]:
    now = format_datetime(datetime.now(UTC))
    links = [f"http://127.0.0.1/{number}" for number in range(len(titles))]
    return [
        {"title": title, "guid": title, "link": link, "pubDate": now} for title, link in zip(titles, links, strict=True)
    ]


async def flooded(feeds: FeedServer, home: Path) -> list[str]:
    """Poll a quiet feed, then the feed with more news than one poll may bring; the ids of what is held."""
    config = home / "config"
    shutil.copytree(PACK, config / "rules", dirs_exist_ok=True)
    with (config / "monitor.yaml").open("a") as written:
        written.write("alerts: {max_per_feed_poll: 3}\nops: {to: [licensing]}\n")
        written.write("polling: {interval: 1s, host_gap: 0s, allow_private_networks: [127.0.0.0/8]}\n")
    (config / "feeds.yaml").write_text(f"feeds:\n  - {{id: ledger, url: '{feeds.url('/feed')}'}}\n")
    feeds.document("/feed", rss("Ledger", items("Chip maker opens a plant")))
    assert (await run(home, "run", "--once", "--all")).returncode == 0
    news = [f"{lab} releases the weights of its first open model" for lab in LABS]
    feeds.document("/feed", rss("Ledger", items("Chip maker opens a plant", *news)))
    assert (await run(home, "run", "--once", "--all")).returncode == 0
    listed = json.loads((await run(home, "deliveries", "list", "--state", "held", "--json")).stdout)
    return [one["id"] for one in listed]


async def test_a_held_flood_is_released_from_the_command_line_and_told_once(slack: SlackServer, tmp_path: Path) -> None:
    """A16: one message says what is held and how to release it; released, each is told once."""
    async with FeedServer() as feeds:
        held = await flooded(feeds, tmp_path)
        assert len(held) >= len(LABS)
        [notice] = slack.messages("C1")
        assert "deliveries release --all" in str(notice["blocks"])
        listed = (await run(tmp_path, "deliveries", "list", "--state", "held")).stdout
        assert all(f": {lab} releases the weights" in listed for lab in LABS), "a person sees what waits"
        one = await run(tmp_path, "deliveries", "discard", held[0])
        assert one.returncode == 0, one.stderr
        left = await run(tmp_path, "deliveries", "release", "--all")
        assert left.returncode == 0, left.stderr
        for _ in range(2):
            assert (await run(tmp_path, "run", "--once")).returncode == 0
    told = [message for message in slack.messages("C1") if not message.get("thread_ts")]
    assert len(told) == 1 + len(LABS) - 1
    again = await run(tmp_path, "deliveries", "release", "--all", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, [])
