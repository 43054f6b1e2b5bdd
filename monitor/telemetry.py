"""Log set-up and counters. Only shells and entry points import it.

A terminal gets readable lines, systemd's journal gets JSON. Whatever a library or a feed puts into a log line, secrets
are cut out of it and control characters are shown, not obeyed.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from monitor.text import printable

# Slack's tokens and webhook URLs, wherever they turn up; user:password in URLs.
_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|xoxe\.[\w.-]+|https?://[^\s\"']*/(?:services|workflows|triggers)/[^\s\"']+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
CUT = "[secret]"


@dataclass
class Redactor:
    """Cuts secrets out of texts: the well-known shapes, and every value it was told of."""

    values: set[str] = field(default_factory=set)

    def learn(self, value: str) -> None:
        """Never let this value through again (a credential that was just read)."""
        if len(value) >= 6:
            self.values.add(value)

    def clean(self, text: str) -> str:
        """`text` without secrets and without control or bidi characters that act on a terminal."""
        for value in self.values:
            text = text.replace(value, CUT)
        return printable(_SECRET.sub(CUT, text))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a structlog processor: clean every value of an event."""
        return {key: self._value(value) for key, value in event.items()}

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.clean(value)
            case bool() | int() | float() | None:
                return value
            case Mapping():
                return {key: self._value(item) for key, item in value.items()}
            case list() | tuple():
                return [self._value(item) for item in value]
            case _:
                return value if isinstance(value, logging.LogRecord) else self.clean(str(value))


class _Stderr:
    """stderr as it is now: above a progress bar, not into it. A reader who went away or a full disk costs a line, and
    stops nobody's work."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


_STDERR: Any = _Stderr()


def under_systemd(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether stderr goes to the journal. The variable alone does not say so: a desktop hands it on to terminals, and
    stderr may lead elsewhere since (systemd.exec(5), $JOURNAL_STREAM)."""
    if "JOURNAL_STREAM" not in environ:
        return False
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ["JOURNAL_STREAM"] == f"{stream.st_dev}:{stream.st_ino}"


def tell(level: str, event: str, **facts: Any) -> None:
    """Log an event, before logging is set up, too."""
    if not structlog.is_configured():
        set_up()
    getattr(structlog.get_logger("command"), level)(event, **facts)


def set_up(*, verbose: bool = False, json: bool | None = None) -> Redactor:
    """Send all logging, ours and the libraries', to stderr; returns the redactor so that credentials can be added."""
    redactor = Redactor()
    as_json = under_systemd() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        redactor,
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if as_json
        else structlog.processors.TimeStamper("%H:%M:%S"),
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ, pad_event_to=22)
    )
    level = logging.DEBUG if verbose else logging.INFO
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(_STDERR),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_STDERR)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[_without_record, last], foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries tell at DEBUG what goes over the wire, tokens included: never below WARNING.
    for name in (
        "slack_sdk",
        "httpx",
        "httpcore",
        "aiohttp",
        "asyncio",
        "apscheduler",
        "alembic",
        "uvicorn",
        "watchfiles",
        "trafilatura",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns each second while a tick is held up by the database, which our own line says once.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # What these libraries say of a lost database, with tracebacks, our own line says once.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    return redactor


def _without_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


@dataclass
class Counters:
    """What happened since the start, by name and reason. The health page reads it; nothing decides by it."""

    values: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: str, reason: str = "", n: int = 1) -> None:
        """Count `n` more of `name` (polls, entries, alerts, deliveries) for `reason`."""
        self.values[name, reason] += n
