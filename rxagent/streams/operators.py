"""Operators of ReactiveX that every run goes through, without their locks and trampolines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

from reactivex import Observable, abc
from reactivex.scheduler import CurrentThreadScheduler

from .items import from_items, of
from .sink import MergeSink, Producer, Sink, lift

__all__ = [
    "catch",
    "defer",
    "filter",
    "flat_map",
    "from_items",
    "map",
    "merge",
    "of",
    "reduce",
    "start_with",
    "take_while",
    "then",
    "using",
    "with_latest_from",
]

_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")
_D = TypeVar("_D", bound=abc.DisposableBase)


def defer(make: Callable[[], Observable[_T]]) -> Observable[_T]:
    """Emit the items of a stream that is made at subscribe."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        return make().subscribe(observer, scheduler=scheduler)

    return Producer(subscribe)


def map(function: Callable[[_T], _R]) -> Callable[[Observable[_T]], Observable[_R]]:
    """Emit the result of a function for each item."""
    return lift(partial(_Mapping, function))


class _Mapping(Sink[_T, _R], Generic[_T, _R]):
    __slots__ = ("_function",)

    def __init__(self, function: Callable[[_T], _R], observer: abc.ObserverBase[_R]) -> None:
        super().__init__(observer)
        self._function = function

    def on_next(self, value: _T) -> None:
        try:
            made = self._function(value)
        except Exception as error:
            self.on_error(error)
        else:
            self.observer.on_next(made)


def filter(accepts: Callable[[_T], bool]) -> Callable[[Observable[_T]], Observable[_T]]:
    """Emit the items that a function accepts."""
    return lift(partial(_Filtering, accepts))


class _Filtering(Sink[_T, _T]):
    __slots__ = ("_accepts",)

    def __init__(self, accepts: Callable[[_T], bool], observer: abc.ObserverBase[_T]) -> None:
        super().__init__(observer)
        self._accepts = accepts

    def on_next(self, value: _T) -> None:
        try:
            is_accepted = self._accepts(value)
        except Exception as error:
            self.on_error(error)
        else:
            self._decide(value, is_accepted)

    def _decide(self, value: _T, is_accepted: bool) -> None:
        if is_accepted:
            self.observer.on_next(value)


def take_while(accepts: Callable[[_T], bool]) -> Callable[[Observable[_T]], Observable[_T]]:
    """Emit the items until a function rejects one, and complete there."""
    return lift(partial(_Taking, accepts))


class _Taking(_Filtering[_T]):
    __slots__ = ()

    def _decide(self, value: _T, is_accepted: bool) -> None:
        if is_accepted:
            self.observer.on_next(value)
        else:
            self.on_completed()


def catch(
    handle: Callable[[Exception], Observable[_T]],
) -> Callable[[Observable[_T]], Observable[_T]]:
    """Continue with another stream, made from the error, when the source fails; once."""
    return lift(partial(_Catching, handle))


class _Catching(MergeSink[_T, _T]):
    __slots__ = ("_handle",)

    def __init__(
        self, handle: Callable[[Exception], Observable[_T]], observer: abc.ObserverBase[_T]
    ) -> None:
        super().__init__(observer)
        self._handle: Callable[[Exception], Observable[_T]] | None = handle

    def on_error(self, error: Exception) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            super().on_error(error)
            return
        try:
            following = handle(error)
        except Exception as raised:
            super().on_error(raised)
        else:
            self.join(following)
            self.on_completed()


def then(make: Callable[[], Observable[_T]]) -> Callable[[Observable[_T]], Observable[_T]]:
    """Continue with another stream, made when the source has completed."""
    return lift(partial(_Continuing, make))


class _Continuing(MergeSink[_T, _T]):
    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Observable[_T]], observer: abc.ObserverBase[_T]) -> None:
        super().__init__(observer)
        self._make = make

    def on_completed(self) -> None:
        try:
            following = self._make()
        except Exception as error:
            self.on_error(error)
        else:
            self.join(following)
            super().on_completed()


