"""Viewers: observers of a run with a queue and a pace of their own."""

from collections import deque
from collections.abc import Callable
from typing import Any

from reactivex import abc

from ..events import Event
from .stage import STAGE

__all__ = ["Observing", "Viewer", "observer_of"]


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
    """An observer with a queue, told on the stage's threads, one thing after the other."""

    def __init__(self, observer: Observing, on_fault: Callable[[Any, Exception], None]) -> None:
        self._observer = observer
        self._on_fault = on_fault
        self._queue: deque[Any] = deque()
        self._end: Callable[[], Any] | None = None
        self._awake = False
        self._gone = False

    def on_next(self, event: Event) -> None:
        """Queue an event."""
        self._queue.append(event)
        if not self._awake:
            self._wake()

    def on_error(self, error: Exception) -> None:
        """Queue the error."""
        self._end = lambda: self._observer.on_error(error)
        self._wake()

    def on_completed(self) -> None:
        """Queue the end."""
        self._end = self._observer.on_completed
        self._wake()

    def dispose(self) -> None:
        """Tell the observer nothing more."""
        self._gone = True
        self._queue.clear()

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True
            STAGE.call(self._show)

    def _show(self) -> None:
        """Tell what has arrived; called by one thread of the stage at a time."""
        try:
            queue, tell = self._queue, self._observer.on_next
            while queue and not self._gone:
                tell(queue.popleft())
            if self._end is not None and not self._gone:
                self._gone = True
                self._end()
        except Exception as fault:
            self.dispose()
            self._on_fault(self._observer, fault)
        self._awake = False
        if (self._queue or self._end) and not self._gone:
            self._wake()
