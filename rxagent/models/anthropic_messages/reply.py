"""Replies: the bytes of an answer in Anthropic's Messages protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from ...events import Delta, TextDelta
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from ..json_reply import JsonReply
from ..mould import NO_MOULD, Mould, mould_of
from .events import MessageEvents

__all__ = ["MessageReply"]

_TRIES = 3
"""How many pieces of a block are tried as its mould, at most."""

_Add = Callable[[str], Delta] | None
"""What makes a delta of a piece, unless that is a text's."""

_NONE: tuple[Mould, _Add] = (NO_MOULD, None)


class MessageReply(JsonReply):
    """Reads one reply, streamed or whole, as its deltas.

    The frames of a block differ in their text alone, and in spaces after it, by which Anthropic
    hides the text's length. So the bytes around the first text of a block are kept as a mould, and
    of a frame that fits it only the text is parsed.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the blocks it wants back; None keeps none.
        signs: Whether the server signs each thought that it takes back.
    """

    _has_types: ClassVar[bool] = True

    def __init__(self, errors: ErrorFactory, origin: str | None = None, signs: bool = True) -> None:
        self._messages = MessageEvents(errors, origin, signs)
        super().__init__(errors, self._messages)
        self._mould = _NONE
        self._tries = 0

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""
        return self._messages.stopped or (self._done and self._messages.finished)

    def _anew(self) -> MessageReply:
        return MessageReply(self._errors)

    def _deltas_of(self, data: bytes, frames: list[bytes]) -> Iterator[Delta | Rest]:
        said: list[str] = []
        mould, add = self._fit()
        for frame in frames:
            if text := mould.text_in(frame):
                if add is None:
                    said.append(text)
                    yield TextDelta(text)
                else:
                    yield add(text)
                continue
            if said:
                self._messages.said("".join(said))
                said = []
            yield from self._read_next(frame)
            mould, add = self._fit()
        if said:
            self._messages.said("".join(said))

    def _fit(self) -> tuple[Mould, _Add]:
        return self._mould if self._messages.is_plain else _NONE

    def _learn(self, frame: bytes, value: Any, delta: Delta | Rest | None) -> None:
        piece = self._messages.piece
        if piece is None:
            if not (isinstance(value, dict) and value.get("type") == "ping"):
                self._mould, self._tries = _NONE, 0
        elif delta is not None and self._messages.is_plain and self._tries < _TRIES:
            self._tries += 1
            mould = mould_of(frame, value, piece.delta, piece.name)
            if mould is not None:
                self._mould = mould, piece.add
