"""The tool calls that a message makes, and those that are complete before it is."""

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..arguments import several
from ..draft import EMPTY, Draft, grow
from ..errors import ParseError
from ..events import Delta, Finish, StepRetried, ToolCallDelta
from ..messages import Message, ToolCall
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ._arguments import Arguments
from ._operator import operator

__all__ = ["find_calls", "parse_calls", "sealed"]


@operator(takes="messages", emits="tuples of calls")
def parse_calls(
    tools: Iterable[str] = (),
    step: int = 1,
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> Callable[[Observable[Message]], Observable[tuple[ToolCall, ...]]]:
    """Emit the calls that a message makes: the native ones, else the one its text spells out.

    A text spells out a call by one JSON object that names a tool. Emits an empty tuple for a
    message that makes none.

    .. marbles:: calls/parse_calls

    Args:
        tools: The names of the tools that a text may call.
        step: The number of the step, for the made id of a call in a text.
        name_key: The key of the tool's name in the JSON object.
        arguments_key: The key of its arguments.

    Raises:
        ParseError: The text spells out several calls, or one that is not JSON; by `on_error`.
    """
    look = partial(
        find_calls,
        names=frozenset(several("tools", tools, "tools' names", str)),
        made_id=f"call_{step}_1_0",
        name_key=name_key,
        arguments_key=arguments_key,
    )
    return stream_ops.map(lambda message: message.tool_calls or look(message.text))


@operator(takes="deltas", emits="calls")
def sealed() -> Callable[[Observable[Delta]], Observable[ToolCall]]:
    """Emit each call of a turn as soon as its arguments can grow no more.

    A call is sealed when its arguments are whole and the next one begins, by the finish reason, or
    by the end. Arguments that merely parse do not seal it, and a call that the length limit has
    cut is never sealed. Takes normalised deltas.

    .. marbles:: calls/sealed
    """

    return lift(_Sealing)


class _Sealing(Sink[Delta, ToolCall]):
    __slots__ = ("_arguments", "_growing", "_is_cut", "_latest", "_sealed")

    def __init__(self, observer: abc.ObserverBase[ToolCall]) -> None:
        super().__init__(observer)
        self._begin()

    def _begin(self) -> None:
        self._growing: dict[int, Draft] = {}
        self._arguments: dict[int, Arguments] = {}
        self._sealed: set[int] = set()
        self._latest: int | None = None
        self._is_cut = False

    def on_next(self, value: Delta) -> None:
        match value:
            case ToolCallDelta(index):
                if index not in self._sealed:
                    self._growing[index] = grow(self._growing.get(index, EMPTY), value)
                    self._arguments.setdefault(index, Arguments()).add(value.arguments or "")
                before, self._latest = self._latest, index
                is_left = before != index and before in self._growing
                if before is not None and is_left and self._arguments[before].are_whole:
                    self._seal([before])
            case Finish(reason):
                self._is_cut = reason == "length"
                self._seal_all()
            case StepRetried():
                self._begin()

    def on_completed(self) -> None:
        self._seal_all()
        super().on_completed()

    def _seal_all(self) -> None:
        cut = self._latest if self._is_cut else None
        self._seal(index for index in self._growing if index != cut)

    def _seal(self, indexes: Iterable[int]) -> None:
        for index in list(indexes):
            self._sealed.add(index)
            del self._arguments[index]
            self.observer.on_next(*self._growing.pop(index).message.tool_calls)


_MOST_FAILURES = 1000
"""Braces that may turn out to open no JSON object."""

_MOST_BRACES = 10_000
_MOST_VALUES = 200_000
_MOST_WASTED = 100_000
"""Characters that may be read in vain. These limits keep the reading of any text to some
milliseconds, as it happens on the event loop."""

_decoder = json.JSONDecoder()
_opening = re.compile(r'\{\s*["}]')


def find_calls(
    text: str,
    names: frozenset[str],
    made_id: str = "call_1_1_0",
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> tuple[ToolCall, ...]:
    """Return the one call that a text spells out, or nothing.

    Raises:
        ParseError: There are several, or one that is not JSON.
    """
    if _named_in(text, names, name_key) is None:
        return ()
    form = json.dumps({name_key: "<tool>", arguments_key: {"<argument>": "<value>"}})
    plea = f"Give one JSON object of the form {form}."
    try:
        objects, rest = _split(text)
        calls = [
            ToolCall(made_id, value[name_key], _as_text(value.get(arguments_key, {})))
            for value in objects
            if _is_one_of(names, value.get(name_key))
        ]
    except RecursionError:
        raise ParseError(f"The text holds braces that cannot be read. {plea}") from None
    if len(calls) > 1:
        raise ParseError(
            f"The text holds {len(calls)} calls, but only one can be made at a time. {plea}"
        )
    broken = _named_in(rest, names, name_key)
    if broken is not None:
        raise ParseError(f"The call of {broken!r} is not valid JSON. {plea}")
    return tuple(calls)


def _named_in(text: str, names: frozenset[str], name_key: str) -> str | None:
    """Return the first tool that is named behind the first brace, as a call names it."""
    named = re.compile(rf'"{re.escape(name_key)}"\s*:\s*"([^"]*)"')
    found = named.findall(text, text.find("{")) if "{" in text else ()
    return next((name for name in found if name in names), None)


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _is_one_of(names: frozenset[str], value: Any) -> bool:
    return isinstance(value, str) and value in names


def _split(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects in a text, and the rest of it from the first bad brace on.

    The work is linear in the text.

    Raises:
        RecursionError: Braces are nested too deep, or too many of them open no JSON object.
    """
    if text.count("{") > _MOST_BRACES or sum(map(text.count, "[,")) > _MOST_VALUES:
        raise RecursionError
    objects = []
    rest = []
    failures = wasted = 0
    position = max(0, text.find("{"))
    while (brace := text.find("{", position)) >= 0:
        end = brace + 1
        if _opening.match(text, brace):
            try:
                value, end = _decoder.raw_decode(text, brace)
                objects.append(value)
            except ValueError as error:
                failures += 1
                wasted += getattr(error, "pos", brace) - brace
                if failures > _MOST_FAILURES or wasted > _MOST_WASTED:
                    raise RecursionError from None
        if end == brace + 1:
            rest.append("{")
        following = text.find("{", end)
        position = following if following >= 0 else len(text)
        if rest:
            rest.append(text[end:position])
    return objects, "".join(rest)
