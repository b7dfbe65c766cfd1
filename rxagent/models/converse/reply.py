"""Replies: the bytes of an answer in the Converse protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from jiter import from_json

from ...errors import MalformedReply
from ...events import Delta
from ...json_text import lacks_end
from ...streams.fairness import REST, Rest
from ..errors import ErrorFactory
from ..json_reply import BLANK, parse_json
from ..own_tags import THINK, Tags
from ..reply_reader import is_news
from .events import ConverseEvents
from .failures import described_error, error_in, failure_of, is_failure
from .frames import MAY_BEGIN, EventFrames, Headers

__all__ = ["ConverseReply"]

_STRIDE = 32
"""Frames that are read in one go."""

_TRIED = 1 << 18
"""Bytes that are parsed on trial, to see whether they are the whole reply."""


_MOST = 1 << 18
"""Bytes of a reply in one piece that may come before its answer has begun, as an error's may."""

_LONGEST = 1 << 26
"""Bytes of a reply in one piece, after which it is given up."""


class ConverseReply:
    """Reads one reply, streamed or whole, as its deltas.

    Its first byte decides whether it is streamed, not its label and not the request.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
        vendor: The vendor of the model.
        tags: The tags between which the model may write its thoughts.
    """

    def __init__(
        self,
        errors: ErrorFactory,
        origin: str | None = None,
        vendor: str = "",
        tags: Sequence[Tags] = (THINK,),
    ) -> None:
        self._errors = errors
        self._frames = EventFrames()
        self._events = ConverseEvents(errors, origin, vendor, tags)
        self._whole: list[bytes] | None = None
        self._begun = False
        self._size, self._most = 0, _MOST
        self._read_frames = 0
        self.received = 0

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage may follow."""
        return self._events.is_finished

    @property
    def is_settled(self) -> bool:
        """Whether the usage has come too, or what follows cannot be read."""
        return self.is_finished and (self._events.is_settled or self._frames.garbled is not None)

    @property
    def is_cut(self) -> bool:
        """Whether the last frame may lack its end."""
        return self._whole is not None or self._frames.is_open

    def is_whole(self) -> bool:
        """Return whether the reply is whole, or failed, if it ends with the bytes so far."""
        data = b"".join(self._whole or ())
        if not data or len(data) > _TRIED:
            return False
        with suppress(ValueError):
            from_json(data)
            return True
        return False

    def feed(self, data: bytes) -> Iterator[Delta | Rest]:
        """Yield the deltas that these bytes complete; REST, where much holds few deltas.

        Raises:
            ModelError: The bytes report an error, or cannot be read.
        """
        if not self._begun:
            data = data.lstrip(BLANK)
            self._begun = bool(data)
            self._whole = None if data[:1] in MAY_BEGIN else []
        if self._whole is not None:
            self._whole.append(data)
            self.received += bool(data.strip(BLANK))
            self._size += len(data)
            if self._size > self._most:
                self._expect_answer(b"".join(self._whole))
            return
        for headers, payload in self._frames.feed(data):
            for delta in self._read(headers, payload):
                self.received += is_news(delta)
                yield delta
            self._read_frames += 1
            if not self._read_frames % _STRIDE:
                yield REST
        if self._frames.garbled is not None and not self.is_finished:
            raise self._errors.malformed("bytes that are no event", self._frames.garbled)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the bytes.

        Raises:
            ModelUnavailable: The reply broke off.
            MalformedReply: The bytes were no reply.
            ModelError: The reply reports an error.
        """
        if self._whole is not None:
            yield from self._read_whole(b"".join(self._whole))
        yield from self._events.end()
        if not self.is_finished:
            raise self._errors.unavailable("broke off before its reply was whole")

    def _read(self, headers: Headers, payload: bytes) -> Iterator[Delta]:
        if self.is_finished and self._events.is_settled:
            return
        if _is_error(headers):
            raise error_in(self._errors, headers, payload)
        kind = headers.get(":event-type", "")
        if kind:
            yield from self._events.read(kind, self._parse(payload))
        elif not self.is_finished:
            raise self._errors.malformed("an event without a type", payload)

    def _expect_answer(self, begun: bytes) -> None:
        """Wait for the end of a long reply only if it is an answer, and not for ever.

        Raises:
            ModelError: It has reported an error, or is no answer.
        """
        if self._most == _LONGEST:
            size = _LONGEST >> 20
            raise self._errors.malformed(f"more than {size} MiB without their end", begun[:300])
        value = None
        with suppress(ValueError):
            value = from_json(begun, partial_mode="trailing-strings")
        if isinstance(value, dict) and isinstance(value.get("output"), dict):
            self._most = _LONGEST
            return
        if (error := failure_of(value, is_known=False)) is not None:
            raise described_error(self._errors, error)
        size = _MOST >> 10
        raise self._errors.malformed(f"more than {size} KiB without an answer", begun[:300])

    def _read_whole(self, data: bytes) -> Iterator[Delta]:
        try:
            reply = self._parse(data)
        except MalformedReply:
            if lacks_end(data.decode(errors="replace")):
                raise self._errors.unavailable("broke off before its reply was whole") from None
            raise
        if isinstance(reply, dict) and isinstance(reply.get("output"), dict):
            yield from self._events.read_whole(reply)
            return
        if (error := failure_of(reply, is_known=False)) is not None:
            raise described_error(self._errors, error)
        raise self._errors.malformed("a reply without an answer", data)

    def _parse(self, data: bytes) -> Any:
        try:
            return parse_json(data)
        except ValueError as error:
            if self.is_finished:
                return {}
            raise self._errors.malformed("text that is not JSON", data) from error


def _is_error(headers: Headers) -> bool:
    """Return whether a frame reports an error, by its type or by its name."""
    is_named = ":exception-type" in headers or ":error-code" in headers
    kind = headers.get(":message-type", "event").lower()
    return is_named or is_failure(kind) or is_failure(headers.get(":event-type", ""))
