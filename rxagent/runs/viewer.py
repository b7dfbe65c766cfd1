"""Viewers: observers of a run with a queue and a pace of their own."""

from collections import deque
from collections.abc import Callable
from typing import Any

from reactivex import abc

from ..events import Event
from ..streams.workers import Workers

__all__ = ["Observing", "Viewer", "observer_of"]

VIEWERS = Workers(limit=64, name="rxagent-viewer")


class Observing:
    """An observer made of a function, or of what has some of an observer's methods."""

    def __init__(self, watching: Any) -> None:
        self.watching = watching
        plain = watching if callable(watching) else None
        self.on_next: Callable[[Event], Any] = getattr(watching, "on_next", plain or _nothing)
        self.on_error: Callable[[Exception], Any] = getattr(watching, "on_error", _nothing)
        self.on_completed: Callable[[], Any] = getattr(watching, "on_completed", _nothing)


def observer_of(watching: Any) -> Observing:
    """Return an observer for what somebody attached.

    Raises:
        TypeError: It has none of the three methods, and cannot be called.
    """
    if not callable(watching) and not any(
        hasattr(watching, name) for name in ("on_next", "on_error", "on_completed")
    ):
        raise TypeError(
            f"{watching!r} cannot watch a run. "
            "Give a function of an event, or an object with on_next, on_error or on_completed."
        )
    return Observing(watching)


def _nothing(*_: Any) -> None:
    pass


class Viewer(abc.ObserverBase[Event], abc.DisposableBase):
    """An observer that is told on a thread of its own choice, at its own pace."""

    def __init__(self, observer: Observing, on_fault: Callable[[Any, Exception], None]) -> None:
        self._observer = observer
        self._on_fault = on_fault
        self._queue: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._busy = False
        self._gone = False

    def on_next(self, event: Event) -> None:
        """Queue an event."""
        self._put(self._observer.on_next, event)

    def on_error(self, error: Exception) -> None:
        """Queue the error."""
        self._put(self._observer.on_error, error)

    def on_completed(self) -> None:
        """Queue the end."""
        self._put(self._observer.on_completed)

    def dispose(self) -> None:
        """Tell the observer nothing more."""
        self._gone = True
        self._queue.clear()

    def _put(self, tell: Callable[..., Any], *told: Any) -> None:
        self._queue.append((tell, told))
        if not self._busy:
            self._busy = True
            VIEWERS.submit(self._drain)

    def _drain(self) -> None:
        while True:
            try:
                while self._queue:
                    tell, told = self._queue.popleft()
                    if not self._gone:
                        tell(*told)
            except Exception as fault:
                self.dispose()
                self._on_fault(self._observer, fault)
            self._busy = False
            if not self._queue:
                return
            self._busy = True
