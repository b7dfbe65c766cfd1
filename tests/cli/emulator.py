"""An emulator of a terminal, as far as the command line moves the cursor of one."""

import re

from rich.cells import get_character_cell_size

_PIECES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|.", re.DOTALL)


class Emulator:
    """The rows that a terminal has shown; the last ones are its screen.

    A column that equals the width stands for a full row: the next character breaks it.
    """

    def __init__(self, width, height):
        self.width = width
        self.rows = [[""] * width for _ in range(height)]
        self._height = height
        self.row = self.column = 0
        self._saved = (0, 0)

    @property
    def lines(self):
        """All rows as texts."""
        return ["".join(cell or " " for cell in row).rstrip() for row in self.rows]

    def feed(self, text):
        """Show a text, and obey its control sequences."""
        for piece in _PIECES.findall(text):
            self._feed(piece)

    def _feed(self, piece):
        match piece:
            case "\n":
                self.column = 0
                self._down()
            case "\b":
                self.column -= 1
            case "\x1b[2K":
                self.rows[self.row][:] = [""] * self.width
            case "\r":
                self.column = 0
            case "\x1bD":
                self.column = min(self.column, self.width - 1)
                self._down()
            case "\x1bM":
                assert self.row > self._top, "the screen does not scroll back"
                self.row -= 1
            case "\x1b7":
                self._saved = self.row - self._top, self.column
            case "\x1b8":
                above, self.column = self._saved
                self.row = self._top + above
            case "\x1b[J":
                start = min(self.column, self.width - 1)
                self.rows[self.row][start:] = [""] * (self.width - start)
                for row in self.rows[self.row + 1 :]:
                    row[:] = [""] * self.width
            case _ if not piece.startswith("\x1b"):
                self._put(piece)

    def _put(self, char):
        size = get_character_cell_size(char)
        if self.column + size > self.width:
            self.column = 0
            self._down()
        self.rows[self.row][self.column : self.column + size] = [char, "\0"][:size]
        self.column += size

    @property
    def _top(self):
        return len(self.rows) - self._height

    def _down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([""] * self.width)
