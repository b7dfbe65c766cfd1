"""Operators that share: one stream among several pipelines, one answer among several models."""

from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from ..arguments import number, shown
from ._contest import first_to_speak
from ._speech import Model

__all__ = ["branch", "hedge", "race"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def branch(
    *operators: Callable[[Observable[_T]], Observable[_R]],
) -> Callable[[Observable[_T]], Observable[_T | _R]]:
    """Pass a stream on, and merge in what operators make of it, subscribing to it once.

    An item is passed on before the operators are told of it, in their order. It differs from
    `publish(mapper)` with `merge` in that all branches are subscribed before the stream is, and
    in that no lock is held while emitting: a run's gate has made its notifications serial.

    .. marbles:: share/branch
    """
    for operator in operators:
        if not callable(operator):
            raise TypeError(
                f"branch takes operators, as branch(ops.usage()), not {shown(operator)}."
            )

    def branched(source: Observable[_T]) -> Observable[_T | _R]:
        def subscribe(
            observer: abc.ObserverBase[_T | _R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            emit = observer.on_next
            stems: tuple[abc.ObserverBase[_T], ...] = ()
            growing = len(operators) + 1

            def grow(
                stem: abc.ObserverBase[_T], _: abc.SchedulerBase | None = None
            ) -> abc.DisposableBase:
                nonlocal stems
                stems = (*stems, stem)
                return Disposable(lambda: cut(stem))

            def cut(stem: abc.ObserverBase[_T]) -> None:
                nonlocal stems
                stems = tuple(other for other in stems if other is not stem)

            def on_next(item: _T) -> None:
                emit(item)
                for stem in stems:
                    stem.on_next(item)

            def on_completed() -> None:
                for stem in stems:
                    stem.on_completed()
                end()

            def end() -> None:
                nonlocal growing
                growing -= 1
                if growing == 0:
                    observer.on_completed()

            def on_error(error: Exception) -> None:
                group.dispose()
                observer.on_error(error)

            group = CompositeDisposable()
            trunk: Observable[_T] = Observable(grow)
            for grown in [operator(trunk) for operator in operators]:
                if not group.is_disposed:
                    group.add(grown.subscribe(emit, on_error, end, scheduler=scheduler))
            if not group.is_disposed:
                group.add(source.subscribe(on_next, on_error, on_completed, scheduler=scheduler))
            return group

        return Observable(subscribe)

    return branched


def hedge(*models: Model, after: float) -> Model:
    """Return a model that asks the first one, and one more after each `after` seconds of silence.

    The first to speak (text, reasoning, refusal or call) answers, and the others are hung up on;
    what they had reported as usage passes. When one fails, the next is asked at once.

    .. marbles:: share/hedge
    """
    number("after", after, least=0)
    return first_to_speak("hedge", models, after)


def race(*models: Model) -> Model:
    """Return a model that asks several at once, and lets the first to speak answer.

    It differs from `amb` in what it takes for a sign of life: text, reasoning, a refusal or a
    call, but neither a report of usage, which passes, nor a ModelError, while others still run.

    .. marbles:: share/race
    """
    return first_to_speak("race", models, None)
