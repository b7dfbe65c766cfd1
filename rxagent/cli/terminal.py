"""Terminal: keys as they are pressed.

A terminal in line mode cuts a line at 4,095 bytes, and a paste at that size. So its line mode and
its echo are off during a conversation.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .job_control import giving_back
from .leaving import before_leaving
from .stdio import write_at_once

if sys.platform != "win32":
    import termios

__all__ = ["QUIET", "Keys", "Tty"]

_BEGIN_PASTE, _END_PASTE = "\x1b[200~", "\x1b[201~"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])", re.DOTALL)
_BACKSPACES, _END_OF_INPUT, _KILL_LINE = "\x7f\x08", "\x04", "\x15"
QUIET = 0.05
"""Seconds of silence that end a paste: longer than the gaps within one, even over a network, and
shorter than those between two lines that a person types."""
_UNFINISHED = 1.0
"""The same, after the terminal has marked the start of a paste, and not yet its end."""
_GLANCE = 0.1
"""Seconds after which a wait for keys looks whether they are still wanted."""


class Keys:
    """The text that keys make on a plain terminal.

    Attributes:
        text: The text, with newlines.
        ended: Whether Ctrl-D was pressed at the start.
        is_pasting: Whether the terminal has marked the start of a paste, and not yet its end.
        entered: How often Enter was pressed, outside a paste, since this was set to 0.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.entered = 0
        self.ended = False
        self.is_pasting = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def press(self, data: bytes) -> None:
        """Apply keys to the text."""
        pressed = self._held + self._decode(data)
        at = 0
        while at < len(pressed):
            if pressed[at] != "\x1b":
                self._press(pressed[at])
                at += 1
            elif sequence := _SEQUENCE.match(pressed, at):
                if sequence[0] in (_BEGIN_PASTE, _END_PASTE):
                    self.is_pasting = sequence[0] == _BEGIN_PASTE
                at = sequence.end()
            else:
                break
        self._held = pressed[at:]

    def _press(self, char: str) -> None:
        head, newline, line = self.text.rpartition("\n")
        if char in "\r\n":
            self.text += "\n"
            self.entered += not self.is_pasting
        elif char.isprintable() or char == "\t" or ord(char) > 0x9F:
            self.text += char
        elif self.is_pasting:
            return
        elif char in _BACKSPACES:
            self.text = head + newline + line[:-1]
        elif char == _KILL_LINE:
            self.text = head + newline
        elif char == _END_OF_INPUT and not self.text:
            self.ended = True


def _nothing() -> None: ...


class Tty:
    """The terminal at stdin.

    Args:
        screen: A stream to the terminal, for its modes; None when there is none.
    """

    def __init__(self, screen: Any) -> None:
        self._fd = sys.stdin.fileno()
        self.screen = screen if os.environ.get("TERM") != "dumb" else None
        self._before = termios.tcgetattr(self._fd)
        self._marks = False
        self._erase: Callable[[], object] = _nothing
        self._redraw: Callable[[], object] = _nothing

    @classmethod
    def of_stdin(cls, screen: Any) -> Tty | None:
        """Return the terminal, or None when the system has no such modes."""
        if sys.platform == "win32":
            return None
        try:
            return cls(screen)
        except (OSError, ValueError, termios.error):
            return None

    def open(self, *, echo: bool = False) -> None:
        """Turn line mode off, and the echo on or off; Ctrl-C and Ctrl-Z stay signals."""
        with suppress(termios.error):
            mode = termios.tcgetattr(self._fd)
            mode[3] &= ~(termios.ICANON | termios.ECHO)
            mode[3] |= termios.ECHO if echo else 0
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)

    def close(self) -> None:
        """Restore the terminal."""
        with suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        self.mark_pastes(marked=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Restore the terminal at the end of a block or of the process, and during Ctrl-Z."""
        before: tuple[Any, bool] | None = None

        def restore() -> None:
            nonlocal before
            self._erase()
            with suppress(termios.error):
                before = termios.tcgetattr(self._fd), self._marks
            self.close()

        def take() -> None:
            if before is not None:
                mode, marks = before
                with suppress(termios.error):
                    termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
                self.mark_pastes(marked=marks)
            self._redraw()

        with before_leaving(self.close), giving_back(restore, take):
            yield

    @contextmanager
    def redrawing(
        self, redraw: Callable[[], object], erase: Callable[[], object] = _nothing
    ) -> Iterator[None]:
        """Write the line that is being typed again during a block, after Ctrl-Z and `fg`.

        Args:
            redraw: Writes it, at once.
            erase: Called at Ctrl-Z.
        """
        self._redraw, self._erase = redraw, erase
        try:
            yield
        finally:
            self._redraw = self._erase = _nothing

    def mark_pastes(self, *, marked: bool) -> None:
        """Let the terminal mark the start and the end of a paste, or not."""
        self._marks = marked
        if self.screen is not None:
            write_at_once(self.screen, f"\x1b[?2004{'h' if marked else 'l'}")

    def read(self, size: int = 4096) -> bytes:
        """Wait for keys; nothing means the end of input."""
        try:
            return os.read(self._fd, size)
        except OSError:  # Linux raises it when the terminal is gone
            return b""

    def read_unless(self, wake: int, seconds: float | None = None) -> bytes | None:
        """Wait for keys, or return None when `wake` becomes readable.

        Raises:
            TimeoutError: Nothing happens for so many seconds.
        """
        ready, _, _ = select.select([self._fd, wake], [], [], seconds)
        if not ready:
            raise TimeoutError
        return None if wake in ready else self.read()

    def read_while(self, is_wanted: Callable[[], bool]) -> bytes:
        """Wait for keys while they are wanted; nothing means the end of input."""
        while is_wanted():
            if select.select([self._fd], [], [], _GLANCE)[0]:
                return self.read()
        return b""

    def drain(self, keys: Keys, wait: float) -> None:
        """Apply the keys that arrive within so many seconds, and those that follow closely."""
        while select.select([self._fd], [], [], wait)[0]:
            data = self.read()
            if not data:
                return
            keys.press(data)
            wait = _UNFINISHED if keys.is_pasting else QUIET
