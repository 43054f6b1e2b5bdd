"""The main job on real input: 300 real documents and the story of the mission, against the installed program."""

from __future__ import annotations

import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor import settings
from monitor.testing.feed_server import FeedServer, rss
from monitor.testing.installed import Installed, until
from monitor.testing.slack_server import SlackServer

SHARED = Path(__file__).resolve().parents[3] / "shared"
DOCUMENTS = SHARED / "feeds" / "documents.tar.xz"
COUNT = 300
CHANNEL = "C0MAIN"
OPERATIONS = "C0OPS"  # some of the documents are no feeds, which is told there
HEADLINE = "Meta's AI team weighs scrapping open‑source model for closed alternative"  # with a non-breaking hyphen
OLD_HEADLINE = "Meta's AI lab weighs abandoning its open source model for a closed one, a year ago"
STORY_FEED = {"id": "story", "title": "The Story Times"}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,
    pytest.mark.skipif(not DOCUMENTS.exists(), reason="needs ../shared/feeds/documents.tar.xz, which is not here"),
]


def _documents() -> Iterator[tuple[str, bytes]]:
    """A fixed sample of real and malformed documents: name and bytes."""
    with tarfile.open(DOCUMENTS) as archive:
        files = {member.name: member for member in archive if member.isfile() and not member.name.endswith(".jsonl")}
        for name in random.Random(20261123).sample(sorted(files), COUNT):
            body = archive.extractfile(files[name])
            assert body is not None
            yield name, body.read()


def _item(title: str, number: int) -> dict[str, str]:
    link = f"https://story.example.org/{number}"
    return {"title": title, "link": link, "guid": link, "description": "Nothing is decided, people say."}


@pytest.fixture
async def feeds() -> Any:
    hosts = [f"127.0.0.{number}" for number in range(1, 51)]
    async with FeedServer(hosts) as server:
        yield server


@pytest.fixture
async def slack() -> Any:
    async with SlackServer() as server:
        server.bot("xoxb-main")
        server.channel(CHANNEL, "licensing")
        server.channel(OPERATIONS, "operations")
        yield server


def _monitor(api_url: str) -> str:
    return f"""state_dir: ../var
polling: {{interval: 2s, rhythm: fixed, host_gap: 0s, timeout: 20s, allow_private_networks: [127.0.0.0/8]}}
receivers:
  - {{name: licensing, type: slack, channel: {CHANNEL}, api_url: "{api_url}"}}
  - {{name: operations, type: slack, channel: {OPERATIONS}, api_url: "{api_url}"}}
ops: {{to: [operations]}}
routes: [{{to: [licensing]}}]
web: {{listen: null}}
"""


async def _polled(installed: Installed) -> bool:
    listed = await installed.ask("feeds", "list")
    return len(listed) == COUNT + 1 and all(feed["last_poll_at"] for feed in listed)


async def test_the_main_job_on_real_input(tmp_path: Path, feeds: FeedServer, slack: SlackServer) -> None:
    """Every document is polled, nothing crashes, the story is one message, and the second round is conditional."""
    listed = []
    for number, (_, body) in enumerate(_documents()):
        path = f"/{number}.xml"
        feeds.document(path, body)
        listed.append({"id": f"d{number}", "url": feeds.url(path, feeds.hosts[number % len(feeds.hosts)])})
    feeds.document("/story.xml", rss("Story", [_item(OLD_HEADLINE, 0)]))
    listed.append({**STORY_FEED, "url": feeds.url("/story.xml")})
    installed = Installed(tmp_path, {"SLACK_BOT_TOKEN": "xoxb-main"})
    installed.configure(_monitor(slack.api_url), listed, settings.packaged_config() / "rules")

    async with installed.running() as daemon:
        await until(lambda: _polled(installed), "every document was polled", 150)
        assert slack.messages(CHANNEL) == [], "the baseline is silent in Slack"
        baseline = await installed.ask("stories", "list", "--baseline")
        assert any(entry["title"] == OLD_HEADLINE for story in baseline for entry in story["entries"])

        feeds.document("/story.xml", rss("Story", [_item(HEADLINE, 1), _item(OLD_HEADLINE, 0)]))
        await until(lambda: bool(slack.messages(CHANNEL)), "the story is in Slack")
        seen = len(feeds.of("/story.xml"))
        await until(lambda: len(feeds.of("/story.xml")) >= seen + 2, "the story's feed was polled twice more")
        assert await daemon.stop() == 0
    words = daemon.words()
    assert "Traceback" not in words
    assert "bug" not in words

    before = {path: len(feeds.of(path)) for path in [f"/{number}.xml" for number in range(COUNT)]}
    again = await installed.command("run", "--once", "--all", patience_s=180)
    assert again.code == 0, again.err

    for path, count in before.items():
        requests = feeds.of(path)
        assert len(requests) > count, f"{path} was not polled in the second round"
        assert not requests[0].conditional
        assert all(request.conditional for request in requests[1:]), f"{path} was asked for again without validators"
    top = slack.top_level(CHANNEL)
    assert len(top) == 1, [message["text"] for message in top]
    assert "Meta" in json.dumps(top[0], ensure_ascii=False)
    assert len(slack.messages(CHANNEL)) == 1, "nothing new was alerted in the second round"
