"""Nesting: an expression as words, and as brackets that hold others."""

import io
import tokenize
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from attrs import Factory, define

__all__ = ["Code", "Group", "flat", "joined", "nested"]

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
class Group:
    """Brackets, and what stands in them between commas."""

    opening: str
    arguments: list["Code"] = Factory(lambda: [[]])
    closing: str = ""

    def close(self, word: str) -> None:
        """End here; a last comma stays only where it makes a tuple."""
        if not self.arguments[-1]:
            self.arguments.pop()
            is_tuple = word == ")" and len(self.arguments) == 1
            word = f",{word}" if is_tuple else word
        self.closing = word


Code: TypeAlias = list[str | Group]
"""A piece of an expression."""


def nested(source: str) -> Code:
    """Return an expression as it nests; its lines and most of its blanks are forgotten."""
    root = Group("")
    path = [root]
    for word in _words(source):
        here = path[-1]
        if word in _CLOSING:
            group = Group(word)
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
    """Yield the words, with one blank where blanks or a line's end part them."""
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


def flat(item: str | Group) -> str:
    """Return a part of an expression on one line."""
    if isinstance(item, str):
        return item
    return item.opening + ", ".join(map(joined, item.arguments)) + item.closing


def joined(code: Sequence[str | Group]) -> str:
    """Return a piece of an expression on one line."""
    return "".join(map(flat, code))
