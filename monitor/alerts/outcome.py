"""What a failed attempt means: the error classes of Slack, and what happens to a delivery next.

Pure. docs/delivery.md shows the same table to people. Sources: the error lists of
https://docs.slack.dev/reference/methods/chat.postMessage, chat.update and
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Action, Delivery, Role

_TRANSIENT = """
    ratelimited rate_limited message_limit_exceeded request_timeout team_added_to_org external_channel_migrating
    connect dns tls connect_timeout late
"""
_CREDENTIAL = """
    invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission
    not_allowed_token_type ekm_access_denied accesslimited access_denied org_login_required team_access_not_granted
    enterprise_is_restricted two_factor_setup_required team_not_found missing invalid_token no_service no_service_id
    no_active_hooks no_team team_disabled bad_url metadata_must_be_sent_from_app
    method_deprecated deprecated_endpoint unknown_method
"""
_DESTINATION = """
    channel_not_found not_in_channel is_archived is_inactive channel_is_archived messages_tab_disabled
    channel_type_not_supported action_prohibited posting_to_general_channel_denied user_not_found
    restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel
    restricted_action_non_threadable_channel restricted_action_thread_locked method_not_supported_for_channel_type
"""
_MESSAGE = """
    msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format no_text invalid_arguments invalid_arg_name
    invalid_array_arg invalid_charset invalid_form_data invalid_post_type missing_post_type metadata_too_large
    invalid_metadata_format invalid_metadata_schema too_many_attachments invalid_attachments invalid_payload
    markdown_text_conflict block_mismatch unfurling_policy too_many_contact_cards blocked_file_type
    as_user_not_supported cant_broadcast_message no_dual_broadcast_content_update attachment_payload_limit_exceeded
    missing_file_data file_not_shared_in_channel missing_text_or_fallback_or_attachments
"""
_AMBIGUOUS = """
    fatal_error internal_error service_unavailable update_failed rollup_error timeout reset eof
    server_error not_json redirect no_answer process_died
"""
# The message that is edited or replied to stands there no longer.
GONE = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message", "invalid_thread_ts"})
# It stands there, and nobody will ever edit it again.
UNEDITABLE = frozenset({"cant_update_message", "edit_window_closed", "streaming_state_conflict"})

SCOPES: dict[str, DeliveryScope] = {
    code: scope
    for scope, codes in (
        (DeliveryScope.TRANSIENT, _TRANSIENT),
        (DeliveryScope.CREDENTIAL, _CREDENTIAL),
        (DeliveryScope.DESTINATION, _DESTINATION),
        (DeliveryScope.MESSAGE, _MESSAGE),
        (DeliveryScope.MESSAGE, " ".join(GONE | UNEDITABLE)),
        (DeliveryScope.AMBIGUOUS, _AMBIGUOUS),
    )
    for code in codes.split()
}
_PREFIXES = (
    ("restricted_action", DeliveryScope.DESTINATION),
    ("invalid_blocks", DeliveryScope.MESSAGE),
    ("invalid_metadata", DeliveryScope.MESSAGE),
    ("slack_connect_", DeliveryScope.MESSAGE),
)

TRIES_OF_UNKNOWN_CODES = 5
ODD = "odd"  # the fact that counts refusals with an undocumented code; an outage before them uses up none of the tries
BUG = "bug"  # ours: what no receiver ever answers
LONGEST_BACK_OFF = timedelta(minutes=5)
PARK_RETRY = timedelta(minutes=5)


def scope_of(code: str) -> DeliveryScope | None:
    """The class of a receiver's error code; None for one that nobody has documented."""
    found = SCOPES.get(code)
    return found or next((scope for prefix, scope in _PREFIXES if code.startswith(prefix)), None)


def refusal(code: str, message: str = "") -> DeliveryError:
    """The error of a clear refusal. An undocumented code counts as transient, and is tried a few times only."""
    return DeliveryError(scope_of(code) or DeliveryScope.TRANSIENT, code, message)


class Next(StrEnum):
    """What becomes of a delivery after a failed attempt."""

    RETRY = "retry"
    LOOK = "look"  # unclear outcome: find out whether it stands there
    PARK = "park"
    PLAIN = "plain"  # once more as short plain text
    DEAD = "dead"
    NEW_PARENT = "new parent"  # the storyline's message was deleted
    LET_GO = "let go"  # an edit that can never be made
    DROP = "drop"  # unclear outcome, and the receiver is set to never risk a double


@dataclass(frozen=True, slots=True)
class Outcome:
    """`at`: when the delivery is due again. `lane_waits`: how long nothing at all goes to the same place."""

    next: Next
    at: datetime | None = None
    lane_waits: timedelta | None = None


