"""Streams that say what to write when they are taken for something else."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from reactivex import Observable, abc

__all__ = ["Stream", "like", "piped"]

_F = TypeVar("_F")
_T = TypeVar("_T")

_LOOP = (
    "A stream is no list. Loop over it with `for item in each(stream)`, under asyncio with "
    "`async for item in each(stream)`; with `from rxagent import each`."
)


def like(_: _F) -> Callable[[Any], _F]:
    """Give a method the type of the one it stands for, with all its overloads."""
    return lambda method: method


class Stream(Observable[_T]):
    """A stream over which nobody loops by mistake, and whatever is piped from it.

    It differs from other Observables in that a `for` over it is an error that says what to write;
    over those it goes on for ever, as Python takes whatever has `[...]` for a list.
    """

    def __init__(self, source: Observable[_T]) -> None:
        super().__init__()
        self._source = source

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Subscribe an observer, or functions; disposing what is returned leaves the stream."""
        return self._source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

    @like(Observable.pipe)
    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """Return what operators make of the stream, one after the other."""
        return piped(self._source.pipe(*operators))

    def __getitem__(self, key: slice | int) -> Observable[_T]:
        if not isinstance(key, slice):
            raise TypeError(_LOOP)
        return Stream(super().__getitem__(key))

    def __aiter__(self) -> AsyncIterator[_T]:
        raise TypeError(_LOOP)


def piped(result: Any) -> Any:
    """Return what came of piping; a stream, if it is one, as a `Stream`."""
    return Stream(result) if isinstance(result, Observable) else result
