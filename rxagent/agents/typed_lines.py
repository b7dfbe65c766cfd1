"""Typed lines: one question after the other has the terminal, and gets the next line.

.. code-block:: text

    question 1 ─ shown ─ cancelled          its thread still waits for the line, and hands it
    question 2 ───────── shown ─ line ─▶    to the question that is on the screen by then
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from ..streams.interruptible_wait import POLL_SECONDS, Latch

__all__ = ["Terminal", "typed"]


class Terminal:
    """Gives questions their turn, in the order in which they come."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._line: list[Latch] = []

    @contextmanager
    def turn(self, cancelled: Latch) -> Iterator[None]:
        """Wait until each earlier question has been answered or cancelled.

        A question that is cancelled lets the next one pass, though its own thread may still be
        within the turn: nothing ends a function that waits for a key.
        """
        with self._changed:
            self._line.append(cancelled)
            while not (self._is_first(cancelled) or cancelled.is_set):
                self._changed.wait(POLL_SECONDS)
        try:
            yield
        finally:
            with self._changed:
                self._line.remove(cancelled)
                self._changed.notify_all()

    def _is_first(self, cancelled: Latch) -> bool:
        return next((one for one in self._line if not one.is_set), cancelled) is cancelled


class _Stdin:
    """Reads lines, each for the latest question."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._is_read = False
        self._seat: list[str | Exception] = []

    def read(self, cancelled: Latch) -> str:
        """Return the next line, empty at the end, or if the question is cancelled."""
        seat: list[str | Exception] = []
        with self._changed:
            self._seat = seat
            while self._is_read and not (seat or cancelled.is_set):
                self._changed.wait(POLL_SECONDS)
            if seat or cancelled.is_set:
                return _line_in(seat)
            self._is_read = True
        try:
            line: str | Exception = sys.stdin.readline() if sys.stdin is not None else ""
        except Exception as error:
            line = error
        with self._changed:
            self._is_read = False
            self._seat.append(line)
            self._changed.notify_all()
        return _line_in(seat)


def _line_in(seat: list[str | Exception]) -> str:
    line = seat.pop() if seat else ""
    if isinstance(line, Exception):
        raise line
    return line


_STDIN = _Stdin()


def typed(text: str, cancelled: Latch) -> str:
    """Show a text on stderr, and return the line that is typed after it.

    Raises:
        EOFError: There is none, or the question is cancelled.
    """
    sys.stderr.write(text)
    sys.stderr.flush()
    line = _STDIN.read(cancelled)
    if not line:
        raise EOFError
    return line
