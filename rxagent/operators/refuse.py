"""The operator that turns a refusal into an error."""

from __future__ import annotations

from collections.abc import Callable

from reactivex import Observable, abc

from ..errors import ModelRefused
from ..events import Delta, Finish, RefusalDelta, StepRetried
from ..streams.sink import Sink, lift
from ._operator import operator

__all__ = ["unless_refused"]

_NOTED = {Finish, RefusalDelta, StepRetried}
_REASONS = {"refusal": "The model declined to answer", "content_filter": "A filter cut the answer"}


@operator(takes="deltas")
def unless_refused() -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Pass a turn's deltas; when it ends as a refusal, raise ModelRefused instead of completing.

    .. marbles:: refuse/unless_refused

    Raises:
        ModelRefused: The model refused in words, or the finish reason says so; by `on_error`.
    """

    return lift(_Refusing)


class _Refusing(Sink[Delta, Delta]):
    __slots__ = ("_reason", "_words")

    def __init__(self, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._words = self._reason = ""

    def on_next(self, value: Delta) -> None:
        if type(value) in _NOTED:
            self._note(value)
        self.observer.on_next(value)

    def _note(self, delta: Delta) -> None:
        match delta:
            case RefusalDelta(text) if text:
                self._words += text
                self._reason = self._reason or "refusal"
            case Finish("refusal" | "content_filter"):
                self._reason = delta.reason
            case StepRetried():
                self._words = self._reason = ""

    def on_completed(self) -> None:
        if self._reason:
            why = f": {self._words}" if self._words else "."
            self.on_error(ModelRefused(f"{_REASONS[self._reason]}{why}"))
        else:
            super().on_completed()
