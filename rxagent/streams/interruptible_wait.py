"""Waiting on a thread: latches that any thread may set, and waits that Ctrl-C interrupts."""

import asyncio
from _thread import allocate_lock
from collections import deque
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
        self._calls: deque[Callable[[], object]] = deque()

    @property
    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and call what was given to `call`."""
        self._is_set = True
        while True:
            try:
                call = self._calls.popleft()
            except IndexError:
                return
            call()

    def call(self, call: Callable[[], object]) -> None:
        """Have a function, which must not raise, called when it is set; at once if it is."""
        self._calls.append(call)
        if self._is_set:
            self.set()

    def discard(self, call: Callable[[], object]) -> None:
        """Call a function no more."""
        with suppress(ValueError):
            self._calls.remove(call)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it is set, for so many seconds at most; return whether it is."""
        if not self._is_set and (timeout is None or timeout > 0):
            waiting = allocate_lock()
            waiting.acquire()
            release = waiting.release
            self.call(release)
            waiting.acquire(timeout=-1 if timeout is None else timeout)
            self.discard(release)
        return self._is_set


POLL_SECONDS = 0.1
"""Seconds after which a thread that waits looks for Ctrl-C, and whether its loop is lost.

Python looks for Ctrl-C before it waits and when it wakes; what comes in between would be missed.
"""


class InterruptibleWait:
    """The waiting of a thread, in which Ctrl-C is heard, also where it is a coroutine that blocks.

    `asyncio.run` takes Ctrl-C for a wish to cancel the task, which a task that blocks cannot hear,
    so it is asked for now and then. Made when the waiting begins.
    """

    def __init__(self) -> None:
        try:
            self._task = asyncio.current_task()
        except RuntimeError:
            self._task = None
        self._wishes = self._task.cancelling() if self._task else 0

    def wait(
        self,
        has_come: Callable[[float | None], bool],
        timeout: float | None = None,
        is_vain: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Block until `has_come(seconds)`, which waits so long at most, is true; else return False.

        Args:
            has_come: What is waited for.
            timeout: Seconds to wait at most.
            is_vain: Whether it can come no more, which ends the wait as if it had come.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        with Workers.waiting():
            end = None if timeout is None else monotonic() + timeout
            while True:
                if self._task is not None and self._task.cancelling() > self._wishes:
                    raise KeyboardInterrupt
                left = POLL_SECONDS if end is None else min(POLL_SECONDS, end - monotonic())
                if has_come(max(0.0, left)):
                    return True
                if is_vain():
                    return True
                if end is not None and left <= 0:
                    return False
