"""Where the canary's message arrives: a receiver inside the process, so that nobody is told of what never happened."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from monitor.alerts.receivers import Identity, Posting, Receipt, Search
from monitor.model import Message


class Box:
    """Keeps what was delivered until it is asked for. Posts nothing anywhere."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self._arrived = asyncio.Event()

    async def open(self) -> Identity:
        return Identity()

    async def send(self, message: Message, posting: Posting) -> Receipt:
        self._messages[posting.delivery_id] = message
        self._arrived.set()
        return Receipt()

    async def update(self, message: Message, receipt: Receipt) -> Receipt:  # noqa: ARG002  # there is nothing to edit
        return receipt

    async def find(self, search: Search) -> Mapping[str, Receipt]:
        return {one: Receipt() for one in search.delivery_ids if one in self._messages}

    def now(self) -> str | None:
        return None

    async def close(self) -> None:
        """Nothing to close: what arrived stays for `taken`."""

    async def taken(self, delivery_id: str, patience_s: float) -> Message | None:
        """The message of a delivery, once; None when it does not arrive in time."""
        try:
            async with asyncio.timeout(patience_s):
                while delivery_id not in self._messages:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return None
        message = self._messages.pop(delivery_id)
        self._messages.clear()  # of earlier ones that came too late
        return message
