"""Functions as models: whatever a function returns or yields, told as deltas."""

import inspect
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import suppress
from functools import partial
from typing import Any

from reactivex import Observable, abc
from reactivex import operators as rxo

from ..arguments import shown
from ..errors import MalformedReply
from ..events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..streams import at_home, entering, from_async, from_worker, lean
from ..streams.link import Link, linking
from .model import Model
from .resolve import resolve

__all__ = ["as_model"]


def as_model(said: Any) -> Model:
    """Return the model that somebody means: by a name, by a function, or itself.

    A function takes a `Request`. What it returns or yields is told as deltas: texts, messages
    with their tool calls, and deltas such as `Usage`; a missing `Finish` is added. A plain
    function is called by a worker of the shared pool, since it may block; an asynchronous one
    runs on the run's event loop. It may return a coroutine, or an Observable of all that, to which
    no `Finish` is added.

    Raises:
        TypeError: It is none of these; the sentence says what is.
    """
    if isinstance(said, str):
        return resolve(said)
    if inspect.isclass(said):
        raise TypeError(f"{said.__name__} is a class: make a model of it, {said.__name__}(...).")
    if getattr(said, "is_model", False):
        model: Model = said
        return model
    if hasattr(said, "as_tool") or not _takes_one(said):
        raise TypeError(
            f"{shown(said)} is no model: give a name like 'openai:gpt-5-mini', a model, "
            "or a function that takes a Request."
        )
    return _Function(said)


def _takes_one(said: Any) -> bool:
    if not callable(said):
        return False
    try:
        inspect.signature(said).bind(None)
    except TypeError:
        return False
    except ValueError:  # nobody knows what it takes
        pass
    return True


class _Function(Model):
    def __init__(self, function: Callable[[Request], Any]) -> None:
        self._function = function

    def __repr__(self) -> str:
        return f"as_model({_name(self._function)})"

    def __call__(self, said: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        request, function = Request.of(said), self._function
        called: Observable[Any]
        if _is_async(function):
            called = from_async(lambda: _resulting(function, request))
        else:
            called = from_worker(lambda: (function(request),))
        name = _name(function)
        return at_home(called.pipe(lean.flat_map(lambda result: _told(result, name))))


def _told(result: Any, name: str) -> Observable[Delta]:
    """Return the deltas that a function's result means."""
    telling = _Telling(name)
    match result:
        case Observable():
            return entering(result).pipe(linking(partial(_Translating, telling)))
        case AsyncIterable():
            return from_async(lambda: _each_async(result, telling))
        case Awaitable():
            awaited = from_async(lambda: _awaiting(result)).pipe(
                rxo.finally_action(lambda: _forget(result))
            )
            return awaited.pipe(lean.flat_map(lambda value: _told(value, name)))
        case list() | tuple() | Iterator():
            return from_worker(lambda: _each(result, telling))
    return lean.of(*_each((result,), telling))


class _Telling:
    """Turns what one answer's function gives into deltas, one thing after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls = 0
        self._finished = False

    def of(self, said: Any) -> Iterator[Delta]:
        match said:
            case str():
                if said:
                    yield TextDelta(said)
            case Message():
                yield from self._message(said)
            case Delta():
                self._calls += isinstance(said, ToolCallDelta)
                self._finished = self._finished or isinstance(said, Finish)
                yield said
            case _:
                raise MalformedReply(
                    f"The model {self._name} gave {said!r} of type {type(said).__name__}: it must "
                    "return or yield text, messages or deltas, or return an Observable of them.",
                    model=self._name,
                )

    def end(self) -> Iterator[Delta]:
        if not self._finished:
            yield Finish("tool_calls" if self._calls else "stop")

    def _message(self, message: Message) -> Iterator[Delta]:
        if message.reasoning or message.extra:
            yield ReasoningDelta(message.reasoning, message.extra)
        if message.text:
            yield TextDelta(message.text)
        for call in message.tool_calls:
            yield ToolCallDelta(self._calls, call.id, call.name, call.arguments, call.extra)
            self._calls += 1


def _each(items: Iterable[Any], telling: _Telling) -> Iterator[Delta]:
    try:
        for item in items:
            yield from telling.of(item)
        yield from telling.end()
    finally:
        if inspect.isgenerator(items):
            items.close()


async def _each_async(items: AsyncIterable[Any], telling: _Telling) -> AsyncIterator[Delta]:
    try:
        async for item in items:
            for delta in telling.of(item):
                yield delta
        for delta in telling.end():
            yield delta
    finally:
        if inspect.isasyncgen(items):
            await items.aclose()


class _Translating(Link[Any, Delta]):
    __slots__ = ("_telling",)

    def __init__(self, telling: _Telling, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._telling = telling

    def on_next(self, value: Any) -> None:
        try:
            deltas = tuple(self._telling.of(value))
        except MalformedReply as error:
            self.on_error(error)
            return
        for delta in deltas:
            self.observer.on_next(delta)


async def _resulting(function: Callable[[Request], Any], request: Request) -> AsyncIterator[Any]:
    result = function(request)
    yield await result if inspect.isawaitable(result) else result


async def _awaiting(result: Awaitable[Any]) -> AsyncIterator[Any]:
    yield await result


def _forget(result: Awaitable[Any]) -> None:
    """Close a coroutine that nobody will await."""
    if inspect.iscoroutine(result) and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        with suppress(ValueError):  # it has begun this moment
            result.close()


def _is_async(function: Callable[..., Any]) -> bool:
    return any(
        inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)
        for called in (function, type(function).__call__)
    )


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
