"""Answer: the answer of a model in this process, while it is generated."""

from collections.abc import Callable, Iterable

from ...events import Delta, Finish, Usage
from ...operators.stop_at import StopMatcher
from .text_reader import AnswerReader

__all__ = ["Answer"]


class Answer:
    """Reads the text of one generation, and emits it as deltas.

    Args:
        emit: Called with each delta; it blocks while the run is too far behind.
        cancelled: Returns whether nothing more is wanted.
        stops: The texts at which the answer ends.
    """

    def __init__(
        self,
        emit: Callable[[Delta], None],
        cancelled: Callable[[], bool],
        stops: Iterable[str],
    ) -> None:
        self._emit = emit
        self._cancelled = cancelled
        words = tuple(stops)
        self._stops = StopMatcher(words) if words else None
        self._reader: AnswerReader | None = None
        self.written = 0

    @property
    def is_over(self) -> bool:
        """Whether the generation is to be left: the answer was stopped, or is not wanted."""
        return self._cancelled() or (self._stops is not None and self._stops.stopped)

    def begin(self, reader: AnswerReader) -> None:
        """Set what reads the text."""
        self._reader = reader

    def add(self, text: str, tokens: int = 1) -> None:
        """Add the text of some tokens; it may be empty."""
        self.written += tokens
        if text and self._reader is not None:
            self._pass(self._reader.add(text))

    def end(self, read: int, reason: str) -> None:
        """Emit the end.

        Args:
            read: How many tokens the prompt has.
            reason: Why the generation ended: `stop` or `length`.
        """
        if self._cancelled() or self._reader is None:
            return
        is_cut = reason == "length"
        if not self.is_over:
            self._pass(self._reader.end(is_cut=is_cut))
        if not self.is_over:
            self._pass([Finish("tool_calls" if self._reader.calls and not is_cut else reason)])
        self._emit(Usage(read, self.written))

    def _pass(self, deltas: Iterable[Delta]) -> None:
        if self._stops is None:
            for delta in deltas:
                self._emit(delta)
            return
        for delta in deltas:
            if self._stops.stopped:
                return
            for passed in self._stops.add(delta):
                self._emit(passed)
