"""`slack` and `deliveries`, run as a person runs them, beside a Slack on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.receivers import WebhookReceiver
from monitor.model import DeliveryState
from monitor.store.engine import Database
from monitor.testing import slack_faults as faults
from monitor.testing.slack_server import SlackServer
from monitor.testing.slack_world import World as SlackWorld
from tests.alerts.world import World, slack_receiver, storyline

TOKEN = "xoxb-test"
APP_TOKEN = "xapp-test"


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackServer]:
    """A workspace, and a configuration in `tmp_path/config` whose receiver writes to its channel C1."""
    async with SlackServer(rate=None) as server:
        server.bot(TOKEN)
        server.app(APP_TOKEN)
        server.channel("C1", "licensing")
        config = tmp_path / "config"
        config.mkdir()
        (config / "rules").mkdir()
        (config / "monitor.yaml").write_text(
            f"database: sqlite:///{tmp_path}/scratch.db\n"
            "receivers:\n"
            f"  - {{name: licensing, type: slack, channel: C1, api_url: '{server.api_url}'}}\n"
            "routes:\n  - {to: [licensing]}\n"
        )
        (config / "feeds.yaml").write_text("feeds: []\n")
        yield server


async def run(
    tmp_path: Path, *words: str, token: str | None = TOKEN, webhook: str = ""
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "250"}
    if token is not None:
        environment |= {"SLACK_BOT_TOKEN": token, "SLACK_APP_TOKEN": APP_TOKEN}
    if webhook:
        environment["SLACK_WEBHOOK_URL"] = webhook
    command = [sys.executable, "-m", "monitor.cli.main", "--config", str(tmp_path / "config"), *words]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )


async def findings(tmp_path: Path, **how: Any) -> tuple[int, dict[str, Any]]:
    done = await run(tmp_path, "slack", "check", "--json", **how)
    return done.returncode, {one["what"]: one for one in json.loads(done.stdout)["licensing"]}


async def test_check_is_content_with_what_works(slack: SlackServer, tmp_path: Path) -> None:
    code, found = await findings(tmp_path)
    assert code == 0
    assert all(one["ok"] for one in found.values())
    assert "Socket Mode opens" in found["app token"]["says"]
    assert "SLACK_BOT_TOKEN" in found["credential"]["says"]
    assert slack.messages("C1") == []


async def test_check_says_where_the_token_was_looked_for(slack: SlackServer, tmp_path: Path) -> None:
    code, found = await findings(tmp_path, token=None)
    assert code == 1
    assert "$CREDENTIALS_DIRECTORY/slack_bot_token" in found["credential"]["says"]
    assert "SLACK_BOT_TOKEN" in found["credential"]["says"]
    assert "slack manifest" in found["credential"]["remedy"]


async def test_check_that_reaches_nobody_does_not_promise_to_try_again(slack: SlackServer, tmp_path: Path) -> None:
    await slack.stop()
    _, found = await findings(tmp_path)
    assert "check the network" in found["token"]["remedy"]
    assert "check the network" in found["app token"]["remedy"]


async def test_check_names_a_wrong_token_a_missing_scope_and_a_missing_membership(
    slack: SlackServer, tmp_path: Path
) -> None:
    code, found = await findings(tmp_path, token="xoxb-wrong")
    assert (code, found["token"]["says"]) == (1, "invalid_auth")
    slack.world.channels["C1"].members.clear()
    code, found = await findings(tmp_path)
    assert (code, found["channel C1"]["says"]) == (1, "not_in_channel")
    assert "/invite" in found["channel C1"]["remedy"]
    slack.world.bots[TOKEN].scopes = {"chat:write"}
    code, found = await findings(tmp_path)
    assert found["scopes"]["ok"] is None
    assert "channels:history" in found["scopes"]["says"]
    slack.world.bots[TOKEN].scopes = {"channels:history"}
    code, found = await findings(tmp_path)
    assert (code, "chat:write" in found["token"]["says"]) == (1, True)


async def test_test_posts_one_message(slack: SlackServer, tmp_path: Path) -> None:
    done = await run(tmp_path, "slack", "test")
    assert done.returncode == 0, done.stderr
    (message,) = slack.messages("C1")
    assert "licensewatch is connected" in message["text"]
    assert message["ts"] in done.stdout
    assert TOKEN not in done.stdout + done.stderr


async def test_test_says_what_to_do_when_it_fails(slack: SlackServer, tmp_path: Path) -> None:
    slack.world.channels["C1"].archived = True
    done = await run(tmp_path, "slack", "test")
    assert done.returncode == 1
    assert "unarchive" in done.stderr


async def test_the_manifest_asks_for_no_more_than_is_used(slack: SlackServer, tmp_path: Path) -> None:
    """Least privilege: what it lists is enough for everything, and nothing else is listed."""
    import yaml

    as_yaml = yaml.safe_load((await run(tmp_path, "slack", "manifest")).stdout)
    as_json = json.loads((await run(tmp_path, "slack", "manifest", "--json")).stdout)
    assert as_yaml == as_json
    scopes = as_yaml["oauth_config"]["scopes"]["bot"]
    assert scopes == ["chat:write", "channels:history", "groups:history"]
    slack.world.bots[TOKEN].scopes = set(scopes)
    code, found = await findings(tmp_path)
    assert code == 0
    assert all(one["ok"] for one in found.values())


async def test_the_manifest_for_acting_asks_for_one_scope_more(slack: SlackServer, tmp_path: Path) -> None:
    """Buttons and the command are asked for only by who wants them."""
    plain = json.loads((await run(tmp_path, "slack", "manifest", "--json")).stdout)
    acting = json.loads((await run(tmp_path, "slack", "manifest", "--acting", "--json")).stdout)
    assert plain["settings"]["socket_mode_enabled"] is False
    assert "interactivity" not in plain["settings"]
    assert (acting["settings"]["socket_mode_enabled"], acting["settings"]["interactivity"]["is_enabled"]) == (
        True,
        True,
    )
    assert [one["command"] for one in acting["features"]["slash_commands"]] == ["/licensewatch"]
    before, after = (one["oauth_config"]["scopes"]["bot"] for one in (plain, acting))
    assert after == [*before, "commands"]


@pytest.mark.parametrize(
    ("error", "remedy"), [("missing_scope", "connections:write"), ("token_revoked", "App-Level Tokens")]
)
async def test_check_says_why_nobody_listens_to_buttons(
    slack: SlackServer, tmp_path: Path, error: str, remedy: str
) -> None:
    slack.world.apps[APP_TOKEN].error = error
    code, found = await findings(tmp_path)
    assert code == 1
    assert error in found["app token"]["says"]
    assert remedy in found["app token"]["remedy"]


async def test_check_does_not_mind_a_missing_app_token(slack: SlackServer, tmp_path: Path) -> None:
    """It is optional: said, and no failure."""
    config = tmp_path / "config" / "monitor.yaml"
    config.write_text(config.read_text().replace("channel: C1,", "channel: C1, app_credential: other_app_token,"))
    code, found = await findings(tmp_path)
    assert (code, found["app token"]["ok"]) == (0, None)
    assert "OTHER_APP_TOKEN" in found["app token"]["remedy"]


@pytest.mark.parametrize(
    ("spoil", "said", "remedy"),
    [
        (lambda world: world.archive(world.channels["C1"]), "is_archived", "unarchive"),
        (lambda world: world.channels["C1"].members.clear(), "not_in_channel", "/invite @licensewatch"),
        (lambda world: world.channels.clear(), "channel_not_found", "C0123ABCD"),
    ],
)
async def test_check_says_what_is_wrong_with_a_channel(
    slack: SlackServer, tmp_path: Path, spoil: Callable[[SlackWorld], None], said: str, remedy: str
) -> None:
    """Archived, without us, or not there at all; each with its remedy, and a failure."""
    spoil(slack.world)
    code, found = await findings(tmp_path)
    assert code == 1
    assert said in found["channel C1"]["says"]
    assert remedy in found["channel C1"]["remedy"]


async def test_deliveries_are_listed_released_and_discarded(slack: SlackServer, tmp_path: Path) -> None:
    """The whole life of a held delivery, by its first characters."""
    database = Database(f"sqlite:///{tmp_path}/scratch.db")
    database.upgrade()
    world = World(database, [slack_receiver(slack)], {"slack_bot_token": TOKEN})
    first = world.tell(storyline(1), held=True)[0]
    second = world.tell(storyline(2), held=True)[0]
    listed = json.loads((await run(tmp_path, "deliveries", "list", "--json")).stdout)
    assert [(one["id"], one["story"], one["state"]) for one in listed] == [
        (second.id, 2, "held"),
        (first.id, 1, "held"),
    ]
    assert {"id", "story", "receiver", "state", "attempts", "next_attempt_at", "last_error", "channel", "ts"} <= set(
        listed[0]
    )
    assert (await run(tmp_path, "deliveries", "release", first.id)).returncode == 0
    assert (await run(tmp_path, "deliveries", "discard", "--all")).returncode == 0
    assert world.states() == ["pending", "discarded"]
    refused = await run(tmp_path, "deliveries", "release", second.id)
    assert (refused.returncode, "cannot be released" in refused.stderr) == (1, True)
    ambiguous = await run(tmp_path, "deliveries", "release", "delivery-")
    assert (ambiguous.returncode, "give more of it" in ambiguous.stderr) == (2, True)
    nothing = await run(tmp_path, "deliveries", "discard", "")
    assert (nothing.returncode, "no delivery's id" in nothing.stderr) == (2, True)
    twice = await run(tmp_path, "deliveries", "discard", second.id)
    assert (twice.returncode, "is discarded already" in twice.stderr) == (1, True)
    assert (await run(tmp_path, "deliveries", "retry", first.id, first.id)).stdout == "1 to be tried again\n"
    database.close()


async def test_what_is_parked_and_was_never_attempted_says_why(slack: SlackServer, tmp_path: Path) -> None:
    """A30: the receiver's error and its remedy stand beside each message that waits, the remedy once."""
    database = Database(f"sqlite:///{tmp_path}/scratch.db")
    database.upgrade()
    world = World(database, [slack_receiver(slack)], {"slack_bot_token": TOKEN})
    slack.world.bots[TOKEN].error = "token_revoked"
    for number in (1, 2):
        world.tell(storyline(number))
    await world.drain(0.5)
    listed = await run(tmp_path, "deliveries", "list", "--state", "parked")
    assert listed.stdout.count("token_revoked") == 3
    assert listed.stdout.count("reinstall the app") == 1
    shown = await run(tmp_path, "deliveries", "show", world.rows()[1].id)
    assert "token_revoked" in shown.stdout
    assert "reinstall the app" in shown.stdout
    database.close()


