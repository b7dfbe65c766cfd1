"""JsonReply: the bytes of a reply that holds JSON, as events of a stream or as a whole."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, ClassVar

from jiter import from_json

from ..errors import MalformedReply, ModelError
from ..events import Delta, Usage
from ..exact_json import ExactFloat, exact_json
from ..json_text import lacks_end
from ..streams.fairness import REST, Rest
from .errors import ErrorFactory
from .json_events import JsonEvents
from .large_json import read_value
from .reply_reader import is_news
from .sse import Failure, Frames, Named, Strange

__all__ = ["BLANK", "JsonReply", "parse_json"]

BLANK = b" \t\r\n\xef\xbb\xbf"
"""What may stand before the first sign of a reply: white space, and a byte order mark."""

_OF_LIFE = b"", b":"
"""How bytes begin that only keep a connection open: they are blank, or a comment."""

_SCALARS = (str, int, bool, type(None))

_STRIDE = 32
_SLICE = 1 << 13
_LARGE = 1 << 15
"""Bytes that are read in one go, and bytes of JSON that are parsed in one."""

_TRIED = 1 << 18
"""Bytes that are parsed on trial, to see whether they are the whole reply."""

_LONGEST = 1 << 26
"""Bytes, after which an event, or a whole reply, that lacks its end is given up."""

_ARGUMENTS = re.compile(rb'"(?:input|arguments|args|parameters)"\s*:\s*\{\s*"')

_GAP = re.compile(r"[ \t\r\n,]*")


def parse_json(data: bytes) -> Any:
    """Return a JSON value; bare line breaks and invalid UTF-8 in its texts are allowed.

    Where it holds the arguments of a call as an object, floats know how they were written.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return exact_json(data) if _ARGUMENTS.search(data) else from_json(data)
    except ValueError:
        with suppress(ValueError, RecursionError):  # halves of characters, bare line breaks
            text = data.decode(errors="replace")
            return json.loads(text, strict=False, parse_float=ExactFloat)
        raise


