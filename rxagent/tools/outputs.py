"""Outputs: whatever a function returns or yields, as a stream."""

import asyncio
import inspect
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import contextmanager
from functools import partial
from threading import current_thread, main_thread
from typing import Any, Self

from attrs import frozen
from reactivex import Observable, abc

from ..streams import entering, from_async, from_worker, lean
from ..streams.link import Link, linking
from .signature import plain
from .texts import error_text, result_text

__all__ = ["Raised", "Returned", "outputs"]

_END: Any = object()


@frozen
class Returned:
    """What a function returned, as against what one yields while it works."""

    value: Any
    text: str


class Raised(Exception):
    """What a tool's own code raised; any other error of its stream is not the tool's."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(error_text(cause))
        self.cause = cause


def outputs(function: Callable[..., Any], arguments: inspect.BoundArguments) -> Observable[Any]:
    """Emit each value that a function yields, or its result as one `Returned`.

    Coroutines run on the home's loop, other functions on the shared pool. A result that is a
    stream itself (an Observable, a generator, something to be awaited) is followed.

    Raises:
        Raised: The function's code raised; by `on_error`.
    """
    call = partial(function, *arguments.args, **arguments.kwargs)
    code = plain(function)
    if inspect.isasyncgenfunction(code):
        return from_async(lambda: _iterated_async(call))
    if inspect.iscoroutinefunction(code):
        return _followed(from_async(lambda: _awaited(call)))
    return _followed(from_worker(lambda: _called(call)))


def _called(call: Callable[[], Any]) -> Iterator[Any]:
    with _blaming():
        result = _result(call())
    yield result


async def _awaited(call: Callable[[], Awaitable[Any]]) -> AsyncIterator[Any]:
    with _blaming():
        result = _result(await call())
    yield result


def _iterated(call: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    with _blaming():
        items = iter(call())
    try:
        while True:
            with _blaming():
                item = next(items, _END)
            if item is _END:
                return
            yield item
    finally:
        with _blaming():
            if isinstance(items, Generator):
                items.close()


async def _iterated_async(call: Callable[[], AsyncIterable[Any]]) -> AsyncIterator[Any]:
    with _blaming():
        items = aiter(call())
    try:
        while True:
            with _blaming():
                item = await anext(items, _END)
            if item is _END:
                return
            yield item
    finally:
        with _blaming():
            if hasattr(items, "aclose"):
                await items.aclose()


@contextmanager
def _blaming() -> Iterator[None]:
    """Tell what a tool's code raises from what is done to it: a Ctrl-C, a cancelled task."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise
        if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
            raise
        raise Raised(error) from error


def _is_being_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs on a worker's thread
        return False
    return task is not None and task.cancelling() > 0


def _result(value: Any) -> "Returned | Observable[Any]":
    if isinstance(value, Observable):
        return entering(linking(_Blaming)(value))
    if isinstance(value, AsyncIterable):
        return from_async(lambda: _iterated_async(lambda: value))
    if isinstance(value, Generator):
        return from_worker(lambda: _iterated(lambda: value))
    if inspect.isawaitable(value):
        return _followed(from_async(lambda: _awaited(lambda: value)))
    return Returned(value, result_text(value))


class _Blaming(Link[Any, Any]):
    """Blames the tool for what a stream of its own raises, be it when it is subscribed to."""

    __slots__ = ()

    def follow(self, source: Observable[Any], scheduler: abc.SchedulerBase | None) -> Self:
        try:
            with _blaming():
                return super().follow(source, scheduler)
        except Raised as raised:
            super().on_error(raised)
            return self

    def on_error(self, error: Exception) -> None:
        super().on_error(Raised(error))


def _followed(source: Observable[Any]) -> Observable[Any]:
    """Emit the items of the one stream that a source emits, or the one item that is none."""
    return source.pipe(
        lean.flat_map(lambda result: result if isinstance(result, Observable) else lean.of(result))
    )
