"""Functions as models: what they return or yield becomes deltas."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..arguments import shown
from ..errors import MalformedReply
from ..events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..pickling import Shared, named, portable
from ..streams import observe_on_run, run_scoped
from ..streams.calls import Returned, calling, cause_of
from ..streams.sink import MergeSink, Sink, lift
from ..streams.workers import Workers
from .model import Model
from .resolve import resolve

__all__ = ["as_model"]


def as_model(model: Any, workers: Workers | None = None) -> Model:
    """Return a model from its name, from a function, or from a model, which is returned as it is.

    .. code-block:: python

        @as_model
        def echo(request):
            return request.messages[-1].text

        careful = echo.pipe(ops.retry(2))

    A function takes a `Request`. It returns or yields texts, messages with their tool calls, and
    deltas such as `Usage`; a missing `Finish` is added. A plain function is called on a worker of
    the shared pool, since it may block; an asynchronous one on the run's event loop. It may also
    return a coroutine, or an Observable of such values, to which no `Finish` is added.

    Args:
        model: The name, the function, or the model.
        workers: The pool of a plain function; by default the shared one of the process.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(model, str):
        return resolve(model)
    if inspect.isclass(model):
        raise TypeError(f"{model.__name__} is a class: make a model of it, {model.__name__}(...).")
    if getattr(model, "is_model", False):
        found: Model = model
        return found
    if hasattr(model, "as_tool") or not _takes_one_argument(model):
        raise TypeError(
            f"{shown(model)} is no model: give a name like 'openai:gpt-5-mini', a model, "
            "or a function that takes a Request."
        )
    return _Function(model, workers)


def _takes_one_argument(function: Any) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # its signature is unknown
        pass
    return True


class _Function(Shared, Model):
    def __init__(self, function: Callable[[Request], Any], workers: Workers | None) -> None:
        self._function = function
        self._workers = workers

    def __repr__(self) -> str:
        return f"as_model({_name(self._function)})"

    def __reduce__(self) -> tuple[Any, ...]:
        by_name = named(self, self._function)
        if by_name is not None:
            return by_name
        owner = f"The model {_name(self._function)}"
        return as_model, (portable(owner, "its function", self._function), self._workers)

    @property
    def __wrapped__(self) -> Callable[[Request], Any]:
        return self._function

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        function = self._function
        call = partial(function, Request.of(request))
        called = calling(call, workers=self._workers, name=f"the model {_name(function)}")
        return run_scoped(lift(partial(_Answer, _name(function)))(called), is_serial=True)


class _Answer(MergeSink[Any, Delta]):
    """Emits the values of a function as deltas."""

    __slots__ = ("_adds_finish", "_converter")

    def __init__(self, name: str, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._converter = _Converter(name)
        self._adds_finish = True

    def on_next(self, value: Any) -> None:
        match value:
            case Returned(Observable() as deltas):
                self._adds_finish = False
                self.join(observe_on_run(deltas).pipe(lift(partial(_Converting, self._converter))))
            case Returned(list() | tuple() as values):
                self._emit(*values)
            case Returned(returned):
                self._emit(returned)
            case _:
                self._emit(value)

    def _emit(self, *values: Any) -> None:
        try:
            for value in values:
                for delta in self._converter.of(value):
                    self.observer.on_next(delta)
        except MalformedReply as error:
            self.on_error(error)

    def on_error(self, error: Exception) -> None:
        super().on_error(cause_of(error))

    def on_completed(self) -> None:
        if self._adds_finish:
            for delta in self._converter.end():
                self.observer.on_next(delta)
        super().on_completed()


class _Converter:
    """Converts the values of one answer to deltas, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls = 0
        self._finished = False

    def of(self, value: Any) -> Iterator[Delta]:
        match value:
            case str():
                if value:
                    yield TextDelta(value)
            case Message():
                yield from self._message(value)
            case Delta():
                self._calls += isinstance(value, ToolCallDelta)
                self._finished = self._finished or isinstance(value, Finish)
                yield value
            case _:
                raise MalformedReply(
                    f"The model {self._name} returned or yielded {value!r} of type "
                    f"{type(value).__name__}: it must return or yield text, messages or deltas, "
                    "or return an Observable of them.",
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


class _Converting(Sink[Any, Delta]):
    __slots__ = ("_converter",)

    def __init__(self, converter: _Converter, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._converter = converter

    def on_next(self, value: Any) -> None:
        try:
            deltas = tuple(self._converter.of(value))
        except MalformedReply as error:
            self.on_error(error)
            return
        for delta in deltas:
            self.observer.on_next(delta)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
