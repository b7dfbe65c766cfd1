"""Operators that read the JSON of an answer, or of a tool's arguments, while it streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial as bound
from typing import Any, Protocol

from reactivex import Observable, abc

from ..arguments import text
from ..events import (
    Finish,
    MessageCompleted,
    PlanStarted,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
)
from ..streams.sink import Sink, lift
from ._growing_value import GrowingValue
from ._operator import operator
from ._sealed_parts import SealedParts

__all__ = ["partial", "sealed_at"]

_ANSWER = "final_answer"
"""The tool by which an agent answers; its argument `answer` is the value."""


@operator(emits="values")
def partial(kind: Any, tool: str | None = None) -> Callable[[Observable[Any]], Observable[Any]]:
    """Emit the value that a model writes as JSON, each time it has grown; the whole one last.

    The JSON is the text of a turn, or a call of final_answer. Each value is a valid one of its
    type: texts, lists and objects begin empty, what may be None begins as None, and defaults hold
    until another value is there. A number, a truth value, a choice, a date or a URL appears when
    it is whole, and an object that requires one begins with it. A text that is not JSON has no
    values. After StepRetried, the values of the new attempt are emitted.

    The work is linear in the text: a long value is emitted again when it has grown by a 128th.

    .. marbles:: shape/partial

    Args:
        kind: The type of the value: a dataclass, a class of attrs or pydantic, a TypedDict, a
            Literal, a list of them.
        tool: The name of a tool: read the arguments of its calls instead, as an object of `kind`.
            On the stream of a model itself, pipe `normalise` first.

    Raises:
        TypeError: JSON cannot express the type.
    """
    from ..shapes import Shape  # it imports pydantic

    text("tool", tool, optional=True)
    shape = Shape.of("kind", kind)
    return lift(bound(_Reading, tool, lambda is_answer: GrowingValue(shape, is_answer)))


@operator(emits="values")
def sealed_at(
    path: str, kind: Any = None, tool: str | None = None
) -> Callable[[Observable[Any]], Observable[Any]]:
    """Emit each part of the JSON that a model writes, once, as soon as the part is complete.

    ``items[*].url`` are the URLs of all items, ``[*]`` the items of a list, ``name`` one field,
    ``prices.*`` all values of an object. A part is ready to work with while the model goes on:
    `flat_map` starts the work. Parts of an attempt that is retried are not taken back, and those
    of the next attempt are emitted again. A part is emitted before the whole is validated.

    .. marbles:: shape/sealed_at

    Args:
        path: The path of the parts, from the value on.
        kind: The type of a part; a part that does not fit is left out. By default, parts are
            emitted as JSON values.
        tool: The name of a tool: read the arguments of its calls instead of the answer. On the
            stream of a model itself, pipe `normalise` first.

    Raises:
        ValueError: `path` is no path.
        TypeError: JSON cannot express the type.
    """
    from ..shapes import Shape, path_of

    text("tool", tool, optional=True)
    wanted = path_of(path)
    shape = None if kind is None else Shape.of("kind", kind)
    return lift(bound(_Reading, tool, lambda is_answer: SealedParts(wanted, shape, is_answer)))


class _Reader(Protocol):
    """Reads one JSON text."""

    def add(self, piece: str) -> Iterator[Any]: ...
    def end(self) -> Iterator[Any]: ...


_Make = Callable[[bool], _Reader]
"""Makes the reader of a text; whether it is a call of final_answer."""

_BEGINNINGS = {StepStarted, PlanStarted, StepRetried}
_ENDS = {Finish, MessageCompleted}


class _Reading(Sink[Any, Any]):
    """Reads the text of each turn, or the calls of a tool, each by a reader of its own."""

    __slots__ = ("_calls", "_make", "_named", "_text", "_tool")

    def __init__(self, tool: str | None, make: _Make, observer: abc.ObserverBase[Any]) -> None:
        super().__init__(observer)
        self._tool = tool
        self._named = tool or _ANSWER
        self._make = make
        self._begin()

    def _begin(self) -> None:
        self._text: _Reader | None = self._make(False) if self._tool is None else None
        self._calls: dict[int, _Reader] = {}

    def on_next(self, value: Any) -> None:
        kind = type(value)
        if kind is TextDelta:
            if self._text is not None:
                self._emit(self._text.add(value.text))
        elif kind is ToolCallDelta:
            self._take_call(value)
        elif kind in _ENDS:
            self._end()
        elif kind in _BEGINNINGS:
            self._begin()

    def _take_call(self, piece: ToolCallDelta) -> None:
        index = piece.index if piece.index is not None else 0
        if piece.name:
            self._calls.pop(index, None)
            if piece.name == self._named:
                self._calls[index] = self._make(self._tool is None)
        reader = self._calls.get(index)
        if reader is not None and piece.arguments:
            self._emit(reader.add(piece.arguments))

    def _emit(self, values: Iterator[Any]) -> None:
        for value in values:
            if self.is_stopped:
                return
            self.observer.on_next(value)

    def _end(self) -> None:
        readers = [*self._calls.values(), *([self._text] if self._text else ())]
        for reader in readers:
            self._emit(reader.end())

    def on_error(self, error: Exception) -> None:
        self._end()
        super().on_error(error)

    def on_completed(self) -> None:
        self._end()
        super().on_completed()
