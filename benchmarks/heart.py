"""A heartbeat of an event loop. It imports nothing, so that a process can measure its imports."""

import asyncio
from time import perf_counter, process_time

__all__ = ["Heart"]

BEAT = 0.001


class Heart:
    """Beats every millisecond, and records the longest gaps, in milliseconds."""

    def __init__(self) -> None:
        self.longest = self.by_the_clock = 0.0
        self._loop = asyncio.get_running_loop()
        self._latest = process_time(), perf_counter()
        self._beat()

    def _beat(self) -> None:
        now = process_time(), perf_counter()
        self.longest = max(self.longest, (now[0] - self._latest[0]) * 1e3)
        self.by_the_clock = max(self.by_the_clock, (now[1] - self._latest[1]) * 1e3)
        self._latest = now
        self._next = self._loop.call_later(BEAT, self._beat)

    def stop(self) -> None:
        """Stop beating."""
        self._next.cancel()
