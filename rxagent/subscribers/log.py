"""Log: a run as records of the standard logging."""

from __future__ import annotations

import logging

from reactivex import abc

from ..arguments import plural, shorten, text
from ..errors import describe
from ..events import (
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    Planned,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from ..printable import one_line, spelled
from .plain import plain_line
from .text import answer_text, call_text, tokens

__all__ = ["Log"]

_LONGEST = 200


class Log(abc.ObserverBase[Event]):
    """Logs a run: a line for each event except deltas.

    Failures that the run survives are warnings; the failure that ends it is an error, unless it
    was cancelled. Each record has the event as `record.event`. Events of inner agents are prefixed
    with the ids of their calls.

    Args:
        logger: The logger; by default "rxagent".
        level: The level of all other events.
        run: A prefix of each line, and `record.run`, to distinguish runs.
    """

    def __init__(
        self, logger: logging.Logger | None = None, level: int = logging.INFO, run: str = ""
    ) -> None:
        text("run", run)
        self._logger = logger or logging.getLogger("rxagent")
        self._level = level
        self._run = run
        self._path = f"{spelled(run)} › " if run else ""

    def on_next(self, event: Event) -> None:
        """Log an event unless it is a delta."""
        self._log(event, self._path)

    def on_error(self, error: Exception) -> None:
        """Log the error that ended the run."""
        self._log(RunFailed(type(error).__name__, describe(error)), self._path)

    def on_completed(self) -> None:
        """Log nothing: the last event was RunCompleted."""

    def _log(self, event: Event, path: str) -> None:
        match event:
            case ToolOutput(call_id, Event() as inner):
                self._log(inner, f"{path}{spelled(call_id)} › ")
                return
            case StepRetried() | StepFailed() | ToolFailed() | StepLimitReached():
                level = logging.WARNING
            case RunFailed(kind) if kind != "RunCancelled":
                level = logging.ERROR
            case Delta() | ToolOutput():
                return
            case _:
                level = self._level
        if self._logger.isEnabledFor(level):
            extra = {"event": event, "run": self._run}
            self._logger.log(level, "%s%s", path, _sentence(event), extra=extra)


def _sentence(event: Event) -> str:
    match event:
        case RunStarted(task, agent):
            return _cut(f"run of {spelled(agent)} started: {task}")
        case MessageReceived(message):
            return _cut(f"message received: {message.text}")
        case StepStarted(number):
            return f"step {number} started"
        case StepRetried(attempt, error):
            return _cut(f"step retried, attempt {attempt}: {error}")
        case StepFailed(error):
            return _cut(f"step failed: {error}")
        case StepLimitReached(limit):
            return f"step limit of {limit} reached"
        case Planned(plan):
            return _cut(f"planned: {plan}")
        case Summarised(summary, steps):
            return _cut(f"{plural(steps, 'step')} summarised: {summary}")
        case MessageCompleted(message):
            length = plural(len(message.text), "character")
            return f"message completed: {length}, {plural(len(message.tool_calls), 'call')}"
        case ToolStarted(call):
            return _cut(f"tool started: {call.id} {call_text(call)}")
        case ToolCompleted(call_id, result):
            return _cut(f"tool completed: {call_id} {result}")
        case ToolFailed(call_id, error):
            return _cut(f"tool failed: {call_id} {error}")
        case FinalAnswer(value):
            return _cut(f"answered: {answer_text(value)}")
        case RunCompleted(usage):
            return f"run completed, {tokens(usage)}"
        case RunFailed("RunCancelled", error):
            return _cut(error.removeprefix("RunCancelled: "))
        case RunFailed(_, error):
            return _cut(f"run failed: {error}")
    return _cut(plain_line(event))


def _cut(text: str) -> str:
    return shorten(one_line(text), _LONGEST)
