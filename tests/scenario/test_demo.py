"""The demo is the end-to-end scenario: the daemon as a process, feeds and Slack as stand-ins on real sockets."""

from pathlib import Path
from typing import Any

import pytest

from monitor import settings
from monitor.testing.demo import ACTS, OUTLETS, play


def _first_lines(messages: list[dict[str, Any]]) -> list[str]:
    return [one["blocks"][0]["text"]["text"].split("\n")[0] for one in messages]


@pytest.mark.slow
async def test_from_rumour_to_reversal_over_four_outlets_in_one_message(tmp_path: Path) -> None:
    """A33: one message that grows, one coverage reply, and a broadcast reply for each move, denial and delay."""
    played = await play(tmp_path, settings.packaged_config() / "rules", lambda *_: None)

    top = [message for message in played.messages if "thread_ts" not in message]
    replies = [message for message in played.messages if "thread_ts" in message]
    broadcast = [message for message in replies if message.get("subtype") == "thread_broadcast"]
    assert len(top) == 1
    assert {message["thread_ts"] for message in replies} == {top[0]["ts"]}
    assert len(replies) == len(broadcast) + 1, "one reply lists the coverage and rings nobody's phone"
    assert _first_lines(broadcast) == [
        "*Rumoured → under consideration, says Sample Wire*",
        "*A denial is reported by Sample Wire*",
        "*Under consideration → announced, says Meta newsroom (made up)*",
        "*A delay is reported by The Example Ledger*",
        "*Announced → in effect, says Sample Wire*",
        "*In effect → reversed, says Meta newsroom (made up)*",
    ]
    now = str(top[0]["blocks"])
    assert "*Reversed* · now opening · weights" in now, "the parent shows the state of things now"
    for step in ("rumoured", "under consideration", "denial reported", "announced", "delay reported", "in effect"):
        assert f"*{step}" in now, f"{step} is one of the steps so far"
    assert all(outlet.title in str(played.messages) for outlet in OUTLETS)
    assert (played.posts, played.edits) == (sum(act.posts for act in ACTS), sum(act.edits for act in ACTS))
    assert played.daemon_exit == 0
    assert "Traceback" not in (tmp_path / "daemon.log").read_text()
