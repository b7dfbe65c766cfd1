"""Scripted models, which give prepared answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import reactivex as rx
from attrs import field, frozen
from reactivex import Observable

from ..arguments import several, shown
from ..events import Delta, Finish, TextDelta
from ..messages import Message, Request
from ..operators._models import Pipeable
from ..pickling import Shared, portable
from ..retelling import deltas_of
from ..state import TRY_AGAIN
from ..streams import operators as stream_ops

__all__ = ["ScriptedModel"]


def _turns(values: Iterable[Any]) -> tuple[Any, ...]:
    turns: tuple[Any, ...] = several("turns", values, "turns")
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, Observable | Exception | str | Message | Collection):
            raise TypeError(
                f"Turn {number} must be a text, a Message, a list or an Observable of deltas, or "
                f"an error, not {shown(turn)}. A function of the request is a model itself: give "
                "it to the agent, without ScriptedModel."
            )
    return turns


@frozen
class ScriptedModel(Shared, Pipeable):
    """A model that answers with one scripted turn after the other.

    It has no counter: the number of turns in a request chooses the next. So requests can be
    repeated, and many runs can use it at once.

    Args:
        turns: The answers: texts, Messages (with their calls), lists or Observables of deltas,
            or errors to raise.

    Raises:
        TypeError: A turn is none of these: for example a function, or a generator, which could be
            read only once.
    """

    turns: tuple[Any, ...] = field(converter=_turns)

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"A ScriptedModel of {len(self.turns)} turns"
        numbered = enumerate(self.turns, 1)
        turns = [portable(owner, f"its turn {number}", turn) for number, turn in numbered]
        return ScriptedModel, (turns,)

    def __call__(self, request: Request | str) -> Observable[Delta]:
        """Return the turn that follows a request; if there is none, emit LookupError."""
        request = Request.of(request)
        turn = _number_of_turns(request)
        if turn >= len(self.turns):
            what = f"The script has {len(self.turns)} turns, and the run requests another one."
            return rx.throw(LookupError(what))
        return _stream(self.turns[turn])


def _stream(turn: Any) -> Observable[Delta]:
    match turn:
        case Observable():
            return turn
        case Exception():
            return rx.throw(turn)
        case str():
            return stream_ops.from_items([TextDelta(turn), Finish("stop")])
        case Message():
            reason = "tool_calls" if turn.tool_calls else "stop"
            return stream_ops.from_items([*deltas_of(turn), Finish(reason)])
        case _:
            return stream_ops.from_items(turn)


def _number_of_turns(request: Request) -> int:
    """Return the number of turns in a request: answers, and failures without an answer."""
    turns = 0
    has_answer = False
    for message in request.messages:
        if message.role == "assistant":
            turns += 1
            has_answer = True
        elif message.role == "user" and message.text.endswith(TRY_AGAIN):
            turns += not has_answer
            has_answer = False
    return turns
