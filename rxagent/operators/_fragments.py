"""The fragments of tool calls, brought into one form."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from attrs import define, evolve, field

from ..call_arguments import in_order
from ..events import Delta, Finish, StepRetried, ToolCallDelta
from ..messages import ProviderData
from ._arguments import Arguments

__all__ = ["UNNAMED", "Fragments"]

_EMPTY = "{}"

UNNAMED = "unnamed"
"""The name of a call that has none, so that the model reads that there is no such tool."""


@define(eq=False)
class _Call:
    """A call, and how much of it was emitted.

    `repeated` is how many characters of its arguments the provider has sent a second time; None
    while it does not repeat them. `is_named_again` is true after its name alone, or its id, was
    repeated. `may_be_replaced` is true while its arguments are `{}`, which others may replace.
    `earlier` is a call of the same index without a name, which this one continues if ids change.
    `original` is a whole call of its id and name, until it is known whether this is that one.
    """

    index: int
    id: str
    raw_id: str | None = None
    name: str = ""
    arguments: Arguments = field(factory=Arguments)
    extra: tuple[ProviderData, ...] = ()
    is_emitted: bool = False
    repeated: int | None = None
    is_named_again: bool = False
    may_be_replaced: bool = False
    earlier: _Call | None = None
    original: _Call | None = None

    def begin(self) -> Iterator[ToolCallDelta]:
        """Yield the first fragment, and the arguments that arrived before it."""
        if self.is_emitted:
            return
        self.is_emitted = True
        yield ToolCallDelta(self.index, self.id, self.name, "", self.extra)
        if self.arguments:
            yield ToolCallDelta(self.index, arguments=self.arguments.text)


class Fragments:
    """The calls of one turn, as their fragments arrive.

    A fragment goes to the call that its id names, else to the latest one of its index. It begins
    another call where that one cannot continue: under another name, or when its arguments are
    whole. A call is held back until it has its name, and arguments follow or the turn ends. The
    arguments `{}`, which the real ones may replace, are held back until another call has some.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._attempt = 1
        self._forget()

    def _forget(self) -> None:
        self._calls: list[_Call] = []
        self._held: dict[int, _Call] = {}
        self._replaceable: dict[int, _Call] = {}
        self._open: dict[int, _Call] = {}
        self._highest = -1
        self._indexes: set[int] = set()
        self._ids: set[str] = set()
        self._latest: dict[int | None, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}
        self._first_of_id: dict[str, _Call] = {}

    def take(self, delta: Delta) -> Iterator[Delta]:
        """Add a delta that may concern calls, and yield the deltas that can be emitted now."""
        match delta:
            case ToolCallDelta():
                yield from self.add(delta)
            case Finish():
                yield from self.settle()
                yield delta
            case StepRetried():
                self.retract()
                yield delta

    def add(self, piece: ToolCallDelta) -> Iterator[ToolCallDelta]:
        """Add a fragment, and yield the fragments that can be emitted now."""
        if not (piece.id or piece.name or piece.arguments or piece.extra):
            return
        call = self._known(piece)
        is_complete = call is not None and bool(call.name) and call.arguments.are_whole
        if call is not None and is_complete and (call.is_emitted or not piece.name):
            if (open := self._only_open(piece, call)) is not None:
                yield from self._grow(open, piece)
            else:
                yield from self._add_to_whole(call, piece)
        else:
            yield from self._grow(call or self._begin(piece), piece)

    def settle(self) -> Iterator[ToolCallDelta]:
        """Yield the calls that have a name; arguments without one go to a call that has none."""
        strays = [call for call in self._held.values() if not call.name]
        self._hand_over({key: own for call in reversed(strays) for key, own in self._join(call)})
        self._drop_repeated()
        nameless = [call for call in self._held.values() if call.arguments and not call.name]
        lacking = [
            call
            for call in self._calls
            if call.name and (call.may_be_replaced or not call.arguments)
        ]
        owners = {id(stray): call for stray, call in zip(nameless, lacking, strict=False)}
        self._hand_over(owners)
        for stray, call in zip(nameless, lacking, strict=False):
            self._held.pop(stray.index, None)
            if call.may_be_replaced:
                self._replace(call)
            text, extra = stray.arguments.text, stray.extra
            yield from self._grow(call, ToolCallDelta(call.index, arguments=text, extra=extra))
        yield from self._release()
        for call in [call for call in self._held.values() if call.name]:
            yield from self._emit(call)

    def flush(self) -> Iterator[ToolCallDelta]:
        """Yield all that is held back, when no fragment follows."""
        yield from self.settle()
        for call in [call for call in self._held.values() if call.arguments]:
            call.name = UNNAMED
            yield from self._emit(call)

    def retract(self) -> None:
        """Drop all calls, since the next attempt begins."""
        self._forget()
        self._attempt += 1

    def _emit(self, call: _Call) -> Iterator[ToolCallDelta]:
        self._held.pop(call.index, None)
        yield from call.begin()

    def _release(self) -> Iterator[ToolCallDelta]:
        """Yield the arguments `{}` that were held back, since they are the real ones."""
        replaceable, self._replaceable = self._replaceable, {}
        for call in replaceable.values():
            call.may_be_replaced = False
            yield ToolCallDelta(call.index, arguments=call.arguments.text)

    def _replace(self, call: _Call) -> None:
        """Drop the arguments `{}` of a call."""
        call.arguments = Arguments()
        call.may_be_replaced = False
        self._replaceable.pop(call.index, None)

    def _drop_repeated(self) -> None:
        """Drop calls without arguments, where another one of their id and name has some."""
        having = {
            (call.raw_id, call.name) for call in self._calls if call.raw_id and call.arguments
        }
        repeated = {
            call.index: call
            for call in self._held.values()
            if not call.arguments and call.name and (call.raw_id, call.name) in having
        }
        if repeated:
            self._held = {at: call for at, call in self._held.items() if at not in repeated}
            self._calls = [call for call in self._calls if call.index not in repeated]

    def _join(self, call: _Call) -> list[tuple[int, _Call]]:
        """Join a call without a name with those that it continues; return each one's new call."""
        joined = []
        while call.earlier is not None and not call.earlier.name:
            joined.append(call)
            earlier, call.earlier = call.earlier, None
            call = earlier
        for part in reversed(joined):
            call.arguments.add(part.arguments.text)
            call.extra += part.extra
            self._held.pop(part.index, None)
        return [(id(part), call) for part in joined]

    def _hand_over(self, owners: dict[int, _Call]) -> None:
        """Replace calls by others, wherever they are known."""
        if not owners:
            return
        self._calls = [call for call in self._calls if id(call) not in owners]
        self._open = {at: call for at, call in self._open.items() if id(call) not in owners}
        registers: list[dict[Any, _Call]] = [self._latest, self._by_id, self._first_of_id]
        for known in registers:
            known.update({key: owners.get(id(call), call) for key, call in known.items()})

    # Which call a fragment belongs to

    def _known(self, piece: ToolCallDelta) -> _Call | None:
        """Return the call that a fragment belongs to, unless it begins one."""
        index: int | None = piece.index  # some providers leave it out
        call = self._latest.get(index)
        if call is None and index is None and not (piece.id or piece.name) and self._calls:
            call = self._calls[-1]
        named = None
        if piece.id:
            named = self._by_id.get((index, piece.id)) or self._elsewhere(piece)
        if named is not None:
            call = named
        elif call is not None and piece.name and call.earlier is not None and not call.name:
            self._hand_over(dict(self._join(call)))
            call = self._latest.get(index)
        if named is None and piece.id and call is not None and call.raw_id is not None:
            if piece.name:
                call = call if _goes_on(call, piece) else None
            elif not call.name and call.arguments and _opens(piece.arguments):
                return None  # ids may distinguish calls before their names do
        return None if call is None or _begins_another(call, piece) else call

    def _elsewhere(self, piece: ToolCallDelta) -> _Call | None:
        """Return the call of a fragment's id at another index, if the fragment fits it."""
        call = self._first_of_id.get(piece.id or "")
        if call is None or not piece.name:
            return call
        if piece.name != call.name:
            return None
        if call.arguments.are_whole:
            return call if call.arguments.text.startswith(piece.arguments or "") else None
        return call if _goes_on(call, piece) else None

    def _only_open(self, piece: ToolCallDelta, whole: _Call) -> _Call | None:
        """Return the only call that a fragment without marks can continue, at a stale index."""
        if piece.id or piece.name or not (piece.arguments or "").strip():
            return None
        if whole.may_be_replaced or whole.repeated is not None or whole.is_named_again:
            return None
        ended, others = [], []
        for call in self._open.values():
            if call.arguments.are_whole:
                ended.append(call.index)
            else:
                others.append(call)
                if len(others) > 1:
                    break
        for index in ended:
            del self._open[index]
        return others[0] if len(others) == 1 else None

    def _add_to_whole(self, call: _Call, piece: ToolCallDelta) -> Iterator[ToolCallDelta]:
        """Add a fragment to a call whose arguments are whole.

        Fragments with the call's id may repeat its arguments; they are skipped while they do.
        """
        self._latest[piece.index] = call
        more = piece.arguments or ""
        if not more or (more.isspace() and not call.repeated):
            if piece.name and not more:
                call.repeated = 0 if piece.id else call.repeated
                call.is_named_again = True
            yield from self._grow(call, evolve(piece, name=None))
            return
        if call.may_be_replaced and _opens(more) and _may_replace(call, piece):
            if more.strip() != _EMPTY:
                self._replace(call)
                yield from self._grow(call, evolve(piece, name=None))
            return
        if call.repeated is None and piece.id and piece.id == call.raw_id and _opens(more):
            call.repeated = 0
        if call.repeated is not None:
            start, whole = call.repeated, call.arguments.text
            if whole.startswith(more, start):
                end = start + len(more)
                call.repeated = end if end < len(whole) else None
                is_named = call.is_named_again or bool(piece.id)
                call.is_named_again = is_named and call.repeated is not None
                return
            call.repeated = None
            yield from self._begin_another(call, piece, whole[:start] + more, True)
        elif _opens(more):
            yield from self._begin_another(call, piece, more)
        else:
            yield from self._grow(call, piece)

    def _begin_another(
        self, call: _Call, piece: ToolCallDelta, arguments: str, is_repeated: bool = False
    ) -> Iterator[ToolCallDelta]:
        name = piece.name or (call.name if piece.id == call.raw_id or call.is_named_again else None)
        call.is_named_again = False
        begun = evolve(piece, name=name, arguments=arguments)
        other = self._begin(begun)
        if is_repeated and name == call.name:
            other.original = call
        yield from self._grow(other, begun)

    # Beginning and growing a call

    def _begin(self, piece: ToolCallDelta) -> _Call:
        given = index = piece.index
        if index is None or index in self._indexes:
            index = self._highest + 1
        call = _Call(index, self._made_id(index))
        before = self._latest.get(given)
        if before is not None and not before.name and not before.arguments.are_whole:
            call.earlier = before
        first = self._first_of_id.get(piece.id or "")
        if first is not None and piece.name == first.name and first.arguments.are_whole:
            call.original = first
        self._calls.append(call)
        self._held[index] = self._open[index] = call
        self._highest = max(self._highest, index)
        self._indexes.add(index)
        self._ids.add(call.id)
        return call

    def _grow(self, call: _Call, piece: ToolCallDelta) -> Iterator[ToolCallDelta]:
        self._latest[piece.index] = call
        if piece.id:
            self._identify(call, piece.index, piece.id)
        if piece.name and not call.is_emitted:
            call.name = _join_name(call.name, piece.name)
        extra = piece.extra
        if extra and not call.is_emitted:
            call.extra, extra = call.extra + extra, ()
        if piece.arguments and call.original is not None:
            call.arguments.add(piece.arguments)
            yield from self._compare(call)
            return
        if piece.arguments:
            if call.name and not call.is_emitted:
                yield from self._release()
                yield from self._emit(call)
                if not call.arguments and piece.arguments.strip() == _EMPTY:
                    call.may_be_replaced = True
                    self._replaceable[call.index] = call
            call.arguments.add(piece.arguments)
        arguments = "" if call.may_be_replaced else piece.arguments or ""
        if (arguments and call.is_emitted) or extra:
            yield ToolCallDelta(call.index, None, None, arguments, extra)

    def _compare(self, call: _Call) -> Iterator[ToolCallDelta]:
        """Drop a call that is another one once more, as its whole arguments show, else emit it."""
        original = call.original
        if original is None or not call.arguments.are_whole:
            return
        call.original = None
        if in_order(call.arguments.text) == in_order(original.arguments.text):
            self._held.pop(call.index, None)
            self._hand_over({id(call): original})
        else:
            yield from self._release()
            yield from self._emit(call)

    def _made_id(self, index: int) -> str:
        ids = (f"call_{self._step}_{self._attempt}_{number}" for number in count(index))
        return next(made for made in ids if made not in self._ids)

    def _identify(self, call: _Call, index: int | None, raw_id: str) -> None:
        self._by_id.setdefault((index, raw_id), call)
        self._first_of_id.setdefault(raw_id, call)
        if call.raw_id is not None:
            return
        call.raw_id = raw_id
        if not call.is_emitted and raw_id not in self._ids:
            self._ids.remove(call.id)
            self._ids.add(raw_id)
            call.id = raw_id


