"""Replies: the bytes of an answer in OpenAI's Responses protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from ...events import Delta
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from ..json_reply import JsonReply
from ..mould import EVERY, Mould, mould_of
from .events import ResponseEvents
from .output import Add

__all__ = ["ResponseReply"]

_BESIDE = "sequence_number", "obfuscation"
"""What else differs in the frames of one text: their number, and letters that hide its length."""


class ResponseReply(JsonReply):
    """Reads one reply, streamed or whole, as its deltas.

    The frames of a text differ in the piece, its number and a padding. So the first of them is kept
    as a mould, and of a frame that fits it only the piece is parsed.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the items it wants back; None keeps none.
    """

    _has_types: ClassVar[bool] = True

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        self._responses = ResponseEvents(errors, origin)
        super().__init__(errors, self._responses)
        self._mould: tuple[Mould, Add] | None = None
        self._unfit = 0

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was read, so that nothing more will follow."""
        return self._responses.finished

    def _anew(self) -> ResponseReply:
        return ResponseReply(self._errors)

    def _deltas_of(self, data: bytes, frames: list[bytes]) -> Iterator[Delta | Rest]:
        for frame in frames:
            if self._mould is not None and self._responses.is_plain:
                mould, add = self._mould
                if text := mould.text_in(frame):
                    yield add(text)
                    continue
            yield from self._read_next(frame)

    def _learn(self, frame: bytes, value: Any, delta: Delta | Rest | None) -> None:
        add = self._responses.add
        if add is None:
            self._mould, self._unfit = None, 0
        elif delta is not None:
            self._unfit += 1
            if self._unfit % EVERY == 1:
                mould = mould_of(frame, value, value, "delta", *_BESIDE)
                self._mould = (mould, add) if mould is not None else self._mould
