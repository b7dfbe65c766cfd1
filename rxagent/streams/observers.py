"""Observers: made of functions, and one stream broadcast to many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, isasyncgenfunction, iscoroutinefunction
from time import perf_counter
from types import FunctionType
from typing import Any, Generic, Self, TypeVar

from reactivex import abc

from ..arguments import shown
from .serial_queue import is_main_thread

__all__ = ["SLOW", "Broadcaster", "PartialObserver", "methods_of"]

_ASYNCHRONOUS = (iscoroutinefunction, isasyncgenfunction)
_OF_COROUTINES = CO_COROUTINE | CO_ASYNC_GENERATOR
_METHODS = ("on_next", "on_error", "on_completed")


def _nothing(*_: Any) -> None:
    pass


def methods_of(
    watching: Any,
    on_error: Callable[[Exception], None] | None = None,
    on_completed: Callable[[], None] | None = None,
) -> list[Callable[..., None] | None]:
    """Return on_next, on_error and on_completed of an observer; None for each that is missing.

    Args:
        watching: An object with some of them, or a function of an item; None for nothing.
        on_error: Called with the error, unless `watching` is such an object.
        on_completed: Called at the end, unless `watching` is such an object.

    Raises:
        TypeError: It cannot observe.
    """
    methods = [getattr(watching, name, None) for name in _METHODS]
    if not any(map(callable, methods)):
        methods = [watching, on_error, on_completed]
    if isinstance(watching, type):
        name = watching.__name__
        raise TypeError(f"{name} is a class, which cannot observe: write {name}().")
    for method in methods:
        if not (method is None or callable(method)):
            raise TypeError(
                f"{shown(method)} cannot observe. Give a function of an item, "
                "or an object with on_next, on_error or on_completed."
            )
    if any(map(_is_asynchronous, methods)):
        raise TypeError(
            f"{watching!r} is asynchronous, and would not be awaited. Write `async for`."
        )
    return methods


def _is_asynchronous(method: Any) -> bool:
    function = getattr(method, "__func__", method)
    if type(function) is FunctionType and not function.__dict__:  # as nearly always
        return bool(function.__code__.co_flags & _OF_COROUTINES)
    if method is None:
        return False
    ways = (method, type(method).__call__)  # the latter of an object that is no function
    return any(is_so(way) for is_so in _ASYNCHRONOUS for way in ways)


class PartialObserver(abc.ObserverBase[Any]):
    """An observer made of functions, or of an object with some of an observer's methods.

    Attributes:
        watching: The function or object that it was made of.
    """

    on_next: Callable[[Any], None] = _nothing  # type: ignore[assignment]  # a method as a value
    on_error: Callable[[Exception], None] = _nothing  # type: ignore[assignment]  # likewise
    on_completed: Callable[[], None] = _nothing

    def __init__(
        self,
        watching: Any,
        on_next: Callable[[Any], None] | None,
        on_error: Callable[[Exception], None] | None,
        on_completed: Callable[[], None] | None,
    ) -> None:
        self.watching = watching
        self.on_next = on_next or _nothing
        self.on_error = on_error or _nothing
        self.on_completed = on_completed or _nothing

    @classmethod
    def of(
        cls,
        watching: Any,
        on_error: Callable[[Exception], None] | None = None,
        on_completed: Callable[[], None] | None = None,
    ) -> Self:
        """Return an observer made of what `methods_of` takes, and raise what it raises."""
        return cls(watching, *methods_of(watching, on_error, on_completed))

    @property
    def observes_errors(self) -> bool:
        """Whether it handles errors."""
        return self.on_error is not _nothing

    def mute(self) -> None:
        """Ignore all notifications from this moment on."""
        self.on_next = self.on_error = self.on_completed = _nothing

    def __repr__(self) -> str:
        return repr(self.watching)


SLOW = 0.1
"""Seconds for which an observer may hold the thread that notifies it before that is reported."""

_T = TypeVar("_T")


class Broadcaster(Generic[_T]):
    """A hot stream whose observers cannot harm each other.

    An observer that raises is removed and reported, and the others go on. Nothing is locked while
    observers are notified; notifications must come one after the other. Observers may come and go
    at any moment, on any thread, also while one is notified.

    Args:
        on_fault: Called with an observer and with what it raised.
        on_slow: Called with an observer and the seconds it took for one item, when that is more
            than 0.1. Observers with `is_queued` are not timed.
    """

    def __init__(
        self,
        on_fault: Callable[[Any, BaseException], None],
        on_slow: Callable[[Any, float], None] = _nothing,
    ) -> None:
        self._on_slow = on_slow
        self._is_timed = False
        self._observers: tuple[abc.ObserverBase[_T], ...] = ()
        self._changing = threading.RLock()  # a viewer that is collected may leave meanwhile
        self._on_fault = on_fault

    @property
    def observers(self) -> tuple[abc.ObserverBase[_T], ...]:
        """The observers at the moment."""
        return self._observers

    def add(self, observer: abc.ObserverBase[_T]) -> abc.DisposableBase:
        """Notify an observer of all that follows, until the returned disposable is disposed."""
        with self._changing:
            self._observers = (*self._observers, observer)
            self._is_timed = self._is_timed or not getattr(observer, "is_queued", False)
        return _Subscription(self, observer)

    def leave(self, observer: abc.ObserverBase[_T]) -> None:
        """Notify an observer no more."""
        with self._changing:
            self._observers = tuple(other for other in self._observers if other is not observer)

    def on_next(self, item: _T) -> None:
        """Notify all observers of an item."""
        if not self._is_timed:
            for observer in self._observers:
                try:
                    observer.on_next(item)
                except BaseException as fault:
                    self._detach(observer, fault)
            return
        began = perf_counter()
        for observer in self._observers:
            try:
                observer.on_next(item)
            except BaseException as fault:
                self._detach(observer, fault)
            ended = perf_counter()
            if ended - began > SLOW:
                self._on_slow(observer, ended - began)
            began = ended

    def on_error(self, error: Exception) -> None:
        """Notify all observers of the error, once."""
        self._end(lambda observer: observer.on_error(error))

    def on_completed(self) -> None:
        """Notify all observers of the end, once."""
        self._end(lambda observer: observer.on_completed())

    def _end(self, notify: Callable[[abc.ObserverBase[_T]], None]) -> None:
        with self._changing:
            observers, self._observers = self._observers, ()
        for observer in observers:
            try:
                notify(observer)
            except BaseException as fault:
                self._detach(observer, fault)
        self._on_fault = self._on_slow = _nothing  # whose owner holds this

    def _detach(self, observer: abc.ObserverBase[_T], fault: BaseException) -> None:
        if isinstance(fault, KeyboardInterrupt) and is_main_thread():
            raise fault  # Ctrl-C, which no observer has raised
        self.leave(observer)
        self._on_fault(observer, fault)


class _Subscription(abc.DisposableBase):
    __slots__ = ("_broadcaster", "_observer")

    def __init__(self, broadcaster: Broadcaster[Any], observer: abc.ObserverBase[Any]) -> None:
        self._broadcaster: Broadcaster[Any] | None = broadcaster
        self._observer = observer

    def dispose(self) -> None:
        broadcaster, self._broadcaster = self._broadcaster, None
        if broadcaster is not None:
            broadcaster.leave(self._observer)
