"""Console: a run as people read it in a terminal."""

import time
from collections.abc import Callable
from typing import TextIO

from reactivex import abc

from ..errors import describe
from ..events import Event, FinalAnswer, RunFailed, RunStarted
from .plain import plain_line
from .run_printer import RunPrinter
from .terminal import Terminal
from .text import answer_text

__all__ = ["Console"]


class Console(abc.ObserverBase[Event]):
    """Writes a run to the terminal: the answer to stdout, all the rest to stderr.

    On a terminal text is written as it comes, each piece once and never again: before any check
    has accepted it. A line below it says so when it is withdrawn, because the turn was begun anew
    or not accepted. A pipe or file gets the accepted answer alone, once it is known.

    Steps, tools and inner agents get a line each when they have something to tell; while they
    work, a status line says so when stderr is a terminal. What models and tools say is never read
    as markup, and its control characters are shown, not obeyed. NO_COLOR, FORCE_COLOR, COLUMNS and
    TERM=dumb are honoured.

    A stream that is closed from the start gets nothing. When one cannot be written later, as a full
    disk or a reader that has left, the error detaches the console from its run, which goes on.

    Args:
        plain: Write one line per event to stderr instead, and the answer once it is known.
        live: Whether text is written to `out` before it is known to be the answer; by default
            where `out` is a terminal.
        out: The stream for the answer; by default `sys.stdout`.
        err: The stream for everything else; by default `sys.stderr`.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        *,
        plain: bool = False,
        live: bool | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plain = plain
        self._live = live
        self._clock = clock
        self._terminal = Terminal(out, err)
        self._story = self._new_story()

    def _new_story(self) -> RunPrinter:
        live = self._terminal.out.isatty() if self._live is None else self._live
        return RunPrinter(self._terminal, self._clock, live=live)

    def on_next(self, event: Event) -> None:
        """Show an event."""
        if self._plain:
            self._terminal.plain_line(plain_line(event))
            if isinstance(event, FinalAnswer):
                self._terminal.answer(answer_text(event.value))
                self._terminal.end_line()
            return
        if isinstance(event, RunStarted):
            self._story = self._new_story()
        self._story.tell(event)

    def on_error(self, error: Exception) -> None:
        """Say in one line why the run has no answer."""
        self.on_next(RunFailed(type(error).__name__, describe(error)))
        self.on_completed()

    def on_completed(self) -> None:
        """End the line that is open."""
        self._story.end_text()