def using(open: Callable[[], _D], make: Callable[[_D], Observable[_T]]) -> Observable[_T]:
    """Emit a stream made with something opened at subscribe, which is disposed after the stream."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        opened = open()
        return _Using(observer, opened).follow(make(opened), scheduler)

    return Producer(subscribe)


class _Using(Sink[_T, _T]):
    __slots__ = ("_opened",)

    def __init__(self, observer: abc.ObserverBase[_T], opened: abc.DisposableBase) -> None:
        super().__init__(observer)
        self._opened = opened

    def _stopping(self) -> abc.ObserverBase[_T]:
        # Before the end is passed on, so that the next run finds everything closed.
        observer = super()._stopping()
        self.dispose()
        return observer

    def dispose(self) -> None:
        try:
            super().dispose()
        finally:
            self._opened.dispose()


def start_with(first: _T) -> Callable[[Observable[_T]], Observable[_T]]:
    """Emit an item, and then subscribe to the source."""

    def starting(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            sink: Sink[_T, _T] = Sink(observer)

            def begin(*_: Any) -> None:
                sink.on_next(first)
                if not sink.is_stopped:
                    sink.follow(source, scheduler)

            # Scheduled, so that the subscriber can dispose at the first item already.
            (scheduler or CurrentThreadScheduler.singleton()).schedule(begin)
            return sink

        return Producer(subscribe)

    return starting


def flat_map(project: Callable[[_T], Observable[_R]]) -> Callable[[Observable[_T]], Observable[_R]]:
    """Emit the items of streams made from the items, all at the same time."""
    return lift(partial(_Flattening, project))


class _Flattening(MergeSink[_T, _R]):
    __slots__ = ("_project",)

    def __init__(
        self, project: Callable[[_T], Observable[_R]], observer: abc.ObserverBase[_R]
    ) -> None:
        super().__init__(observer)
        self._project = project

    def on_next(self, value: _T) -> None:
        try:
            source = self._project(value)
        except Exception as error:
            self.on_error(error)
        else:
            self.join(source)


def reduce(fold: Callable[[_S, _T], _S], seed: _S) -> Callable[[Observable[_T]], Observable[_S]]:
    """Emit the state that all items fold into, when they have completed."""
    return lift(partial(_Reducing, fold, seed))


class _Reducing(Sink[_T, _S], Generic[_T, _S]):
    __slots__ = ("_fold", "_state")

    def __init__(
        self, fold: Callable[[_S, _T], _S], seed: _S, observer: abc.ObserverBase[_S]
    ) -> None:
        super().__init__(observer)
        self._fold = fold
        self._state = seed

    def on_next(self, value: _T) -> None:
        try:
            self._state = self._fold(self._state, value)
        except Exception as error:
            self.on_error(error)

    def on_completed(self) -> None:
        self.observer.on_next(self._state)
        super().on_completed()


def with_latest_from(
    other: Observable[_R], first: _R
) -> Callable[[Observable[_T]], Observable[tuple[_T, _R]]]:
    """Emit each item with the latest one of another stream, or `first` before there is one.

    The other stream is subscribed to before the source, and may complete before it.
    """

    def pairing(source: Observable[_T]) -> Observable[tuple[_T, _R]]:
        def subscribe(
            observer: abc.ObserverBase[tuple[_T, _R]], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            pairs: _Pairing[_T, _R] = _Pairing(observer, first)
            pairs.latest.follow(other, scheduler)
            return pairs if pairs.is_stopped else pairs.follow(source, scheduler)

        return Producer(subscribe)

    return pairing


class _Pairing(Sink[_T, tuple[_T, _R]], Generic[_T, _R]):
    __slots__ = ("latest",)

    def __init__(self, observer: abc.ObserverBase[tuple[_T, _R]], first: _R) -> None:
        super().__init__(observer)
        self.latest = _Latest(self, first)

    def on_next(self, value: _T) -> None:
        self.observer.on_next((value, self.latest.item))

    def dispose(self) -> None:
        super().dispose()
        self.latest.dispose()


class _Latest(Sink[_R, Any]):
    """Keeps the latest item of the other stream, and passes its error on."""

    __slots__ = ("item",)

    def __init__(self, pairs: abc.ObserverBase[Any], first: _R) -> None:
        super().__init__(pairs)
        self.item = first

    def on_next(self, value: _R) -> None:
        self.item = value

    def on_completed(self) -> None:
        self.dispose()


def merge(*sources: Observable[_T]) -> Observable[_T]:
    """Emit the items of several sources, until all have completed or one has failed.

    It differs from `merge` in that it subscribes to all of them, in their order, and holds no lock
    while emitting. In a run, many are subscribed in slices, so that others have their turn; so they
    should be cold, or they may emit before that.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        sink = _Merging(sources, observer, scheduler)
        sink.begin()
        return sink

    return Producer(subscribe)


class _Merging(MergeSink[_T, _T]):
    __slots__ = ("_left",)

    def __init__(
        self,
        sources: Iterable[Observable[_T]],
        observer: abc.ObserverBase[_T],
        scheduler: abc.SchedulerBase | None,
    ) -> None:
        super().__init__(observer, scheduler)
        self._left = iter(sources)

    def begin(self) -> None:
        """Subscribe to the sources that are left, some of them now."""
        run_scheduler = getattr(self._scheduler, "run_scheduler", None)
        for source in self._left:
            if self.is_stopped:
                return
            self.join(source)
            if run_scheduler is not None and run_scheduler.is_inside and run_scheduler.is_spent:
                run_scheduler.post(self.begin)
                return
        self.on_completed()
