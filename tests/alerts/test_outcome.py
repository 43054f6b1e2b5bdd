"""A29: every documented error has its class, and each class its outcome."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from monitor.alerts.outcome import (
    GONE,
    LONGEST_BACK_OFF,
    ODD,
    SCOPES,
    TRIES_OF_UNKNOWN_CODES,
    UNEDITABLE,
    Next,
    after_failure,
    back_off,
    refusal,
    remedy,
    scope_of,
)
from monitor.alerts.wire import retry_after
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Action, Delivery, Role

NOW = datetime(2025, 7, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=5)
POST = Delivery("d", "licensing", Role.PARENT, Action.POST, NOW, attempts=1, storyline_id=1)
REPLY = replace(POST, role=Role.MOVE, target_id="p")
EDIT = replace(POST, action=Action.UPDATE, target_id="p")

TABLE = {
    DeliveryScope.TRANSIENT: "ratelimited rate_limited request_timeout message_limit_exceeded team_added_to_org",
    DeliveryScope.CREDENTIAL: (
        "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission "
        "not_allowed_token_type ekm_access_denied accesslimited access_denied org_login_required "
        "team_access_not_granted enterprise_is_restricted two_factor_setup_required "
        "no_service no_active_hooks invalid_token team_disabled"
    ),
    DeliveryScope.DESTINATION: (
        "channel_not_found not_in_channel is_archived messages_tab_disabled restricted_action "
        "restricted_action_read_only_channel restricted_action_thread_only_channel restricted_action_thread_locked "
        "restricted_action_non_threadable_channel restricted_action_of_some_day channel_is_archived "
        "action_prohibited posting_to_general_channel_denied"
    ),
    DeliveryScope.MESSAGE: (
        "msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format no_text invalid_arguments "
        "metadata_too_large invalid_metadata_format invalid_metadata_schema too_many_attachments invalid_payload "
        "thread_not_found message_not_found cant_update_message edit_window_closed"
    ),
    DeliveryScope.AMBIGUOUS: "fatal_error internal_error service_unavailable rollup_error update_failed",
}
CODES = [(code, scope) for scope, codes in TABLE.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "scope"), CODES)
def test_every_documented_error_has_its_class(code: str, scope: DeliveryScope) -> None:
    """A29: by table."""
    assert scope_of(code) is scope
    assert refusal(code).scope is scope


# What no receiver says: our own words for what broke on the way.
_OWN = "connect dns tls connect_timeout missing bad_url timeout reset eof server_error not_json redirect no_answer"
OWN = {*_OWN.split(), "process_died"}
# The rows of the page's table, by how they begin.
ROWS = {
    "transient": DeliveryScope.TRANSIENT,
    "credential": DeliveryScope.CREDENTIAL,
    "destination": DeliveryScope.DESTINATION,
    "this message": DeliveryScope.MESSAGE,
    "the message it belongs to": DeliveryScope.MESSAGE,
    "it can never be edited": DeliveryScope.MESSAGE,
    "ambiguous": DeliveryScope.AMBIGUOUS,
}


def test_the_page_and_the_code_have_the_same_table() -> None:
    """A29: each code stands in the row of its class, and there is none in one that the other lacks."""
    page = Path(__file__).parents[2].joinpath("docs", "delivery.md").read_text("utf-8")
    told = {}
    for line in page[page.index("## Error classes") : page.index("## Parking")].splitlines():
        row = next((scope for start, scope in ROWS.items() if line.startswith(f"| {start}")), None)
        if row is not None:
            told |= dict.fromkeys(re.findall(r"`([a-z_]+[a-z])`", line.split("|")[3].partition("and whatever")[0]), row)
    assert told == {code: scope for code, scope in SCOPES.items() if code not in OWN}


@pytest.mark.parametrize("code", sorted(SCOPES))
def test_every_error_has_a_remedy(code: str) -> None:
    assert remedy(code)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "30"}, 30, 30),
        ({"retry-after": "1.5"}, 1.5, 1.5),
        ({"retry-after": "Sat, 12 Jul 2025 10:10:00 GMT", "date": "Sat, 12 Jul 2025 10:00:00 GMT"}, 600, 600),
        ({"retry-after": "Sat, 12 Jul 2025 09:00:00 GMT", "date": "Sat, 12 Jul 2025 10:00:00 GMT"}, 1, 1),
        ({"retry-after": "in an hour"}, 3_500, 3_600),  # as a date, made when the test runs
        ({"retry-after": "999999999"}, 86_400, 86_400),
        ({"retry-after": "soon"}, 30, 30),
        ({"retry-after": "\u00b2"}, 30, 30),
    ],
)
def test_how_long_to_wait_is_read_in_every_form(headers: dict[str, str], least: float, most: float) -> None:
    """A28: seconds, an HTTP-date by the sender's clock, by ours where it names none, and neither."""
    if headers["retry-after"] == "in an hour":
        headers = {"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}
    wait = retry_after(headers)
    assert wait is not None
    assert least <= wait.total_seconds() <= most


def test_an_unknown_code_is_tried_a_few_times_and_then_dead() -> None:
    """A29: unknown codes never loop for ever; fifty attempts of an outage before count for nothing."""
    error = refusal("brand_new_error")
    outcomes = [
        after_failure(replace(POST, attempts=50 + n, facts={ODD: n}), error, settle=SETTLE, now=NOW).next
        for n in range(TRIES_OF_UNKNOWN_CODES)
    ]
    assert outcomes == [Next.RETRY] * (TRIES_OF_UNKNOWN_CODES - 1) + [Next.DEAD]


def test_what_was_surely_not_sent_is_tried_for_ever_and_ever_more_slowly() -> None:
    """No alert is lost to a long outage of the network."""
    error = DeliveryError(DeliveryScope.TRANSIENT, "connect")
    for attempts in (1, 3, 10, 500):
        outcome = after_failure(replace(POST, attempts=attempts), error, settle=SETTLE, now=NOW)
        assert outcome.next is Next.RETRY
        assert outcome.at is not None
        assert timedelta(0) < outcome.at - NOW <= LONGEST_BACK_OFF
    assert back_off(replace(POST, attempts=3)) > back_off(POST)


def test_retry_after_holds_the_delivery_and_its_channel() -> None:
    """A28: at least as long as was asked."""
    error = DeliveryError(DeliveryScope.TRANSIENT, "ratelimited", retry_after=timedelta(seconds=30))
    outcome = after_failure(POST, error, settle=SETTLE, now=NOW)
    assert (outcome.at, outcome.lane_waits) == (NOW + timedelta(seconds=30), timedelta(seconds=30))


def test_a_refused_message_goes_once_more_as_plain_text_and_then_dies() -> None:
    error = refusal("invalid_blocks")
    assert after_failure(POST, error, settle=SETTLE, now=NOW).next is Next.PLAIN
    plain = replace(POST, facts={"plain": True})
    assert after_failure(plain, error, settle=SETTLE, now=NOW).next is Next.DEAD


def test_an_unclear_post_is_looked_for_and_an_unclear_edit_made_again() -> None:
    """A post twice is two messages; an edit twice is one edit."""
    error = DeliveryError(DeliveryScope.AMBIGUOUS, "timeout")
    assert after_failure(POST, error, settle=SETTLE, now=NOW).next is Next.LOOK
    assert after_failure(REPLY, error, settle=SETTLE, now=NOW).next is Next.LOOK
    assert after_failure(EDIT, error, settle=SETTLE, now=NOW).next is Next.RETRY


@pytest.mark.parametrize("code", sorted(GONE))
def test_a_deleted_parent_is_replaced_and_a_deleted_coverage_reply_is_not(code: str) -> None:
    """A32"""
    coverage_edit = replace(EDIT, role=Role.COVERAGE)
    assert after_failure(REPLY, refusal(code), settle=SETTLE, now=NOW).next is Next.NEW_PARENT
    assert after_failure(EDIT, refusal(code), settle=SETTLE, now=NOW).next is Next.NEW_PARENT
    assert after_failure(coverage_edit, refusal(code), settle=SETTLE, now=NOW).next is Next.LET_GO


@pytest.mark.parametrize("code", sorted(UNEDITABLE))
def test_an_edit_that_can_never_be_made_is_let_go(code: str) -> None:
    assert after_failure(EDIT, refusal(code), settle=SETTLE, now=NOW).next is Next.LET_GO


@pytest.mark.parametrize("code", ["invalid_auth", "not_in_channel"])
def test_a_refused_credential_or_channel_parks(code: str) -> None:
    assert after_failure(POST, refusal(code), settle=SETTLE, now=NOW).next is Next.PARK
