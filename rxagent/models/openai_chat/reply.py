"""Replies: the bytes of an answer in OpenAI's chat protocol, read as deltas."""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from jiter import from_json

from ...errors import MalformedReply, ModelError
from ...events import Delta, TextDelta, Usage
from ...streams.fairness import REST, Rest
from ..errors import ErrorFactory
from ..sse import Failure, Frames, Strange
from .chunks import ChatChunks
from .large_json import read_value

__all__ = ["ChatReply"]

_BLANK = b" \t\r\n\xef\xbb\xbf"
"""What may stand before the first sign of a reply: white space, and a byte order mark."""

_CONTENT = b'"content"'
_ESCAPED = b"\\u003"
"""How JSON may write the sign `<` with which a tag begins, and some others."""

_EVERY = 16
"""Of so many frames that do not fit the mould, one becomes the next mould."""

_NO_MOULD = b"\r", b"\r"
"""A mould that no frame fits, as CR ends a line."""

_SCALARS = (str, int, bool, type(None))

_STRIDE = 32
_SLICE = 1 << 13
_LARGE = 1 << 15
"""Bytes that are read in one go, and bytes of JSON that are parsed in one."""

_TRIED = 1 << 18
"""Bytes that are parsed on trial, to see whether they are the whole reply."""

_GAP = re.compile(r"[ \t\r\n,]*")


