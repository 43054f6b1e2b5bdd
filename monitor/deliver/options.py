"""What delivering needs from outside, and the credentials it is given."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TextIO

from monitor import clock
from monitor.alerts.console import Console
from monitor.alerts.receivers import WITHOUT_CREDENTIAL, BuiltInReceiver, Receiver, ReceiverSettings, SlackReceiver
from monitor.alerts.slack import SlackChannel
from monitor.alerts.webhook import Webhook
from monitor.alerts.wire import TIMEOUT
from monitor.errors import ConfigError
from monitor.model import Storyline
from monitor.store import stories
from monitor.store.engine import Connection
from monitor.trial import Reached

Credentials = Callable[[str], str | None]
PACE = timedelta(seconds=1)  # Slack: about one message a second and channel


def stored_storyline(conn: Connection, storyline_id: int) -> Storyline | None:
    """The storyline as it stands now; None when retention removed it."""
    return stories.storyline_of(conn, storyline_id)


def has_no_buttons(_receiver: SlackReceiver) -> bool:
    """Nobody listens to what is pressed, so there is nothing to press."""
    return False


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Options:
    """`pace`: between two messages to one place. `timeout`: of one request. `acting`: whether anybody listens to the
    buttons of a receiver's messages. `reached` is told each point where a crash would be interesting
    (monitor/trial.py)."""

    pace: timedelta = PACE
    timeout: timedelta = TIMEOUT
    park_retry: timedelta = timedelta(minutes=5)
    ops: tuple[str, ...] = ()
    now: Callable[[], datetime] = clock.now
    monotonic: Callable[[], float] = clock.monotonic
    new_id: Callable[[], str] = new_id
    storyline: Callable[[Connection, int], Storyline | None] = stored_storyline
    acting: Callable[[SlackReceiver], bool] = has_no_buttons
    reached: Reached = len  # nobody watches
    screen: TextIO | None = None
    built_in: Receiver | None = None  # what a BuiltInReceiver is


def credential_of(settings: ReceiverSettings, credentials: Credentials) -> str | None:
    """The secret of a receiver, or None. A file that cannot be read counts as missing; `check` says why."""
    if isinstance(settings, WITHOUT_CREDENTIAL):
        return None
    try:
        return credentials(settings.credential) or None
    except ConfigError:
        return None


def settle_of(settings: ReceiverSettings) -> timedelta:
    """How long what was sent may take to be seen there."""
    return timedelta(0) if isinstance(settings, WITHOUT_CREDENTIAL) else settings.settle


def fingerprint(secret: str | None) -> str:
    """Tells a replaced credential from the one that was refused, without keeping either."""
    return hashlib.sha256((secret or "").encode()).hexdigest()


def build(settings: ReceiverSettings, secret: str | None, options: Options) -> Receiver:
    """The receiver of these settings; without a secret, and for the console, the terminal."""
    if isinstance(settings, BuiltInReceiver) and options.built_in is not None:
        return options.built_in
    if secret is None or isinstance(settings, WITHOUT_CREDENTIAL):
        return Console(options.screen)
    if isinstance(settings, SlackReceiver):
        return SlackChannel(settings, secret, timeout=options.timeout)
    return Webhook(secret, timeout=options.timeout)
