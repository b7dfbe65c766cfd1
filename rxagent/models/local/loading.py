"""Loading: what takes long to load is loaded once, by the first thread that needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Loading"]

_T = TypeVar("_T")

_POLL_SECONDS = 0.05


class Loading(Generic[_T]):
    """A value that is loaded on first use, and shared by all threads.

    If loading raises, the next thread that needs the value loads it again.

    Args:
        load: Returns the value.
    """

    def __init__(self, load: Callable[[], _T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: tuple[_T] | None = None

    def get(self, cancelled: Callable[[], bool]) -> _T | None:
        """Return the value; None when the wait for another thread was cancelled."""
        while not self._lock.acquire(timeout=_POLL_SECONDS):
            if cancelled():
                return None
        try:
            if self._loaded is None:
                self._loaded = (self._load(),)
            return self._loaded[0]
        finally:
            self._lock.release()

    def forget(self, value: _T) -> None:
        """Load again on the next use, unless another value is loaded already."""
        with self._lock:
            if self._loaded is not None and self._loaded[0] is value:
                self._loaded = None
