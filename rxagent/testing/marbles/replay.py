"""Replays: the agent of a run that happened, with rows for what its model and tools said."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, frozen

from ... import errors
from ...agents.approval import Allow, AllowAll, Decision, Deny, Edit, by_name
from ...events import (
    ApprovalAnswered,
    ApprovalAsked,
    Delta,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
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
from ...executors import CodeResult
from ...messages import INTERPRETER, ToolCall
from .diagram import Note
from .rows import Kind
from .run_file import Moment

__all__ = ["Played", "replay_of"]

_KNOWN = (
    ApprovalAnswered,
    ApprovalAsked,
    Delta,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    PlanStarted,
    Planned,
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
_TICK = 0.001
_BEGIN = (StepStarted, PlanStarted, ToolStarted)


@frozen
class Played:
    """Rows with the time at which each begins, a pipeline of them, and what comes out.

    Attributes:
        said: What is said to the run, a hot row.
        imports: The names that the diagram imports.
    """

    rows: Mapping[str, tuple[float, Sequence[Note]]]
    pipeline: str
    out: Sequence[Note]
    said: Sequence[Note] = ()
    imports: tuple[type | Callable[..., Any], ...] = ()


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

    @property
    def printed(self) -> str:
        """The texts of the row, as the result of code begins with them."""
        text = "".join(note.value for note in self.notes if isinstance(note.value, str))
        return f"Printed:\n{text.removesuffix(chr(10))}" if text else ""


class _Replay:
    """Collects the rows of a run's turns, calls and decisions."""

    def __init__(self, started: RunStarted) -> None:
        self._started = started
        self._turns: list[_Row] = []
        self._calls: dict[str, _Row] = {}
        self._calls_of: dict[str, list[_Row]] = defaultdict(list)
        self._yields: set[str] = set()
        self._tool_of: dict[str, str] = {}
        self._turn: _Row | None = None
        self._limit: int | None = None
        self._steps = 0
        self._planned_at: list[int] = []
        self._asked: dict[str, _Row] = {}
        self._call_asked: dict[str, ToolCall] = {}
        self._said: list[Note] = []
        self._is_cut = False
        self._late = 0.0
        self._now = 0.0
        self._latest: _Row | None = None
        self._imports: set[type | Callable[..., Any]] = set()

    def of(self, moments: Sequence[Moment]) -> Played:
        before = 0.0
        for moment in moments:
            if isinstance(moment.event, _BEGIN):
                self._late += moment.at - before
            before = moment.at
            self._now = max(self._now, moment.at)
            self._add(moment.event)
        out = [Note(moment.at, Kind.NEXT, moment.event) for moment in moments]
        out.append(Note(moments[-1].at, Kind.COMPLETED))
        rows = {f"turn{number}": row for number, row in enumerate(self._turns, 1)}
        rows |= {f"asked{number}": row for number, row in enumerate(self._asked.values(), 1)}
        code = self._calls_of.pop(INTERPRETER, [])
        codes = {f"code{number}": row for number, row in enumerate(code, 1)}
        rows |= codes
        tools = []
        for tool, calls in self._calls_of.items():
            names = [f"{tool}{number}" for number in range(1, len(calls) + 1)]
            rows |= dict(zip(names, calls, strict=True))
            played = names[0] if len(names) == 1 else f"attempts({', '.join(names)})"
            how = "tool_of" if tool in self._yields else "function_of"
            tools.append(f'{how}("{tool}", {played})')
        for tool in {call.name: None for call in self._call_asked.values()}:
            if tool not in self._calls_of and tool != INTERPRETER:
                tools.append(f'tool_of("{tool}", rx.never())')
        ends = ".pipe(ops.settle())" if isinstance(moments[-1].event, RunFailed) else ""
        arguments = [repr(self._started.task)]
        if self._said:
            arguments.append("inbox=said")
            if self._is_cut:
                arguments.append('steer="switch"')
        pipeline = f"{self._agent(tools, list(codes))}({', '.join(arguments)}){ends}"
        played_rows = {name: (row.begun, row.notes) for name, row in rows.items()}
        imports = tuple(sorted(self._imports, key=lambda each: each.__name__))
        return Played(played_rows, pipeline, out, self._said, imports)

    def _agent(self, tools: Sequence[str], codes: Sequence[str]) -> str:
        turns = ", ".join(f"turn{number}" for number in range(1, len(self._turns) + 1))
        arguments = [f"model_of({turns})"]
        if tools:
            arguments.append(f"tools=[{', '.join(tools)}]")
        if codes:
            arguments.append(f"executor=executor_of({', '.join(codes)})")
        if self._asked:
            arguments.append(f"approve={self._policy()}")
        if self._planned_at:
            first, *others = self._planned_at
            interval = others[0] - first if others else max(self._steps, 1)
            arguments.append(f"planning_interval={interval}")
        if self._limit is not None:
            arguments.append(f"max_steps={self._limit}")
        if self._started.agent != "agent":
            arguments.append(f"name={self._started.agent!r}")
        return f"{'CodeAgent' if codes else 'Agent'}({', '.join(arguments)})"

    def _policy(self) -> str:
        rows = [f"asked{number}" for number in range(1, len(self._asked) + 1)]
        asked_of: dict[str, list[str]] = defaultdict(list)
        for row, call in zip(rows, self._call_asked.values(), strict=True):
            asked_of[call.name].append(row)
        if asked_of.keys() >= set(self._tool_of.values()):
            return f"policy_of({', '.join(rows)})"
        self._imports.add(by_name)
        rules = [f'"{name}": policy_of({", ".join(asked)})' for name, asked in asked_of.items()]
        return f'by_name({{{", ".join(rules)}, "*": None}})'

    def _add(self, event: Any) -> None:
        match event:
            case StepStarted() | PlanStarted():
                if isinstance(event, PlanStarted):
                    self._planned_at.append(self._steps + 1)
                else:
                    self._steps += 1
                self._turn = _Row(self._now, [])
                self._turns.append(self._turn)
            case StepLimitReached(limit):
                self._limit = limit
            case MessageReceived(message):
                self._said.append(Note(round(self._now - self._late, 3), Kind.NEXT, message))
            case Finish("interrupted"):  # the message that was received cut the request
                self._is_cut = True
                self._turn = None
            case MessageCompleted() if self._turn is not None:
                self._play(self._turn, Kind.COMPLETED)
                self._turn = None
            case RunFailed(kind, error) if self._turn is not None:
                self._play(self._turn, Kind.ERROR, _error(kind, error))
            case Delta() if self._turn is not None:
                self._play(self._turn, Kind.NEXT, event)
            case _:
                self._add_call(event)

    def _add_call(self, event: Any) -> None:
        match event:
            case ApprovalAsked(call):
                self._asked[call.id] = _Row(self._now, [])
                self._call_asked[call.id] = call
            case ApprovalAnswered(call_id, said, call) if call_id in self._asked:
                decision = _decision(said, call)
                self._imports.add(type(decision))
                self._play(self._asked[call_id], Kind.NEXT, decision)
            case ToolStarted(call):
                row = self._calls[call.id] = _Row(self._now, [])
                self._calls_of[call.name].append(row)
                self._tool_of[call.id] = call.name
            case ToolOutput(call_id, value) if call_id in self._calls:
                self._yields.add(self._tool_of[call_id])
                self._play(self._calls[call_id], Kind.NEXT, value)
            case ToolCompleted(call_id=call_id) if call_id in self._calls:
                self._complete(event)
            case ToolFailed(call_id, text) if call_id in self._calls:
                row = self._calls[call_id]
                if self._tool_of[call_id] == INTERPRETER:
                    text = text.removesuffix(row.printed).removesuffix("\n")
                name, _, message = text.partition(": ")
                self._play(row, Kind.ERROR, _error(name, f"{name}: {message}"))

    def _play(self, row: _Row, kind: Kind, value: Any = None) -> None:
        """Add to a row what it emits, later than what another row has emitted before."""
        if row is not self._latest:
            self._now = round(self._now + _TICK, 3)
            self._latest = row
        row.notes.append(Note(round(self._now - row.begun, 3), kind, value))

    def _complete(self, event: ToolCompleted) -> None:
        row = self._calls[event.call_id]
        if self._tool_of[event.call_id] == INTERPRETER:
            rest = event.result.removeprefix(row.printed).lstrip("\n")
            self._imports.add(CodeResult)
            self._play(row, Kind.NEXT, CodeResult(event.value, rest.startswith("The answer: ")))
        elif self._tool_of[event.call_id] not in self._yields:
            self._play(row, Kind.NEXT, event.value)
        self._play(row, Kind.COMPLETED)


def _decision(said: str, call: ToolCall | None) -> Decision:
    """Return the decision of which the run has said this."""
    if said == str(AllowAll()):
        return AllowAll()
    if call is None:
        return Deny(said.removeprefix(str(Deny())).removeprefix(": "))
    return Edit(call.arguments) if said == "edited" else Allow()


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
