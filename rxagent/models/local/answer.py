"""Answer: the answer of a model in this process, while it is generated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter

from ...events import Delta, Finish, Usage
from ...operators.stop_at import StopMatcher
from .text_reader import AnswerReader

__all__ = ["Answer"]

_TOGETHER = 0.005
"""Seconds within which tokens are emitted together: each wakes the run's thread, and a fast engine
would wait for the interpreter's lock as often. Slower tokens are emitted one by one."""


class Answer:
    """Reads the text of one generation, and emits it as deltas.

    Args:
        emit: Called with each delta; it blocks while the run is too far behind.
        cancelled: Returns whether nothing more is wanted.
        stops: The texts at which the answer ends.
        model: The name of the model, for its usage.
    """

    def __init__(
        self,
        emit: Callable[[Delta], None],
        cancelled: Callable[[], bool],
        stops: Iterable[str],
        model: str,
    ) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._model = model
        self._words = tuple(stops)
        self._stops: StopMatcher | None = None
        self._reader: AnswerReader | None = None
        self._waiting: list[Delta] = []
        self._emitted_at = 0.0
        self._is_held = False
        self.written = 0

    @property
    def is_over(self) -> bool:
        """Whether the generation is to be left: the answer was stopped, or is not wanted."""
        return self._cancelled() or (self._stops is not None and self._stops.stopped)

    def begin(self, reader: AnswerReader) -> None:
        """Set what reads the text; what is held of an earlier one is dropped."""
        self._reader = reader
        self._stops = StopMatcher(self._words) if self._words else None
        self._waiting = []
        self.written = 0

    def hold(self) -> None:
        """Emit nothing before the end."""
        self._is_held = True

    def add(self, text: str, tokens: int = 1) -> None:
        """Add the text of some tokens; it may be empty."""
        self.written += tokens
        if text and self._reader is not None:
            self._pass(self._reader.add(text))
        is_due = self._waiting and not self._is_held
        if is_due and perf_counter() - self._emitted_at >= _TOGETHER:
            self._flush()

    def end(self, read: int, reason: str, cached: int = 0) -> None:
        """Emit the end.

        Args:
            read: How many tokens the prompt has.
            reason: Why the generation ended: `stop` or `length`.
            cached: How many of the prompt's tokens the engine had kept from earlier ones.
        """
        if self._reader is None:
            return
        is_cut = reason == "length"
        if not self.is_over:
            self._pass(self._reader.end(is_cut=is_cut))
        if not self.is_over:
            self._pass([Finish("tool_calls" if self._reader.calls and not is_cut else reason)])
        self._waiting.append(Usage(read, self.written, cached, model=self._model))
        self._flush()

    def flush(self) -> None:
        """Emit what waits, as the generation has failed."""
        if self._reader is not None and not self.is_over:
            self._pass(self._reader.end(is_cut=True))
        self._flush()

    def _flush(self) -> None:
        for delta in self._waiting:
            self._emit(delta)
        self._waiting = []
        self._emitted_at = perf_counter()

    def _pass(self, deltas: Iterable[Delta]) -> None:
        if self._stops is None:
            self._waiting += deltas
            return
        for delta in deltas:
            if self._stops.stopped:
                return
            self._waiting += self._stops.add(delta)
