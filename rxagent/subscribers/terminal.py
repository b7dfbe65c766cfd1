"""Terminal: two append-only streams, and one status line below them."""

from __future__ import annotations

import io
import os
import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from ..cells import columns
from ..printable import one_line, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["Nowhere", "Part", "Terminal"]

Part = str | tuple[str, str]
"""A piece of a line: a text, or a text and its style. It is never read as markup."""

_ERASE = "\r\x1b[2K"
_WIDTH_OF_A_FILE = 100
_WITHDRAWN = "↑ withdrawn: the text above is not part of the answer"
_WIDTH_OF_NOTES = 76
_LEAST_ROOM = 8
_LINE_START = re.compile(r"\n(?=[^\n])")


class Terminal:
    """Writes the answer to `out`, everything else to `err`.

    Written text never changes. The status line, which appears only if `err` is a terminal, is
    erased before anything else is written to either stream.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None) -> None:
        self._out = out
        self._err = err
        self._source: str | None = None
        self._fresh = True
        self._status = ""
        self._codes: dict[str, tuple[str, str]] = {}
        self._nowhere = Nowhere()

    # A standard stream that was closed before Python started is None.

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
        return columns(self.err) if self.err.isatty() else _WIDTH_OF_A_FILE

    @cached_property
    def _moves(self) -> bool:
        return self.err.isatty() and os.environ.get("TERM") != "dumb"

    @cached_property
    def _rich(self) -> Console:
        from rich.console import Console

        return Console(
            file=self.err,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            width=_WIDTH_OF_A_FILE,  # only for styles: `line` cuts lines itself
            force_jupyter=False,
        )

    # Streams of text

    def answer(self, piece: str) -> None:
        """Write a piece of the answer unchanged."""
        self._switch("answer")
        self._stream(self.out, shown(piece), "")

    def withdraw(self) -> None:
        """Write below the text that it is not part of the answer."""
        self.end_line()
        _write(self.out, _WITHDRAWN + "\n")

    def aside(self, source: str, piece: str, style: str = "dim") -> None:
        """Write a piece of other text, indented, such as the reasoning."""
        self._switch(source)
        text = _LINE_START.sub("\n  ", shown(piece))
        if self._fresh:
            text = text.lstrip("\n")
            text = text and "  " + text.removeprefix("  ")
        if text:
            self._stream(self.err, text, style)

    def _switch(self, source: str) -> None:
        if source != self._source:
            self.end_line()
            self._source = source

    def _stream(self, stream: TextIO, text: str, style: str) -> None:
        self.status("")
        _write(stream, self._styled(text, style) if style else text)
        self._fresh = text.endswith("\n")

    @property
    def is_streaming(self) -> bool:
        """Whether a text is being written, which a line would interrupt."""
        return self._source is not None

    def end_line(self) -> None:
        """End the open line of a stream, if any."""
        self.status("")
        if not self._fresh:
            _write(self.out if self._source == "answer" else self.err, "\n")
        self._source = None
        self._fresh = True

    # Lines

    def line(self, *parts: Part, note: str = "", cut: bool = False) -> None:
        """Write one line to `err`.

        Args:
            parts: The pieces of the line.
            note: Text for the end of the line; the rest is cut to fit.
            cut: Whether to cut the line at the terminal's width, rather than wrap it.
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
        """Write a text unchanged as one line to `err`."""
        self.end_line()
        _write(self.err, text + "\n")

    def status(self, text: str) -> None:
        """Set the status line; an empty text erases it."""
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

    def _rendered(self, text: Text) -> str:
        with self._rich.capture() as captured:
            self._rich.print(text, end="", soft_wrap=True)
        return captured.get()


class Nowhere(io.StringIO):
    """A stream that discards what is written to it."""

    def write(self, text: str) -> int:
        """Discard a text."""
        return len(text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
