"""Operators on the deltas of a turn that writes code."""

from collections.abc import Callable
from functools import partial

from reactivex import Observable, abc

from .. import operators as ops
from ..events import Delta, Finish, StepRetried, TextDelta
from ..streams.sink import Sink, lift
from .code_blocks import Tags
from .steering import INTERRUPTED

__all__ = ["cut_at_code"]


def cut_at_code(tags: Tags) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Cut a reply at the end of its code, and close the request.

    The text after which the model stops is not in its reply, whether the provider or `stop_at` has
    cut it off; it is emitted here, so that the message holds a whole block.
    """

    def cut(deltas: Observable[Delta]) -> Observable[Delta]:
        return deltas.pipe(ops.stop_at([tags.stop]), lift(partial(_Closing, tags)))

    return cut


class _Closing(Sink[Delta, Delta]):
    __slots__ = ("_pieces", "_tags")

    def __init__(self, tags: Tags, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._tags = tags
        self._pieces: list[str] = []

    def on_next(self, value: Delta) -> None:
        match value:
            case TextDelta(text):
                self._pieces.append(text)
            case StepRetried():
                self._pieces.clear()
            case Finish(reason):
                self._close(is_cut=reason in ("length", INTERRUPTED))
        self.observer.on_next(value)

    def _close(self, *, is_cut: bool = False) -> None:
        missing = self._tags.missing_end("".join(self._pieces))
        self._pieces.clear()
        if missing and not is_cut:
            self.observer.on_next(TextDelta(missing))

    def on_completed(self) -> None:
        self._close()
        super().on_completed()
