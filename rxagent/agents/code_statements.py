"""Statements: those at the start of a text of Python that no further text can change."""

from __future__ import annotations

import ast
import re
import warnings

__all__ = ["StatementReader", "complete_statements", "parsed"]

_LINE_START = re.compile(r"(?<=\n)")
_BLANK = r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*"
_COMPOUND = re.compile(rf"{_BLANK}(?:[@\\]|(?:async|class|def|for|if|match|try|while|with)(?!\w))")
_BEGINNING = re.compile(rf"{_BLANK}\w*\Z")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_FEW = 50
"""The lines of a statement up to which each is tried as its end. Of a longer one with an open
bracket only few are, since each try parses all lines so far."""

_WORD = re.compile(r"\w+")
_COMPOUND_NODES = tuple(
    kind for kind in ast.stmt.__subclasses__() if {"body", "cases"}.intersection(kind._fields)
)
_CONTINUES = {"elif", "else", "except", "finally"}


def complete_statements(text: str) -> tuple[str, ...]:
    """Return the complete statements at the start of a text, which may still grow.

    A simple statement is complete at the end of its line. A compound one, such as an `if`, is
    complete when the next token has been read and is none that continues it. Each statement is
    returned with the comments and blank lines before it, so that they join to a start of the text.

    Once complete, a statement stays as it is, whatever the text continues with. A text that is not
    Python has no complete statement from its first error on, and a long one may have fewer than it
    could.
    """
    return tuple(StatementReader().add(text))


class StatementReader:
    """Returns complete statements of a text that arrives in pieces.

    How the text is split makes no difference.

    Attributes:
        rest: The text after the complete statements.
    """

    def __init__(self) -> None:
        self.rest = ""
        self._seen = 0  # no statement ends before this place in the rest

    def add(self, text: str) -> list[str]:
        """Add a piece; return the statements that it completes."""
        self.rest += text
        statements = []
        while (end := self._end()) is not None:
            statements.append(self.rest[:end])
            self.rest, self._seen = self.rest[end:], 0
        return statements

    def _end(self) -> int | None:
        """Return where the first statement ends, if it is complete."""
        if _BEGINNING.match(self.rest):
            return None
        is_compound = _COMPOUND.match(self.rest) is not None
        for line in _LINE_START.finditer(self.rest, self._seen):
            end = line.start()
            if is_compound and not (follows := self._follows(end)):
                if follows is None:
                    return None
            elif (last := _last_in(self.rest[:end])) is not None:
                if not isinstance(last, _COMPOUND_NODES) or (follows := self._follows(end)):
                    return end
                if follows is None:
                    return None
            self._seen = end + 1
        return None

    def _follows(self, end: int) -> bool | None:
        """Return whether another statement begins here; None if that is not known yet."""
        if end == len(self.rest):
            return None
        if self.rest[end].isspace() or self.rest[end] in "#\\":
            return False
        word = _WORD.match(self.rest, end)
        if word is None:
            return True
        if word.end() == len(self.rest):
            return None
        return word[0] not in _CONTINUES


def _last_in(code: str) -> ast.stmt | None:
    """Return the last statement of code; None if it is not Python, or not likely to be."""
    lines = code.count("\n")
    is_tried = lines <= _FEW or lines.bit_count() == 1
    if not is_tried and any(code.count(one) != code.count(other) for one, other in _BRACKETS):
        return None
    tree = parsed(code)
    return tree.body[-1] if tree is not None and tree.body else None


def parsed(code: str) -> ast.Module | None:
    """Return the syntax tree of code; None if it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in strings, for example
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
