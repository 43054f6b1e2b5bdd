"""Receivers: what `receivers:` in monitor.yaml may say, and what every receiver can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Literal, Protocol

from pydantic import Field

from monitor.alerts.decide import AlertPolicy, Digest, QuietHours
from monitor.model import Message
from monitor.yamlfile import Duration

SLACK_API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackReceiver:
    """A Slack channel reached with a bot token: threads, edits, and a history that settles unclear outcomes."""

    name: str
    channel: str = ""  # settings fill it from $SLACK_CHANNEL when the file names none
    type: Literal["slack"] = "slack"
    credential: str = "slack_bot_token"
    app_credential: str = "slack_app_token"  # of Socket Mode; without it messages have no buttons
    api_url: str = SLACK_API_URL
    settle: Duration = timedelta(seconds=5)
    on_ambiguous: Literal["reconcile", "resend", "drop"] = "reconcile"
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceiver:
    """An incoming webhook of Slack: posts only, and nothing posted can be found again. The URL is the credential."""

    name: str
    type: Literal["slack_webhook"] = "slack_webhook"
    credential: str = "slack_webhook_url"
    settle: Duration = timedelta(seconds=5)
    on_ambiguous: Literal["resend", "drop"] = "resend"
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleReceiver:
    """The terminal or the journal: prints each alert once."""

    name: str
    type: Literal["console"] = "console"
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInReceiver:
    """A receiver inside the process (the canary's). No configuration names one."""

    name: str
    type: Literal["built-in"] = "built-in"
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None


ConfiguredReceiver = Annotated[SlackReceiver | WebhookReceiver | ConsoleReceiver, Field(discriminator="type")]
ReceiverSettings = SlackReceiver | WebhookReceiver | ConsoleReceiver | BuiltInReceiver
WITHOUT_CREDENTIAL = (ConsoleReceiver, BuiltInReceiver)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message came to stand. `ts` is None where the receiver names no place (webhook, console)."""

    channel: str | None = None
    ts: str | None = None


def permalink(home: str, channel: str | None, ts: str | None) -> str:
    """The address of a Slack message, as chat.getPermalink gives it; nothing where a part is unknown.

    Source: the example answer of https://docs.slack.dev/reference/methods/chat.getPermalink
    """
    return f"{home.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}" if home and channel and ts else ""


@dataclass(frozen=True, slots=True)
class Posting:
    """What goes with a posted message: the delivery it carries out, and the thread it answers in."""

    delivery_id: str
    thread_ts: str | None = None
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Which deliveries to look for: in the channel, or in the replies of `thread_ts`; nothing older than `since`."""

    delivery_ids: frozenset[str]
    since: str | None = None
    thread_ts: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential is, as the receiver says: team and bot in words, what it may do (None: not told), and the
    address under which its messages can be linked to."""

    who: str = ""
    team: str = ""
    scopes: frozenset[str] | None = None
    home: str = ""


class Receiver(Protocol):
    """One destination. Each call is at most one request that posts; every failure is a DeliveryError."""

    async def open(self) -> Identity:
        """Find out who we are there. Posts nothing; a refused credential raises with scope `credential`."""

    async def send(self, message: Message, posting: Posting) -> Receipt: ...

    async def update(self, message: Message, receipt: Receipt) -> Receipt: ...

    async def find(self, search: Search) -> Mapping[str, Receipt]:
        """The deliveries of `search` that stand there. DeliveryError code `cannot_read` where nobody can look."""

    def now(self) -> str | None:
        """The receiver's own clock, as it writes it (Slack: `1720710212.000000`); None where it shows none."""

    async def close(self) -> None: ...


def policy_of(receiver: ReceiverSettings, policy: AlertPolicy) -> AlertPolicy:
    """`alerts:` with the receiver's own quiet hours and digest, which win."""
    return replace(
        policy,
        quiet_hours=receiver.quiet_hours or policy.quiet_hours,
        digest=receiver.digest or policy.digest,
    )


def lane(receiver: ReceiverSettings) -> tuple[str, ...]:
    """What is paced and ordered together: receivers of one lane write to the same place."""
    if isinstance(receiver, SlackReceiver):
        return ("slack", receiver.api_url, receiver.credential, receiver.channel)
    if isinstance(receiver, WebhookReceiver):
        return ("slack_webhook", receiver.credential)
    return ("console",) if isinstance(receiver, ConsoleReceiver) else ("built-in", receiver.name)


def sharing(receiver: ReceiverSettings, scope: str, among: Sequence[ReceiverSettings]) -> list[str]:
    """Names of the receivers that a failure of this scope is about: the same credential, or the same destination."""
    if isinstance(receiver, WITHOUT_CREDENTIAL) or scope != "credential":
        return [other.name for other in among if lane(other) == lane(receiver)]
    return [
        other.name
        for other in among
        if not isinstance(other, WITHOUT_CREDENTIAL) and other.credential == receiver.credential
    ]
