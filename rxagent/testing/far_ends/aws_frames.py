"""Frames of an event stream, as AWS sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import pack
from typing import Any
from zlib import crc32

__all__ = ["event_frame", "exception_frame", "frame_of"]

_TEXT = 7
"""The type of a header whose value is a text."""


def frame_of(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a frame with its lengths and checksums."""
    encoded = ((name.encode(), text.encode()) for name, text in headers.items())
    head = b"".join(
        pack(">B", len(name)) + name + pack(">BH", _TEXT, len(value)) + value
        for name, value in encoded
    )
    lengths = pack(">II", 16 + len(head) + len(payload), len(head))
    body = lengths + pack(">I", crc32(lengths)) + head + payload
    return body + pack(">I", crc32(body))


def event_frame(kind: str, event: Any) -> bytes:
    """Return the frame of an event."""
    return _frame("event", {":event-type": kind}, event)


def exception_frame(name: str, message: str, **fields: Any) -> bytes:
    """Return the frame of an exception that breaks a stream off."""
    return _frame("exception", {":exception-type": name}, {"message": message, **fields})


def _frame(kind: str, headers: Mapping[str, str], value: Any) -> bytes:
    usual = {":content-type": "application/json", ":message-type": kind}
    return frame_of({**headers, **usual}, json.dumps(value, ensure_ascii=False).encode())
