"""Terminal: two streams that only ever grow, and one status line below them."""

import io
import os
import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from ..printable import one_line, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["Nowhere", "Part", "Terminal"]

Part = str | tuple[str, str]
"""A piece of a line: a text, or a text and its style. Nothing in it is read as markup."""

_ERASE = "\r\x1b[2K"
_WIDTH_OF_A_FILE = 100
_WIDTH_OF_A_TERMINAL = 80
_WITHDRAWN = "↑ withdrawn: the text above is no part of the answer"
_WIDTH_OF_NOTES = 76
_LEAST_ROOM = 8
_LINE_START = re.compile(r"\n(?=[^\n])")


class Terminal:
    """Where a run is shown: the answer goes to `out`, everything else to `err`.

    What was written is never touched again. The status line, drawn only when `err` is a terminal,
    is erased before anything else is written to either stream.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None) -> None:
        self._out = out
        self._err = err
        self._channel: str | None = None
        self._fresh = True
        self._status = ""
        self._codes: dict[str, tuple[str, str]] = {}
        self._nowhere = Nowhere()

    # Python has None for a standard stream that was closed before it started.

    @property
    def out(self) -> TextIO:
        """The stream for the answer."""
        return self._out or sys.stdout or self._nowhere

    @property
    def err(self) -> TextIO:
        """The stream for everything else."""
        return self._err or sys.stderr or self._nowhere

    @property
    def _width(self) -> int:
        if not self.err.isatty():
            return _WIDTH_OF_A_FILE
        columns = os.environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return int(columns)
        try:
            return os.get_terminal_size(self.err.fileno()).columns or _WIDTH_OF_A_TERMINAL
        except (OSError, ValueError):  # it says that it is a terminal, and is none of the system's
            return _WIDTH_OF_A_TERMINAL

    @cached_property
    def _moves(self) -> bool:
        return self.err.isatty() and os.environ.get("TERM") != "dumb"

    @cached_property
    def _rich(self) -> "Console":
        from rich.console import Console

        return Console(
            file=self.err,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            width=_WIDTH_OF_A_FILE,  # it only styles: lines are cut by ourselves
            force_jupyter=False,
        )

    # Streams of text

    def answer(self, piece: str) -> None:
        """Write a piece of the answer as it came."""
        self._switch("answer")
        self._stream(self.out, shown(piece), "")

    def withdraw(self) -> None:
        """Write below the text of the answer that it does not count."""
        self.end_line()
        _write(self.out, _WITHDRAWN + "\n")

    def aside(self, channel: str, piece: str, style: str = "dim") -> None:
        """Write a piece of what is said beside the answer, indented."""
        self._switch(channel)
        text = _LINE_START.sub("\n  ", shown(piece))
        if self._fresh:
            text = text.lstrip("\n")
            text = text and "  " + text.removeprefix("  ")
        if text:
            self._stream(self.err, text, style)

    def _switch(self, channel: str) -> None:
        if channel != self._channel:
            self.end_line()
            self._channel = channel

    def _stream(self, stream: TextIO, text: str, style: str) -> None:
        self.status("")
        _write(stream, self._styled(text, style) if style else text)
        self._fresh = text.endswith("\n")

    @property
    def is_streaming(self) -> bool:
        """Whether a text is being written, which a line would break."""
        return self._channel is not None

    def end_line(self) -> None:
        """End the line that a stream has left open, if any."""
        self.status("")
        if not self._fresh:
            _write(self.out if self._channel == "answer" else self.err, "\n")
        self._channel = None
        self._fresh = True

    # Lines

    def line(self, *parts: Part, note: str = "", cut: bool = False) -> None:
        """Write one line beside the answer.

        Args:
            parts: What it says.
            note: What stands at its end; the rest is cut to leave it room.
            cut: Whether it is cut at the terminal's width, or goes on below.
        """
        from rich.text import Text

        self.end_line()
        width = self._width
        line = Text.assemble(*parts)
        if note:
            room = max(min(width, _WIDTH_OF_NOTES) - len(note) - 2, _LEAST_ROOM)
            line.truncate(room, overflow="ellipsis", pad=True)
            line.append(f"  {note}", "dim")
        if cut:
            line.truncate(width, overflow="ellipsis")
        _write(self.err, self._rendered(line) + "\n")

    def plain_line(self, text: str) -> None:
        """Write a text as one line beside the answer, as it stands."""
        self.end_line()
        _write(self.err, text + "\n")

    def status(self, text: str) -> None:
        """Say what is going on in a line that will go; an empty text takes it away."""
        if text == self._status or not self._moves or (text and self.is_streaming):
            return
        erase = _ERASE if self._status else ""
        self._status = text
        if text:
            limit = max(self._width - 1, _LEAST_ROOM)
            text = self._styled(f"· {one_line(text)}"[:limit], "dim")
        _write(self.err, erase + text)

    # Styles

    def _styled(self, text: str, style: str) -> str:
        if style not in self._codes:
            from rich.text import Text

            before, _, after = self._rendered(Text("x", style)).partition("x")
            self._codes[style] = before, after
        before, after = self._codes[style]
        return f"{before}{text}{after}"

    def _rendered(self, text: "Text") -> str:
        with self._rich.capture() as captured:
            self._rich.print(text, end="", soft_wrap=True)
        return captured.get()


class Nowhere(io.StringIO):
    """A stream that forgets what is written to it."""

    def write(self, text: str) -> int:
        """Accept a text."""
        return len(text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
