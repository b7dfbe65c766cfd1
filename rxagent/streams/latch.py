"""Latches: waiting for what happens once, also when a signal handler makes it happen."""

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress

__all__ = ["Latch"]


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
