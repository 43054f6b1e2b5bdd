"""The make-believe Slack behaves as the real one, as far as its clients can tell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from monitor.testing import slack_faults as faults
from monitor.testing.slack_faults import Fault
from monitor.testing.slack_limits import error_of
from monitor.testing.slack_server import SlackServer


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(rate=None) as server:
        server.bot()
        server.channel("C1", "licensing")
        yield server


async def call(slack: SlackServer, method: str, token: str = "xoxb-test", **arguments: Any) -> tuple[Any, Any, int]:
    """The answer's JSON, headers and status."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.api_url + method, json=arguments, headers=headers) as answer,
    ):
        return await answer.json(), answer.headers, answer.status


async def test_auth_test_names_the_bot_and_its_scopes(slack: SlackServer) -> None:
    """A client learns its bot id from the body and its scopes from a header."""
    body, headers, _ = await call(slack, "auth.test")
    assert body["ok"]
    assert body["bot_id"] == "B0BOT"
    assert "chat:write" in headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(("token", "code"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
async def test_a_wrong_token_is_refused(slack: SlackServer, token: str, code: str) -> None:
    body, _, status = await call(slack, "auth.test", token)
    assert (body, status) == ({"ok": False, "error": code}, 200)


async def test_a_revoked_token_is_refused_with_its_word(slack: SlackServer) -> None:
    slack.world.bots["xoxb-test"].error = "token_revoked"
    body, _, _ = await call(slack, "chat.postMessage", channel="C1", text="x")
    assert body["error"] == "token_revoked"


async def test_a_message_is_kept_and_found_with_its_metadata(slack: SlackServer) -> None:
    """History shows metadata only to those who ask for it."""
    metadata = {"event_type": "e", "event_payload": {"id": "1"}}
    posted, _, _ = await call(slack, "chat.postMessage", channel="C1", text="hello", metadata=metadata)
    plain, _, _ = await call(slack, "conversations.history", channel="C1")
    full, _, _ = await call(slack, "conversations.history", channel="C1", include_all_metadata=True)
    assert plain["messages"][0]["ts"] == posted["ts"]
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


async def test_history_is_paged_newest_first_and_bounded(slack: SlackServer) -> None:
    stamps = [(await call(slack, "chat.postMessage", channel="C1", text=str(n)))[0]["ts"] for n in range(5)]
    first, _, _ = await call(slack, "conversations.history", channel="C1", limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second, _, _ = await call(slack, "conversations.history", channel="C1", limit=2, cursor=cursor)
    since, _, _ = await call(slack, "conversations.history", channel="C1", oldest=stamps[3], inclusive=True)
    assert [one["ts"] for one in first["messages"] + second["messages"]] == stamps[:0:-1]
    assert [one["ts"] for one in since["messages"]] == [stamps[4], stamps[3]]


async def test_replies_stand_in_their_thread_and_a_broadcast_in_both(slack: SlackServer) -> None:
    parent, _, _ = await call(slack, "chat.postMessage", channel="C1", text="parent")
    quiet, _, _ = await call(slack, "chat.postMessage", channel="C1", text="a", thread_ts=parent["ts"])
    loud, _, _ = await call(
        slack, "chat.postMessage", channel="C1", text="b", thread_ts=parent["ts"], reply_broadcast=True
    )
    thread, _, _ = await call(slack, "conversations.replies", channel="C1", ts=parent["ts"])
    history, _, _ = await call(slack, "conversations.history", channel="C1")
    assert [one["ts"] for one in thread["messages"]] == [parent["ts"], quiet["ts"], loud["ts"]]
    assert [one["ts"] for one in history["messages"]] == [loud["ts"], parent["ts"]]


async def test_an_edit_keeps_the_place_and_a_deleted_message_has_none(slack: SlackServer) -> None:
    parent, _, _ = await call(slack, "chat.postMessage", channel="C1", text="before")
    edited, _, _ = await call(slack, "chat.update", channel="C1", ts=parent["ts"], text="after")
    assert edited["ts"] == parent["ts"]
    assert slack.messages("C1")[0]["text"] == "after"
    slack.delete("C1", parent["ts"])
    gone, _, _ = await call(slack, "chat.update", channel="C1", ts=parent["ts"], text="x")
    orphan, _, _ = await call(slack, "chat.postMessage", channel="C1", text="x", thread_ts=parent["ts"])
    assert (gone["error"], orphan["error"]) == ("message_not_found", "thread_not_found")


async def test_scopes_and_membership_are_enforced(slack: SlackServer) -> None:
    slack.world.bots["xoxb-test"].scopes = {"chat:write"}
    slack.channel("C2", members=("B0OTHER",))
    slack.channel("C3", private=True, members=("B0OTHER",))
    unread, _, _ = await call(slack, "conversations.history", channel="C1")
    outside, _, _ = await call(slack, "chat.postMessage", channel="C2", text="x")
    hidden, _, _ = await call(slack, "chat.postMessage", channel="C3", text="x")
    assert (unread["error"], unread["needed"]) == ("missing_scope", "channels:history")
    assert outside["error"] == "not_in_channel"
    assert hidden["error"] == "channel_not_found"


async def test_the_rate_is_one_message_a_second_and_channel_edits_counted() -> None:
    async with SlackServer(rate=10.0) as slack:
        slack.bot()
        slack.channel("C1")
        slack.channel("C2")
        first, _, _ = await call(slack, "chat.postMessage", channel="C1", text="x")
        edit, headers, status = await call(slack, "chat.update", channel="C1", ts=first["ts"], text="y")
        other, _, _ = await call(slack, "chat.postMessage", channel="C2", text="x")
        assert (status, edit["error"]) == (429, "ratelimited")
        assert 0 < float(headers["Retry-After"]) <= 0.1
        assert other["ok"]
        await asyncio.sleep(0.11)
        again, _, _ = await call(slack, "chat.update", channel="C1", ts=first["ts"], text="y")
        assert again["ok"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "no_text"),
        ({"text": "x" * 4_001}, "msg_too_long"),
        ({"text": "&" * 801}, "msg_too_long"),
        ({"blocks": "{"}, "invalid_blocks_format"),
        ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}}] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": {"event_type": "e"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "e", "event_payload": {"a": "x" * 20_000}}}, "metadata_too_large"),
    ],
)
def test_limits_are_refused_with_slacks_word(message: dict[str, Any], code: str) -> None:
    refused = error_of(message)
    assert refused is not None
    assert refused[0] == code


