"""What can go wrong between a client and Slack, as values that a test scripts. Knows nothing of this program."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Literal, Self

Answer = Literal["normal", "error", "status", "html", "text", "drop", "truncate", "redirect", "rate_limited"]


@dataclass(slots=True)
class Fault:
    """One scripted fault, for `times` calls of `method` (`*`: any; `webhook`: incoming webhooks) after `skip` of them.

    `stored`: the call takes effect before the answer goes wrong. `delay` seconds pass before anything else happens,
    `delay_answer` seconds after it took effect. `where` restricts it to calls whose arguments hold these values.
    """

    method: str = "chat.postMessage"
    answer: Answer = "normal"
    stored: bool = False
    error: str = ""
    status: int = 500
    body: str = ""
    retry_after: float = 1.0
    http_date: bool = False
    location: str = ""
    delay: float = 0.0
    delay_answer: float = 0.0
    times: int = 1
    skip: int = 0
    where: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """A fault as the control endpoint takes it: the same names as the fields."""
        return cls(**{str(name): one for name, one in value.items()})

    def wants(self, method: str, arguments: Mapping[str, Any]) -> bool:
        """Whether this call is one of those to spoil; counts it."""
        if self.times <= 0 or self.method not in ("*", method):
            return False
        if any(arguments.get(name) != value for name, value in self.where.items()):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    @property
    def retry_after_header(self) -> str:
        """Seconds, or an HTTP-date as RFC 9110 allows too."""
        if self.http_date:
            return formatdate(time.time() + self.retry_after, usegmt=True)
        return f"{self.retry_after:g}"


def error(code: str, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """Refused with Slack's word for it (`invalid_auth`, `is_archived` …)."""
    return Fault(method, "error", error=code, times=times)


def rate_limited(after: float = 1.0, *, method: str = "*", http_date: bool = False, times: int = 1) -> Fault:
    return Fault(method, "rate_limited", retry_after=after, http_date=http_date, times=times)


def server_error(*, stored: bool, method: str = "chat.postMessage", status: int = 500, times: int = 1) -> Fault:
    """Status 500, with or without the message kept."""
    return Fault(method, "status", stored=stored, status=status, body="upstream error", times=times)


def html(*, stored: bool = False, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """Status 200 and a page of HTML, as proxies and outages bring."""
    return Fault(method, "html", stored=stored, times=times)


def not_json(*, stored: bool = False, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """JSON by its content type, and not by its bytes."""
    return Fault(method, "text", stored=stored, body="{'ok': tru", times=times)


def drop(*, stored: bool, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """The request is read, the message kept or not, and the connection dies without an answer."""
    return Fault(method, "drop", stored=stored, times=times)


def truncated(*, stored: bool, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """Half an answer."""
    return Fault(method, "truncate", stored=stored, times=times)


def redirect(location: str, *, method: str = "chat.postMessage", status: int = 307, times: int = 1) -> Fault:
    return Fault(method, "redirect", status=status, location=location, times=times)


def slow(seconds: float, *, stored: bool, method: str = "chat.postMessage", times: int = 1) -> Fault:
    """The answer takes its time; the message is kept at once, or only afterwards."""
    wait = {"delay_answer": seconds} if stored else {"delay": seconds}
    return Fault(method, "normal", stored=stored, times=times, **wait)  # type: ignore[arg-type]
