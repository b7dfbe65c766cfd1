"""Cells: where a text ends on a terminal; some characters take two cells there, and some none."""

from __future__ import annotations

import os
import re
from typing import TextIO

__all__ = ["Cursor", "columns", "last_cells"]

_USUAL = 80
_TAB = 8
_PIECES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|.", re.DOTALL)


def columns(screen: TextIO) -> int:
    """Return the number of columns of a terminal, or what the variable COLUMNS says instead."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(screen.fileno()).columns or _USUAL
    except (OSError, ValueError):  # claims to be a terminal, but is not one of the system
        return _USUAL


class Cursor:
    """The column of a terminal's cursor, also after its window is resized."""

    def __init__(self) -> None:
        self._line: list[str] = []
        self._width = 0
        self._column = 0

    def follow(self, text: str, width: int) -> None:
        """Move behind a text that is written to a terminal of so many columns."""
        column = self.column(width)
        line = text[max(text.rfind("\n"), text.rfind("\r")) + 1 :]
        if len(line) < len(text):
            self._line.clear()
            column = 0
        self._line.append(line)
        self._column = _column_after(line, column, width)

    def start_row(self) -> None:
        """Move to the start of a row."""
        self._line.clear()
        self._column = 0

    def column(self, width: int) -> int:
        """Return the column on a terminal of so many columns."""
        if width != self._width:
            self._width = width
            self._column = _column_after("".join(self._line), 0, width)
        return self._column


def last_cells(text: str, width: int) -> str:
    """Return the end of a text, in at most so many cells; an ellipsis stands for what is cut."""
    from rich.cells import cell_len, get_character_cell_size

    if cell_len(text) <= width:
        return text
    start, room = len(text), width - 1
    while start and (room := room - get_character_cell_size(text[start - 1])) >= 0:
        start -= 1
    return f"…{text[start:]}"


def _column_after(text: str, column: int, width: int) -> int:
    """Return the column of the cursor after a text.

    Args:
        text: A text without newlines and returns; its control sequences do not move the cursor.
        column: The column before it.
        width: The number of columns. It is also the column behind a full row, as a terminal breaks
            a row only before the next character.
    """
    from rich.cells import get_character_cell_size

    for piece in _PIECES.findall(text):
        if piece == "\t":
            column = min((column // _TAB + 1) * _TAB, width - 1)
        elif not piece.startswith("\x1b"):
            size = get_character_cell_size(piece)
            column = size if column + size > width else column + size
    return column
