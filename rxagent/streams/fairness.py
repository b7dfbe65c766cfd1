"""Fairness: all streams that are read on one loop share its time, and leave some to threads."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from math import inf
from time import perf_counter, sleep, thread_time
from typing import Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["REST", "FairShare", "Rest", "rested"]

_T = TypeVar("_T")

_shares: WeakKeyDictionary[asyncio.AbstractEventLoop, FairShare] = WeakKeyDictionary()


_Line: TypeAlias = "deque[asyncio.Future[None] | Callable[[], object]]"


class Rest(Enum):
    """The type of `REST`."""

    REST = "rest"


REST: Final = Rest.REST
"""No item: a point in a batch at which the loop may run other work."""

_STRIDE = 32

_WORK_SECONDS = 0.005
"""Seconds of a loop's CPU time after which other threads get the interpreter."""

_IDLE_SECONDS = 0.001
"""Seconds for which it must have been idle in that time, so that they had it anyway."""

_YIELD_SECONDS = 0.00005
"""Seconds for which it sleeps otherwise: about what a waiting thread needs to wake up."""


def rested(items: Iterable[_T]) -> Iterator[_T | Rest]:
    """Yield items, and REST now and then between them."""
    for place, item in enumerate(items, 1):
        if not place % _STRIDE:
            yield REST
        yield item


class FairShare:
    """The time, in seconds, that all streams read on a loop may spend in one turn of it.

    A stream that finds it spent waits in line for a later turn of the loop, and so does the queue
    of a run. Streams and runs that have yet to begin have a line of their own, and the lines
    alternate: of many requests, the first answers are read while the last are still to be sent.

    A loop that works without a rest also sleeps for a moment now and then. It releases the
    interpreter's lock at each turn, but takes it again before a waiting thread has woken up, so
    that on CPython 3.11 that thread may wait for seconds.
    """

    def __init__(self, seconds: float = 0.002) -> None:
        self.seconds = seconds
        self._end: float | None = None
        self._yielded_at = 0.0, 0.0  # by the CPU time of the loop's thread, and by `perf_counter`
        self._going: _Line = deque()
        self._coming: _Line = deque()
        self._lines = deque([self._going, self._coming])

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> FairShare:
        """Return the fair share of a loop, which all its streams use."""
        share = _shares.get(loop)
        if share is None:
            share = _shares[loop] = cls()
        return share

    def put_in_place(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make this the fair share of a loop that nothing has used yet."""
        _shares[loop] = self

    @property
    def until(self) -> float:
        """When the time of this turn of the loop is used up, by `perf_counter`."""
        if self.seconds == inf:
            return inf
        return self._open() if self._end is None else self._end

    @property
    def spent(self) -> bool:
        """Whether the time of this turn of the loop is used up."""
        return perf_counter() > self.until

    async def begin(self) -> None:
        """Wait for a turn of the loop that has time for one more to begin."""
        await self._wait(self._coming)

    async def turn(self) -> None:
        """Wait for a turn of the loop that has time left."""
        await self._wait(self._going)

    def later(
        self, loop: asyncio.AbstractEventLoop, action: Callable[[], object], *, begins: bool
    ) -> None:
        """Run an action of a queue in a turn of the loop, after those that wait in line.

        Args:
            loop: The loop.
            action: The action.
            begins: Whether it is the first one of its queue.
        """
        if self.seconds == inf:
            loop.call_soon(action)
            return
        (self._coming if begins else self._going).append(action)
        if self._end is None:
            self._open()

    async def _wait(self, line: _Line) -> None:
        place = asyncio.get_running_loop().create_future()
        line.append(place)
        await place

    def _open(self) -> float:
        self._end = end = perf_counter() + self.seconds
        asyncio.get_running_loop().call_soon(self._next)
        return end

    def _next(self) -> None:
        self._end = None
        self._yield_to_threads()
        while any(self._lines):
            self._lines.rotate()
            line = self._lines[0]
            if not line:
                continue
            place = line.popleft()
            if not isinstance(place, asyncio.Future):
                try:
                    place()  # it begins the time of this turn, unless nothing is left to do
                finally:
                    if self._end is None:
                        self._open()
                return
            if not place.done():
                self._open()
                place.set_result(None)
                return

    def _yield_to_threads(self) -> None:
        worked = thread_time() - self._yielded_at[0]
        if worked <= _WORK_SECONDS:
            return
        idle = perf_counter() - self._yielded_at[1] - worked
        if idle < _IDLE_SECONDS and threading.active_count() > 1:
            sleep(_YIELD_SECONDS)
        self._yielded_at = thread_time(), perf_counter()
