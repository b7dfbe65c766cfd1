"""The loop: a run is steps, a step is a turn and its calls, and all of it is composition.

.. code-block:: text

    request ─ model ─ normalise ─ unless_refused ─┬─ the deltas themselves ─────────────────┐
                                                  ├─ accumulate ─ parse_calls ─ act ─────────┼─ step
                                                  └─ sealed ─ eager calls ───────────────────┘
    run = RunStarted, iterate(step) ─┬─ the events themselves
                                     └─ usage ─ sum ─ RunCompleted
"""

from collections.abc import Callable, Mapping
from typing import Any

import reactivex as rx
from attrs import evolve, frozen
from reactivex import Observable
from reactivex import operators as rxo

from .. import operators as ops
from ..errors import NoAnswer, ParseError, describe
from ..events import (
    Delta,
    Event,
    FinalAnswer,
    Finish,
    MessageCompleted,
    RunCompleted,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    ToolCompleted,
    ToolFailed,
    Usage,
)
from ..messages import Message, Request, ToolCall
from ..state import State, fold
from ..streams import at_home, iterate, lean, merged
from ..tools import FINAL_ANSWER, Toolbox, run_call
from .answers import check_answer, read_answer

__all__ = ["Loop"]


@frozen
class Progress:
    """How far a run has come: its state, the number of its latest step, and what that means."""

    state: State
    step: int = 0
    closing: bool = False
    answered: bool = False

    def add(self, event: Event) -> "Progress":
        """Return the progress with one more event in it; deltas wait for their message."""
        if isinstance(event, Delta) and type(event) is not Usage:
            return self
        match event:
            case StepStarted(number):
                return self._fold(event, step=number)
            case StepLimitReached():
                return self._fold(event, closing=True)
            case FinalAnswer():
                return self._fold(event, answered=True)
            case _:
                return self._fold(event)

    def _fold(self, event: Event, **changes: Any) -> "Progress":
        return evolve(self, state=fold(self.state, event), **changes)


@frozen
class Loop:
    """What one kind of agent does in every run.

    Attributes:
        model: A model, as `as_model` makes it.
        tools: The tools that a turn may call.
        request: Makes the next request from the state; told whether the step is the closing one.
        max_steps: After how many steps without an answer the closing one follows.
        checks: What an answer must pass: `check(value, state)`.
        text_answers: Whether a turn that calls nothing is the answer, or has failed.
        eager: Tells of a tool's name whether its calls start while the model still speaks; None
            when none do.
    """

    model: Callable[[Request], Observable[Delta]]
    tools: Toolbox
    request: Callable[[State, bool], Request]
    max_steps: int
    checks: tuple[Callable[..., Any], ...]
    text_answers: bool
    eager: Callable[[str], bool] | None

    def run(
        self, started: RunStarted, before: State, given: Mapping[str, Any]
    ) -> Observable[Event]:
        """Return the run of a task, cold."""
        steps = iterate(
            lambda progress: self._next(progress, given),
            Progress.add,
            lambda: Progress(fold(before, started)),
            lambda progress: progress.answered,
        )
        return at_home(steps.pipe(lean.start_with(started), ops.branch(_books)))

    def _next(self, progress: Progress, given: Mapping[str, Any]) -> Observable[Event]:
        if progress.step < self.max_steps or (
            progress.closing and progress.step == self.max_steps > 0
        ):
            return self._step(progress, given)
        if not progress.closing:
            return rx.of(StepLimitReached(self.max_steps))
        return rx.throw(
            NoAnswer(
                f"The run found no answer within max_steps={self.max_steps}.",
                state=progress.state,
            )
        )

    def _step(self, progress: Progress, given: Mapping[str, Any]) -> Observable[Event]:
        step = _Step(self, progress.state, progress.step + 1, progress.closing, given, set())
        request = self.request(progress.state, progress.closing)
        return self.model(request).pipe(
            ops.normalise(step.number),
            ops.unless_refused(),
            ops.branch(*step.branches),
            lean.start_with(StepStarted(step.number)),
        )


