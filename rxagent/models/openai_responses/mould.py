"""Moulds: what the frames of one text have in common, so that only the text is parsed."""

import re
from contextlib import suppress
from typing import Any

from jiter import from_json

__all__ = ["Mould", "mould_of"]

_VARYING = ("delta", "sequence_number", "obfuscation")
"""The fields in which the frames of one text differ: the piece, its number, and random letters
that hide its length.
"""

_VALUE = re.compile(rb'\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*"|\d+)')


class Mould:
    """The bytes around the varying fields of a frame.

    Args:
        head: The bytes before the first of them.
        fields: Their names, each with the bytes behind it; those behind the last end the frame.
    """

    def __init__(self, head: bytes, fields: list[tuple[str, bytes]]) -> None:
        self._head = head
        self._fields = fields[:-1]
        self._last, self._tail = fields[-1]

    def text_in(self, frame: bytes) -> bytes:
        """Return the JSON of the piece in a frame; empty if the frame does not fit.

        It may be no JSON, if the frame is none.
        """
        if not (frame.startswith(self._head) and frame.endswith(self._tail)):
            return b""
        text = b""
        at = len(self._head)
        for name, behind in self._fields:
            end = frame.find(behind, at)
            value = frame[at:end] if end > 0 else b""
            if name == "delta":
                text = value
            elif not _is_plain(value):
                return b""
            at = end + len(behind)
        value = frame[at : len(frame) - len(self._tail)]
        if self._last == "delta":
            return value
        return text if _is_plain(value) else b""


def _is_plain(value: bytes) -> bool:
    """Return whether a value is a number, or a string without escapes."""
    if value.isdigit():
        return True
    return value[:1] == b'"' and value.find(b'"', 1) == len(value) - 1 > 0 and b"\\" not in value


def mould_of(frame: bytes, value: Any) -> Mould | None:
    """Return the mould of a frame; None if nothing is certain but the frame itself.

    Args:
        frame: The frame.
        value: The value of the frame.
    """
    if not (isinstance(value, dict) and isinstance(value.get("delta"), str)):
        return None
    if not all(map(_is_flat, value.values())):
        return None
    places = []
    for name in _VARYING:
        if name in value:
            key = f'"{name}"'.encode()
            found = _VALUE.match(frame, frame.find(key) + len(key))
            if frame.count(key) != 1 or found is None:
                return None
            places.append((*found.span(1), name))
    places.sort()
    ends = [start for start, _, _ in places[1:]] + [len(frame)]
    fields = [(name, frame[end:after]) for (_, end, name), after in zip(places, ends, strict=True)]
    mould = Mould(frame[: places[0][0]], fields)
    with suppress(ValueError):
        if from_json(mould.text_in(frame)) == value["delta"]:
            return mould
    return None


def _is_flat(value: Any) -> bool:
    return not value or not isinstance(value, dict | list)
