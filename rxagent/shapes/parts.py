"""Parts of a JSON text, each as soon as it is closed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from .paths import Path

__all__ = ["Parts"]

_ROOT = re.compile(r"[\[{]")
_IN_STRING = re.compile(r'\\.|\\\Z|"', re.DOTALL)
_BETWEEN = re.compile(r"[\s:]*")
_BARE = re.compile(r'[^\s:,\[\]{}"]+')


class _Frame:
    """An open object or list: the key or the index of its present value."""

    __slots__ = ("awaits_key", "key")

    def __init__(self, is_object: bool) -> None:
        self.awaits_key = is_object
        self.key: str | int = "" if is_object else 0

    def advance(self) -> None:
        if isinstance(self.key, int):
            self.key += 1
        else:
            self.awaits_key = True


class _Slice:
    """A text that may lie in several pieces: where it continues in the present one."""

    __slots__ = ("pieces", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.pieces: list[str] = []

    def end(self, piece: str, end: int | None = None) -> str:
        """Return the whole text, which ends here."""
        self.leave(piece, end)
        return "".join(self.pieces)

    def leave(self, piece: str, end: int | None = None) -> None:
        """Keep what lies in this piece."""
        self.pieces.append(piece[self.start : end])
        self.start = 0


class Parts:
    """The parts of one JSON text at some paths; each character is looked at once.

    What comes before the first brace or bracket, and behind its end, is ignored. The text is not
    validated: of one that is not JSON, the parts are any texts.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths: dict[int, list[Path]] = {}
        for path in paths:
            self._paths.setdefault(len(path), []).append(path)
        self._frames: list[_Frame] = []
        self._is_over = False
        self._is_bare = self._in_string = self._escaped = False
        self._key: _Slice | None = None
        self._part: _Slice | None = None
        self._depth = 0

    def add(self, piece: str) -> Iterator[str]:
        """Add a piece of the text, and yield the parts that it closes, as JSON."""
        at = 0
        while at < len(piece) and not self._is_over:
            if self._in_string:
                at, has_ended = self._skip_string(piece, at)
                if has_ended:
                    yield from self._end_string(piece, at)
            elif self._frames:
                at = _BETWEEN.match(piece, at).end()  # type: ignore[union-attr]  # always matches
                if at < len(piece):
                    yield from self._read(piece, at)
                    at = _BARE.match(piece, at).end() if self._is_bare else at + 1  # type: ignore[union-attr]  # it begins here
            else:
                at = self._find_root(piece, at)
        for open in (self._key, self._part):
            if open is not None:
                open.leave(piece)

    def _find_root(self, piece: str, at: int) -> int:
        root = _ROOT.search(piece, at)
        if root is None:
            return len(piece)
        self._frames.append(_Frame(root[0] == "{"))
        return root.end()

    def _read(self, piece: str, at: int) -> Iterator[str]:
        """Read a character outside of strings."""
        sign = piece[at]
        if self._is_bare and sign in '"{[,]}':
            self._is_bare = False
            yield from self._close(piece, at)
        match sign:
            case '"':
                self._in_string = True
                if self._frames[-1].awaits_key:
                    self._key = _Slice(at)
                else:
                    self._begin(at)
            case "{" | "[":
                self._begin(at)
                self._frames.append(_Frame(sign == "{"))
            case "}" | "]":
                self._frames.pop()
                self._is_over = not self._frames
                yield from self._close(piece, at + 1)
            case ",":
                self._frames[-1].advance()
            case _:
                if not self._is_bare:
                    self._begin(at)
                self._is_bare = True

    def _skip_string(self, piece: str, at: int) -> tuple[int, bool]:
        """Return where to read on, and whether the string has ended."""
        if self._escaped:
            self._escaped = False
            return at + 1, False
        found = _IN_STRING.search(piece, at)
        if found is None:
            return len(piece), False
        self._in_string = found[0] != '"'
        self._escaped = found[0] == "\\"
        return found.end(), not self._in_string

    def _end_string(self, piece: str, at: int) -> Iterator[str]:
        if self._key is None:
            yield from self._close(piece, at)
            return
        frame = self._frames[-1]
        frame.awaits_key = False
        frame.key = _decoded(self._key.end(piece, at))
        self._key = None

    def _begin(self, at: int) -> None:
        """Begin a value."""
        depth = len(self._frames)
        if self._part is None and depth in self._paths:
            place = tuple(frame.key for frame in self._frames)
            if any(path.leads_to(place) for path in self._paths[depth]):
                self._part, self._depth = _Slice(at), depth

    def _close(self, piece: str, at: int) -> Iterator[str]:
        """Close a value."""
        part = self._part
        if part is not None and len(self._frames) == self._depth:
            self._part = None
            yield part.end(piece, at)


def _decoded(key: str) -> str:
    try:
        decoded: str = json.loads(key, strict=False)
    except ValueError:
        return key
    return decoded