def _begins_another(call: _Call, piece: ToolCallDelta) -> bool:
    """Return whether a fragment begins another call, though its id or index is this one's."""
    if call.name:
        return bool(piece.name and call.is_emitted and call.arguments and piece.name != call.name)
    return _opens(piece.arguments) and call.arguments.are_whole


def _may_replace(call: _Call, piece: ToolCallDelta) -> bool:
    """Return whether arguments that follow `{}` are those of the same call."""
    if piece.name:
        return bool(piece.id) and piece.id == call.raw_id
    return not call.is_named_again or piece.id == call.raw_id


def _goes_on(call: _Call, piece: ToolCallDelta) -> bool:
    """Return whether a fragment that has a name, and another id, still belongs to a call."""
    is_begun = bool(call.arguments) and not call.arguments.are_whole
    if not call.name:
        return is_begun and not _opens(piece.arguments)
    more = piece.arguments and not piece.arguments.isspace()
    return is_begun and piece.name == call.name and bool(more) and not _opens(piece.arguments)


def _opens(arguments: str | None) -> bool:
    return bool(arguments) and str(arguments).lstrip()[:1] in ("{", "[")


def _join_name(name: str, piece: str) -> str:
    """Return a name with one more piece, which may be the whole name repeated."""
    return piece if piece.startswith(name) else name + piece
