"""Replies: the bytes of an answer in Anthropic's Messages protocol, read as deltas."""

from collections.abc import Iterator
from typing import Any

from jiter import from_json

from ...events import Delta
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from ..json_reply import JsonReply, around
from .content import Piece
from .events import MessageEvents

__all__ = ["MessageReply"]

_TRIES = 3
"""How many pieces of a block are tried as its mould, at most."""


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

    def __init__(self, errors: ErrorFactory, origin: str | None = None, signs: bool = True) -> None:
        self._messages = MessageEvents(errors, origin, signs)
        super().__init__(errors, self._messages)
        self._head = self._tail = b""
        self._piece: Piece | None = None
        self._mould_of: Piece | None = None
        self._tries = 0

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""
        return self._messages.stopped or (self._done and self._messages.finished)

    def _anew(self) -> "MessageReply":
        return MessageReply(self._errors)

    def _deltas_of(self, data: bytes, frames: list[bytes]) -> Iterator[Delta | Rest]:
        for frame in frames:
            piece = self._piece
            if piece is not None and frame.startswith(self._head):
                end = frame.rfind(b'"') + 1
                if frame[end:].replace(b" ", b"") == self._tail:
                    try:
                        text = from_json(frame[len(self._head) : end])
                    except ValueError:
                        text = None
                    if text and type(text) is str:
                        yield piece.add(text)
                        continue
            yield from self._read_next(frame)

    def _learn(self, frame: bytes, value: Any, delta: Delta | Rest | None) -> None:
        piece = self._messages.piece
        if piece is None:
            if not (isinstance(value, dict) and value.get("type") == "ping"):
                self._mould_of, self._tries = None, 0
        elif delta is not None and self._tries < _TRIES:
            self._tries += 1
            mould = around(frame, value, piece.delta, piece.name)
            if mould is not None and b'"' not in mould[1]:
                self._head, self._tail = mould[0], mould[1].replace(b" ", b"")
                self._mould_of = piece
        self._piece = self._mould_of if self._messages.is_plain else None
