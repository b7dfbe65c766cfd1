"""Operators that select events of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar

from reactivex import GroupedObservable, Observable, Subject, abc

from ..arguments import shown
from ..draft import TextView
from ..events import (
    Event,
    FinalAnswer,
    MessageCompleted,
    PlanStarted,
    ReasoningDelta,
    RunCompleted,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolOutput,
    ToolStarted,
    Usage,
)
from ..messages import ToolCall
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ._operator import operator

__all__ = [
    "answer",
    "of_type",
    "reasoning",
    "steps",
    "text",
    "text_so_far",
    "tool_calls",
    "unnest",
    "usage",
]

_T = TypeVar("_T")
_R = TypeVar("_R")
_E = TypeVar("_E", bound=Event)


@operator
def of_type(*kinds: type[_E]) -> Callable[[Observable[Any]], Observable[_E]]:
    """Emit the events of some types.

    .. marbles:: select/of_type
    """
    for kind in kinds:
        if not isinstance(kind, type | UnionType):
            raise TypeError(
                f"of_type takes types, as of_type(TextDelta, Usage), not {shown(kind)}."
            )
    return _pick(kinds)


class _Among(dict[type, bool]):
    """Whether a type is one of some kinds, or derived from one; each is looked at once."""

    def __init__(self, kinds: tuple[type | UnionType, ...]) -> None:
        self._kinds = kinds

    def __missing__(self, kind: type) -> bool:
        found = self[kind] = issubclass(kind, self._kinds)
        return found


@operator(takes="events or deltas", emits="str")
def text() -> Callable[[Observable[Event]], Observable[str]]:
    """Emit the pieces of the model's text.

    Text that was emitted is not taken back: when the model says something and then emits
    StepRetried, as under ``retry(..., midstream=True)``, the pieces of both attempts are emitted,
    one after the other. Where that can happen, use `text_so_far`.

    .. marbles:: select/text
    """
    return _pick((TextDelta,), attrgetter("text"))


@operator(takes="events or deltas", emits="views of a text")
def text_so_far() -> Callable[[Observable[Event]], Observable[TextView]]:
    """Emit the model's text so far, each time it changes; shorter again at a retraction.

    It differs from `scan` over `text` in that StepRetried takes back the text of the attempt.
    A `TextView` costs no copy before it is read, and `str(view)` is the text. For a screen that
    needs only some of them, pipe `sample` after this.

    .. marbles:: select/text_so_far
    """
    return lift(_Gathering)


class _Gathering(Sink[Event, TextView]):
    __slots__ = ("_kept", "_text")

    def __init__(self, observer: abc.ObserverBase[TextView]) -> None:
        super().__init__(observer)
        self._kept = self._text = TextView()

    def on_next(self, value: Event) -> None:
        kind = type(value)
        if kind is TextDelta:
            self._emit(self._text + value.text)  # type: ignore[attr-defined]  # as its type says
        elif kind is StepRetried:
            self._emit(self._kept)
        elif kind in _TURNS:
            self._kept = self._text

    def _emit(self, text: TextView) -> None:
        if len(text) != len(self._text):
            self._text = text
            self.observer.on_next(text)


@operator(takes="events or deltas", emits="str")
def reasoning() -> Callable[[Observable[Event]], Observable[str]]:
    """Emit the pieces of the model's reasoning.

    .. marbles:: select/reasoning
    """
    return _pick((ReasoningDelta,), attrgetter("text"))


@operator(takes="events or deltas", emits="reports of usage alone")
def usage() -> Callable[[Observable[Event]], Observable[Usage]]:
    """Emit the reports of tokens used, those of inner runs too; each is an increment.

    .. marbles:: select/usage
    """
    return _pick((Usage, ToolOutput), _spent)


def _spent(event: Event) -> Usage | None:
    while type(event) is ToolOutput:
        event = event.value
    return event if type(event) is Usage else None


@operator(takes="events", emits="values")
def answer() -> Callable[[Observable[Event]], Observable[Any]]:
    """Emit the value of the run's answer.

    .. marbles:: select/answer
    """

    def answered(source: Observable[Event]) -> Observable[Any]:
        return source.pipe(of_type(FinalAnswer), stream_ops.map(attrgetter("value")))

    return answered


@operator(takes="events", emits="calls")
def tool_calls() -> Callable[[Observable[Event]], Observable[ToolCall]]:
    """Emit the calls whose code runs, each when it starts.

    .. marbles:: select/tool_calls
    """
    return _pick((ToolStarted,), attrgetter("call"))


@operator(takes="events", emits="streams")
def steps() -> Callable[[Observable[Event]], Observable[GroupedObservable[int, Event]]]:
    """Emit each step as a stream of its own events, whose `key` is the step's number.

    It differs from `group_by` in that a step's stream completes when the step has ended. As
    there, it must be subscribed to when it is emitted, or its events are lost.

    .. marbles:: select/steps
    """

    return lift(_Stepping)


class _Stepping(Sink[Event, GroupedObservable[int, Event]]):
    __slots__ = ("_step",)

    def __init__(self, observer: abc.ObserverBase[GroupedObservable[int, Event]]) -> None:
        super().__init__(observer)
        self._step: Subject[Event] | None = None

    def on_next(self, value: Event) -> None:
        if isinstance(value, _AFTER_A_STEP):
            self._end()
        if isinstance(value, StepStarted):
            self._step = Subject()
            self.observer.on_next(GroupedObservable(value.number, self._step))
        if self._step is not None:
            self._step.on_next(value)

    def on_error(self, error: Exception) -> None:
        if self._step is not None:
            self._step.on_error(error)
        super().on_error(error)

    def on_completed(self) -> None:
        self._end()
        super().on_completed()

    def _end(self) -> None:
        ended, self._step = self._step, None
        if ended is not None:
            ended.on_completed()


_TURNS = {StepStarted, PlanStarted, MessageCompleted}
_AFTER_A_STEP = (StepStarted, PlanStarted, Summarised, StepLimitReached, FinalAnswer, RunCompleted)


@operator(takes="events", emits="pairs")
def unnest() -> Callable[[Observable[Event]], Observable[tuple[tuple[str, ...], Event]]]:
    """Emit ``(path, event)`` for the events of a run and of all runs inside it.

    The path holds the ids of the calls within which the event happened, the outermost first.

    .. marbles:: select/unnest
    """
    return stream_ops.map(_unnested)


def _unnested(event: Event) -> tuple[tuple[str, ...], Event]:
    path: tuple[str, ...] = ()
    while isinstance(event, ToolOutput) and isinstance(event.value, Event):
        path, event = (*path, event.call_id), event.value
    return path, event


def _pick(
    kinds: tuple[type | UnionType, ...], look: Callable[[Any], _R | None] | None = None
) -> Callable[[Observable[Any]], Observable[_R]]:
    """Emit the events of some types, or what `look` returns for them, unless that is None."""

    return lift(partial(_Picking, _Among(kinds), look))


class _Picking(Sink[Any, _R]):
    __slots__ = ("_among", "_look")

    def __init__(
        self,
        among: _Among,
        look: Callable[[Any], _R | None] | None,
        observer: abc.ObserverBase[_R],
    ) -> None:
        super().__init__(observer)
        self._among = among
        self._look = look

    def on_next(self, value: Any) -> None:
        if not self._among[type(value)]:
            return
        found = value if self._look is None else self._look(value)
        if found is not None:
            self.observer.on_next(found)