@frozen
class _Step:
    """One step: what is done about what the model says."""

    loop: Loop
    state: State
    number: int
    closing: bool
    given: Mapping[str, Any]
    early: set[str]

    @property
    def branches(self) -> list[Callable[[Observable[Delta]], Observable[Event]]]:
        """What is made of the deltas, beside passing them on."""
        is_eager = self.loop.eager is not None and not self.closing
        return [self.act, self.act_early] if is_eager else [self.act]

    def act(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Complete the message, then do what it says."""
        finish = deltas.pipe(ops.of_type(Finish), rxo.last_or_default(Finish("stop")))
        return deltas.pipe(
            ops.accumulate(partial=False), rxo.zip(finish), lean.flat_map(self._act_on)
        )

    def act_early(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Start eager calls as soon as they are sealed; end them when the turn is retracted."""
        retracted = deltas.pipe(ops.of_type(StepRetried))

        def start(call: ToolCall) -> Observable[Event]:
            self.early.add(call.id)
            failed = ToolFailed(call.id, "StepRetried: retracted, since the turn was begun anew")
            return merged(
                self._call(call).pipe(rxo.take_until(retracted)),
                retracted.pipe(rxo.map(lambda _: failed)),
            ).pipe(rxo.take_while(_goes_on, inclusive=True))

        return deltas.pipe(
            ops.sealed(),
            rxo.take_while(_is_no_answer),
            rxo.filter(self._is_eager),
            lean.flat_map(start),
        )

    def _act_on(self, turn: tuple[Message, Finish]) -> Observable[Event]:
        message, finish = turn
        names = [spec.name for spec in (*self.loop.tools.specs, FINAL_ANSWER)]

        def do(calls: tuple[ToolCall, ...]) -> Observable[Event]:
            return self._do(calls, message.text, finish.reason)

        calls = rx.of(message).pipe(ops.parse_calls(names, self.number))
        return calls.pipe(
            lean.flat_map(do),
            rxo.catch(_failed_if_unusable),
            lean.start_with(MessageCompleted(message)),
        )

    def _do(self, calls: tuple[ToolCall, ...], text: str, reason: str) -> Observable[Event]:
        final = not all(map(_is_no_answer, calls))
        if final and len(calls) > 1:
            raise ParseError(
                "final_answer was called together with other tools, so none of them was run. "
                "Call the other tools first, and final_answer alone once you know the answer."
            )
        if final:
            return self._answer(read_answer(calls[0], reason))
        if calls and self.closing:
            raise ParseError("No tools can be called any more. Give the answer as text.")
        if calls:
            return merged(
                *(self._call(call, reason) for call in calls if call.id not in self.early)
            )
        if not text.strip():
            raise ParseError("The reply was empty. Call a tool, or give the answer.")
        if not (self.loop.text_answers or self.closing):
            raise ParseError(
                "The reply called no tool. When this is the answer, "
                'call final_answer with it: {"answer": ...}.'
            )
        return self._answer(text)

    def _call(self, call: ToolCall, reason: str = "stop") -> Observable[Event]:
        return run_call(self.loop.tools, call, self.given, cut=reason == "length")

    def _answer(self, value: Any) -> Observable[Event]:
        return check_answer(self.loop.checks, value, self.state).pipe(rxo.map(FinalAnswer))

    def _is_eager(self, call: ToolCall) -> bool:
        return self.loop.eager is not None and self.loop.eager(call.name)


def _books(events: Observable[Event]) -> Observable[Event]:
    return events.pipe(ops.usage(), lean.reduce(Usage.sum, None), rxo.map(RunCompleted))


def _is_no_answer(call: ToolCall) -> bool:
    return call.name != FINAL_ANSWER.name


def _goes_on(event: Event) -> bool:
    return not isinstance(event, ToolCompleted | ToolFailed)


def _failed_if_unusable(error: Exception, _: Observable[Event]) -> Observable[Event]:
    return rx.of(StepFailed(describe(error))) if isinstance(error, ParseError) else rx.throw(error)
