"""Server-sent events: their data, however the network has cut the bytes."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Failure", "Frames", "Named", "Strange"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELDS = (b"data", b"event", b"id", b"retry", b"")
_NAME = re.compile(rb"[A-Za-z_-]+")
_ALIVE = re.compile(rb"\s*(?:ping|pong|keep.?alive|heart.?beat)\s*", re.IGNORECASE)
_FAILED = re.compile(rb"error|fail|time.?out|exception|abort|cancell?ed", re.IGNORECASE)

_NAMES = 64
"""How many names of events are remembered."""


class _Odd(bytes):
    """Bytes that are no usual data; a reader that knows frames by their first bytes skips them."""

    def startswith(self, *_: Any) -> bool:
        """Return False."""
        return False


class Failure(_Odd):
    """The data of an event, or of a field, whose name says that it is an error."""


class Strange(_Odd):
    """The beginning of bytes that belong to no event stream, such as HTML or a garbled line."""


class Named(bytes):
    """The data of an event that has a name.

    Attributes:
        name: The name.
        line: The line of the name, if it may be noted as usual.
    """

    name = ""
    line = b""


class Frames:
    """Cuts the bytes of one stream into the data of its events.

    Lines may end in LF, CR or CRLF, an event may have several lines of data, and the last event
    need not be closed. JSON and `[DONE]` that stand in lines of their own are data, too. Comments,
    unknown fields, and the words of events that are signs of life are skipped.

    Args:
        keeps_names: Whether the data of events are `Named`, until a name is noted as usual.
    """

    def __init__(self, keeps_names: bool = False) -> None:
        self._keeps_names = keeps_names
        self._rest = bytearray()
        self._after_cr = False
        self._usual: set[bytes] = set()
        """First lines that have named an event of one line of data."""

    @property
    def is_open(self) -> bool:
        """Whether the last event lacks its end."""
        return bool(self._rest)

    @property
    def rest(self) -> bytes:
        """The bytes of the last event, which lacks its end."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that these bytes complete."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_lf(chunk)
        rest = self._rest
        searched = max(0, len(rest) - 1)
        rest += chunk
        end = rest.rfind(b"\n\n", searched)
        if end < 0:
            return []
        text = bytes(rest[:end])
        del rest[: end + 2]
        first, *others = text.split(b"\n\ndata: ")
        if first.startswith(b"data: ") and text.count(b"\n") == 2 * len(others):
            return [first[6:], *others]  # each event is a line of data, as nearly always
        name = first.partition(b"\n")[0]
        if name in self._usual:
            first, *others = text.split(b"\n\n" + name + b"\ndata: ")
            start = len(name) + 7
            if first.startswith(b"data: ", start - 6) and text.count(b"\n") == 3 * len(others) + 1:
                return [first[start:], *others]  # each event has this name and a line of data
        return [data for event in text.split(b"\n\n") for data in self._data(event)]

    def flush(self) -> list[bytes]:
        """Return the data of the event that is still open at the end of the stream."""
        event, self._rest = bytes(self._rest), bytearray()
        lines, _, last = event.rpartition(b"\n")
        is_cut = any(name.startswith(last) for name in _FIELDS)
        return self._data(lines if is_cut else event)

    def _with_lf(self, chunk: bytes) -> bytes:
        """Return a chunk with lines that end in LF; a CR at its end may be half of a CRLF."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _data(self, event: bytes) -> list[bytes]:
        name, _, only = event.partition(b"\ndata: ")
        if name in self._usual and b"\n" not in only:
            return [only]
        data: list[bytes] = []
        bare: list[bytes] = []
        failures: list[bytes] = []
        strange = b""
        is_alive = False
        named = b""
        kind: type[bytes] = bytes
        for line in event.removeprefix(_BYTE_ORDER_MARK).split(b"\n"):
            field, colon, value = line.partition(b":")
            if field == b"data" and not bare:
                data.append(value.removeprefix(b" "))
            elif bare or line.lstrip().startswith((b"{", b"[")):
                bare.append(line)
            elif field == b"event":
                named = value.strip()
                kind = Failure if _FAILED.search(value) else kind
                is_alive = _ALIVE.fullmatch(value) is not None
            elif colon and b"error" in field.lower() and _NAME.fullmatch(field.strip()):
                failures.append(Failure(value.strip()))
            elif field not in _FIELDS and not (colon and _is_field(field, value)):
                strange += line.strip()[: 200 - len(strange)]
        if is_alive and not b"".join(data).lstrip().startswith((b"{", b"[")):
            data = []  # such as the word `ping`
        whole = [kind(b"\n".join(data))] if data or kind is Failure else []
        if kind is bytes and len(data) == 1:
            is_usual = event == name + b"\ndata: " + data[0]
            if named and self._keeps_names:
                whole = [_named(data[0], named, name if is_usual else b"")]
            elif is_usual:
                self.note_usual(name)
        odd = [Strange(strange)] if strange else []
        return failures + odd + whole + ([kind(b"\n".join(bare))] if bare else [])

    def note_usual(self, name: bytes) -> None:
        """Note the first line of an event, if it is one of few that name events."""
        if name.startswith(b"event: ") and b"\n" not in name and len(self._usual) < _NAMES:
            self._usual.add(name)


def _named(data: bytes, name: bytes, line: bytes) -> Named:
    named = Named(data)
    named.name, named.line = name.decode(errors="replace"), line
    return named


def _is_field(name: bytes, value: bytes) -> bool:
    """Return whether a line is an unknown field, and not data under a garbled name."""
    return bool(_NAME.fullmatch(name)) and not value.lstrip().startswith((b"{", b"["))
