"""Waiting on a thread: latches that any thread may set, and waits that Ctrl-C interrupts."""

from __future__ import annotations

import asyncio
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from .workers import Workers

__all__ = ["POLL_SECONDS", "InterruptibleWait", "Latch"]


class Latch:
    """An event that is set once, by any thread, signal handler or finaliser.

    It differs from `threading.Event` in that setting it takes no lock: a signal handler may set
    it while the thread that it interrupts waits for it.
    """

    __slots__ = ("_calls", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._calls: list[Callable[[], object]] = []

    @property
    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and call the functions that `call` was given."""
        self._is_set = True
        while True:
            try:
                call = self._calls.pop(0)
            except IndexError:
                return
            call()

    def call(self, call: Callable[[], object]) -> None:
        """Call a function, which must not raise, when it is set; at once if it is."""
        self._calls.append(call)
        if self._is_set:
            self.set()

    def discard(self, call: Callable[[], object]) -> None:
        """Drop a function that `call` was given."""
        with suppress(ValueError):
            self._calls.remove(call)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it is set, for `timeout` seconds at most; return whether it is."""
        if not self._is_set and (timeout is None or timeout > 0):
            waiting = allocate_lock()
            waiting.acquire()
            release = waiting.release
            self.call(release)
            waiting.acquire(timeout=-1 if timeout is None else timeout)
            self.discard(release)
        return self._is_set


POLL_SECONDS = 0.1
"""Seconds after which a waiting thread checks for Ctrl-C, and whether its loop is lost.

Python checks for Ctrl-C before it waits and when it wakes, but not in between.
"""


class InterruptibleWait:
    """A wait of a thread that Ctrl-C ends, also inside a coroutine that blocks.

    On Ctrl-C, `asyncio.run` cancels the task, which a task that blocks does not notice, so this
    polls for the cancellation. Create it when the wait begins.
    """

    def __init__(self) -> None:
        try:
            self._task = asyncio.current_task()
        except RuntimeError:
            self._task = None
        self._cancellations = self._task.cancelling() if self._task else 0

    def wait(
        self,
        has_happened: Callable[[float | None], bool],
        timeout: float | None = None,
        is_vain: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Block until `has_happened(seconds)` is true; return False if the time is over.

        Args:
            has_happened: Waits for the event, at most so many seconds, and returns whether it
                has happened.
            timeout: Seconds to wait at most.
            is_vain: Returns whether it can happen no more, which ends the wait likewise.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        with Workers.waiting():
            end = None if timeout is None else monotonic() + timeout
            while True:
                if self._task is not None and self._task.cancelling() > self._cancellations:
                    raise KeyboardInterrupt
                left = POLL_SECONDS if end is None else min(POLL_SECONDS, end - monotonic())
                if has_happened(max(0.0, left)) or is_vain():
                    return True
                if end is not None and left <= 0:
                    return False
