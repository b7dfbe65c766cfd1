"""Operators that end a model's answer: after some time, or at some words."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, SerialDisposable, SingleAssignmentDisposable

from ..arguments import number, several
from ..errors import ModelTimeout
from ..events import Delta, StepRetried, Usage
from ..streams import Home, at_home
from ._stops import Stops

__all__ = ["stop_at", "timeout"]

_T = TypeVar("_T")

_NOW = 1e-6
"""What is due in less than this many seconds is due now."""


def timeout(
    idle: float | None = None, first: float | None = None, total: float | None = None
) -> Callable[[Observable[_T]], Observable[_T]]:
    """Raise ModelTimeout when a stream is silent, begins or ends too late.

    It differs from `timeout` of ReactiveX in that an item costs no new timer: the one there is
    looks at the clock when it is due. While the run is held, the time stands still.

    .. marbles:: limit/timeout

    Args:
        idle: The longest silence in seconds, before the first item and after each.
        first: The seconds until the first item, in place of `idle`; a report of usage is none.
        total: The seconds until the end.

    Raises:
        ModelTimeout: One of the times is over; by `on_error`.
    """
    given = {"idle": idle, "first": first, "total": total}
    for name, seconds in given.items():
        number(name, seconds, above=0, optional=True)
    if not any(given.values()):
        raise TypeError("No time is given: write timeout(idle=20), or first= or total=.")

    def limited(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            home = Home.of(scheduler)
            time, emit = home.time, observer.on_next
            timer, upstream = SerialDisposable(), SingleAssignmentDisposable()
            began = heard = time()
            begun = first is None

            def limits() -> Iterator[tuple[float, str]]:
                if total is not None:
                    yield began + total, f"The model has not ended after {total:g} s."
                if not begun and first is not None:
                    yield began + first, f"The model has not begun after {first:g} s."
                elif idle is not None:
                    yield heard + idle, f"The model has been silent for {idle:g} s."

            def look(*_: object) -> None:
                for due, why in sorted(limits())[:1]:
                    left = due - time()
                    if left > _NOW:
                        timer.disposable = home.schedule_relative(left, look)
                    else:
                        upstream.dispose()
                        observer.on_error(ModelTimeout(why))

            def on_next(item: _T) -> None:
                nonlocal heard, begun
                heard = time()
                if not begun and not isinstance(item, Usage | StepRetried):
                    begun = True
                    look()
                emit(item)

            look()
            upstream.disposable = source.subscribe(
                on_next, observer.on_error, observer.on_completed, scheduler=home
            )
            return CompositeDisposable(timer, upstream)

        return at_home(Observable(subscribe))

    return limited


def stop_at(words: Iterable[str]) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Cut a model's text before the first of some words, and hang up on the model.

    Text that could be the start of such a word waits until that is known, and what came after it
    waits behind it; all else passes at once. A cut answer ends with `Finish("stop")`. How the
    model cuts its text into deltas makes no difference.

    .. marbles:: limit/stop_at
    """
    stops = (words,) if isinstance(words, str) else several("words", words, "texts", str)
    if not all(stops):
        raise ValueError("An empty text is no place to stop at.")

    def stopped(source: Observable[Delta]) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            passing = Stops(stops)
            upstream = SingleAssignmentDisposable()

            def on_next(delta: Delta) -> None:
                for passed in passing.add(delta):
                    if passing.stopped:
                        upstream.dispose()
                    observer.on_next(passed)
                if passing.stopped:
                    observer.on_completed()

            def on_error(error: Exception) -> None:
                flush()
                observer.on_error(error)

            def on_completed() -> None:
                flush()
                observer.on_completed()

            def flush() -> None:
                for passed in passing.flush():
                    observer.on_next(passed)

            upstream.disposable = source.subscribe(
                on_next, on_error, on_completed, scheduler=scheduler
            )
            return upstream

        return Observable(subscribe)

    return stopped
