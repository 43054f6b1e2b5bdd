"""The terminal as a receiver: each message once, in words; in colour where somebody looks."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from monitor.alerts.receivers import Identity, Posting, Receipt, Search
from monitor.errors import DeliveryError, DeliveryScope
from monitor.model import Message

if TYPE_CHECKING:
    from rich.text import Text

_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_BOLD = re.compile(r"(?<![\w*])\*([^*\u200b\n][^*\n]*)\*(?![\w*])")


class Console:
    """Prints messages to a stream (standard output, unless told otherwise). Implements the Receiver protocol."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def open(self) -> Identity:
        return Identity(who="console")

    async def send(self, message: Message, posting: Posting) -> Receipt:  # noqa: ARG002 - nothing is kept
        try:
            await asyncio.to_thread(self._print, message)
        except OSError:
            raise DeliveryError(DeliveryScope.TRANSIENT, "connect", "the terminal is gone") from None
        return Receipt()

    async def update(self, message: Message, receipt: Receipt) -> Receipt:  # noqa: ARG002 - see below
        raise DeliveryError(DeliveryScope.MESSAGE, "cant_update_message", "a terminal cannot edit")

    async def find(self, search: Search) -> Mapping[str, Receipt]:  # noqa: ARG002 - see below
        raise DeliveryError(DeliveryScope.DESTINATION, "cannot_read", "a terminal cannot look")

    def now(self) -> str | None:
        return None

    async def close(self) -> None:
        return None

    def _print(self, message: Message) -> None:
        from rich.console import Console as Rich

        class Terminal(Rich):
            def on_broken_pipe(self) -> None:
                raise BrokenPipeError  # rich would end the process, which has other receivers

        terminal = Terminal(file=self._stream or sys.stdout, highlight=False, soft_wrap=True, emoji=False)
        for line in lines(message):
            terminal.print(line)
        terminal.print()
        terminal.file.flush()


def lines(message: Message) -> Iterator[Text]:
    """The message as styled lines. A message without blocks is its text."""
    from rich.text import Text

    if not message.blocks:
        yield Text(readable(message.text))
    for block in message.blocks:
        if block.get("type") == "header":
            yield Text("● " + readable(block["text"]["text"]), style="bold")
        for style, text in _texts(block):
            for line in text.split("\n"):
                yield _styled(line, style)


def readable(mrkdwn: str) -> str:
    """Slack's mrkdwn as plain words: links become `label (url)`, entities characters, invisible gaps go."""
    text = _LINK.sub(lambda found: f"{found[2]} ({found[1]})", mrkdwn).replace("\u200b", "")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _texts(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = block.get("type")
    if kind == "context":
        yield "dim", "  ".join(one["text"] for one in block["elements"])
    elif kind == "section":
        yield "", block["text"]["text"]


def _styled(line: str, style: str) -> Text:
    from rich.text import Text

    quoted = line.startswith(">")
    text = Text("  ┃ " if quoted else "  ", style=style)
    at = 0
    source = line[1:] if quoted else line
    for found in _BOLD.finditer(source):
        text.append(readable(source[at : found.start()]))
        text.append(readable(found[1]), style="bold")
        at = found.end()
    text.append(readable(source[at:]))
    return text
