"""Parsed: replies whose chunks an SDK has parsed already, read as deltas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from ...errors import MalformedReply
from ...events import Delta
from ...streams.fairness import Rest
from ..errors import ErrorFactory
from .chunks import ChatChunks

__all__ = ["ParsedReply"]

_In = TypeVar("_In", contravariant=True)


class ParsedReply(Generic[_In]):
    """Reads one reply, streamed or whole, whose chunks are objects of an SDK.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back.
        fields_of: Returns the fields of a chunk, as the protocol names them.
        is_stream: Whether the reply is streamed.
    """

    is_settled = False
    is_cut = False

    def __init__(
        self,
        errors: ErrorFactory,
        origin: str,
        fields_of: Callable[[_In], Mapping[str, Any]],
        is_stream: bool,
    ) -> None:
        self._errors = errors
        self._chunks = ChatChunks(errors, origin)
        self._chunks.is_stream = is_stream
        self._fields_of = fields_of
        self.received = 0

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage, or another call, may follow."""
        return self._chunks.finished

    def is_whole(self) -> bool:
        """Return whether the reply is whole, if it ends with the chunks so far."""
        return self._chunks.finished

    def feed(self, item: _In, /) -> Iterator[Delta | Rest]:
        """Yield the deltas of a chunk.

        Raises:
            ModelError: The chunk reports an error, or cannot be read.
        """
        self.received += 1
        yield from self._chunks.read(self._fields_of(item))
        self._check()

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the chunks.

        Raises:
            MalformedReply: There was no answer.
            ModelUnavailable: The reply broke off.
            ModelError: The reply reports an error.
        """
        yield from self._chunks.end()
        self._check()
        if not self._chunks.finished:
            raise self._unfinished()

    def _check(self) -> None:
        if self._chunks.failure is not None:
            raise self._chunks.failure

    def _unfinished(self) -> Exception:
        if self.received and not self._chunks.answered:
            none: MalformedReply = self._errors.malformed("a reply without an answer", "")
            return none
        return self._errors.unavailable("broke off before its reply was whole")