async def test_a_dead_letter_is_shown_with_its_remedy_and_can_be_retried(slack: SlackServer, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/scratch.db")
    database.upgrade()
    world = World(database, [slack_receiver(slack)], {"slack_bot_token": TOKEN})
    slack.script(faults.error("msg_too_long", times=2))
    (told,) = world.tell(storyline())
    await world.drain()
    (dead,) = json.loads((await run(tmp_path, "deliveries", "list", "--state", "dead", "--json")).stdout)
    assert dead["last_error"] == "msg_too_long"
    assert "Behemoth" in dead["payload"]["text"]
    assert "deliveries retry" in dead["remedy"]
    assert "Behemoth" in (await run(tmp_path, "deliveries", "show", told.id)).stdout
    assert (await run(tmp_path, "deliveries", "retry", "--all")).returncode == 0
    assert await world.drain()
    assert [row.state for row in world.rows()] == [DeliveryState.SENT]
    database.close()


@pytest.mark.parametrize(
    "words",
    ["deliveries list --json", "deliveries show delivery-0002", "status --json", "slack check"],
)
async def test_no_command_shows_a_credential(slack: SlackServer, tmp_path: Path, words: str) -> None:
    """A37: neither the bot token nor the webhook's URL, after refusals of both."""
    canary = "canary-5b20e7"
    url = slack.webhook("C1", canary)
    with (tmp_path / "config" / "monitor.yaml").open("a") as written:
        written.write("  - {to: [hook]}\n")
    text = (tmp_path / "config" / "monitor.yaml").read_text()
    text = text.replace("receivers:\n", "receivers:\n  - {name: hook, type: slack_webhook}\n")
    (tmp_path / "config" / "monitor.yaml").write_text(text)
    database = Database(f"sqlite:///{tmp_path}/scratch.db")
    database.upgrade()
    receivers = [slack_receiver(slack), WebhookReceiver(name="hook")]
    world = World(database, receivers, {"slack_bot_token": f"xoxb-{canary}", "slack_webhook_url": url})
    slack.script(faults.error("no_service", method="webhook", times=5))
    world.tell(storyline())
    await world.drain(0.5)
    database.close()
    done = await run(tmp_path, *words.split(), token=f"xoxb-{canary}", webhook=url)
    assert done.returncode == (1 if words == "slack check" else 0), done.stderr
    assert any(word in done.stdout for word in ("hook", "delivery-0002"))
    assert canary not in done.stdout + done.stderr
