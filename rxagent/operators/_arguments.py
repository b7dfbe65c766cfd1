"""The arguments of a call, as their pieces arrive."""

from __future__ import annotations

import re

from jiter import from_json

__all__ = ["Arguments"]

_IN_STRING = re.compile(r'\\.|\\\Z|"', re.DOTALL)


class Arguments:
    """The pieces of a call's arguments, and whether they make a whole JSON object.

    All work is linear in the text: a piece is parsed once, and only when `are_whole` is read.
    """

    __slots__ = ("_depth", "_escaped", "_in_string", "_looked_at", "_nested", "_pieces", "_text")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._text: str | None = ""
        self._looked_at = self._depth = 0
        self._in_string = self._escaped = self._nested = False

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: str) -> None:
        """Add a piece."""
        if piece:
            self._pieces.append(piece)
            self._text = None

    @property
    def text(self) -> str:
        """All pieces, joined."""
        if self._text is None:
            self._text = "".join(self._pieces)
        return self._text

    @property
    def are_whole(self) -> bool:
        """Whether they are an object or a list that is closed."""
        if not self._looked_at and _is_container(self.text):
            self._nested, self._looked_at = True, len(self._pieces)
        self._look_at_all()
        return self._nested and self._depth <= 0 and not self._in_string

    @property
    def end_in_string(self) -> bool:
        """Whether their end lies within a string."""
        self._look_at_all()
        return self._in_string

    def _look_at_all(self) -> None:
        for piece in self._pieces[self._looked_at :]:
            self._look(piece)
        self._looked_at = len(self._pieces)

    def _look(self, piece: str) -> None:
        at = 1 if self._escaped and piece else 0
        self._escaped = self._escaped and not piece
        while at < len(piece):
            if self._in_string:
                found = _IN_STRING.search(piece, at)
                at = found.end() if found else len(piece)
                self._in_string = found is None or found[0] != '"'
                self._escaped = found is not None and found[0] == "\\"
            else:
                quote = piece.find('"', at)
                end = quote if quote >= 0 else len(piece)
                opened = piece.count("{", at, end) + piece.count("[", at, end)
                self._depth += opened - piece.count("}", at, end) - piece.count("]", at, end)
                self._nested = self._nested or opened > 0
                self._in_string = quote >= 0
                at = end + 1


def _is_container(text: str) -> bool:
    """Return whether a text is an object or a list in strict JSON."""
    if text.rstrip()[-1:] not in ("}", "]"):
        return False
    try:
        from_json(text.encode())
    except ValueError:
        return False
    return True
