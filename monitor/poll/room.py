"""Room for documents in memory, counted in bytes: a hundred large ones need as much as thousands of small ones."""

from __future__ import annotations

import asyncio
from collections import deque

LEAST = 8 * 1024  # what a document counts at least: its headers, and the poll that waits with it


class Room:
    """So many bytes. Who asks first gets first; what is larger than all of it waits until it is alone."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Wait for room of this size; what to give back later."""
        size = min(max(size, LEAST), self._size)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._let_in()  # those behind it may fit
            else:
                self.give_back(size)
            raise
        return size

    def give_back(self, size: int) -> None:
        """What `take` returned, once."""
        self._free += size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._waiting.popleft()
