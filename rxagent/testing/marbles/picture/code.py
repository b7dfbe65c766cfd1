"""Code in a picture: an expression broken into short lines."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from attrs import Factory, define

__all__ = ["filled", "folded", "unfolded"]

_INDENT = 4
_SHORT = 20

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BLANK = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


@define
class _Group:
    """Brackets, and the arguments between them."""

    opening: str
    arguments: list[_Code] = Factory(lambda: [[]])
    closing: str = ""

    def close(self, word: str) -> None:
        """Close the brackets; a trailing comma stays only in a tuple of one."""
        if not self.arguments[-1]:
            self.arguments.pop()
            is_tuple = word == ")" and len(self.arguments) == 1
            word = f",{word}" if is_tuple else word
        self.closing = word


_Code: TypeAlias = list[str | _Group]
"""A piece of an expression: words, and brackets with other pieces in them."""


def _nested(source: str) -> _Code:
    """Return the nesting of an expression, without its line breaks and most of its spaces."""
    root = _Group("")
    path = [root]
    for word in _words(source):
        here = path[-1]
        if word in _CLOSING:
            group = _Group(word)
            here.arguments[-1].append(group)
            path.append(group)
        elif word == _CLOSING.get(here.opening):
            here.close(word)
            path.pop()
        elif word == "," and len(path) > 1:
            here.arguments.append([])
        elif word != " " or here.arguments[-1] or len(path) == 1:
            here.arguments[-1].append(word)
    return root.arguments[0]


def _words(source: str) -> Iterator[str]:
    """Yield the words, with one space where spaces or a line break separate them."""
    before = tokenize.TokenInfo(tokenize.NL, "", (1, 0), (1, 0), "")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _BLANK:
            continue
        if token.start[0] == before.end[0]:
            if token.start[1] > before.end[1]:
                yield " "
        elif not (before.string in _CLOSING or token.string in (*_CLOSING.values(), ".")):
            yield " "
        yield token.string.replace("\n", "\\n")
        before = token


def _flat(item: str | _Group) -> str:
    """Return a word or brackets on one line."""
    if isinstance(item, str):
        return item
    return item.opening + ", ".join(map(_joined, item.arguments)) + item.closing


def _joined(code: Sequence[str | _Group]) -> str:
    """Return a piece of an expression on one line."""
    return "".join(map(_flat, code))


def unfolded(source: str) -> str:
    """Return an expression on one line."""
    return _joined(_nested(source))


def filled(source: str, width: int) -> list[str]:
    """Return the lines of an expression, each as full as possible.

    A line breaks within a string only where the string is longer than a line.
    """
    lines = [""]
    pieces = _pieces(_nested(source))
    for piece in chain.from_iterable(_cut(piece, width - _INDENT) for piece in pieces):
        if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * _INDENT)
        lines[-1] += piece
    return lines


def _pieces(code: _Code) -> Iterator[str]:
    """Yield the pieces after which a line may end; each ends with a comma."""
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
    """Return the lines of an expression, broken at brackets and at the dots of method chains.

    What cannot be broken may be longer than `width`.
    """
    return _Page(width).lay(_nested(source))


@define
class _Page:
    """Lines that are being filled."""

    width: int
    lines: list[str] = Factory(lambda: [""])

    def lay(self, code: _Code, indent: int = 0, rest: int = 0) -> list[str]:
        """Write a piece of code, leaving room for `rest` characters behind it."""
        for index, item in enumerate(code):
            if item == "." and index:
                link, behind = code[index : index + 3], code[index + 3 :]
                self._chain(_joined(link), indent, _to_next_break(behind, rest))
            behind_it = _to_next_break(code[index + 1 :], rest)
            if isinstance(item, str) or self._fits(_flat(item), behind_it):
                self.lines[-1] += _flat(item)
            else:
                self._break(item, indent, behind_it)
        return self.lines

    def _fits(self, text: str, behind: int) -> bool:
        return len(self.lines[-1]) + len(text) + behind <= self.width

    def _chain(self, link: str, indent: int, behind: int) -> None:
        """Begin a line if the next call of a chain fits only there."""
        if not self._fits(link, behind):
            self.lines.append(" " * (indent + _INDENT))
            if not self._fits(link, behind):
                self.lines.pop()

    def _break(self, group: _Group, indent: int, behind: int) -> None:
        self.lines[-1] += group.opening
        match group.arguments:
            case [[*head, _Group()] as only] if _is_plain(head) and self._fits(_joined(head), 1):
                self.lay(only, indent, len(group.closing) + behind)
                self.lines[-1] += group.closing
            case arguments:
                self._fill(arguments, indent + _INDENT)
                self.lines.append(" " * indent + group.closing)

    def _fill(self, arguments: list[_Code], indent: int) -> None:
        """Write arguments on separate lines, as many on each as fit."""
        has_room = False
        for index, argument in enumerate(arguments):
            text, comma = _joined(argument), "," if index < len(arguments) - 1 else ""
            if has_room and self._fits(" " + text, len(comma)):
                self.lines[-1] += " " + text + comma
                continue
            self.lines.append(" " * indent)
            has_room = self._fits(text, len(comma))
            self.lay(argument, indent, len(comma))
            self.lines[-1] += comma


def _is_plain(code: Sequence[str | _Group]) -> bool:
    return all(isinstance(item, str) for item in code)


def _to_next_break(code: _Code, rest: int) -> int:
    """Return how many characters must follow on the same line."""
    length = 0
    for index, item in enumerate(code):
        if item == ".":
            return length
        text = _flat(item)
        if isinstance(item, _Group) and (index or len(text) > _SHORT):
            return length + len(item.opening)
        length += len(text)
    return length + rest
