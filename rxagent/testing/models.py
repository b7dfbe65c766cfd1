"""Scripted models: what a model will say, written down beforehand."""

from collections.abc import Iterable
from typing import Any

import reactivex as rx
from attrs import field, frozen
from reactivex import Observable

from ..arguments import several
from ..events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..pickling import portable
from ..state import MEND
from ..streams import operators as stream_ops

__all__ = ["ScriptedModel"]


def _turns(values: Iterable[Any]) -> tuple[Any, ...]:
    return several("turns", values, "turns")


@frozen
class ScriptedModel:
    """A model that says one scripted turn after the other.

    It counts nothing: which turn it says follows from how many turns the request tells of. So it
    may be asked again, and serve many runs at once.

    Args:
        turns: What it says, turn by turn: a text, a Message (its calls too), some deltas, an
            Observable of deltas, or an error to fail with.
    """

    turns: tuple[Any, ...] = field(converter=_turns)

    is_model = True

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"A ScriptedModel of {len(self.turns)} turns"
        numbered = enumerate(self.turns, 1)
        turns = [portable(owner, f"its turn {number}", turn) for number, turn in numbered]
        return ScriptedModel, (turns,)

    def __copy__(self) -> "ScriptedModel":
        return self

    def __deepcopy__(self, _: Any) -> "ScriptedModel":  # as a function is copied
        return self

    def __call__(self, request: Request | str) -> Observable[Delta]:
        """Return the turn that follows a request.

        Raises:
            LookupError: The script has no more turns; by `on_error`.
        """
        request = Request.of(request)
        told = _turns_told(request)
        if told >= len(self.turns):
            return rx.throw(
                LookupError(
                    f"The script has {len(self.turns)} turns, and the run asks for another one."
                )
            )
        return _said(self.turns[told])


def _said(turn: Any) -> Observable[Delta]:
    match turn:
        case Observable():
            return turn
        case Exception():
            return rx.throw(turn)
        case str():
            return stream_ops.from_items([TextDelta(turn), Finish("stop")])
        case Message():
            return stream_ops.from_items(_deltas(turn))
        case _:
            return stream_ops.from_items(turn)


def _deltas(message: Message) -> Iterable[Delta]:
    if message.reasoning or message.extra:
        yield ReasoningDelta(message.reasoning, message.extra)
    if message.text:
        yield TextDelta(message.text)
    for index, call in enumerate(message.tool_calls):
        yield ToolCallDelta(index, call.id, call.name, call.arguments, call.extra)
    yield Finish("tool_calls" if message.tool_calls else "stop")


def _turns_told(request: Request) -> int:
    """Return how many turns a request tells of: what was said, and failures where nothing was."""
    told = 0
    said = False
    for message in request.messages:
        if message.role == "assistant":
            told += 1
            said = True
        elif message.role == "user" and message.text.endswith(MEND):
            told += not said
            said = False
    return told