def after_failure(delivery: Delivery, error: DeliveryError, *, settle: timedelta, now: datetime) -> Outcome:
    """Decide by the class of the error. `delivery.attempts` counts the attempt that just failed, its facts do not."""
    if error.scope is DeliveryScope.TRANSIENT:
        return _after_transient(delivery, error, now)
    if error.scope in (DeliveryScope.CREDENTIAL, DeliveryScope.DESTINATION):
        return Outcome(Next.PARK, now + (error.retry_after or PARK_RETRY))
    if error.scope is DeliveryScope.MESSAGE:
        return _after_message(delivery, error, now)
    if delivery.action is Action.UPDATE:
        # An edit brings the whole present state: made twice it is still one edit.
        return Outcome(Next.RETRY, now + max(settle, back_off(delivery)), error.retry_after)
    return Outcome(Next.LOOK, now + settle, error.retry_after)


def _after_transient(delivery: Delivery, error: DeliveryError, now: datetime) -> Outcome:
    if error.retry_after is not None:
        return Outcome(Next.RETRY, now + error.retry_after, error.retry_after)
    if scope_of(error.code) is None:
        if delivery.facts.get(ODD, 0) + 1 >= TRIES_OF_UNKNOWN_CODES:
            return Outcome(Next.DEAD)
        return Outcome(Next.RETRY, now + back_off(delivery))
    wait = back_off(delivery)
    return Outcome(Next.RETRY, now + wait, wait)


def _after_message(delivery: Delivery, error: DeliveryError, now: datetime) -> Outcome:
    if error.code in GONE:
        about_parent = delivery.action is Action.POST or delivery.role is Role.PARENT
        return Outcome(Next.NEW_PARENT if about_parent and delivery.target_id else Next.LET_GO)
    if error.code in UNEDITABLE:
        return Outcome(Next.LET_GO)
    return Outcome(Next.DEAD) if delivery.facts.get("plain") else Outcome(Next.PLAIN, now)


def back_off(delivery: Delivery) -> timedelta:
    """1 s, 2 s, 4 s … to five minutes, a quarter of it jitter from the delivery's id."""
    full = min(timedelta(seconds=2 ** min(max(delivery.attempts, 1) - 1, 12)), LONGEST_BACK_OFF)
    digest = hashlib.sha256(f"{delivery.id}:{delivery.attempts}".encode()).digest()
    return full * (0.75 + 0.25 * digest[0] / 255)


REMEDIES = {
    BUG: "a fault of licensewatch: please report it with the log; `deliveries retry` sends it again",
    "missing": "set the credential (a file in $CREDENTIALS_DIRECTORY, or the environment variable of that name)",
    "invalid_auth": "replace the bot token: Slack does not know it; it is read again without a restart",
    "not_authed": "set the bot token",
    "account_inactive": "the app or its workspace was deactivated: reinstall it and set the new token",
    "token_revoked": "the token was revoked: reinstall the app and set the new token",
    "token_expired": "the token expired: turn token rotation off for the app, or set a new token",
    "missing_scope": "add the missing scope to the app (`licensewatch slack manifest`) and reinstall it",
    "not_in_channel": "invite the app: `/invite @licensewatch` in the channel",
    "channel_not_found": "check `channel:` (an id such as C0123ABCD) and, if it is private, invite the app",
    "is_archived": "the channel is archived: unarchive it, or route to another one",
    "channel_is_archived": "the channel is archived: unarchive it, or make a webhook for another one",
    "no_service": "the webhook was removed: make a new one and set its URL",
    "method_deprecated": "Slack withdrew this way of posting: install a newer licensewatch",
    "deprecated_endpoint": "Slack withdrew this way of posting: install a newer licensewatch",
    "unknown_method": "nobody at `api_url:` knows Slack's methods: check it",
    "bad_url": "the credential is no http(s) URL: set the webhook's URL",
}
_REMEDY_BY_SCOPE = {
    DeliveryScope.TRANSIENT: "nothing to do: it is tried again",
    DeliveryScope.CREDENTIAL: "check the app and its token with `licensewatch slack check`",
    DeliveryScope.DESTINATION: "check that the app may post in this channel with `licensewatch slack check`",
    DeliveryScope.MESSAGE: "`deliveries retry` sends it again, `deliveries discard` drops it; please report it",
    DeliveryScope.AMBIGUOUS: "nothing to do: the channel's history is searched for it",
}


def remedy(code: str) -> str:
    """What a person can do about an error code, in words."""
    scope = scope_of(code)
    if code in REMEDIES:
        return REMEDIES[code]
    return _REMEDY_BY_SCOPE[scope] if scope else "an error we do not know: `deliveries retry` sends it again"
