"""Fragments of tool calls, brought into one form."""

import json
from collections.abc import Iterator

from attrs import define

from ..events import Delta, Finish, StepRetried, ToolCallDelta

__all__ = ["Fragments"]


@define
class _Call:
    index: int
    raw_id: str | None
    id: str
    name: str = ""
    arguments: str = ""
    told: bool = False


class Fragments:
    """The calls of one turn, as their fragments come in.

    A call is held back until its name is whole: until arguments, another call or the end follow.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._attempt = 1
        self._calls: list[_Call] = []
        self._latest: dict[int | None, _Call] = {}

    def take(self, delta: Delta) -> Iterator[Delta]:
        """Take a delta in that may concern calls, and yield what can be told by now."""
        match delta:
            case ToolCallDelta():
                yield from self.add(delta)
            case Finish():
                yield from self.flush()
                yield delta
            case StepRetried():
                self.retract()
                yield delta

    def add(self, piece: ToolCallDelta) -> Iterator[ToolCallDelta]:
        """Take a fragment in, and yield what can be told by now."""
        call = self._latest.get(piece.index)
        if call is None or self._is_other(call, piece):
            yield from self.flush()
            call = self._begin(piece)
        if piece.id and call.raw_id is None and not call.told:
            call.raw_id = piece.id
            call.id = self._free_id(piece.id, call.index)
        if piece.name and not call.told:
            call.name = _join_name(call.name, piece.name)
        if piece.arguments:
            yield from self._tell(call)
            call.arguments += piece.arguments
            yield ToolCallDelta(call.index, arguments=piece.arguments)

    def flush(self) -> Iterator[ToolCallDelta]:
        """Yield the first fragments of calls that were held back."""
        for call in self._calls:
            yield from self._tell(call)

    def retract(self) -> None:
        """Forget all calls: the next attempt begins."""
        self._calls.clear()
        self._latest.clear()
        self._attempt += 1

    def _tell(self, call: _Call) -> Iterator[ToolCallDelta]:
        if not call.told:
            call.told = True
            yield ToolCallDelta(call.index, call.id, call.name, "")

    def _begin(self, piece: ToolCallDelta) -> _Call:
        taken = {call.index for call in self._calls}
        index = piece.index
        if index is None or index in taken:
            index = max(taken, default=-1) + 1
        call = _Call(index, piece.id or None, self._free_id(piece.id, index))
        self._calls.append(call)
        self._latest[piece.index] = call
        return call

    def _free_id(self, wanted: str | None, index: int) -> str:
        if wanted and all(wanted != call.id for call in self._calls):
            return wanted
        return f"call_{self._step}_{self._attempt}_{index}"

    def _is_other(self, call: _Call, piece: ToolCallDelta) -> bool:
        """Tell whether a fragment begins another call, though it bears the index of this one."""
        if piece.id and call.raw_id:
            return piece.id != call.raw_id
        if piece.id or not piece.name or not call.arguments:
            return False
        return piece.name != call.name or bool(piece.arguments and _is_whole(call.arguments))


def _join_name(name: str, piece: str) -> str:
    """Return a name with a piece more, which may be the whole name said again."""
    return piece if piece.startswith(name) else name + piece


def _is_whole(arguments: str) -> bool:
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True
