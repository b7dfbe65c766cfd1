"""Console: a run as text in a terminal."""

from __future__ import annotations

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
    """Writes a run to the terminal: the answer to stdout, everything else to stderr.

    On a terminal, text is written as it arrives, before any check of the answer. A line below it
    says that it is withdrawn when the turn is retried or not accepted. A pipe or file receives only
    the accepted answer.

    Steps, tools and inner agents get a line each. A status line shows what is running if stderr is
    a terminal. Text of models and tools is never read as markup, and its control characters are
    made visible. NO_COLOR, FORCE_COLOR, COLUMNS and TERM=dumb are respected.

    A stream that is closed from the start is skipped. A later error in writing, such as a full disk
    or a closed pipe, detaches the console; the run continues.

    Args:
        plain: Write one line per event to stderr instead, and the answer at the end.
        code: Whether the agent writes code: what it writes goes to `err` as it arrives.
        live: Whether to write text to `out` before it is the accepted answer; by default if `out`
            is a terminal.
        out: The stream for the answer; by default `sys.stdout`.
        err: The stream for everything else; by default `sys.stderr`.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        *,
        plain: bool = False,
        code: bool = False,
        live: bool | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plain = plain
        self._code = code
        self._live = live
        self._clock = clock
        self._terminal = Terminal(out, err)
        self._printer = self._new_printer()

    def _new_printer(self) -> RunPrinter:
        live = self._terminal.out.isatty() if self._live is None else self._live
        return RunPrinter(self._terminal, self._clock, live=live, code=self._code)

    def on_next(self, event: Event) -> None:
        """Show an event."""
        if self._plain:
            self._terminal.plain_line(plain_line(event))
            if isinstance(event, FinalAnswer):
                self._terminal.answer(answer_text(event.value))
                self._terminal.end_line()
            return
        if isinstance(event, RunStarted):
            self._printer = self._new_printer()
        self._printer.print_event(event)

    def on_error(self, error: Exception) -> None:
        """Write one line on why the run has no answer."""
        self.on_next(RunFailed(type(error).__name__, describe(error)))
        self.on_completed()

    def on_completed(self) -> None:
        """End the open line."""
        self._printer.end_text()
