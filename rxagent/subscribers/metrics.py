"""Metrics: a run as numbers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen
from reactivex import abc

from ..events import (
    Event,
    MessageCompleted,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunFailed,
    RunStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from ..frozen import freeze
from .spent import Spent

__all__ = ["Metrics", "Snapshot", "ToolTimes"]


@frozen
class ToolTimes:
    """A tool's runs and failures, with their total and longest time in seconds."""

    runs: int = 0
    failures: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    @property
    def mean(self) -> float:
        """The average seconds of a run of the tool."""
        return self.seconds / self.runs if self.runs else 0.0


@frozen
class Snapshot:
    """The numbers of a run at one moment; a time not known yet is None.

    Attributes:
        seconds: Since the run began, until its end.
        first_token: Seconds until the first delta with content.
        tokens_per_second: The reported output tokens, divided by the seconds of the turns.
        usage: Tokens of the whole run, including inner agents.
        tools: The times of each tool that the run itself called, by name.
        events: The number of events by kind, without those of inner agents.
        failures: The number of errors by type.
        usage_by_model: The usage of each model, by its name; that of unknown models by an empty
            name.
    """

    seconds: float | None = None
    first_token: float | None = None
    tokens_per_second: float | None = None
    usage: Usage | None = None
    tools: Mapping[str, ToolTimes] = field(factory=dict, converter=freeze)
    events: Mapping[str, int] = field(factory=dict, converter=freeze)
    failures: Mapping[str, int] = field(factory=dict, converter=freeze)
    usage_by_model: Mapping[str, Usage] = field(factory=dict, converter=freeze)


class Metrics(abc.ObserverBase[Event]):
    """Measures one run; call `snapshot()` at any time.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._ended: float | None = None
        self._first: float | None = None
        self._turn: float | None = None
        self._is_open = True  # whether a turn may be written, also where no step has begun
        self._writing = 0.0
        self._output = 0
        self._spent = Spent()
        self._running: dict[str, tuple[str, float]] = {}
        self._tools: dict[str, ToolTimes] = {}
        self._events: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def snapshot(self) -> Snapshot:
        """Return the numbers as they are now."""
        began, ended = self._began, self._ended
        seconds = None if began is None else (self._clock() if ended is None else ended) - began
        first = None if began is None or self._first is None else self._first - began
        pace = self._output / self._writing if self._output and self._writing else None
        return Snapshot(
            seconds,
            first,
            pace,
            self._spent.total,
            dict(self._tools),
            dict(self._events),
            dict(self._failures),
            self._spent.by_model,
        )

    def on_next(self, event: Event) -> None:
        """Measure an event."""
        self._events[type(event).__name__] += 1
        match event:
            case TextDelta() | ReasoningDelta() | RefusalDelta() | ToolCallDelta():
                if self._turn is None:
                    self._turn = self._clock()
                    self._first = self._turn if self._first is None else self._first
            case Usage(_, output):
                self._output += output if self._is_open else 0
                self._spent.add(event)
            case MessageCompleted() | StepRetried():
                self._end_turn()
                self._is_open = isinstance(event, StepRetried)
            case RunStarted():
                if self._began is not None:
                    raise RuntimeError(
                        "This Metrics has already measured a run. Create one for each run."
                    )
                self._began = self._clock()
                self._is_open = False
            case StepStarted() | PlanStarted():
                self._turn = None
                self._is_open = True
            case ToolStarted(call):
                self._running[call.id] = call.name, self._clock()
            case ToolOutput(_, Event() as inner):
                self._count_inner(inner)
            case ToolCompleted(call_id):
                self._end_tool(call_id, failed=False)
            case ToolFailed(call_id):
                self._end_tool(call_id, failed=True)
        match event:
            case StepFailed(error) | StepRetried(_, error) | ToolFailed(_, error):
                self._failures[error.partition(":")[0]] += 1
            case RunFailed(kind):
                self._failures[kind] += 1

    def on_error(self, error: Exception) -> None:
        """Count the error that ended the run."""
        self._failures[type(error).__name__] += 1
        self.on_completed()

    def on_completed(self) -> None:
        """Stop the run's clock."""
        self._ended = self._clock()

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._writing += self._clock() - self._turn
            self._turn = None

    def _end_tool(self, call_id: str, *, failed: bool) -> None:
        if call_id not in self._running:
            return
        name, began = self._running.pop(call_id)
        took = self._clock() - began
        times = self._tools.get(name, ToolTimes())
        self._tools[name] = evolve(
            times,
            runs=times.runs + 1,
            failures=times.failures + failed,
            seconds=times.seconds + took,
            longest=max(times.longest, took),
        )

    def _count_inner(self, event: Event) -> None:
        match event:
            case Usage():
                self._spent.add(event)
            case ToolOutput(_, Event() as inner):
                self._count_inner(inner)
