"""Calls: what a callable returns or yields, as a stream."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from attrs import frozen
from reactivex import Observable, abc

from ..errors import describe
from .loop_task import cancels_itself
from .serial_queue import as_error, is_main_thread
from .sink import MergeSink, lift
from .sources import Began, close_iterator, from_async, from_worker
from .workers import Workers

__all__ = [
    "Raised",
    "Returned",
    "calling",
    "cause_of",
    "is_async",
    "is_from_outside",
    "running_task",
]

_END: Any = object()

Call = Callable[[], Any]


@frozen
class Returned:
    """A value that a callable returned, as opposed to one that it yielded."""

    value: Any


def _same(value: Any) -> Any:
    return value


@frozen
class _Makers:
    """Functions that make the emitted items from values returned and yielded."""

    returned: Callable[[Any], Any]
    yielded: Callable[[Any], Any]


class Raised(Exception):
    """An error that a callable's own code raised; other errors of its stream are not wrapped."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(describe(cause))
        self.cause = cause


def cause_of(error: Exception) -> Exception:
    """Return the cause of a `Raised`, as an Exception; any other error as it is."""
    return as_error("It", error.cause) if isinstance(error, Raised) else error


def calling(
    call: Call,
    *,
    began: Began | None = None,
    workers: Workers | None = None,
    name: object = "a call",
    returned: Callable[[Any], Any] = Returned,
    yielded: Callable[[Any], Any] = _same,
) -> Observable[Any]:
    """Emit each value that a call yields, or its result as one `Returned`.

    It takes any callable: functions, methods, partials and objects with `__call__`, each plain,
    a coroutine function, a generator or an asynchronous generator. A plain one is called on a
    worker, since it may block; an asynchronous one on the run's loop. A result that can be
    awaited is awaited, and one that is an iterator, plain or asynchronous, is iterated. An
    Observable is a result like any other.

    Args:
        call: What is called, without arguments: a `partial` of the callable.
        began: Called in the run right before the call, once there is a worker for it.
        workers: The pool; by default the one that the process shares.
        name: The name in logs of what is called.
        returned: Makes what is emitted for a result, on the thread on which that was returned.
        yielded: Makes what is emitted for a value that was yielded, likewise.

    Raises:
        Raised: The callable's code raised; by `on_error`.
    """
    makers = _Makers(returned, yielded)
    if inspect.isasyncgenfunction(_code_of(call)):
        return from_async(partial(_yielded, call, makers), began=began, own=Raised)
    if inspect.iscoroutinefunction(_code_of(call)):
        source = from_async(partial(_awaited, call, makers), began=began, own=Raised)
        return lift(_Following)(source)
    source = from_worker(partial(_called, call, makers), began=began, workers=workers, name=name)
    return lift(_Following)(source)


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether calling a function gives a coroutine or an asynchronous generator."""
    kind = _code_of(function)
    return inspect.iscoroutinefunction(kind) or inspect.isasyncgenfunction(kind)


def _code_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function whose code a call runs."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif inspect.isroutine(function) or inspect.isclass(function):
            return function
        elif callable(wrapped := getattr(function, "__wrapped__", None)):
            function = wrapped
        else:
            return type(function).__call__


class _Later:
    """A result whose values are still to come."""

    def __init__(self, values: Observable[Any], result: Any = None) -> None:
        self.values = values
        self.is_taken = False
        self._result = result

    def __del__(self) -> None:
        if not self.is_taken:
            _forget(self._result)


class _Following(MergeSink[Any, Any]):
    """Emits values, and the values of results that arrive later."""

    __slots__ = ()

    def on_next(self, value: Any) -> None:
        if type(value) is _Later:
            value.is_taken = True
            self.join(value.values)
        else:
            self.observer.on_next(value)


def _called(call: Call, makers: _Makers) -> Iterator[Any]:
    with _as_raised():
        result = call()
    if isinstance(result, Iterator):
        yield from _iterated(result, makers)
    else:
        yield _values_of(result, makers)


async def _awaited(call: Call, makers: _Makers) -> AsyncIterator[Any]:
    with _as_raised():
        result = await call()
    yield _values_of(result, makers)


def _values_of(result: Any, makers: _Makers) -> Any:
    """Return the item to emit for a result, or the stream of its values that arrive later."""
    match result:
        case Observable():
            return Returned(result)
        case AsyncIterable():
            return _Later(from_async(partial(_yielded, lambda: result, makers), own=Raised))
        case Iterator():
            return _Later(from_worker(partial(_iterated, result, makers)))
        case Awaitable():
            return _Later(_awaiting(result, makers), result)
    with _as_raised():
        return makers.returned(result)


def _awaiting(result: Awaitable[Any], makers: _Makers) -> Observable[Any]:
    source = from_async(partial(_awaited, lambda: result, makers), own=Raised)
    return lift(partial(_Awaiting, result))(source)


class _Awaiting(_Following):
    """Closes a coroutine that is disposed before it is awaited."""

    __slots__ = ("_result",)

    def __init__(self, result: Awaitable[Any], observer: abc.ObserverBase[Any]) -> None:
        super().__init__(observer)
        self._result = result

    def dispose(self) -> None:
        super().dispose()
        _forget(self._result)


def _forget(result: Any) -> None:
    """Close a coroutine that is never awaited."""
    if inspect.iscoroutine(result) and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        with suppress(ValueError):  # it has begun meanwhile
            result.close()


def _iterated(items: Iterator[Any], makers: _Makers) -> Iterator[Any]:
    try:
        while True:
            with _as_raised():
                item = next(items, _END)
                if item is not _END:
                    item = makers.yielded(item)
            if item is _END:
                return
            yield item
    finally:
        close = getattr(items, "close", None)
        if inspect.isgenerator(items) and close is not None:
            with _as_raised():
                close()


async def _yielded(call: Callable[[], AsyncIterable[Any]], makers: _Makers) -> AsyncIterator[Any]:
    with _as_raised():
        items = aiter(call())
    try:
        while True:
            with _as_raised():
                item = await anext(items, _END)
                if item is not _END:
                    item = makers.yielded(item)
            if item is _END:
                return
            yield item
    finally:
        with _as_raised():
            await close_iterator(items)


@contextmanager
def _as_raised() -> Iterator[None]:
    """Wrap what a callable's code raises, but not Ctrl-C and what ends its task from outside."""
    task = running_task()
    try:
        yield
    except BaseException as error:
        if is_from_outside(error, task):
            raise
        raise Raised(error) from error


def is_from_outside(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Return whether an error in code is not its own: Ctrl-C, or what ends its task.

    Args:
        error: The error.
        task: The task that ran when the code began.
    """
    if isinstance(error, GeneratorExit):  # its coroutine is closed
        return running_task() is not task
    if isinstance(error, KeyboardInterrupt):
        return is_main_thread()
    return isinstance(error, asyncio.CancelledError) and _is_being_cancelled()


def running_task() -> asyncio.Task[Any] | None:
    """Return the task that this code runs in, if there is one."""
    return None if asyncio._get_running_loop() is None else asyncio.current_task()


def _is_being_cancelled() -> bool:
    task = running_task()
    return task is not None and task.cancelling() > 0 and not cancels_itself()
