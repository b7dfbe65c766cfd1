"""Streams whose errors say what to write when they are used like lists."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.internal.exceptions import SequenceContainsNoElementsError

from .each import each
from .foreign_loop import refuse_trio
from .observers import methods_of
from .scoping import Joining
from .sink import Producer

__all__ = ["Stream", "like", "piped"]

_F = TypeVar("_F")
_T = TypeVar("_T")

_LOOP = (
    "A stream is no list. Loop over it with `for item in each(stream)`, under asyncio with "
    "`async for item in each(stream)`; with `from rxagent import each`."
)


def like(_: _F) -> Callable[[Any], _F]:
    """Give a method the type of the one that it overrides, with all its overloads."""
    return lambda method: method


class Stream(Observable[_T]):
    """A stream that refuses a `for` over it, and so do the streams that are piped from it.

    It differs from other Observables in that a `for` over it is an error that says what to write;
    over those it never ends, since Python takes any object with `[...]` for a sequence. It shares
    the attributes of its source, so that a subclass that is also of the source's type (`_kind_of`)
    has the methods of that type, and they work.
    """

    __slots__ = ("_source",)

    def __init__(self, source: Observable[_T]) -> None:
        self.__dict__ = source.__dict__
        self._source = source

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Subscribe an observer, or functions; disposing the result unsubscribes.

        Raises:
            TypeError: An argument cannot observe.
        """
        if not isinstance(on_next, abc.ObserverBase):
            on_next, on_error, on_completed = methods_of(on_next, on_error, on_completed)
        return self._source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

    @like(Observable.pipe)
    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """Return the stream that operators make of this one, one after the other.

        A subscription to what operators make of a run is one run with them, so that what they
        emit later belongs to it.
        """
        return piped(super().pipe(*operators), getattr(self, "joining", None))

    def run(self, scheduler: abc.SchedulerBase | None = None) -> Any:
        """Block until the stream has completed, and return its last item.

        It differs from `run` of ReactiveX in that it reads by the process's own loop, so that it
        also returns where a loop is running already, as in a cell of a notebook.

        Raises:
            SequenceContainsNoElementsError: The stream completed without any item.
            RuntimeError: This thread cannot wait, since it does the work.
        """
        if scheduler is not None or type(self._source).run is not Observable.run:
            return self._source.run(scheduler)
        return _only(deque(each(self), maxlen=1))

    def __await__(self) -> Generator[Any, None, _T]:
        """Wait for the last item, on any loop; `__await__` of ReactiveX needs that of the run.

        Raises:
            SequenceContainsNoElementsError: The stream completed without any item.
        """
        refuse_trio()
        return self._last().__await__()

    async def _last(self) -> _T:
        latest: deque[_T] = deque(maxlen=1)
        async for item in each(self):
            latest.append(item)
        return _only(latest)

    def __getitem__(self, key: slice | int) -> Observable[_T]:
        if not isinstance(key, slice):
            raise TypeError(_LOOP)
        return self.pipe(lambda stream: Observable.__getitem__(stream, key))

    def __add__(self, other: Observable[_T]) -> Observable[_T]:
        return self.pipe(lambda stream: Observable.__add__(stream, other))

    __iadd__ = __add__

    def __aiter__(self) -> AsyncIterator[_T]:
        raise TypeError(_LOOP)


def _only(items: deque[_T]) -> _T:
    if not items:
        raise SequenceContainsNoElementsError
    return items[0]


def piped(result: Any, joining: Joining | None = None, *, is_shared: bool = False) -> Any:
    """Return a result of piping, with streams as `Stream`s that keep their type and methods.

    A stream that can be looped over, as a run can, stays as it is.

    Args:
        result: The result.
        joining: Makes it a part of the run that was piped, or later what is made of it.
        is_shared: Whether it is one of several streams of one subscription.
    """
    if type(result) in (list, tuple):  # `partition` returns several streams
        return type(result)(piped(part, joining, is_shared=True) for part in result)
    is_plain = type(result) is Observable or isinstance(result, Producer)
    if joining is not None and is_plain and not is_shared:
        result = joining(result, False)
    is_looped_over = isinstance(result, Stream | Iterable)
    kind = _kind_of(type(result)) if isinstance(result, Observable) else None
    if is_looped_over or kind is None:
        return result
    stream = object.__new__(kind)
    Stream.__init__(stream, result)  # not what its type would do to make a new one
    if joining is not None:
        stream.__dict__.setdefault("joining", lambda made, _: joining(made, True))
    return stream


@lru_cache
def _kind_of(kind: type[Observable[Any]]) -> type[Stream[Any]] | None:
    """Return the `Stream` that is also of another type; None where that cannot be derived from."""
    if issubclass(Stream, kind):
        return Stream
    names: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__}
    if hasattr(kind, "__del__"):
        names["__del__"] = lambda self: None  # the source's own `__del__` is enough
    try:
        return type(f"Stream[{kind.__name__}]", (Stream, kind), names)
    except TypeError:
        return None
