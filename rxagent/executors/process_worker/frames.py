"""Frames: what crosses between the two processes, each a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .values import TooLarge

__all__ = ["LARGEST", "Lines", "frame"]

LARGEST = 4 * 2**20
"""The most bytes that a frame from the code's process may have."""


def frame(message: dict[str, Any], largest: int | None = LARGEST) -> bytes:
    """Return a message as a frame.

    Raises:
        TooLarge: It has more than `largest` bytes.
    """
    data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
    if largest is not None and len(data) > largest:
        raise TooLarge(
            f"A value takes {len(data):,} bytes as JSON; {largest:,} can be passed at once. "
            "Pass less of it."
        )
    return data


class Lines:
    """Cuts bytes into lines.

    Args:
        longest: The most bytes of a line; None for no limit.
    """

    def __init__(self, longest: int | None = LARGEST) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._size = 0

    def cut(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that are complete with these bytes, without their ends.

        Raises:
            TooLarge: A line is longer than allowed.
        """
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._add(piece)
            line = b"".join(self._pieces)
            self._pieces, self._size = [], 0
            yield line
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._longest is not None and self._size > self._longest:
            raise TooLarge(f"A frame is longer than {self._longest:,} bytes.")
        if piece:
            self._pieces.append(piece)
