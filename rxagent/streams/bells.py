"""Bells: threads that sleep until others wake them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

__all__ = ["Bells"]


class Bells:
    """Lets threads sleep that hold a lock, and wakes them; a finaliser may do so, too.

    Args:
        lock: The lock, which is released while a thread sleeps.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._bells: dict[threading.Lock, None] = {}  # of the threads that sleep

    def __len__(self) -> int:
        return len(self._bells)

    def ring(self, count: int) -> None:
        """Wake some of the threads that sleep, as far as there are any."""
        for _ in range(count):
            if self._bells:
                self._bells.popitem()[0].release()

    def sleep_until(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition, at most so long; return whether it holds.

        The bell is registered before the condition is checked, so that a finaliser's call on this
        very thread, between the check and the wait, is not missed.
        """
        until = monotonic() + seconds
        bell = threading.Lock()
        bell.acquire()
        try:
            while True:
                self._bells[bell] = None
                if is_over():
                    return True
                left = until - monotonic()
                if left <= 0:
                    return False
                with self.unlocked():
                    bell.acquire(timeout=left)
        finally:
            self._bells.pop(bell, None)

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Release the lock within the block."""
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
