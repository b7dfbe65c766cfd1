"""Fairness: all streams that are read on one loop share its time."""

import asyncio
from collections import deque
from time import perf_counter
from weakref import WeakKeyDictionary

__all__ = ["Pace"]

_paces: "WeakKeyDictionary[asyncio.AbstractEventLoop, Pace]" = WeakKeyDictionary()


class Pace:
    """The time, in seconds, that all pumps of a loop may spend in one of its turns.

    One that finds it spent waits in line, and is let on in a later turn of the loop.
    """

    def __init__(self, seconds: float = 0.002) -> None:
        self.seconds = seconds
        self._end: float | None = None
        self._line: deque[asyncio.Future[None]] = deque()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "Pace":
        """Return the pace that all pumps of a loop share."""
        pace = _paces.get(loop)
        if pace is None:
            pace = _paces[loop] = cls()
        return pace

    @property
    def spent(self) -> bool:
        """Whether the time of this turn of the loop is used up."""
        if self._end is None:
            self._begin()
            return False
        return perf_counter() > self._end

    async def turn(self) -> None:
        """Wait for a turn of the loop that has time left."""
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        await place

    def _begin(self) -> None:
        self._end = perf_counter() + self.seconds
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._end = None
        while self._line:
            place = self._line.popleft()
            if not place.done():
                self._begin()
                place.set_result(None)
                return
