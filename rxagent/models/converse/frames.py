"""Frames of an event stream of AWS: their headers and payloads, however the bytes were cut.

.. code-block:: text

    ┌─ prelude ──────────────────────┐
    │ total length   headers' length │ CRC │ headers … │ payload … │ CRC
    └────────────────────────────────┘

A header is a name, a type and a value; numbers are big-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct, error
from typing import TypeAlias
from zlib import crc32

__all__ = ["MAY_BEGIN", "EventFrames", "Headers"]

Headers: TypeAlias = Mapping[str, str]

MAY_BEGIN = (b"\x00", b"\x01")
"""The first byte of a frame, since none is longer than `_LONGEST`; no text begins so."""

_LONGEST = 24 * 1024 * 1024 + 128 * 1024 + 16
"""The bytes of the longest frame that AWS allows."""

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_LENGTH = Struct(">H")
_LEAST = _PRELUDE.size + _CRC.size

_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The bytes of a header's value, by its type."""

_BYTES, _TEXT = 6, 7
"""The types whose values begin with their lengths."""

_MOST_KNOWN = 64


class EventFrames:
    """Cuts the bytes of one stream into its frames.

    Attributes:
        garbled: The beginning of bytes that are no frame; None while all are.
    """

    def __init__(self) -> None:
        self.garbled: bytes | None = None
        self._rest = bytearray()
        self._known: dict[bytes, Headers] = {}

    @property
    def is_open(self) -> bool:
        """Whether the last frame lacks its end."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[tuple[Headers, bytes]]:
        """Return the headers and the payload of each frame that these bytes complete.

        What follows bytes that are no frame is ignored, as nothing says where one begins.
        """
        if self.garbled is not None:
            return []
        rest = self._rest
        rest += data
        frames = []
        start = 0
        with memoryview(rest) as view:
            while len(rest) - start >= _PRELUDE.size:
                total, headers, crc = _PRELUDE.unpack_from(view, start)
                is_frame = headers + _LEAST <= total <= _LONGEST
                if not is_frame or crc32(view[start : start + 8]) != crc:
                    self.garbled = bytes(view[start : start + 200])
                    break
                end = start + total
                if end > len(rest):
                    break
                body = start + _PRELUDE.size
                if crc32(view[start : end - 4]) != _CRC.unpack_from(view, end - 4)[0]:
                    self.garbled = bytes(view[body : min(end, body + 200)])
                    break
                try:
                    named = self._headers(bytes(view[body : body + headers]))
                except (error, ValueError, LookupError):
                    self.garbled = bytes(view[body : body + 200])
                    break
                frames.append((named, bytes(view[body + headers : end - 4])))
                start = end
        del rest[: start if self.garbled is None else len(rest)]
        return frames

    def _headers(self, data: bytes) -> Headers:
        headers = self._known.get(data)  # all frames of a kind have the same
        if headers is None:
            headers = _parsed(data)
            if len(self._known) < _MOST_KNOWN:
                self._known[data] = headers
        return headers


def _parsed(data: bytes) -> Headers:
    """Return the headers that have a text."""
    headers = {}
    at = 0
    while at < len(data):
        named = at + 1 + data[at]
        name = data[at + 1 : named].decode()
        kind = data[named]
        at = named + 1
        if kind in (_BYTES, _TEXT):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
        else:
            length = _SIZES[kind]
        if at + length > len(data):
            raise ValueError
        if kind == _TEXT:
            headers[name] = data[at : at + length].decode()
        at += length
    return headers
