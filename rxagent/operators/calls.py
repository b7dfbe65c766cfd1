"""The tool calls that a message makes, and those that are complete before it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reactivex import Observable, abc

from ..arguments import several
from ..call_forms import KEYS, Keys, Schemas
from ..draft import EMPTY, Draft, grow
from ..events import Delta, Finish, StepRetried, ToolCallDelta
from ..messages import Message, ToolCall, ToolSpec
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ._arguments import Arguments
from ._operator import operator
from ._spelled_calls import spelled_calls

__all__ = ["parse_calls", "sealed"]


@operator(takes="messages", emits="tuples of calls")
def parse_calls(
    tools: Iterable[str | ToolSpec] = (),
    step: int = 1,
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> Callable[[Observable[Message]], Observable[tuple[ToolCall, ...]]]:
    """Emit the calls that a message makes: the native ones, else the one that its text is.

    A text is a call if it consists of one JSON object that names a tool and has arguments; the
    arguments may be left out if the tool takes none. It may stand in a fence, or in the tags
    `<tool_call>` and `</tool_call>`, and after a thought and the word `Action:`. With other text
    around it, it is not a call. Emits an empty tuple for a message that makes none.

    .. marbles:: calls/parse_calls

    Args:
        tools: The tools that a text may call: names, or a `ToolSpec`, which says whether the tool
            takes arguments.
        step: The number of the step, for the made id of a call in a text.
        name_key: The key of the tool's name in the JSON object.
        arguments_key: The key of its arguments. Unless another one is given, `parameters`, `args`
            and `input` mean the same.

    Raises:
        ParseError: The text is several calls, or one that is not JSON or has unknown keys; by
            `on_error`.
    """
    known = several("tools", tools, "tools' names", str | ToolSpec)
    schemas: Schemas = {
        **{tool: None for tool in known if isinstance(tool, str)},
        **{tool.name: tool.parameters for tool in known if isinstance(tool, ToolSpec)},
    }
    keys = KEYS
    if (name_key, arguments_key) != (KEYS.names[0], KEYS.arguments[0]):
        keys = Keys((name_key,), (arguments_key,))
    made_id = f"call_{step}_1_0"

    def look(message: Message) -> tuple[ToolCall, ...]:
        if message.tool_calls or not schemas:
            return message.tool_calls
        return tuple(
            ToolCall(made_id, *call) for call in spelled_calls(message.text, schemas, keys)
        )

    return stream_ops.map(look)


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
            case Finish("interrupted"):
                self._growing.clear()
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
