"""Keys: what is typed at a terminal, read as it comes and not line by line.

A terminal that hands over whole lines cuts one that is longer than 4,095 bytes, and keeps what is
pasted in a buffer of that size. So its line mode and its echo are off during a conversation.
"""

import codecs
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

if sys.platform != "win32":
    import termios

__all__ = ["QUIET", "Keys", "Tty"]

_BEGIN_PASTE, _END_PASTE = "\x1b[200~", "\x1b[201~"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])", re.DOTALL)
_BACKSPACES, _END_OF_INPUT, _KILL_LINE = "\x7f\x08", "\x04", "\x15"
QUIET = 0.05
"""Seconds of silence after which a paste is over: more than lie between pieces of one, even over
a network, and less than between two lines that a person types."""
_PATIENCE = 1.0
"""The same, where the terminal has said that a paste began, and not that it is over."""


class Keys:
    """The text that pressed keys make, as on a plain terminal.

    Attributes:
        text: What was typed, with newlines.
        ended: Whether Ctrl-D was pressed with nothing typed.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.ended = False
        self.is_pasting = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def press(self, data: bytes) -> None:
        """Add keys."""
        pressed = self._held + self._decode(data)
        at = 0
        while at < len(pressed):
            if pressed[at] != "\x1b":
                self._press(pressed[at])
                at += 1
            elif sequence := _SEQUENCE.match(pressed, at):
                self._control(sequence[0])
                at = sequence.end()
            else:
                break
        self._held = pressed[at:]

    def _control(self, sequence: str) -> None:
        if sequence in (_BEGIN_PASTE, _END_PASTE):
            self.is_pasting = sequence == _BEGIN_PASTE

    def _press(self, char: str) -> None:
        head, newline, line = self.text.rpartition("\n")
        if char in "\r\n":
            self.text += "\n"
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


class Tty:
    """The terminal at stdin.

    Args:
        screen: A stream that leads to it, for its modes; None where there is none.
    """

    def __init__(self, screen: Any) -> None:
        self._fd = sys.stdin.fileno()
        self._screen = screen if os.environ.get("TERM") != "dumb" else None
        self._before = termios.tcgetattr(self._fd)

    @classmethod
    def of_stdin(cls, screen: Any) -> "Tty | None":
        """Return the terminal, or None where the system's terminals have no such modes."""
        if sys.platform == "win32":
            return None
        try:
            return cls(screen)
        except (OSError, ValueError, termios.error):
            return None

    def open(self, *, echo: bool = False) -> None:
        """Hand over each key, with or without an echo; Ctrl-C and Ctrl-Z stay signals."""
        with suppress(termios.error):
            mode = termios.tcgetattr(self._fd)
            mode[3] &= ~(termios.ICANON | termios.ECHO)
            mode[3] |= termios.ECHO if echo else 0
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)

    def close(self) -> None:
        """Set the terminal back to what it was."""
        with suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        self.mark_pastes(marked=False)

    @contextmanager
    def line_by_line(self) -> Iterator[None]:
        """Hand over lines with an echo during a block, for a tool that asks for one."""
        self.close()
        try:
            yield
        finally:
            self.open()

    def mark_pastes(self, *, marked: bool) -> None:
        """Ask the terminal to say where a paste begins and ends."""
        if self._screen is not None:
            self._screen.write(f"\x1b[?2004{'h' if marked else 'l'}")
            self._screen.flush()

    def read(self, size: int = 4096) -> bytes:
        """Wait for keys; nothing means that there will be no more."""
        try:
            return os.read(self._fd, size)
        except OSError:  # so says Linux of a terminal that went away
            return b""

    def read_unless(self, wake: int) -> bytes | None:
        """Wait for keys, or for something to be readable at `wake`: None."""
        ready, _, _ = select.select([self._fd, wake], [], [])
        return None if wake in ready else self.read()

    def drain(self, keys: Keys, wait: float) -> None:
        """Press the keys that arrive within so many seconds, and those that follow them."""
        while select.select([self._fd], [], [], wait)[0]:
            data = self.read()
            if not data:
                return
            keys.press(data)
            wait = _PATIENCE if keys.is_pasting else QUIET
