"""Replies: the bytes of an answer in OpenAI's chat protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from jiter import from_json

from ...events import Delta, TextDelta
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from ..json_reply import JsonReply
from ..mould import EVERY, NO_MOULD, Mould
from ..sse import Frames
from .chunks import ChatChunks
from .text_mould import mould_of_text

__all__ = ["ChatReply"]

_ESCAPED = b"\\u003"
"""How JSON may write the sign `<` with which a tag begins, and some others."""


class ChatReply(JsonReply):
    """Reads one reply, streamed or whole, as its deltas.

    Most frames of a stream differ in their text alone, and in a padding. So the bytes around these
    are kept as a mould, and of a frame that fits it only the text is parsed.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
    """

    _has_done: ClassVar[bool] = True

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        self._chunks = ChatChunks(errors, origin)
        super().__init__(errors, self._chunks)
        self._mould = NO_MOULD
        self._unfit = 0
        self._tail = b""
        self._signed = False

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole; `[DONE]` ends none whose call lacks its arguments."""
        return super().is_finished and not (self._done and self._chunks.is_cut)

    def _anew(self) -> ChatReply:
        return ChatReply(self._errors)

    def _deltas_of(self, data: bytes, frames: list[bytes]) -> Iterator[Delta | Rest]:
        has_sign = not self._chunks.tags.are_over and self._has_sign(data, frames)
        passed: list[str] = []
        text_in = self._fit(has_sign).text_in
        for frame in frames:
            if text := text_in(frame):
                passed.append(text)
                yield TextDelta(text)
                continue
            if passed:
                self._chunks.passed("".join(passed))
                passed = []
                self.received += 1
            yield from self._read_next(frame)
            text_in = self._fit(has_sign).text_in
        if passed:
            self._emitted = True
            self.received += 1
            self._chunks.passed("".join(passed))

    def _is_cut_in(self, rest: bytes) -> bool:
        frames = Frames().feed(rest + b"\n\n")
        data = frames[-1].strip() if frames else b"[DONE]"  # a comment
        if data and b"[DONE]".startswith(data):
            return False
        try:
            from_json(data)
        except ValueError:
            return self._chunks.goes_on or _holds_text(data)
        return False

    def _has_sign(self, data: bytes, frames: list[bytes]) -> bool:
        """Return whether a tag may begin in the frames that these bytes complete."""
        seen = self._tail + data
        self._tail = seen[-8:]
        has_sign = b"<" in seen or _ESCAPED in seen
        signed = has_sign or self._signed
        self._signed = has_sign if frames else signed
        return signed

    def _fit(self, has_sign: bool) -> Mould:
        """Return the mould, unless every frame must be parsed as a whole."""
        if self._done or (has_sign and not self._chunks.tags.are_over):
            return NO_MOULD
        return self._mould if self._chunks.is_plain else NO_MOULD

    def _learn(self, frame: bytes, value: Any, delta: Delta | Rest | None) -> None:
        if type(delta) is not TextDelta or not self._chunks.is_plain:
            return
        with suppress(ValueError, LookupError, TypeError):
            if value["choices"][0]["delta"]["content"] != delta.text:  # some was held back
                return
            self._unfit += 1
            if self._unfit % EVERY == 1:
                self._mould = mould_of_text(frame, value) or self._mould


def _holds_text(data: bytes) -> bool:
    """Return whether the beginning of a chunk has a text or a call."""
    with suppress(ValueError, LookupError, TypeError, AttributeError):
        delta = from_json(data, partial_mode="trailing-strings")["choices"][0]["delta"]
        return bool(delta.get("content") or delta.get("tool_calls"))
    return False
