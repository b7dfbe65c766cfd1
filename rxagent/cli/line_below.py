"""The line below: what a person types during an answer, shown below what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TextIO

from ..cells import Cursor, columns, last_cells
from ..printable import shown
from .leaving import before_leaving
from .stdio import around_writes, write_at_once

__all__ = ["LineBelow"]

_SIGN = "› "
_ENTER = "↵ "

# Down and up again, so that there is a row below even at the end of the screen.
_ROOM = "\x1bD\x1bM"
_SAVE, _RESTORE = "\x1b7", "\x1b8"
_ERASE_FROM_HERE = "\x1b[J"


class LineBelow:
    """A line below what the process writes to a terminal; it moves down with what is written.

    The cursor stays where the next text will be. So nothing is lost when a child process writes
    to the terminal, or when its window is resized.

    Args:
        screen: The terminal; None shows nothing.
    """

    def __init__(self, screen: TextIO | None) -> None:
        self._screen = screen
        self._text = ""
        self._cursor = Cursor()
        self._lock = RLock()  # the handler of a signal may write during a write

    def show(self, text: str) -> None:
        """Show a text; an empty one erases the line."""
        with self._lock:
            self.erase()
            self._text = text
            self._draw()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the line below what is written during a block, and erase it at the end.

        At the start, the cursor is at the start of a row.
        """
        if self._screen is None:
            yield
            return
        self._cursor.start_row()
        with around_writes(self._moving), before_leaving(self.erase):
            try:
                yield
            finally:
                self.show("")

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the line during a block, which leaves the cursor at the start of a row."""
        text = self._text
        self.show("")
        try:
            yield
        finally:
            self._cursor.start_row()
            self.show(text)

    def erase(self) -> None:
        """Erase the line until it is drawn again."""
        if self._text:
            self._write(_ERASE_FROM_HERE)

    def draw_anew(self) -> None:
        """Draw the line where the cursor is, at the start of a row."""
        with self._lock:
            self._cursor.start_row()
            self._draw()

    @contextmanager
    def _moving(self, stream: TextIO, text: str) -> Iterator[None]:
        with self._lock:
            self.erase()
            yield
            self._cursor.follow(text, columns(stream))
            if self._text:
                stream.flush()
                self._draw()

    def _draw(self) -> None:
        if not self._text or self._screen is None:
            return
        width = columns(self._screen)
        if self._cursor.column(width) == width:  # it breaks the row before the next character
            self._write("\r\n")
            self._cursor.start_row()
        text = shown(self._text).replace("\t", " ").replace("\n", _ENTER)
        line = _SIGN + last_cells(text, width - len(_SIGN) - 1)
        if self._cursor.column(width):
            self._write(f"{_ROOM}{_SAVE}\r\n{line}{_RESTORE}")
        else:
            self._write(f"{_SAVE}{line}{_RESTORE}")

    def _write(self, text: str) -> None:
        if self._screen is not None:  # not by `sys.stdout`, whose writes move the line
            write_at_once(self._screen, text)
