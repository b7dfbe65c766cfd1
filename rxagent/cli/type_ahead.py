"""Type-ahead: what is typed while an answer comes, kept for the next prompt."""

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .keys import QUIET, Keys, Tty

__all__ = ["TypeAhead"]

_PATIENCE = 1.0
"""Seconds for the collector to end; a child of a tool may have taken the key that woke it."""


class TypeAhead:
    """Collects keys on a thread, so that Ctrl-C gets through however much is pasted.

    A tool that reads a line of `sys.stdin` gets it from the terminal, and not from what was typed
    before the tool asked.
    """

    def __init__(self, tty: Tty) -> None:
        self._tty = tty
        self._keys = Keys()
        self._lock = threading.Lock()
        self._collects = False
        self._collector: tuple[threading.Thread, int] | None = None

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect what is typed during a block."""
        stdin = sys.stdin
        self._collects = True
        self._start()
        sys.stdin = _SharedStdin(stdin, self)
        try:
            yield
        finally:
            sys.stdin = stdin
            self._collects = False
            self._stop()

    def take(self) -> str:
        """Return what was typed, once, without the Enter at its end.

        Raises:
            EOFError: It was Ctrl-D.
        """
        self._tty.drain(self._keys, QUIET if self._keys.text else 0)
        keys, self._keys = self._keys, Keys()
        if keys.ended and not keys.text:
            raise EOFError
        return keys.text.rstrip("\n")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Leave the terminal to a tool during a block."""
        self._stop()
        try:
            with self._tty.line_by_line():
                yield
        finally:
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
            while keys := self._tty.read_unless(woken):
                self._keys.press(keys)
        finally:
            os.close(woken)


class _SharedStdin:
    """Stdin for tools; `input` reads it by `readline`, since it has no number of a file."""

    def __init__(self, stdin: Any, ahead: TypeAhead) -> None:
        self._stdin = stdin
        self._ahead = ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdin, name)

    def fileno(self) -> int:
        """Refuse: who reads the file itself would compete with the collector."""
        raise io.UnsupportedOperation("the terminal is shared with rxagent chat")

    def readline(self, size: int = -1) -> str:
        """Read a line from the terminal."""
        with self._ahead.suspended():
            return str(self._stdin.readline(size))
