"""Operators that pick what interests somebody out of a run."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex import operators as rxo

from ..events import Event, FinalAnswer, ReasoningDelta, TextDelta, ToolOutput, Usage

__all__ = ["answer", "of_type", "reasoning", "text", "usage"]

_T = TypeVar("_T")
_R = TypeVar("_R")
_E = TypeVar("_E", bound=Event)


def of_type(*kinds: type[_E]) -> Callable[[Observable[Any]], Observable[_E]]:
    """Emit the events of some types.

    .. marbles:: select/of_type
    """
    return rxo.filter(lambda event: isinstance(event, kinds))


def text() -> Callable[[Observable[Event]], Observable[str]]:
    """Emit the pieces of what the model says.

    .. marbles:: select/text
    """
    return _pick(lambda event: event.text if isinstance(event, TextDelta) else None)


def reasoning() -> Callable[[Observable[Event]], Observable[str]]:
    """Emit the pieces of what the model thinks.

    .. marbles:: select/reasoning
    """
    return _pick(lambda event: event.text if isinstance(event, ReasoningDelta) else None)


def usage() -> Callable[[Observable[Event]], Observable[Usage]]:
    """Emit the reports of tokens spent, those of inner runs too; each is an increment.

    .. marbles:: select/usage
    """
    return _pick(_spent)


def _spent(event: Event) -> Usage | None:
    while isinstance(event, ToolOutput):
        event = event.value
    return event if isinstance(event, Usage) else None


def answer() -> Callable[[Observable[Event]], Observable[Any]]:
    """Emit the value of the run's answer.

    .. marbles:: select/answer
    """

    def answered(source: Observable[Event]) -> Observable[Any]:
        return source.pipe(of_type(FinalAnswer), rxo.map(attrgetter("value")))

    return answered


def _pick(look: Callable[[_T], _R | None]) -> Callable[[Observable[_T]], Observable[_R]]:
    """Emit what `look` returns, unless that is None: `map` and `filter` in one."""

    def picked(source: Observable[_T]) -> Observable[_R]:
        def subscribe(
            observer: abc.ObserverBase[_R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            emit = observer.on_next

            def on_next(item: _T) -> None:
                found = look(item)
                if found is not None:
                    emit(found)

            return source.subscribe(
                on_next, observer.on_error, observer.on_completed, scheduler=scheduler
            )

        return Observable(subscribe)

    return picked
