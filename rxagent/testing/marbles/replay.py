"""Replays: the agent of a run that happened, with rows for what its model and tools said."""

import builtins
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, frozen

from ... import errors
from ...events import (
    Delta,
    FinalAnswer,
    MessageCompleted,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepStarted,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from .diagram import Note
from .rows import Kind
from .run_file import Moment

__all__ = ["Played", "replay_of"]

_KNOWN = (
    Delta,
    FinalAnswer,
    MessageCompleted,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepStarted,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)


@frozen
class Played:
    """Rows with the time at which each begins, a pipeline of them, and what comes out."""

    rows: Mapping[str, tuple[float, Sequence[Note]]]
    pipeline: str
    out: Sequence[Note]


def replay_of(moments: Sequence[Moment]) -> Played | None:
    """Return a run of an agent again, or None if the events do not tell how it was made.

    The model and the tools are rows, in place of the real ones, whose calls play what they said.
    Whether the same comes out has to be tried: an agent may have had parts that events do not show.
    """
    events = [moment.event for moment in moments]
    if not events or not isinstance(events[0], RunStarted) or events[0].message is not None:
        return None
    if not isinstance(events[-1], RunCompleted | RunFailed):
        return None
    if not all(isinstance(event, _KNOWN) for event in events):
        return None
    return _Replay(events[0]).of(moments)


@define
class _Row:
    begun: float
    notes: list[Note]

    def add(self, at: float, kind: Kind, value: Any = None) -> None:
        self.notes.append(Note(round(at - self.begun, 3), kind, value))


class _Replay:
    """Collects the rows of a run's turns and calls."""

    def __init__(self, started: RunStarted) -> None:
        self._started = started
        self._turns: list[_Row] = []
        self._calls: dict[str, _Row] = {}
        self._calls_of: dict[str, list[_Row]] = defaultdict(list)
        self._yields: set[str] = set()
        self._tool_of: dict[str, str] = {}
        self._turn: _Row | None = None
        self._limit: int | None = None

    def of(self, moments: Sequence[Moment]) -> Played:
        for moment in moments:
            self._add(moment.at, moment.event)
        out = [Note(moment.at, Kind.NEXT, moment.event) for moment in moments]
        out.append(Note(moments[-1].at, Kind.COMPLETED))
        rows = {f"turn{number}": row for number, row in enumerate(self._turns, 1)}
        tools = []
        for tool, calls in self._calls_of.items():
            names = [f"{tool}{number}" for number in range(1, len(calls) + 1)]
            rows |= dict(zip(names, calls, strict=True))
            played = names[0] if len(names) == 1 else f"attempts({', '.join(names)})"
            how = "tool_of" if tool in self._yields else "function_of"
            tools.append(f'{how}("{tool}", {played})')
        ends = ".pipe(ops.settle())" if isinstance(moments[-1].event, RunFailed) else ""
        pipeline = f"{self._agent(tools)}({self._started.task!r}){ends}"
        return Played({name: (row.begun, row.notes) for name, row in rows.items()}, pipeline, out)

    def _agent(self, tools: Sequence[str]) -> str:
        turns = ", ".join(f"turn{number}" for number in range(1, len(self._turns) + 1))
        arguments = [f"model_of({turns})"]
        if tools:
            arguments.append(f"tools=[{', '.join(tools)}]")
        if self._limit is not None:
            arguments.append(f"max_steps={self._limit}")
        if self._started.agent != "agent":
            arguments.append(f"name={self._started.agent!r}")
        return f"Agent({', '.join(arguments)})"

    def _add(self, at: float, event: Any) -> None:
        match event:
            case StepStarted():
                self._turn = _Row(at, [])
                self._turns.append(self._turn)
            case StepLimitReached(limit):
                self._limit = limit
            case MessageCompleted() if self._turn is not None:
                self._turn.add(at, Kind.COMPLETED)
                self._turn = None
            case RunFailed(kind, error) if self._turn is not None:
                self._turn.add(at, Kind.ERROR, _error(kind, error))
            case Delta() if self._turn is not None:
                self._turn.add(at, Kind.NEXT, event)
            case ToolStarted(call):
                row = self._calls[call.id] = _Row(at, [])
                self._calls_of[call.name].append(row)
                self._tool_of[call.id] = call.name
            case ToolOutput(call_id, value) if call_id in self._calls:
                self._yields.add(self._tool_of[call_id])
                self._calls[call_id].add(at, Kind.NEXT, value)
            case ToolCompleted(call_id=call_id) if call_id in self._calls:
                row = self._calls[call_id]
                if self._tool_of[call_id] not in self._yields:
                    row.add(at, Kind.NEXT, event.value)
                row.add(at, Kind.COMPLETED)
            case ToolFailed(call_id=call_id) if call_id in self._calls:
                name, _, message = event.error.partition(": ")
                self._calls[call_id].add(at, Kind.ERROR, _error(name, f"{name}: {message}"))


def _error(kind: str, described: str) -> Exception:
    """Return an error of this type with this description."""
    message = described.removeprefix(kind).removeprefix(": ")
    for module in (errors, builtins):
        found = getattr(module, kind, None)
        if isinstance(found, type) and issubclass(found, Exception):
            try:
                return found(message)
            except TypeError:
                break
    return errors.RxAgentError(message)