class ChatReply:
    """Reads one reply, streamed or whole, as its deltas.

    Its first sign decides whether it is streamed, not its label and not the request. A whole one
    may consist of several JSON values, with events behind them.

    Most frames of a stream differ in their text alone. So the bytes around one frame's text are
    kept as a mould, and of a frame that fits it only the text is parsed.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
    """

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        self._errors = errors
        self._frames = Frames()
        self._chunks = ChatChunks(errors, origin)
        self._whole: list[bytes] | None = None
        self._begun = self._emitted = self._done = False
        self._mould = _NO_MOULD
        self._unfit = self._read_frames = 0
        self._tail = b""
        self._strange = b""
        self._signed = False
        self.received = 0

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage, or another call, may follow."""
        return self._done or self._chunks.finished

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""
        return self._done and self._chunks.finished

    @property
    def is_cut(self) -> bool:
        """Whether the last event may lack its end."""
        return self._whole is not None or self._frames.is_open

    def is_whole(self) -> bool:
        """Return whether the reply is whole, or failed, if it ends with the bytes so far."""
        trial = ChatReply(self._errors)
        data = b"".join(self._whole or ()) or self._frames.rest
        if len(data) > _TRIED:
            return False
        with suppress(ModelError):
            for _ in chain(trial.feed(data), trial.end()):
                pass
        return trial.is_finished or trial._chunks.failure is not None

    def feed(self, data: bytes) -> Iterator[Delta | Rest]:
        """Yield the deltas that these bytes complete; REST, where much holds few deltas.

        Raises:
            ModelError: The bytes report an error, or cannot be read.
        """
        if len(data) > _SLICE:
            for start in range(0, len(data), _SLICE):
                yield from self.feed(data[start : start + _SLICE])
                yield REST
            return
        if not self._begun:
            data = data.lstrip(_BLANK)
            self._begun = bool(data)
            self._whole = [] if data[:1] in (b"{", b"[") and data[:6] != b"[DONE]" else None
            self._chunks.is_stream = self._whole is None
        if self._whole is not None:
            self._whole.append(data)
            return
        frames = self._frames.feed(data)
        self.received += len(frames)
        has_sign = not self._chunks.tags.are_over and self._has_sign(data, frames)
        passed: list[str] = []
        head, tail = self._fit(has_sign)
        start, end = len(head), -len(tail)
        for frame in frames:
            if frame.startswith(head) and frame.endswith(tail):
                try:
                    text = from_json(frame[start:end])
                except ValueError:
                    text = None
                if text and type(text) is str:
                    passed.append(text)
                    yield TextDelta(text)
                    continue
            if passed:
                self._chunks.passed("".join(passed))
                passed = []
            yield from self._read(frame)
            self._read_frames += 1
            if not self._read_frames % _STRIDE:
                yield REST
            head, tail = self._fit(has_sign)
            start, end = len(head), -len(tail)
        if passed:
            self._emitted = True
            self._chunks.passed("".join(passed))

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the bytes.

        Raises:
            ModelUnavailable: The reply broke off.
            MalformedReply: The bytes were no reply.
            ModelError: The reply reports an error.
        """
        if self._whole is not None:
            yield from self._read_whole(b"".join(self._whole))
        with suppress(MalformedReply):  # a frame that was cut short is not the model's mistake
            for frame in self._frames.flush():
                yield from self._read(frame)
        for delta in self._chunks.end():
            self._emitted = True
            yield delta
        if self._chunks.failure is not None:
            raise self._chunks.failure
        is_none = not self._chunks.answered and (self._whole is not None or not self._emitted)
        received = self._strange or b"".join(self._whole or ())
        if is_none and (received or self._done):
            raise self._errors.malformed("a reply without an answer", received)
        if not self.is_finished:
            raise self._errors.unavailable("broke off before its reply was whole")

    def _read(self, frame: bytes) -> Iterator[Delta | Rest]:
        if self.is_settled or not (frame or type(frame) is Failure):
            return
        if type(frame) is Strange:
            self._strange = self._strange or frame
            if frame.find(b"{") >= 0 or (self._emitted and not self.is_finished):
                raise self._errors.malformed("bytes that belong to no reply", frame)
            return
        if frame.lstrip(b' "').startswith(b"[DONE]"):
            self._done = True
            return
        chunk: Any = None
        deltas = 0
        try:
            if type(frame) is Failure:
                self._chunks.fail(self._description(frame))
            else:
                large = len(frame) > _LARGE
                chunk = (yield from self._parse_slowly(frame)) if large else self._parse(frame)
                if type(chunk) in _SCALARS and not str(chunk or "").strip():
                    return  # a sign of life
                for delta in self._chunks.read(chunk):
                    deltas += 1
                    yield delta
        except ModelError:
            if self.is_finished:  # a whole answer cannot break
                return
            raise
        self._emitted = self._emitted or bool(deltas)
        if deltas and type(delta) is not Usage:
            self._done = False  # the mark came too early
        if self._chunks.failure is not None:
            raise self._chunks.failure
        if deltas == 1 and type(delta) is TextDelta and self._chunks.is_plain:
            self._take_mould(frame, chunk, delta.text)

    def _read_whole(self, data: bytes) -> Iterator[Delta | Rest]:
        """Yield the deltas of JSON values that follow each other, or precede events."""
        at = 0
        text = data.decode(errors="replace")
        while text[at : at + 1] in ("{", "[") and text[at : at + 6] != "[DONE]":
            try:
                value, end = yield from read_value(text, at)
            except (ValueError, RecursionError) as error:
                if not at:
                    raise self._errors.malformed("text that is not JSON", data) from error
                break
            yield from self._read_value(value)
            gap = _GAP.match(text, end)
            at = gap.end() if gap else end
        for frame in self._frames.feed(text[at:].encode() + b"\n\n"):
            yield from self._read(frame)

    def _read_value(self, value: Any) -> Iterator[Delta | Rest]:
        for delta in self._chunks.read(value):
            self._emitted = True
            yield delta
        if self._chunks.failure is not None:
            raise self._chunks.failure

    def _has_sign(self, data: bytes, frames: list[bytes]) -> bool:
        """Return whether a tag may begin in the frames that these bytes complete."""
        seen = self._tail + data
        self._tail = seen[-8:]
        has_sign = b"<" in seen or _ESCAPED in seen
        signed = has_sign or self._signed
        self._signed = has_sign if frames else signed
        return signed

    def _fit(self, has_sign: bool) -> tuple[bytes, bytes]:
        """Return the mould, unless every frame must be parsed as a whole."""
        if self._done or (has_sign and not self._chunks.tags.are_over):
            return _NO_MOULD
        return self._mould if self._chunks.is_plain else _NO_MOULD

    def _take_mould(self, frame: bytes, chunk: Any, text: str) -> None:
        """Keep the bytes around a frame's text, if nothing else in it depends on the text."""
        self._unfit += 1
        if self._unfit % _EVERY != 1:
            return
        quoted = f'"{text}"'.encode()
        start = frame.find(quoted, frame.find(_CONTENT) + len(_CONTENT))
        head, tail = frame[:start], frame[start + len(quoted) :]
        with suppress(ValueError, LookupError, TypeError):
            (choice,) = chunk["choices"]
            choice["delta"]["content"] = other = text + "?"
            if start > 0 and from_json(head + f'"{other}"'.encode() + tail) == chunk:
                self._mould = head, tail

    def _parse(self, data: bytes) -> Any:
        try:
            return from_json(data)
        except ValueError as error:
            with suppress(ValueError, RecursionError):  # halves of characters, bare line breaks
                return json.loads(data.decode(errors="replace"), strict=False)
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
