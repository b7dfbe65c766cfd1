"""Sinks: the parts that our streams are made of.

.. code-block:: text

    source ──▶ sink ──▶ sink ──▶ observer        notifications go this way,
    source ◀── sink ◀── sink ◀── dispose()       disposal goes that way
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Generic, Self, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable
from reactivex.scheduler import CurrentThreadScheduler

from .observers import methods_of

__all__ = ["NO_OBSERVER", "HoldingSink", "MergeSink", "Producer", "Sink", "dispose_all", "lift"]

_T = TypeVar("_T")
_R = TypeVar("_R")


class _NoObserver(abc.ObserverBase[Any]):
    """Ignores every notification."""

    def on_next(self, value: Any) -> None:
        pass

    def on_error(self, error: Exception) -> None:
        pass

    def on_completed(self) -> None:
        pass


NO_OBSERVER = _NoObserver()
"""The observer of a sink that is stopped."""


class Sink(abc.ObserverBase[_T], abc.DisposableBase, Generic[_T, _R]):
    """One subscription: it observes a source, and notifies its own observer.

    After an error or the end, and once it is disposed, it emits nothing more, and its source is
    disposed. Everything in a run happens on its loop's thread, so a sink needs no lock.

    Attributes:
        observer: The observer it notifies; `NO_OBSERVER` once it is stopped.
    """

    __slots__ = ("_source", "observer")

    def __init__(self, observer: abc.ObserverBase[_R]) -> None:
        self.observer: abc.ObserverBase[_R] = observer
        self._source: abc.DisposableBase | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether it emits nothing more."""
        return self.observer is NO_OBSERVER

    def follow(self, source: Observable[_T], scheduler: abc.SchedulerBase | None) -> Self:
        """Observe a source, or the next one after another has ended."""
        self._source = subscription = source.subscribe(self, scheduler=scheduler)
        if self.is_stopped:
            subscription.dispose()
        return self

    def on_next(self, value: Any) -> None:
        """Pass the item on; most sinks emit something else instead."""
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        """Pass the error on, and stop."""
        observer = self._stopping()
        try:
            observer.on_error(error)
        finally:
            self.dispose()

    def on_completed(self) -> None:
        """Pass the end on, and stop."""
        observer = self._stopping()
        try:
            observer.on_completed()
        finally:
            self.dispose()

    def _stopping(self) -> abc.ObserverBase[_R]:
        observer, self.observer = self.observer, NO_OBSERVER
        return observer

    def dispose(self) -> None:
        """Emit nothing more, and dispose the source."""
        self.observer = NO_OBSERVER
        self._dispose_source()

    def _dispose_source(self) -> None:
        """Dispose the source, and keep the observer."""
        source, self._source = self._source, None
        if source is not None:
            source.dispose()


class Producer(Observable[_T]):
    """A stream whose subscriptions are sinks.

    A sink that follows it is notified directly; for other observers it is an ordinary Observable.

    Args:
        subscribe: Makes a subscription.
        is_serial: Whether it emits on the run's loop thread only, one item after the other.
    """

    def __init__(self, subscribe: abc.Subscription[_T], *, is_serial: bool = False) -> None:
        super().__init__(subscribe)
        self.is_serial = is_serial  # a `Stream` of it shares its attributes

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Subscribe an observer, or functions; disposing the result unsubscribes."""
        if not isinstance(on_next, abc.ObserverBase):
            on_next, on_error, on_completed = methods_of(on_next, on_error, on_completed)
        if not isinstance(on_next, Sink) or (scheduler is None and _is_off_trampoline()):
            return super().subscribe(on_next, on_error, on_completed, scheduler=scheduler)
        try:
            return self._subscribe_core(on_next, scheduler)
        except Exception as error:
            if on_next.is_stopped:
                raise
            on_next.on_error(error)
            return Disposable()


def _is_off_trampoline() -> bool:
    # Outside a run, the trampoline subscribes all observers before it notifies the first.
    return CurrentThreadScheduler.singleton().schedule_required()


def lift(
    make: Callable[[abc.ObserverBase[_R]], Sink[_T, _R]],
) -> Callable[[Observable[_T]], Observable[_R]]:
    """Return the operator that puts a sink, made for each subscription, behind a source."""

    def lifted(source: Observable[_T]) -> Observable[_R]:
        def subscribe(
            observer: abc.ObserverBase[_R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            return make(observer).follow(source, scheduler)

        return Producer(subscribe)

    return lifted


def dispose_all(things: Iterable[abc.DisposableBase]) -> None:
    """Dispose several things, even if one raises; then raise the first error."""
    fault: BaseException | None = None
    for thing in things:
        try:
            thing.dispose()
        except BaseException as raised:
            fault = fault or raised
    if fault is not None:
        raise fault


class HoldingSink(Sink[_T, _R]):
    """A sink that holds items back, and emits them at the end, or before an error."""

    __slots__ = ()

    @abstractmethod
    def flush(self) -> None:
        """Emit what is held back."""

    def on_error(self, error: Exception) -> None:
        """Emit what is held back, then the error."""
        self.flush()
        super().on_error(error)

    def on_completed(self) -> None:
        """Emit what is held back, then the end."""
        self.flush()
        super().on_completed()


class MergeSink(Sink[_T, _R]):
    """A sink with several sources, which ends when all of them have ended."""

    __slots__ = ("_open", "_scheduler", "_sides")

    def __init__(
        self, observer: abc.ObserverBase[_R], scheduler: abc.SchedulerBase | None = None
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._open = 1
        self._sides: dict[_Side[_R], None] = {}

    def follow(self, source: Observable[_T], scheduler: abc.SchedulerBase | None) -> Self:
        """Observe a source; further ones are subscribed with the same scheduler."""
        self._scheduler = scheduler
        return super().follow(source, scheduler)

    def join(self, source: Observable[_R]) -> None:
        """Emit the items of a further source, too."""
        side = _Side(self.observer, self)
        self._sides[side] = None  # first, since `dispose` looks there
        if not self.is_stopped:
            self._open += 1
            side.follow(source, self._scheduler)

    def leave(self, side: _Side[_R]) -> None:
        """Go on without a source that has ended."""
        self._sides.pop(side, None)
        self._end_one()

    def on_error(self, error: Exception) -> None:
        """Dispose all sources, and pass the error on."""
        observer = self.observer
        self.dispose()
        observer.on_error(error)

    def on_completed(self) -> None:
        """Go on without the source that it follows."""
        self._end_one()

    def _end_one(self) -> None:
        self._open -= 1
        if not self._open:
            super().on_completed()

    def dispose(self) -> None:
        """Emit nothing more, and dispose all sources."""
        self.observer = NO_OBSERVER
        source, self._source = self._source, None
        sides, self._sides = self._sides, {}
        dispose_all([*sides] if source is None else [source, *sides])


class _Side(Sink[_R, _R]):
    """Observes one of the further sources of a merge sink."""

    __slots__ = ("_merged",)

    def __init__(self, observer: abc.ObserverBase[_R], merged: MergeSink[Any, _R]) -> None:
        super().__init__(observer)
        self._merged = merged

    def on_error(self, error: Exception) -> None:
        if not self.is_stopped:
            self._merged.on_error(error)

    def on_completed(self) -> None:
        if not self.is_stopped:
            self.dispose()
            self._merged.leave(self)
