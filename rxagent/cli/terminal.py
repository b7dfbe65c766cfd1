"""Terminal: keys as they are pressed, at the prompt and during an answer.

A terminal in line mode cuts a line at 4,095 bytes, and a paste at that size. So its line mode and
its echo are off during a conversation.
"""

import codecs
import io
import os
import re
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .job_control import giving_back
from .leaving import before_leaving

if sys.platform != "win32":
    import termios

__all__ = ["QUIET", "Keys", "Tty", "TypeAhead"]

_BEGIN_PASTE, _END_PASTE = "\x1b[200~", "\x1b[201~"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])", re.DOTALL)
_BACKSPACES, _END_OF_INPUT, _KILL_LINE = "\x7f\x08", "\x04", "\x15"
QUIET = 0.05
"""Seconds of silence that end a paste: longer than the gaps within one, even over a network, and
shorter than those between two lines that a person types."""
_UNFINISHED = 1.0
"""The same, after the terminal has marked the start of a paste, and not yet its end."""
_TYPED = 0.2
"""Seconds of silence after Enter by which a line was typed, and not pasted without marks."""
_GLANCE = 0.1
"""Seconds after which a wait for keys looks whether they are still wanted."""
_PATIENCE = 1.0
"""Seconds for the collector to end; a tool's child process may have read the byte that wakes it."""


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


def _ignore(_: str) -> bool:
    return False


class Tty:
    """The terminal at stdin.

    Args:
        screen: A stream to the terminal, for its modes; None when there is none.
    """

    def __init__(self, screen: Any) -> None:
        self._fd = sys.stdin.fileno()
        self._screen = screen if os.environ.get("TERM") != "dumb" else None
        self._before = termios.tcgetattr(self._fd)
        self._marks = False
        self._redraw: Callable[[], object] = _nothing

    @classmethod
    def of_stdin(cls, screen: Any) -> "Tty | None":
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
    def redrawing(self, redraw: Callable[[], object]) -> Iterator[None]:
        """Write the line that is being typed again during a block, after Ctrl-Z and `fg`."""
        self._redraw = redraw
        try:
            yield
        finally:
            self._redraw = _nothing

    def mark_pastes(self, *, marked: bool) -> None:
        """Let the terminal mark the start and the end of a paste, or not."""
        self._marks = marked
        if self._screen is not None:
            self._screen.write(f"\x1b[?2004{'h' if marked else 'l'}")
            self._screen.flush()

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


class TypeAhead:
    """Collects the keys that are pressed during an answer, for the answer and the next prompt.

    A thread reads them, so that Ctrl-C reaches the process during a long paste. A tool that reads
    a line from `sys.stdin` gets it from the terminal, without the keys pressed before.
    """

    def __init__(self, tty: Tty) -> None:
        self._tty = tty
        self._keys = Keys()
        self._lock = threading.Lock()
        self._collects = False
        self._collector: tuple[threading.Thread, int] | None = None
        self._hear: Callable[[str], bool] = _ignore

    @contextmanager
    def collecting(self, hear: Callable[[str], bool]) -> Iterator[None]:
        """Collect keys during a block.

        Args:
            hear: Called with the text when Enter is pressed, on a thread; it returns whether it
                takes the text, which is then not kept. Lines that are pasted need an Enter of
                their own.
        """
        stdin = sys.stdin
        self._collects = True
        self._hear = hear
        self._start()
        sys.stdin = _SharedStdin(stdin, self)
        try:
            yield
        finally:
            sys.stdin = stdin
            self._collects = False
            self._stop()

    def take(self) -> str:
        """Return the collected text once, without Enter at its end.

        Raises:
            EOFError: The first key was Ctrl-D.
        """
        self._tty.drain(self._keys, QUIET if self._keys.text else 0)
        keys, self._keys = self._keys, Keys()
        if keys.ended and not keys.text:
            raise EOFError
        return keys.text.rstrip("\n")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Give the terminal to a tool during a block, with line mode and echo."""
        self._stop()
        self._tty.close()
        try:
            yield
        finally:
            self._tty.open()
            if self._collects:
                self._start()

    def _start(self) -> None:
        with self._lock:
            if self._collector is None:
                self._tty.open()
                self._tty.mark_pastes(marked=True)
                woken, wake = os.pipe()
                thread = threading.Thread(
                    target=self._collect, args=(woken,), name="rxagent-type-ahead", daemon=True
                )
                self._collector = thread, wake
                thread.start()

    def _stop(self) -> None:
        with self._lock:
            if self._collector is not None:
                thread, wake = self._collector
                self._collector = None
                os.close(wake)
                thread.join(_PATIENCE)

    def _collect(self, woken: int) -> None:
        try:
            while data := self._read(woken):
                self._keys.press(data)
        finally:
            os.close(woken)

    def _read(self, woken: int) -> bytes | None:
        """Wait for keys; let a typed line be heard meanwhile."""
        while True:
            keys = self._keys
            try:
                return self._tty.read_unless(woken, _TYPED if keys.entered else None)
            except TimeoutError:
                is_typed = keys.entered == 1 and keys.text.endswith("\n") and not keys.is_pasting
                keys.entered = 0
                if is_typed and self._hear(keys.text.rstrip("\n")):
                    self._keys = Keys()


class _SharedStdin:
    """Stdin for tools; `input` calls its `readline`, since it has no file descriptor."""

    def __init__(self, stdin: Any, ahead: TypeAhead) -> None:
        self._stdin = stdin
        self._ahead = ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdin, name)

    def fileno(self) -> int:
        """Raise: a reader of the descriptor would compete with the collector."""
        raise io.UnsupportedOperation("rxagent chat reads the terminal; read a line from sys.stdin")

    def readline(self, size: int = -1) -> str:
        """Read a line from the terminal."""
        with self._ahead.suspended():
            return str(self._stdin.readline(size))