async def test_a_webhook_answers_in_words(slack: SlackServer) -> None:
    url = slack.webhook("C1")
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"text": "hello"}) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.post(url, json={}) as answer:
            assert (answer.status, await answer.text()) == (400, "no_text")
        async with session.post(url + "x", json={"text": "x"}) as answer:
            assert (answer.status, await answer.text()) == (404, "no_service")
    assert [one["text"] for one in slack.messages("C1")] == ["hello"]


async def test_rate_limits_may_be_scripted_as_an_http_date(slack: SlackServer) -> None:
    slack.script(faults.rate_limited(30, http_date=True))
    _, headers, status = await call(slack, "chat.postMessage", channel="C1", text="x")
    wait = parsedate_to_datetime(headers["Retry-After"]) - parsedate_to_datetime(headers["Date"])
    assert status == 429
    assert 28 <= wait.total_seconds() <= 31


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("make", [faults.drop, faults.truncated])
async def test_a_dropped_connection_keeps_the_message_or_not(slack: SlackServer, make: Any, stored: bool) -> None:
    """The client cannot tell which: that is the point."""
    slack.script(make(stored=stored))
    with pytest.raises(aiohttp.ClientError):
        await call(slack, "chat.postMessage", channel="C1", text="x")
    assert len(slack.messages("C1")) == int(stored)


@pytest.mark.parametrize(("make", "status"), [(faults.html, 200), (faults.server_error, 500), (faults.not_json, 200)])
async def test_answers_that_are_no_answers(slack: SlackServer, make: Any, status: int) -> None:
    slack.script(make(stored=True))
    message = {"channel": "C1", "text": "x", "token": "xoxb-test"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.api_url + "chat.postMessage", json=message) as answer,
    ):
        assert answer.status == status
        assert not re.match(r"\{.*\}$", (await answer.text()))
    assert len(slack.messages("C1")) == 1


async def test_a_stopped_server_refuses_connections_and_comes_back_on_its_port(slack: SlackServer) -> None:
    await slack.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await call(slack, "auth.test")
    await slack.start()
    assert (await call(slack, "auth.test"))[0]["ok"]


async def test_faults_apply_to_chosen_calls_only(slack: SlackServer) -> None:
    """`skip` lets calls pass, `where` chooses by argument, `times` ends it."""
    slack.channel("C2")
    slack.script(Fault(answer="error", error="is_archived", skip=1, times=1, where={"channel": "C1"}))
    answers = [await call(slack, "chat.postMessage", channel=one, text="x") for one in ("C1", "C2", "C1", "C1")]
    assert [body.get("error") for body, _, _ in answers] == [None, None, "is_archived", None]


async def test_another_process_can_script_faults_and_read_the_record(slack: SlackServer) -> None:
    async with aiohttp.ClientSession() as session:
        fault = {"answer": "error", "error": "is_archived"}
        async with session.post(f"{slack.url}/_control/faults", json=[fault]) as answer:
            assert (await answer.json())["waiting"] == 1
        await call(slack, "chat.postMessage", channel="C1", text="refused")
        await call(slack, "chat.postMessage", channel="C1", text="kept")
        async with session.get(f"{slack.url}/_control/record") as answer:
            record = await answer.json()
        async with session.get(slack.url) as answer:
            page = await answer.text()
    assert [one["ok"] for one in record["calls"]] == [False, True]
    assert [one["text"] for one in record["channels"]["C1"]] == ["kept"]
    assert "kept" in page


async def test_a_person_archives_a_channel_takes_scopes_away_and_gives_them_back(slack: SlackServer) -> None:
    """Everything that `slack check` of a client may find wrong can be brought about from another process."""

    async def control(name: str, **wanted: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{slack.url}/_control/{name}", json=wanted) as answer,
        ):
            assert answer.status == 200

    async def outcome() -> Any:
        return (await call(slack, "chat.postMessage", channel="C1", text="x"))[0].get("error")

    await control("archive", channel="C1")
    assert await outcome() == "is_archived"
    await control("archive", channel="C1", archived=False)
    assert await outcome() is None
    await control("token", token="xoxb-test", scopes=["channels:history"])
    assert await outcome() == "missing_scope"
    await control("token", token="xoxb-test", scopes=["chat:write"])
    assert await outcome() is None


async def test_a_key_that_control_does_not_know_is_refused(slack: SlackServer) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.url}/_control/token", json={"token": "xoxb-test", "revoked": True}) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"] == "ValueError: unknown: revoked; known: token, error, scopes"
