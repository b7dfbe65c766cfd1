"""Type-ahead: keys that are pressed during an answer."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .line_below import LineBelow
from .terminal import QUIET, Keys, Tty

__all__ = ["TypeAhead"]

_TYPED = 0.2
"""Seconds of silence after Enter by which a line was typed, and not pasted without marks."""
_PATIENCE = 1.0
"""Seconds for the collector to end; a tool's child process may have read the byte that wakes it."""

_HEARD = " ✓ "


def _ignore(_: str) -> bool:
    return False


class TypeAhead:
    """Collects the keys that are pressed during an answer, for the answer and the next prompt.

    A thread reads them, so that Ctrl-C reaches the process during a long paste. A tool that reads
    a line from `sys.stdin` gets it from the terminal, without the keys pressed before.
    """

    def __init__(self, tty: Tty) -> None:
        self._tty = tty
        self._keys = Keys()
        self._waiting = ""
        self._line = LineBelow(tty.screen)
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
        line = self._line
        with line.kept(), self._tty.redrawing(line.draw_anew, line.erase):
            self._start()
            sys.stdin = _SharedStdin(stdin, self)
            try:
                yield
            finally:
                sys.stdin = stdin
                self._collects = False
                self._stop()
                self._waiting = ""

    def shown_above(self) -> None:
        """Take note that what was heard is on the screen, or need not be any more."""
        if self._waiting:
            self._waiting = ""
            self._show()

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
            with self._line.hidden():
                yield
        finally:
            self._tty.open()
            if self._collects:
                self._start()

    def _show(self) -> None:
        self._line.show(self._waiting + self._keys.text)

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
                self._show()
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
                text = keys.text.rstrip("\n")
                if is_typed and self._hear(text):
                    self._waiting += f"{text}{_HEARD}"
                    self._keys = Keys()
                    self._show()


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
