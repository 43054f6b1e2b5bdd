"""The demo is the end-to-end scenario: the daemon as a process, feeds and Slack as stand-ins on real sockets."""

from pathlib import Path

import pytest

from monitor import settings
from monitor.testing.demo import ACTS, play


@pytest.mark.slow
async def test_a_story_told_by_four_outlets_is_one_message_that_grows(tmp_path: Path) -> None:
    """A33: one event is one message that grows and one coverage reply; the decision is a broadcast reply."""
    played = await play(tmp_path, settings.packaged_config() / "rules", lambda *_: None)

    top = [message for message in played.messages if "thread_ts" not in message]
    replies = [message for message in played.messages if "thread_ts" in message]
    assert len(top) == 1
    assert {message["thread_ts"] for message in replies} == {top[0]["ts"]}
    broadcast = [message for message in replies if message.get("subtype") == "thread_broadcast"]
    assert len(broadcast) == 1, "the decision is the only thing that everybody must see again"
    assert len(replies) == 2, "one reply lists the coverage, one tells of the decision"
    assert (played.posts, played.edits) == (sum(act.posts for act in ACTS), sum(act.edits for act in ACTS))
    assert "announced" in str(top[0]["blocks"]), "the parent shows the state of things now"
    assert played.daemon_exit == 0
    assert "Traceback" not in (tmp_path / "daemon.log").read_text()
