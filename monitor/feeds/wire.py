"""What comes of reading a document, and its form on the wire between a worker and us: MessagePack that is held to the
types of its fields, so that a worker that a hostile document has taken over can hand us wrong texts at worst.

A refusal is JSON, whose first byte no reading begins with. Nothing here parses documents: the main process never
imports a parser.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from monitor.errors import ParseError
from monitor.model import Entry, FeedFormat, PublisherHints

# Headers that say how to read a document; nothing else of an answer reaches the parser.
READ_HEADERS = ("content-type", "content-language")
JOB = struct.Struct(">II")  # lengths of an order and of the document after it
ANSWER = struct.Struct(">I?")  # length of an answer, and whether it is the worker's last
INSTALL = "sieve:"  # before the name of a sieve: an order to work with the plan that comes with it


@dataclass(frozen=True, slots=True)
class Sifted:
    """The entries of a document (by position) that rules may match, and the numbers of those rules, as the sieve `by`
    found; "": nobody looked."""

    by: str = ""
    passed: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A document read: what it says of itself, how many items it holds (before duplicates), and its entries."""

    format: str
    title: str
    link: str
    items: int
    entries: tuple[Entry, ...] = ()
    hints: PublisherHints = field(default_factory=PublisherHints)
    warning: str = ""
    sifted: Sifted = Sifted()


def job(feed_id: str, format: FeedFormat, url: str, headers: dict[str, str], now: datetime, *more: object) -> bytes:
    """A document's surroundings as a worker gets them, beside its bytes; `more` is for workers that do more."""
    return json.dumps([feed_id, format.value, url, headers, now.isoformat(), *more]).encode()


def refusal(message: str) -> bytes:
    """The answer of a worker to a document that cannot be read."""
    return dumps({"error": message})


def dumps(value: object) -> bytes:
    """JSON, whatever half characters a document holds."""
    return json.dumps(value, separators=(",", ":"), check_circular=False).encode("utf-8", "replace")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Reading)


def packed(reading: Reading) -> bytes:
    """A reading as it is on the wire, whatever half characters a document holds."""
    try:
        return _ENCODER.encode(reading)
    except UnicodeEncodeError:
        return _ENCODER.encode(_whole(msgspec.to_builtins(reading, builtin_types=(datetime,))))


def _whole(value: Any) -> Any:
    """The same without half characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list | tuple) else value


def received(answer: bytes, feed_id: str) -> Reading:
    """A worker's answer as a value. Raises ParseError when it is a refusal, or makes no sense."""
    try:
        if answer.startswith(b"{"):
            raise ParseError(str(json.loads(answer)["error"]))
        reading = _DECODER.decode(answer)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ParseError(f"the worker's answer makes no sense ({type(error).__name__})") from error
    if any(entry.feed_id != feed_id for entry in reading.entries):
        raise ParseError("the worker's answer makes no sense (another feed's)")
    return reading
