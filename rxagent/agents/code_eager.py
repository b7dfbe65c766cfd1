"""Eager statements: code that runs while the model still writes the rest of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..events import Delta, Event, Finish, StepRetried, TextDelta, ToolFailed
from ..streams.sink import MergeSink, Sink, lift
from .code_blocks import Tags
from .code_open_calls import OpenCalls
from .code_statements import StatementReader
from .steering import INTERRUPTED
from .stopping import WholeCall

__all__ = ["eager_statements", "written_statements"]


def written_statements(
    tags: Tags, asynchronous: Iterable[str] = ()
) -> Callable[[Observable[Delta]], Observable[str | StepRetried]]:
    """Emit statements of a turn's code as soon as they are complete, and its retractions.

    The rest of the code follows when its block ends, or when the model has finished, unless the
    length limit or a message cut it off. A call that a statement does not await ends with the code
    that is run, so that it and all after it are one statement.

    Args:
        tags: The texts around code.
        asynchronous: The names of the asynchronous functions.
    """
    return lift(partial(_Writing, tags, tuple(asynchronous)))


class _Writing(Sink[Delta, Any]):
    __slots__ = (
        "_asynchronous",
        "_code",
        "_emitted",
        "_held",
        "_is_over",
        "_open",
        "_statements",
        "_tags",
    )

    def __init__(
        self, tags: Tags, asynchronous: tuple[str, ...], observer: abc.ObserverBase[Any]
    ) -> None:
        super().__init__(observer)
        self._tags = tags
        self._asynchronous = asynchronous
        self._begin()

    def _begin(self) -> None:
        self._code = self._tags.reader()
        self._open = OpenCalls(self._asynchronous)
        self._held = False
        self._emitted = 0
        self._statements = StatementReader()
        self._is_over = False

    def on_next(self, value: Delta) -> None:
        match value:
            case TextDelta(text) if not self._is_over:
                self._add(text)
            case Finish(reason):
                self._end(is_cut=reason in ("length", INTERRUPTED))
            case StepRetried():
                self._begin()
                self.observer.on_next(value)

    def _add(self, text: str) -> None:
        self._code.add(text)
        for statement in self._statements.add(self._code.fresh()):
            self._held = self._held or self._open.left_by(statement)
            if not self._held:
                self._emitted += len(statement)
                self.observer.on_next(statement)
        if self._code.over is not None:
            self._end(is_cut=False)

    def _end(self, *, is_cut: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        if not is_cut:
            self._code.end()
            code = next(iter(self._code.blocks), "")[self._emitted :]
            if code.strip():
                self.observer.on_next(code)

    def on_completed(self) -> None:
        self._end(is_cut=False)
        super().on_completed()


def eager_statements(
    start: Callable[[str, int], Observable[Event]], retract: Callable[[], ToolFailed]
) -> Callable[[Observable[str | StepRetried]], Observable[Event]]:
    """Run statements one after the other; a retraction ends the one that runs, and all that wait.

    Each runs alone, also one that has waited, so that what runs does not depend on the pace of
    the reply.

    Args:
        start: Runs code, given how many lines stand before it.
        retract: Returns the last event of the code that ran; called when it has been stopped.
    """
    return lift(partial(_InOrder, start, retract))


class _InOrder(MergeSink[Any, Event]):
    __slots__ = ("_is_starting", "_lines", "_retract", "_running", "_start", "_waiting")

    def __init__(
        self,
        start: Callable[[str, int], Observable[Event]],
        retract: Callable[[], ToolFailed],
        observer: abc.ObserverBase[Event],
    ) -> None:
        super().__init__(observer)
        self._start = start
        self._retract = retract
        self._waiting: deque[str] = deque()
        self._is_starting = False
        self._running: _Run | None = None
        self._lines = 0

    def on_next(self, value: str | StepRetried) -> None:
        if isinstance(value, str):
            self._waiting.append(value)
            self.go_on()
            return
        running, self._running = self._running, None
        self._waiting.clear()
        self._lines = 0
        if running is not None:
            running.stop(self._retract)

    def go_on(self, ended: _Run | None = None) -> None:
        """Run what waits, unless code runs; `ended` does not any more."""
        if self._running is not ended:
            return
        self._running = None
        if self._is_starting:
            return
        self._is_starting = True
        self._open += 1
        try:
            while self._waiting and self._running is None and not self.is_stopped:
                self._run_next(self._waiting.popleft())
        finally:
            self._is_starting = False
        self._end_one()

    def _run_next(self, code: str) -> None:
        lines = self._lines
        if not lines:
            code = code.lstrip("\n")
        self._lines += code.count("\n")
        self.join(lift(self._run)(self._start(code, lines)))

    def _run(self, observer: abc.ObserverBase[Event]) -> _Run:
        self._running = _Run(observer, self)
        return self._running


class _Run(WholeCall):
    """Passes on the events of code that runs."""

    __slots__ = ("_order",)

    def __init__(self, observer: abc.ObserverBase[Event], order: _InOrder) -> None:
        super().__init__(observer)
        self._order = order

    def on_completed(self) -> None:
        self._order.go_on(self)
        super().on_completed()
