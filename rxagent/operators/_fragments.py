"""Fragments of tool calls, brought into one form."""

import json
from collections.abc import Iterator
from itertools import count

from attrs import define, field

from ..events import Delta, Finish, StepRetried, ToolCallDelta

__all__ = ["Fragments"]


@define
class _Call:
    index: int
    id: str
    raw_id: str | None = None
    name: str = ""
    arguments: list[str] = field(factory=list)
    told: bool = False


class Fragments:
    """The calls of one turn, as their fragments come in.

    A call is held back until its name is whole: until arguments, another call or the end follow.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._attempt = 1
        self._forget()

    def _forget(self) -> None:
        self._begun: _Call | None = None
        self._highest = -1
        self._indexes: set[int] = set()
        self._ids: set[str] = set()
        self._latest: dict[int | None, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}

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
        if not (piece.id or piece.name or piece.arguments):
            return
        call = self._known(piece)
        if call is None:
            yield from self.flush()
            call = self._begin(piece)
        self._latest[piece.index] = call
        if piece.id and call.raw_id is None:
            self._identify(call, piece.index, piece.id)
        if piece.name and not call.told:
            call.name = _join_name(call.name, piece.name)
        if piece.arguments:
            yield from self._tell(call)
            call.arguments.append(piece.arguments)
            yield ToolCallDelta(call.index, arguments=piece.arguments)

    def flush(self) -> Iterator[ToolCallDelta]:
        """Yield the first fragment of the call that is held back: the latest one, if any."""
        if self._begun is not None:
            yield from self._tell(self._begun)

    def retract(self) -> None:
        """Forget all calls: the next attempt begins."""
        self._forget()
        self._attempt += 1

    def _tell(self, call: _Call) -> Iterator[ToolCallDelta]:
        if not call.told:
            call.told = True
            yield ToolCallDelta(call.index, call.id, call.name, "")

    def _known(self, piece: ToolCallDelta) -> _Call | None:
        """Return the call that a fragment belongs to, unless it begins one."""
        index: int | None = piece.index  # some providers leave it out
        call = self._latest.get(index)
        if call is None and index is None and not (piece.id or piece.name):
            call = self._begun
        if piece.id and call is not None and call.raw_id not in (None, piece.id):
            call = self._by_id.get((index, piece.id))
        return None if call is None or _begins_anew(call, piece) else call

    def _begin(self, piece: ToolCallDelta) -> _Call:
        index = piece.index
        if index is None or index in self._indexes:
            index = self._highest + 1
        call = self._begun = _Call(index, self._made_id(index))
        self._highest = max(self._highest, index)
        self._indexes.add(index)
        self._ids.add(call.id)
        return call

    def _made_id(self, index: int) -> str:
        ids = (f"call_{self._step}_{self._attempt}_{number}" for number in count(index))
        return next(made for made in ids if made not in self._ids)

    def _identify(self, call: _Call, index: int | None, raw_id: str) -> None:
        call.raw_id = raw_id
        self._by_id[index, raw_id] = call
        if not call.told and raw_id not in self._ids:
            self._ids.remove(call.id)
            self._ids.add(raw_id)
            call.id = raw_id


def _begins_anew(call: _Call, piece: ToolCallDelta) -> bool:
    """Tell whether a fragment begins another call, though it bears the marks of this one."""
    if not piece.name or not call.arguments:
        return False
    more = piece.arguments and not piece.arguments.isspace()
    return piece.name != call.name or bool(more and _is_whole("".join(call.arguments)))


def _join_name(name: str, piece: str) -> str:
    """Return a name with a piece more, which may be the whole name said again."""
    return piece if piece.startswith(name) else name + piece


def _is_whole(arguments: str) -> bool:
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True
