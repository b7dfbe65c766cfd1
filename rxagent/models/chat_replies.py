"""Replies: the bytes that a server of OpenAI's chat protocol answers, read as deltas."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from jiter import from_json

from ..errors import MalformedReply, ModelError
from ..events import Delta, TextDelta
from .chat_chunks import ChatChunks
from .faults import Faults
from .frames import Frames

__all__ = ["ChatReply"]

_CONTENT = b'"content"'
_EVERY = 16
"""Of so many frames that fit no mould, one is made a mould."""


class ChatReply:
    """Reads one reply, streamed or whole, as the deltas it consists of.

    Most frames of a stream differ in their text alone. So the bytes around one frame's text are
    kept as a mould, and of a frame that fits it nothing but the text is parsed.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._frames = Frames()
        self._chunks = ChatChunks(faults)
        self._mould = b"\r", b"\r"  # which no frame fits, as CR ends a line
        self._unfit = 0
        self._heard = False
        self._done = False

    @property
    def is_finished(self) -> bool:
        """Whether the reply is whole, though its usage may follow."""
        return self._done or self._chunks.finished

    @property
    def is_settled(self) -> bool:
        """Whether all that could follow was heard."""
        return self._done or self._chunks.settled

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Yield the deltas that these bytes of a stream complete."""
        head, tail = self._mould
        start, end = len(head), -len(tail)
        for frame in self._frames.feed(data):
            if frame.startswith(head) and frame.endswith(tail):
                try:
                    text = from_json(frame[start:end])
                except ValueError:
                    text = None
                if text and type(text) is str:
                    yield TextDelta(text)
                    continue
            yield from self._read(frame)
            head, tail = self._mould
            start, end = len(head), -len(tail)

    def end(self) -> Iterator[Delta]:
        """Yield what was held back, now that the stream has ended.

        Raises:
            ModelUnavailable: It ended in the midst of the reply.
            MalformedReply: It was no stream of events.
        """
        with suppress(MalformedReply):  # a frame that was cut short is not the model's fault
            for frame in self._frames.flush():
                yield from self._read(frame)
        yield from self._chunks.end()
        if not self.is_finished:
            if self._frames.strange and not self._heard:
                raise self._faults.malformed(
                    "what is no reply of OpenAI's chat protocol", self._frames.strange
                )
            raise self._faults.unavailable("broke off in the midst of its reply")

    def whole(self, data: bytes) -> Iterator[Delta]:
        """Yield the deltas of a reply that was not streamed."""
        reply = self._parsed(data)
        deltas = self._chunks.read(reply)
        if not reply.get("choices"):
            raise self._faults.malformed("a reply without an answer", reply)
        yield from deltas
        yield from self._chunks.end()

    def _read(self, frame: bytes) -> Iterator[Delta]:
        self._done = self._done or frame.startswith(b"[DONE]")
        if self._done or not frame:
            return
        self._heard = True
        try:
            chunk = self._parsed(frame)
            deltas = self._chunks.read(chunk)
        except ModelError:
            if self.is_finished:  # what is whole cannot break
                return
            raise
        yield from deltas
        if self._chunks.is_plain:
            match deltas:
                case [TextDelta(text)]:
                    self._take_mould(frame, chunk, text)

    def _take_mould(self, frame: bytes, chunk: Any, text: str) -> None:
        """Keep the bytes around a frame's text, if nothing else in it depends on the text."""
        self._unfit += 1
        if self._unfit % _EVERY != 1:
            return
        string = f'"{text}"'.encode()
        start = frame.find(string, frame.find(_CONTENT) + len(_CONTENT))
        head, tail = frame[:start], frame[start + len(string) :]
        with suppress(ValueError, LookupError, TypeError):
            (choice,) = chunk["choices"]
            choice["delta"]["content"] = other = text + "?"
            if start > 0 and from_json(head + f'"{other}"'.encode() + tail) == chunk:
                self._mould = head, tail

    def _parsed(self, data: bytes) -> Any:
        try:
            return from_json(data)
        except ValueError as error:
            raise self._faults.malformed("what is not JSON", data) from error
