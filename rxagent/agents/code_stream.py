"""Operators on the deltas of a turn that writes code."""

from collections.abc import Callable
from functools import partial

from reactivex import Observable, abc

from ..events import Delta, Finish, ReasoningDelta, StepRetried, TextDelta, Usage
from ..streams.sink import Sink, lift
from .code_blocks import Tags
from .steering import INTERRUPTED

__all__ = ["cut_at_code"]


def cut_at_code(tags: Tags) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Cut a reply at the end of its code.

    What belongs to the end of the reply, as its usage, still passes; if the model goes on with
    more text, the request is closed. If the reply ends within its code, the text that closes it is
    emitted, so that the message holds a whole block.
    """
    return lift(partial(_Cutting, tags))


class _Cutting(Sink[Delta, Delta]):
    __slots__ = ("_code", "_is_closed", "_length", "_tags")

    def __init__(self, tags: Tags, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._tags = tags
        self._begin()

    def _begin(self) -> None:
        self._code = self._tags.reader()
        self._length = 0
        self._is_closed = False

    def on_next(self, value: Delta) -> None:
        is_over = self._code.over is not None
        match value:
            case StepRetried():
                self._begin()
            case Finish(reason):
                self._close(is_cut=reason in ("length", INTERRUPTED))
                if is_over and reason == "length":
                    value = Finish("stop")
            case TextDelta(text) if not is_over:
                self._add(text)
                return
            case TextDelta(text) if not text.strip():
                return
            case ReasoningDelta(text) if not text.strip():
                pass
            case Usage():
                pass
            case _ if is_over:
                self._hang_up()
                return
        self.observer.on_next(value)

    def _add(self, text: str) -> None:
        before = self._length
        self._length += len(text)
        self._code.add(text)
        over = len(text) if self._code.over is None else self._code.over - before
        self.observer.on_next(TextDelta(text[:over]))
        if text[over:].strip():
            self._hang_up()

    def _hang_up(self) -> None:
        self._dispose_source()
        self.observer.on_next(Finish("stop"))
        super().on_completed()

    def _close(self, *, is_cut: bool = False) -> None:
        is_open = not self._is_closed and self._code.over is None
        self._is_closed = True
        if is_open and not is_cut and (missing := self._code.missing):
            self._add(missing)

    def on_completed(self) -> None:
        self._close()
        super().on_completed()
