"""Scripts: who is asked next in a team, as a generator, and its run.

.. code-block:: text

    script ─ Round ─▶ a step: a call of each agent, at the same time
           ◀─ answers ─ what they answered, in the agents' order
           ─ StepFailed ─▶ emitted            ─ Observable ─▶ waited for
           ─ return ─▶ FinalAnswer

A team is one more step over the loop of all agents, so its run obeys the same grammar; its turns
are written without a model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import reactivex as rx
from attrs import frozen
from reactivex import Observable, abc

from ..errors import NoAnswer
from ..events import (
    Event,
    FinalAnswer,
    Finish,
    MessageCompleted,
    StepStarted,
    ToolCompleted,
    ToolFailed,
)
from ..messages import Message, ToolCall
from ..state import State, fold
from ..streams import merge, run_scoped
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ..tools import Toolbox, run_call
from ..tools.result_text import result_text
from .loop import Turn, run_steps
from .runnable import Opening
from .stopping import WholeCall

__all__ = ["Round", "Script", "run_script"]


@frozen
class Round:
    """Agents that are asked at the same time.

    Attributes:
        agents: Their names.
        task: What they are asked.
        only_first: Whether the first answer ends the others.
    """

    agents: tuple[str, ...]
    task: str
    only_first: bool = False


Script: TypeAlias = Generator[Round | Event | Observable[Any], Any, Any]
"""Yields rounds, and receives their answers; it returns the team's answer.

It may also yield an event of the step, and a stream, whose last value it receives.
"""

_ENDLESS = sys.maxsize  # a script ends by itself


def run_script(
    write: Callable[[], Script], members: Toolbox, begun: Opening, how: Mapping[str, Any]
) -> Observable[Event]:
    """Return the cold run of a team.

    Args:
        write: Makes the script of a run.
        members: The agents of the team.
        begun: The beginning of the run.
        how: The values of the members' `Given` parameters.

    Raises:
        NoAnswer: None of the agents that were asked answered; by `on_error`.
    """

    def perform() -> Observable[Event]:
        performance = _Performance(write(), members, how)
        return run_steps(performance.step, _ENDLESS, begun.started, begun.before, begun.given)

    return run_scoped(stream_ops.defer(perform), is_serial=True)


class _Performance:
    """One run of a script."""

    def __init__(self, script: Script, members: Toolbox, how: Mapping[str, Any]) -> None:
        self._script = script
        self._members = members
        self._how = how
        self._next: Round | None = None
        self._answers: dict[str, Any] = {}
        self._failures: dict[str, str] = {}
        self._value: Any = None
        self._state = State()

    def step(self, turn: Turn) -> Observable[Event]:
        """Return the events of the next round, and what follows it before another one."""
        self._state = fold(turn.state, StepStarted(turn.step))
        return rx.concat_with_iterable(self._parts(turn)).pipe(stream_ops.map(self._see))

    def _parts(self, turn: Turn) -> Iterator[Observable[Event]]:
        item: Any = self._next
        self._next = said = None
        is_begun = False
        while True:
            try:
                item = item or self._script.send(said)
            except StopIteration as end:
                yield stream_ops.of(FinalAnswer(end.value))
                return
            if isinstance(item, Round):
                if is_begun:
                    self._next = item
                    return
                is_begun = True
                calls = _calls(item, turn.step)
                yield stream_ops.from_items(_written(calls))
                yield self._asked(item, calls)
                said = self._said(calls)
            elif isinstance(item, Event):
                yield stream_ops.of(item)
                said = None
            else:
                yield item.pipe(stream_ops.filter(self._keep))
                said = self._value
            item = None

    def _asked(self, round: Round, calls: list[ToolCall]) -> Observable[Event]:
        self._answers, self._failures = {}, {}
        runs = merge(*(run_call(self._members, call, self._how, is_asked=False) for call in calls))
        if round.only_first:
            runs = runs.pipe(lift(partial(_FirstAnswer, calls)))
        return runs.pipe(lift(WholeCall))

    def _see(self, event: Event) -> Event:
        self._state = fold(self._state, event)
        match event:
            case ToolCompleted(call_id, _, value):
                self._answers[call_id] = value
            case ToolFailed(call_id, error):
                self._failures[call_id] = error
        return event

    def _keep(self, value: Any) -> bool:
        """Keep a value of a stream that the script waits for; it is no event."""
        self._value = value
        return False

    def _said(self, calls: list[ToolCall]) -> list[Any]:
        said = [self._answers[call.id] for call in calls if call.id in self._answers]
        if not said:
            why = "; ".join(f"{call.name}: {self._failures[call.id]}" for call in calls)
            raise NoAnswer(f"No agent of the team answered. {why}", state=self._state)
        return said


def _calls(round: Round, step: int) -> list[ToolCall]:
    arguments = json.dumps({"task": result_text(round.task)}, ensure_ascii=False)
    return [
        ToolCall(f"call_{step}_1_{index}", name, arguments)
        for index, name in enumerate(round.agents)
    ]


def _written(calls: list[ToolCall]) -> Iterator[Event]:
    """Yield the turn that calls the agents; it has no deltas, as no model writes it."""
    yield Finish("tool_calls")
    yield MessageCompleted(Message("assistant", tool_calls=calls))


class _FirstAnswer(Sink[Event, Event]):
    """Ends at the first answer: the other calls are disposed, and fail."""

    __slots__ = ("_running",)

    def __init__(self, calls: list[ToolCall], observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._running = {call.id: call for call in calls}

    def on_next(self, value: Event) -> None:
        observer = self.observer
        observer.on_next(value)
        match value:
            case ToolFailed(call_id):
                self._running.pop(call_id)
            case ToolCompleted(call_id):
                winner = self._running.pop(call_id)
                self._dispose_source()
                for loser in self._running:
                    why = f"RunCancelled: {winner.name} answered first."
                    observer.on_next(ToolFailed(loser, why))
                self.on_completed()
