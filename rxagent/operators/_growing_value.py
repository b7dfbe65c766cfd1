"""The value of a JSON text that grows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..shapes.beginnings import MISSING
from ._arguments import Arguments

if TYPE_CHECKING:
    from ..shapes import Shape

__all__ = ["GrowingValue"]

_FENCE = re.compile(r"```\w*\s")
_NUMBER = re.compile(r"[-\d][-+.\deE]*\Z")
_JSON_BEGINS = frozenset('{["-0123456789tfn')
_LONGEST_NUMBER = 400

_RATE = 128
"""A text is read again when it has grown by this part of it, so that all work is linear."""


class GrowingValue:
    """Reads one text: the value, each time it has changed.

    Args:
        shape: The shape of the value.
        is_answer: Whether the text is the arguments of final_answer.
    """

    def __init__(self, shape: Shape, is_answer: bool) -> None:
        self._shape = shape
        self._is_answer = is_answer
        self._text = Arguments()
        self._length = self._read_at = 0
        self._has_ended = False
        self._latest: tuple[Any] | None = None

    def add(self, piece: str) -> Iterator[Any]:
        """Add a piece, and yield the value if it has changed."""
        self._text.add(piece)
        self._length += len(piece)
        self._has_ended = False
        if (self._length - self._read_at) * _RATE >= self._read_at:
            yield from self._read()

    def end(self) -> Iterator[Any]:
        """Yield the value of the whole text if it has changed."""
        if not self._has_ended and self._length:
            self._has_ended = True
            yield from self._read()

    def _read(self) -> Iterator[Any]:
        self._read_at = self._length
        text = self._text.text.lstrip()
        fence = _FENCE.match(text)
        text = text[fence.end() :].lstrip() if fence else text
        if text[:1] not in _JSON_BEGINS:
            return
        if not (self._text.end_in_string or (self._has_ended and text[:1] in "-0123456789")):
            # A number is whole when something follows it.
            number = _NUMBER.search(text, max(0, len(text) - _LONGEST_NUMBER))
            text = text[: number.start()] if number else text
        value = self._shape.grown(text, self._is_answer)
        if value is not MISSING and not self._is_latest(value):
            self._latest = (value,)
            yield value

    def _is_latest(self, value: Any) -> bool:
        return self._latest is not None and bool(self._latest == (value,))
