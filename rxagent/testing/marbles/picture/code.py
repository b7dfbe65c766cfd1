"""Code in a picture: an expression on lines that are not too long."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from attrs import Factory, define

from .nesting import Code, Group, flat, joined, nested

__all__ = ["filled", "folded", "unfolded"]

_INDENT = 4
_SHORT = 20


def unfolded(source: str) -> str:
    """Return an expression on one line."""
    return joined(nested(source))


def filled(source: str, width: int) -> list[str]:
    """Return the lines of an expression, each as full as it can be.

    Within a text they break only where it would fill a line by itself.
    """
    lines = [""]
    pieces = _pieces(nested(source))
    for piece in chain.from_iterable(_cut(piece, width - _INDENT) for piece in pieces):
        if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * _INDENT)
        lines[-1] += piece
    return lines


def _pieces(code: Code) -> Iterator[str]:
    """Yield the pieces of an expression between which a line may end: each ends with a comma."""
    piece = ""
    for item in code:
        if isinstance(item, str):
            piece += item
            continue
        piece += item.opening
        for index, argument in enumerate(item.arguments):
            if index:
                yield piece + ", "
                piece = ""
            *whole, last = _pieces(argument)
            for first in whole:
                yield piece + first
                piece = ""
            piece += last
        piece += item.closing
    yield piece


def _cut(piece: str, width: int) -> list[str]:
    return [piece] if len(piece.rstrip()) <= width else re.findall(r" *[^ ]+ ?| +", piece)


def folded(source: str, width: int) -> list[str]:
    """Return the lines of an expression, broken at its brackets and at the links of its chains.

    What cannot be broken may still be longer.
    """
    return _Page(width).lay(nested(source))


@define
class _Page:
    """Lines that are being filled."""

    width: int
    lines: list[str] = Factory(lambda: [""])

    def lay(self, code: Code, indent: int = 0, rest: int = 0) -> list[str]:
        """Write a piece of code, behind which `rest` signs must find room."""
        for index, item in enumerate(code):
            if item == "." and index:
                link, behind = code[index : index + 3], code[index + 3 :]
                self._chain(joined(link), indent, _to_next_break(behind, rest))
            behind_it = _to_next_break(code[index + 1 :], rest)
            if isinstance(item, str) or self._fits(flat(item), behind_it):
                self.lines[-1] += flat(item)
            else:
                self._break(item, indent, behind_it)
        return self.lines

    def _fits(self, text: str, behind: int) -> bool:
        return len(self.lines[-1]) + len(text) + behind <= self.width

    def _chain(self, link: str, indent: int, behind: int) -> None:
        """Begin a line where the link of a chain fits on that alone."""
        if not self._fits(link, behind):
            self.lines.append(" " * (indent + _INDENT))
            if not self._fits(link, behind):
                self.lines.pop()

    def _break(self, group: Group, indent: int, behind: int) -> None:
        self.lines[-1] += group.opening
        match group.arguments:
            case [[*head, Group()] as only] if _is_plain(head) and self._fits(joined(head), 1):
                self.lay(only, indent, len(group.closing) + behind)
                self.lines[-1] += group.closing
            case arguments:
                self._fill(arguments, indent + _INDENT)
                self.lines.append(" " * indent + group.closing)

    def _fill(self, arguments: list[Code], indent: int) -> None:
        """Write arguments on lines of their own, as many on each as fit."""
        has_room = False
        for index, argument in enumerate(arguments):
            text, comma = joined(argument), "," if index < len(arguments) - 1 else ""
            if has_room and self._fits(" " + text, len(comma)):
                self.lines[-1] += " " + text + comma
                continue
            self.lines.append(" " * indent)
            has_room = self._fits(text, len(comma))
            self.lay(argument, indent, len(comma))
            self.lines[-1] += comma


def _is_plain(code: Sequence[str | Group]) -> bool:
    return all(isinstance(item, str) for item in code)


def _to_next_break(code: Code, rest: int) -> int:
    """Return how many signs must follow on the same line."""
    length = 0
    for index, item in enumerate(code):
        if item == ".":
            return length
        text = flat(item)
        if isinstance(item, Group) and (index or len(text) > _SHORT):
            return length + len(item.opening)
        length += len(text)
    return length + rest