class JsonReply:
    """Reads one reply, streamed or whole, as its deltas.

    Its first sign decides whether it is streamed, not its label and not the request. A whole one
    may consist of several JSON values, with events behind them.

    A subclass reads most frames by a mould: frames differ in their text alone, so that only the
    text is parsed. Its constructor takes `errors` alone, for a trial. Where `[DONE]` is an end of
    its protocol, it is also one without a finish reason; elsewhere some gateways append it to
    whatever came.

    Args:
        errors: Makes the errors.
        events: Reads what the frames hold.
    """

    _has_done: ClassVar[bool] = False
    """Whether `[DONE]` is an end of the protocol."""

    _has_types: ClassVar[bool] = False
    """Whether each event has a type, which some gateways leave to the event's name."""

    def __init__(self, errors: ErrorFactory, events: JsonEvents) -> None:
        self._errors = errors
        self._events = events
        self._frames = Frames(keeps_names=self._has_types)
        self._whole: list[bytes] | None = None
        self._begun = self._emitted = self._done = False
        self._read_frames = 0
        self._strange = b""
        self._size = 0
        self.received = 0

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage, or another call, may follow."""
        return (self._done and self._has_done) or self._events.finished

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""
        return self._done and self._events.finished

    @property
    def is_cut(self) -> bool:
        """Whether the last event may lack its end, or the mark of an end came too early."""
        return self._whole is not None or self._frames.is_open or self._done

    def is_whole(self) -> bool:
        """Return whether the reply is whole, or failed, if it ends with the bytes so far."""
        if self._done and not (self._has_done and self.is_finished):
            return True
        trial = self._anew()
        data = b"".join(self._whole or ()) or self._frames.rest
        if len(data) > _TRIED:
            return False
        with suppress(ModelError):
            for _ in chain(trial.feed(data), trial.end()):
                pass
        return trial.is_finished or trial._events.failure is not None

    def feed(self, data: bytes, /) -> Iterator[Delta | Rest]:
        """Yield the deltas that these bytes complete; REST, where much holds few deltas.

        Raises:
            ModelError: The bytes report an error, or cannot be read.
        """
        if not (self._done or self.is_finished) and data.lstrip(BLANK)[:1] not in _OF_LIFE:
            self.received += 1
        if len(data) > _SLICE:
            for start in range(0, len(data), _SLICE):
                yield from self.feed(data[start : start + _SLICE])
                yield REST
            return
        if not self._begun:
            data = data.lstrip(BLANK)
            self._begun = bool(data)
            self._whole = [] if data[:1] in (b"{", b"[") and data[:6] != b"[DONE]" else None
            self._events.is_stream = self._whole is None
        if self._whole is not None:
            self._whole.append(data)
            self._size += len(data)
            if self._size > _LONGEST:
                raise self._endless(self._whole[0])
            return
        frames = self._frames.feed(data)
        yield from self._deltas_of(data, frames)
        self._size = 0 if frames else self._size + len(data)
        if self._size > _LONGEST and not self.is_finished:
            raise self._endless(self._frames.rest)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the bytes.

        Raises:
            ModelUnavailable: The reply broke off.
            MalformedReply: The bytes were no reply.
            ModelError: The reply reports an error.
        """
        if self._whole is not None:
            yield from self._read_whole(b"".join(self._whole))
        rest = self._frames.rest
        with suppress(MalformedReply):  # a frame that was cut short is not the model's mistake
            for frame in self._frames.flush():
                yield from self._read(frame)
        for delta in self._events.end():
            self._emitted = True
            yield delta
        if self._events.failure is not None:
            raise self._events.failure
        is_over = self._whole is not None or (self._done and self._has_done)
        is_none = not self._events.answered and (is_over or not self._emitted)
        received = self._strange or b"".join(self._whole or ())
        if is_none and (received or self._done):
            raise self._errors.malformed("a reply without an answer", received)
        if not self.is_finished or (rest and not self._done and self._is_cut_in(rest)):
            raise self._errors.unavailable("broke off before its reply was whole")

    @abstractmethod
    def _anew(self) -> JsonReply:
        """Return a reader that has read nothing."""

    @abstractmethod
    def _deltas_of(self, data: bytes, frames: list[bytes]) -> Iterator[Delta | Rest]:
        """Yield the deltas of frames.

        Args:
            data: The bytes that complete them.
            frames: The frames, which fit the mould, or go to `_read_next`.
        """

    def _is_cut_in(self, rest: bytes) -> bool:
        """Return whether a finished reply was still going on in an event that lacks its end.

        Args:
            rest: The bytes of the event.
        """
        return False

    @abstractmethod
    def _learn(self, frame: bytes, value: Any, delta: Delta | Rest | None) -> None:
        """Look at a frame that did not fit the mould.

        Args:
            frame: Its bytes.
            value: Its value.
            delta: Its delta, if it has exactly one.
        """

    def _read_next(self, frame: bytes) -> Iterator[Delta | Rest]:
        """Yield the deltas of a frame, and REST now and then."""
        yield from self._read(frame)
        self._read_frames += 1
        if not self._read_frames % _STRIDE:
            yield REST

    def _read(self, frame: bytes) -> Iterator[Delta | Rest]:
        if (self._done and self.is_settled) or not (frame or type(frame) is Failure):
            return
        if type(frame) is Strange:
            self._strange = self._strange or frame
            if frame.find(b"{") >= 0 or (self._emitted and not self.is_finished):
                raise self._errors.malformed("bytes that belong to no reply", frame)
            return
        if frame[:1] != b"{" and frame.lstrip(b' "').startswith(b"[DONE]"):
            self._done = True
            return
        value: Any = None
        delta: Delta | Rest | None = None
        deltas = news = 0
        try:
            if type(frame) is Failure:
                self._events.fail(self._description(frame))
            else:
                large = len(frame) > _LARGE
                value = (yield from self._parse_slowly(frame)) if large else self._parse(frame)
                if type(value) in _SCALARS and not str(value or "").strip():
                    return  # a sign of life
                if type(frame) is Named and isinstance(value, dict):
                    self._note_type(frame, value)
                for delta in self._events.read(value):
                    deltas += 1
                    news += is_news(delta)
                    yield delta
        except ModelError:
            if self.is_finished:  # a whole answer cannot break
                return
            raise
        self._emitted = self._emitted or bool(deltas)
        self.received += news
        if deltas and type(delta) is not Usage:
            self._done = False  # the mark came too early
        if self._events.failure is not None:
            raise self._events.failure
        self._learn(frame, value, delta if deltas == 1 else None)

    def _note_type(self, frame: Named, value: dict[str, Any]) -> None:
        """Give a value without a type the name of its event; `message` is that of any event."""
        if value.get("type") is not None:
            self._frames.note_usual(frame.line)
        elif frame.name != "message":
            value["type"] = frame.name

    def _read_whole(self, data: bytes) -> Iterator[Delta | Rest]:
        """Yield the deltas of JSON values that follow each other, or precede events."""
        at = 0
        text = data.decode(errors="replace")
        while _begins_value(text, at):
            try:
                value, end = yield from read_value(text, at)
            except (ValueError, RecursionError) as error:
                if not at and not lacks_end(text):
                    raise self._errors.malformed("text that is not JSON", data) from error
                if at and (self.is_finished or not self._events.is_stream):
                    break
                raise self._errors.unavailable("broke off before its reply was whole") from None
            gap = _GAP.match(text, end)
            at = gap.end() if gap else end
            # Where another value follows, none of them is whole by its form alone.
            self._events.is_stream = self._events.is_stream or _begins_value(text, at)
            yield from self._read_value(value)
        for frame in self._frames.feed(text[at:].encode() + b"\n\n"):
            yield from self._read(frame)

    def _read_value(self, value: Any) -> Iterator[Delta | Rest]:
        for delta in self._events.read(value):
            self._emitted = True
            yield delta
        if self._events.failure is not None:
            raise self._events.failure

    def _endless(self, received: bytes) -> ModelError:
        size = _LONGEST >> 20
        return self._errors.malformed(f"more than {size} MiB without their end", received[:300])

    def _parse(self, data: bytes) -> Any:
        try:
            return parse_json(data)
        except ValueError as error:
            raise self._errors.malformed("text that is not JSON", data) from error

    def _parse_slowly(self, data: bytes) -> Generator[Rest, None, Any]:
        text = data.decode(errors="replace").strip()
        with suppress(ValueError, RecursionError):
            value, end = yield from read_value(text)
            if end == len(text):
                return value
        return self._parse(data)

    def _description(self, data: bytes) -> Any:
        try:
            return self._parse(data)
        except MalformedReply:
            return data.decode(errors="replace")


def _begins_value(text: str, at: int) -> bool:
    """Return whether a JSON object, or a list, begins at a place of a text."""
    return text[at : at + 1] in ("{", "[") and text[at : at + 6] != "[DONE]"
