"""What code prints, sent to the parent line by line."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

__all__ = ["Output"]

_PIECE = 8192
_REPORT = 65536


class Output(io.TextIOBase):
    """A text stream in place of stdout and stderr.

    It sends complete lines, and what is flushed. What exceeds the limit is counted only.

    Args:
        limit: How many characters each piece of code may print.
        send: Sends a text.
        count: Sends how many characters exceeded the limit since the last report.
    """

    def __init__(
        self, limit: int, send: Callable[[str], None], count: Callable[[int], None]
    ) -> None:
        super().__init__()
        self._limit = limit
        self._send = send
        self._count = count
        self._lock = threading.RLock()
        self.begin()

    def begin(self) -> None:
        """Start to count for the next piece of code."""
        self._left = self._limit
        self._pieces: list[str] = []
        self._size = 0
        self._exceeding = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only, as that of files is
        """The encoding, for code that asks for it."""
        return "utf-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep a text until its line is complete."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        size = len(text)
        with self._lock:
            kept = text[: self._left]
            self._left -= len(kept)
            if kept:
                self._pieces.append(str.__str__(kept))
                self._size += len(kept)
            self._exceeding += size - len(kept)
            if self._size and (self._size >= _PIECE or "\n" in kept):
                self._pass_on()
            if self._exceeding >= _REPORT:
                self.flush()
        return size

    def flush(self) -> None:
        """Send what is kept, and how much exceeded the limit."""
        with self._lock:
            if self._pieces:
                self._pass_on()
            if self._exceeding:
                exceeding, self._exceeding = self._exceeding, 0
                self._count(exceeding)

    def _pass_on(self) -> None:
        text = "".join(self._pieces)
        self._pieces, self._size = [], 0
        for start in range(0, len(text), _REPORT):
            self._send(text[start : start + _REPORT])
