"""Operators on the deltas of a turn that writes code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reactivex import Observable, abc

from ..events import Delta, Finish, StepRetried, TextDelta
from ..streams.sink import HoldingSink, lift
from .code_blocks import Tags
from .steering import INTERRUPTED

__all__ = ["cut_at_code"]


def cut_at_code(tags: Tags) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Cut a reply at the end of its code, and close the request.

    A text after which the provider itself stops is not in its reply; if that ends within its code,
    what closes the code is emitted, so that the message holds a whole block.
    """
    return lift(partial(_Cutting, tags))


class _Cutting(HoldingSink[Delta, Delta]):
    """Holds text back while it is not known whether a tag in its line opens a block."""

    __slots__ = ("_code", "_emitted", "_held", "_is_closed", "_tags")

    def __init__(self, tags: Tags, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._tags = tags
        self._begin()

    def _begin(self) -> None:
        self._code = self._tags.reader()
        self._emitted = 0
        self._held = ""
        self._is_closed = False

    def on_next(self, value: Delta) -> None:
        match value:
            case TextDelta(text):
                self._add(text)
                return
            case StepRetried():
                self._begin()
            case Finish(reason):
                self._close(is_cut=reason in ("length", INTERRUPTED))
        self.observer.on_next(value)

    def _add(self, text: str) -> None:
        self._held += text
        self._code.add(text)
        over = self._code.over
        if over is not None:
            self._dispose_source()
            self._emit(over - self._emitted)
            self.observer.on_next(Finish("stop"))
            super(HoldingSink, self).on_completed()
        elif not self._code.waits:
            self.flush()

    def _emit(self, size: int) -> None:
        text, self._held = self._held[:size], ""
        self._emitted += len(text)
        if text:
            self.observer.on_next(TextDelta(text))

    def flush(self) -> None:
        self._emit(len(self._held))

    def _close(self, *, is_cut: bool = False) -> None:
        self.flush()
        is_open = not self._is_closed and self._code.over is None
        self._is_closed = True
        if is_open and not is_cut and (missing := self._code.missing):
            self.observer.on_next(TextDelta(missing))

    def on_completed(self) -> None:
        self._close()
        super().on_completed()
