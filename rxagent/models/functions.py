"""Functions as models: whatever a function returns or yields, told as deltas."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..arguments import shown
from ..errors import MalformedReply
from ..events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..pickling import portable
from ..streams import observe_on_run, run_scoped
from ..streams.calls import Returned, calling, cause_of
from ..streams.sink import MergeSink, Sink, lift
from ..streams.workers import Workers
from .model import Model
from .resolve import resolve

__all__ = ["as_model"]


def as_model(said: Any, workers: Workers | None = None) -> Model:
    """Return the model that somebody means: by a name, by a function, or itself.

    A function takes a `Request`. What it returns or yields is told as deltas: texts, messages
    with their tool calls, and deltas such as `Usage`; a missing `Finish` is added. A plain
    function is called by a worker of the shared pool, since it may block; an asynchronous one
    runs on the run's event loop. It may return a coroutine, or an Observable of all that, to which
    no `Finish` is added.

    Args:
        said: The name, the function, or the model.
        workers: The pool of a plain function; by default the one that the process shares.

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
    return _Function(said, workers)


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
    def __init__(self, function: Callable[[Request], Any], workers: Workers | None) -> None:
        self._function = function
        self._workers = workers

    def __repr__(self) -> str:
        return f"as_model({_name(self._function)})"

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"The model {_name(self._function)}"
        return as_model, (portable(owner, "its function", self._function), self._workers)

    def __copy__(self) -> "_Function":
        return self

    def __deepcopy__(self, _: Any) -> "_Function":  # as a function is copied
        return self

    def __call__(self, said: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        function = self._function
        call = partial(function, Request.of(said))
        called = calling(call, workers=self._workers, name=f"the model {_name(function)}")
        return run_scoped(lift(partial(_Answer, _name(function)))(called))


class _Answer(MergeSink[Any, Delta]):
    """Emits what a function gives as deltas."""

    __slots__ = ("_adds_finish", "_telling")

    def __init__(self, name: str, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._telling = _Telling(name)
        self._adds_finish = True

    def on_next(self, value: Any) -> None:
        match value:
            case Returned(Observable() as deltas):
                self._adds_finish = False
                self.join(observe_on_run(deltas).pipe(lift(partial(_Translating, self._telling))))
            case Returned(list() | tuple() as said):
                self._tell(*said)
            case Returned(said):
                self._tell(said)
            case _:
                self._tell(value)

    def _tell(self, *said: Any) -> None:
        try:
            for one in said:
                for delta in self._telling.of(one):
                    self.observer.on_next(delta)
        except MalformedReply as error:
            self.on_error(error)

    def on_error(self, error: Exception) -> None:
        super().on_error(cause_of(error))

    def on_completed(self) -> None:
        if self._adds_finish:
            for delta in self._telling.end():
                self.observer.on_next(delta)
        super().on_completed()


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


class _Translating(Sink[Any, Delta]):
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


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
