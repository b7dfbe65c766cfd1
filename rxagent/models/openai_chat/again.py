"""Again: fragments that repeat a whole call, as a gateway sends them."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from ...call_arguments import in_order
from ...operators._arguments import Arguments

__all__ = ["Again"]


@define
class _Call:
    """The latest call at an index.

    Attributes:
        id: Its id.
        name: Its name.
        arguments: Its arguments so far.
        known: Its arguments, once they are a whole object that holds anything.
        at: How many characters of them have come once more.
        is_named: Whether its name has, too.
        is_identified: Whether its id has.
    """

    id: str | None
    name: str | None
    arguments: Arguments = field(factory=Arguments)
    known: str = ""
    at: int = 0
    is_named: bool = False
    is_identified: bool = False

    def add(self, piece: str) -> None:
        """Add a piece of its arguments."""
        self.arguments.add(piece)
        if piece.rstrip()[-1:] == "}" and self.arguments.are_whole:
            text = self.arguments.text.strip()
            self.known = "" if text == "{}" else text


class Again:
    """Finds calls that come once more under their index, without another id.

    Pieces of the same call are held, and left out. A name alone says nothing, since some servers
    send it with each piece. What differs is another call.
    """

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._beside: dict[int, dict[str, Any]] = {}

    def new_in(
        self, index: int, id: str | None, name: str | None, arguments: str | None
    ) -> tuple[str | None, str | None, str | None] | None:
        """Return id, name and arguments of a fragment, with those held before; None to skip it.

        Args:
            index: Its index.
            id: Its id.
            name: Its name.
            arguments: Its arguments.
        """
        call, piece = self._calls.get(index), arguments or ""
        is_other = call is not None and id not in (None, call.id)
        if call is None or (is_other and name):
            self.begin(index, id, name, piece)
        elif is_other or not call.known:
            call.name = call.name or name
            call.add(piece)
        elif name in (None, call.name) and _goes_on_again(call, piece):
            is_open = bool(call.at or not piece)
            call.is_named = is_open and (call.is_named or name is not None)
            call.is_identified = is_open and (call.is_identified or id is not None)
            return None
        else:
            id = id or (call.id if call.is_identified else None)
            name = name or (call.name if call.is_named else None)
            arguments = call.known[: call.at] + piece
            self.begin(index, call.id, name or call.name, arguments)
        return id, name, arguments

    def is_known(self, index: int, beside: dict[str, Any]) -> bool:
        """Return whether the latest call at an index has had these fields beside its name.

        Args:
            index: The index.
            beside: The fields; they are noted.
        """
        is_known = not beside or self._beside.get(index) == beside
        if not is_known:
            self._beside[index] = beside
        return is_known

    def begin(self, index: int, id: str | None, name: str | None, arguments: str) -> None:
        """Note the beginning of another call."""
        call = self._calls[index] = _Call(id, name)
        call.add(arguments)


def _goes_on_again(call: _Call, piece: str) -> bool:
    """Return whether a piece repeats what follows in the arguments of a call, and note it."""
    piece = piece if call.at else piece.lstrip()
    end = call.at + len(piece.rstrip())
    if end == len(call.known):
        piece = piece.rstrip()
    if call.known.startswith(piece, call.at):
        call.at = (call.at + len(piece)) % len(call.known)
        return True
    piece = piece.rstrip()
    return not call.at and piece[-1:] == "}" and in_order(piece) == in_order(call.known)
