"""Operators that make messages and actions out of deltas."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from attrs import evolve
from reactivex import Observable, abc, compose
from reactivex import operators as rxo

from ..arguments import one_of
from ..draft import EMPTY, Draft, grow
from ..events import Delta, ReasoningDelta, TextDelta
from ..messages import Message
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ._operator import operator

__all__ = ["accumulate"]

_TEXTS = {TextDelta, ReasoningDelta}
_MANY = 256


@operator(takes="deltas", emits="messages")
def accumulate(
    partial: bool = True,
) -> Callable[[Observable[Delta]], Observable[Message]]:
    """Make one message of a turn's deltas, as `scan` does.

    Every message emitted holds the text so far, so for a screen that needs only some of them, pipe
    `sample` or `debounce` to the deltas first.

    .. marbles:: accumulate/accumulate

    Args:
        partial: Emit the message as it grows, once for each delta; otherwise only when the
            deltas have completed, as `reduce` does. A turn without deltas is an empty message.
    """
    one_of("partial", partial, (True, False))
    if partial:
        return compose(rxo.scan(grow, Draft()), stream_ops.map(attrgetter("message")))
    return lift(_Whole)


class _Whole(Sink[Delta, Message]):
    """Emits the message when it is complete; joins its text before folding it."""

    __slots__ = ("_draft", "_kind", "_pieces")

    def __init__(self, observer: abc.ObserverBase[Message]) -> None:
        super().__init__(observer)
        self._draft = EMPTY
        self._kind: Any = None
        self._pieces: list[Any] = []

    def on_next(self, value: Any) -> None:
        kind = type(value)
        if kind is not self._kind:
            self._join()
            if kind not in _TEXTS:
                self._draft = grow(self._draft, value)
                return
            self._kind = kind
        self._pieces.append(value)
        if len(self._pieces) >= _MANY:
            self._join()

    def _join(self) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            joined = self._kind("".join([piece.text for piece in pieces]))
            if self._kind is ReasoningDelta:
                joined = evolve(joined, extra=tuple(one for piece in pieces for one in piece.extra))
            self._draft = grow(self._draft, joined)

    def on_completed(self) -> None:
        self._join()
        self.observer.on_next(self._draft.message)
        super().on_completed()
