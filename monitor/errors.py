"""Every error this program raises on purpose.

MonitorError
 +-- ConfigError            a file, key or value a person must mend: names file:line:column and the remedy
 +-- UsageError             a command was called in a way that cannot work: names the remedy
 +-- StoreError             the database cannot be used right now, or not by this version
 |    +-- LockHeld          another process polls or delivers on this database
 |    +-- TooOld            this program is older than the database's tables, and may not work beside them
 +-- FetchError             one poll failed before there was a document: says whether and when to try again
 |    +-- BlockedAddress    the address is one we never connect to
 +-- HostAway               a host is left alone for longer than a poll waits for its turn
 +-- ParseError             there was a document and it is not a feed we can read
 |    +-- ParseInterrupted  reading it took too much time or memory, or the worker died
 +-- DeliveryError          one attempt to deliver failed: says whether, when and how much else is affected

Errors answer "again, and when?". They are caught once, per feed or per delivery; anything else is a bug and propagates.
A message is a sentence for a person: what happened, where, what to do. Secrets never stand in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class MonitorError(Exception):
    """Root of all errors raised on purpose. `str(error)` is fit to show to a person."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; `line` and `column` count from 1, line 0 is no line of it but the whole."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration file, in words, with the mend where one is known."""

    place: Place
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class ConfigError(MonitorError):
    """One or more mistakes in configuration files. `problems` holds them in file order."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class UsageError(MonitorError):
    """A command was called in a way that cannot work."""


class StoreError(MonitorError):
    """The database cannot be used right now, or not by this version of the program."""


class TooOld(StoreError):
    """The tables were made by a newer program that this one cannot work beside."""


class LockHeld(StoreError):
    """Another process polls or delivers on this database."""


class FetchReason(StrEnum):
    """Why there is no document. `http` carries the status in the message."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    BAD_ENCODING = "bad-encoding"
    BAD_URL = "bad-url"
    BLOCKED = "blocked-address"
    REDIRECTS = "redirects"
    PROTOCOL = "protocol"
    HTTP = "http"
    GONE = "gone"
    RATE_LIMITED = "rate-limited"


class FetchError(MonitorError):
    """A fetch that brought no document.

    `retry_after` is what the publisher asked for (None: our own back-off decides); `gone` means never again (410);
    `status` is the HTTP status when there was one, `url` what answered with it (redirects may have led there).
    """

    def __init__(
        self,
        reason: FetchReason,
        message: str,
        *,
        status: int | None = None,
        retry_after: timedelta | None = None,
        url: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.url = url
        self.status = status
        self.retry_after = retry_after
        self.gone = reason is FetchReason.GONE


class HostAway(MonitorError):
    """Nothing is asked of a host for `wait`: the poll is let go before its request, and the feed stays due."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"the host is left alone for another {wait.total_seconds():.0f} s")
        self.wait = wait


class BlockedAddress(FetchError):
    """The name led to an address we never connect to (loopback, private, link-local, mapped forms …)."""

    def __init__(self, message: str) -> None:
        super().__init__(FetchReason.BLOCKED, message)


class ParseError(MonitorError):
    """The document is not a feed we can read (HTML, a consent page, empty, or broken beyond its first item)."""


class ParseInterrupted(ParseError):
    """Reading took more time or memory than a document may have, or the worker died: it may go better next time."""


class DeliveryScope(StrEnum):
    """How much else a failed attempt tells us about: the row of the error-class table in docs/delivery.md."""

    TRANSIENT = "transient"  # not sent; try again later, nothing else is affected
    CREDENTIAL = "credential"  # parks everything that uses the credential
    DESTINATION = "destination"  # parks everything that goes to the channel
    MESSAGE = "message"  # this message only: one plain re-render, then dead
    AMBIGUOUS = "ambiguous"  # it may have been sent: look before doing anything


class DeliveryError(MonitorError):
    """One attempt to deliver failed. `code` is the receiver's own word for it (`ratelimited`, `timeout` …)."""

    def __init__(
        self, scope: DeliveryScope, code: str, message: str = "", *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message or code)
        self.scope = scope
        self.code = code
        self.retry_after = retry_after
