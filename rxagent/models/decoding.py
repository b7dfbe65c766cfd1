"""Decoding: the bytes of a body that is compressed, as its header `Content-Encoding` says.

The HTTP libraries read the first of several members of a gzip body only, and take encodings that
they do not know, such as `x-gzip`, for plain text.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterator, MutableMapping, Sequence
from typing import Any

__all__ = ["UnknownEncoding", "body_of", "decoded", "encodings_in", "take_encodings"]

_PLAIN = {"", "identity", "none"}
_MOST = 1 << 16
"""Bytes that are decompressed in one go."""

_GZIP = b"\x1f\x8b"
_SEEN = 64
_BLANKS = b"\t\n\f\r"


class UnknownEncoding(ValueError):
    """A body comes in an encoding that is not known.

    Attributes:
        name: The encoding.
        begin: The beginning of the body.
    """

    def __init__(self, name: str, begin: bytes) -> None:
        super().__init__(f"The encoding {name!r} is not known.")
        self.name = name
        self.begin = begin


def encodings_in(header: str) -> list[str]:
    """Return the encodings that a header names, in the order in which they were applied."""
    names = (name.strip().lower() for name in header.split(","))
    return [name for name in names if name not in _PLAIN]


def take_encodings(headers: MutableMapping[str, str]) -> list[str]:
    """Return the encodings that headers name, and remove them there, if all of them are known."""
    names = encodings_in(headers.get("content-encoding", ""))
    if not all(name in _LAYERS for name in names):
        return []
    headers.pop("content-encoding", None)
    return names


def body_of(reply: Any) -> AsyncIterator[bytes]:
    """Return the body of a reply of httpx.

    An encoding that is not known here, but was asked for, is one that httpx knows.
    """
    names = encodings_in(reply.headers.get("content-encoding", ""))
    asked = encodings_in(reply.request.headers.get("accept-encoding", "")) if names else []
    pieces: AsyncIterator[bytes]
    if any(name not in _LAYERS and name in asked for name in names):
        pieces = reply.aiter_bytes()
    else:
        pieces = decoded(reply.aiter_raw(), names)
    return pieces


def decoded(pieces: AsyncIterator[bytes], names: Sequence[str]) -> AsyncIterator[bytes]:
    """Return the bytes of a body, as they were before they were encoded.

    Args:
        pieces: The body as it came.
        names: Its encodings, in the order in which they were applied.

    Raises:
        UnknownEncoding: One is not known, and the body is no plain text.
    """
    return _decoded(pieces, names) if names else pieces


async def _decoded(pieces: AsyncIterable[bytes], names: Sequence[str]) -> AsyncIterator[bytes]:
    layers = [_LAYERS.get(name, _Unknown)(name) for name in reversed(names)]
    async for piece in pieces:
        for part in _through(layers, piece):
            yield part


def _through(layers: Sequence[_Layer], piece: bytes) -> Iterator[bytes]:
    if not layers:
        yield piece
        return
    for part in layers[0].feed(piece):
        if part:
            yield from _through(layers[1:], part)


class _Layer(ABC):
    """One encoding of a body.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece holds.

        Raises:
            UnknownEncoding: The encoding is not known.
            zlib.error: The piece is garbled.
        """


class _Gzip(_Layer):
    """Reads members one after the other; what stands behind them is padding."""

    _zlib: Any = None
    _has_members = _is_over = False
    _rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        data, self._rest = self._rest + data, b""
        while data and not self._is_over:
            if self._zlib is None and self._has_members and not data.startswith(_GZIP):
                self._is_over = not _GZIP.startswith(data)
                self._rest = data
                return
            self._zlib = self._zlib or zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            self._has_members = True
            yield from _inflated(self._zlib, data)
            data = self._zlib.unused_data
            self._zlib = None if self._zlib.eof else self._zlib


class _Deflate(_Layer):
    """Reads what RFC 9110 means by the name, and what some servers do: a body without a header."""

    _zlib: Any = None
    _rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        data, self._rest = self._rest + data, b""
        if self._zlib is None:
            if len(data) < 2:
                self._rest = data
                return
            begin = int.from_bytes(data[:2], "big")
            has_header = data[0] & 0x0F == zlib.DEFLATED and begin % 31 == 0
            self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS * (1 if has_header else -1))
        yield from _inflated(self._zlib, data)


class _Unknown(_Layer):
    """Passes a text on: some servers name its character set, or what they did at their own end."""

    _is_text = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not (self._is_text or _is_text(data)):
            raise UnknownEncoding(self._name, data[:_SEEN])
        self._is_text = True
        yield data


def _inflated(decompressor: Any, data: bytes) -> Iterator[bytes]:
    """Yield what is compressed, in parts of a bounded size."""
    part = decompressor.decompress(data, _MOST)
    yield part
    while not decompressor.eof and (len(part) == _MOST or decompressor.unconsumed_tail):
        part = decompressor.decompress(decompressor.unconsumed_tail, _MOST)
        yield part


def _is_text(data: bytes) -> bool:
    """Return whether data begins as a text does."""
    begin = data[:_SEEN]
    text = begin.decode(errors="replace").rstrip("\N{REPLACEMENT CHARACTER}")
    is_whole = "\N{REPLACEMENT CHARACTER}" not in text and bool(text)
    return is_whole and not any(byte < 0x20 and byte not in _BLANKS for byte in begin)


_LAYERS: dict[str, type[_Layer]] = {"deflate": _Deflate, "gzip": _Gzip, "x-gzip": _Gzip}
