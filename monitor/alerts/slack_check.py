"""What is missing before Slack works, in words: token, scopes, membership. Posts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.alerts.acting import COMMAND
from monitor.alerts.outcome import remedy, scope_of
from monitor.alerts.receivers import Identity, Search, SlackReceiver, WebhookReceiver
from monitor.alerts.slack import SlackChannel
from monitor.alerts.slack_api import SlackApi
from monitor.alerts.slack_socket import connection_url
from monitor.alerts.webhook import Webhook
from monitor.errors import DeliveryError, DeliveryScope

MANIFEST: dict[str, Any] = {
    "display_information": {
        "name": "licensewatch",
        "description": "Tells this channel when the terms of an AI model change.",
        "background_color": "#2b3a67",
    },
    "features": {"bot_user": {"display_name": "licensewatch", "always_online": True}},
    "oauth_config": {"scopes": {"bot": ["chat:write", "channels:history", "groups:history"]}},
    "settings": {"org_deploy_enabled": False, "socket_mode_enabled": False, "token_rotation_enabled": False},
}
# What the manifest says besides, for an app whose buttons and command work.
ACTING = {
    "features": {
        "slash_commands": [
            {
                "command": COMMAND,
                "description": "Is it working, and why was I told (or not)?",
                "usage_hint": "status | why URL",
                "should_escape": False,
            }
        ]
    },
    "oauth_config": {"scopes": {"bot": ["commands"]}},
    "settings": {"interactivity": {"is_enabled": True}, "socket_mode_enabled": True},
}
_HISTORY = frozenset({"channels:history", "groups:history"})


def manifest(*, acting: bool) -> dict[str, Any]:
    """The app manifest with the fewest scopes that do; `acting`: with buttons and the command, for one scope more."""
    return _merged(MANIFEST, ACTING) if acting else MANIFEST


def _merged(one: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(one)
    for key, value in more.items():
        before = made.get(key)
        if isinstance(before, Mapping):
            made[key] = _merged(before, value)
        else:
            made[key] = [*before, *value] if isinstance(before, list) else value
    return made


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `ok` is None for what works less well than it could."""

    what: str
    ok: bool | None
    says: str
    remedy: str = ""


async def check_channel(settings: SlackReceiver, token: str) -> list[Finding]:
    """Ask Slack who the token is, what it may do, and whether it can see the channel."""
    channel = SlackChannel(settings, token)
    try:
        try:
            identity = await channel.open()
        except DeliveryError as error:
            return [Finding("token", False, str(error), _remedy_now(error.code))]
        who = f"{identity.who or 'a bot'} in {identity.team or 'a workspace'}"
        return [Finding("token", True, who), *_scopes(identity), await _membership(channel, settings)]
    finally:
        await channel.close()


async def check_app_token(settings: SlackReceiver, token: str) -> Finding:
    """Whether a websocket could be opened with this app token. None is."""
    api = SlackApi(settings.api_url, token)
    try:
        await connection_url(api)
    except DeliveryError as error:
        return Finding("app token", False, str(error), app_remedy(error.code))
    finally:
        await api.close()
    return Finding("app token", True, "Socket Mode opens: messages have buttons, /licensewatch answers")


def no_app_token(name: str, places: str) -> Finding:
    """Buttons are optional; whoever wants them reads here how to get them."""
    how = "optional: make the app from `licensewatch slack manifest --acting`, and put an app-level token into one of"
    return Finding("app token", None, f"{name} was found nowhere, so messages have no buttons", f"{how} {places}")


def _remedy_now(code: str) -> str:
    """As for a delivery, but that nothing here goes on by itself."""
    if scope_of(code) in (DeliveryScope.CREDENTIAL, DeliveryScope.DESTINATION, DeliveryScope.MESSAGE):
        return remedy(code)
    return "check the network and `api_url:`, then run this again; deliveries are tried again by themselves"


def app_remedy(code: str) -> str:
    """What a person can do when an app token is refused."""
    if scope_of(code) is not DeliveryScope.CREDENTIAL:
        return _remedy_now(code)
    if code == "missing_scope":
        return "give the app-level token the scope connections:write (Basic Information, App-Level Tokens)"
    return (
        "make an app-level token (xapp-…, scope connections:write) at Basic Information, App-Level Tokens, with Socket "
        "Mode switched on, and set it; it is read again without a restart"
    )


async def check_webhook(_settings: WebhookReceiver, url: str) -> list[Finding]:
    """A webhook cannot be asked anything without posting; only its URL is looked at."""
    hook = Webhook(url)
    try:
        await hook.open()
    except DeliveryError as error:
        return [Finding("webhook", False, str(error), remedy(error.code))]
    said = "the URL looks right; `licensewatch slack test` posts a message to be sure"
    return [Finding("webhook", True, said)]


def missing(name: str, places: str) -> Finding:
    """No credential anywhere it was looked for."""
    kind = "the webhook's URL" if "webhook" in name else "the bot token (`xoxb-…`)"
    how = f"make an app with `licensewatch slack manifest`, install it, and put {kind} into one of these places"
    return Finding("credential", False, f"{name} was found nowhere: looked in {places}", how)


def _scopes(identity: Identity) -> Iterator[Finding]:
    if identity.scopes is None:
        yield Finding("scopes", None, "Slack did not say what the token may do")
        return
    lacking = sorted(_HISTORY - identity.scopes)
    if not lacking:
        yield Finding("scopes", True, ", ".join(sorted(identity.scopes)))
    else:
        said = f"{', '.join(lacking)} missing: an unclear outcome cannot be looked up, and is sent again (on_ambiguous)"
        yield Finding("scopes", None, said, "add them (`licensewatch slack manifest`) and reinstall the app")


async def _membership(channel: SlackChannel, settings: SlackReceiver) -> Finding:
    what = f"channel {settings.channel}"
    if not settings.channel:
        how = "set $SLACK_CHANNEL or `channel:` to the channel's id (at the bottom of its details, C0123ABCD)"
        return Finding("channel", False, "no channel is named", how)
    try:
        await channel.find(Search(frozenset({"none"}), since=channel.now()))
        if await channel.archived():
            return Finding(what, False, "is_archived", remedy("is_archived"))
    except DeliveryError as error:
        code = str(error) if error.code == "cannot_read" else error.code
        if code == "missing_scope":
            return Finding(what, None, "cannot be looked at without a history scope", "see above")
        return Finding(what, False, code, _remedy_now(code))
    return Finding(what, True, "the app is a member and can read it")
