"""The loop: a run is steps, a step is a turn and its calls, and all of it is composition.

.. code-block:: text

    model ─ normalise ─ unless_refused ─┬─ the deltas themselves ────────────────────┐
                                        ├─ sealed ─ eager calls ─────────────────────┼─ step
                                        └─ accumulate ─ parse_calls ─ calls, answer ─┘
    run = RunStarted, iterate(step) ─┬─ the events themselves
                                     └─ usage ─ sum ─ RunCompleted
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import reactivex as rx
from attrs import evolve, frozen
from reactivex import Observable

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
    ToolFailed,
    Usage,
)
from ..messages import Message, Request, ToolCall
from ..state import State, fold
from ..streams import at_home, iterate, merged
from ..streams import operators as stream_ops
from ..streams.observe_on_run import gated
from ..streams.workers import Workers
from ..tools import FINAL_ANSWER, Toolbox, run_call
from .answers import check_answer, read_answer
from .asking import ask
from .eager import eager_calls

__all__ = ["Loop"]


@frozen
class Progress:
    """How far a run has come: its state, the number of its latest step, and what that means."""

    state: State
    step: int = 0
    closing: bool = False
    answered: bool = False

    def add(self, event: Event) -> "Progress":
        """Return the progress with one more event in it.

        What the model says waits for its message; what it costs, and what is void, does not.
        """
        if isinstance(event, Delta) and not isinstance(event, Usage | StepRetried):
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
        state = fold(self.state, event)
        return evolve(self, state=state, **changes) if state is not self.state else self


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
        workers: The pool of plain functions; None for the one that the process shares.
    """

    model: Callable[[Request], Observable[Delta]]
    tools: Toolbox
    request: Callable[[State, bool], Request]
    max_steps: int
    checks: tuple[Callable[..., Any], ...]
    text_answers: bool
    eager: Callable[[str], bool] | None
    workers: Workers | None

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
        return at_home(steps.pipe(stream_ops.start_with(started), ops.branch(_total_usage)))

    def _next(self, progress: Progress, given: Mapping[str, Any]) -> Observable[Event]:
        is_last = progress.closing and progress.step == self.max_steps
        if progress.step < self.max_steps or (is_last and self.max_steps):
            return self._step(progress, given)
        if not progress.closing:
            return stream_ops.of(StepLimitReached(self.max_steps))
        return rx.throw(NoAnswer(_why_none(self.max_steps, progress.state), state=progress.state))

    def _step(self, progress: Progress, given: Mapping[str, Any]) -> Observable[Event]:
        step = _Step(self, progress.state, progress.step + 1, progress.closing, given, set())
        request = self.request(progress.state, progress.closing)
        asked = partial(ask, self.model) if self.text_answers else self.model
        return gated(asked(request)).pipe(
            ops.normalise(step.number),
            ops.unless_refused(),
            ops.branch(*step.branches),
            stream_ops.start_with(StepStarted(step.number)),
        )


@frozen
class _Step:
    """One step: what is done about what the model says.

    Attributes:
        early: The calls that were started while the model still spoke, and so not after it.
    """

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
        return [self.start_early, self.finish_turn] if is_eager else [self.finish_turn]

    def finish_turn(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Complete the message, then do what it says."""
        return deltas.pipe(
            ops.accumulate(partial=False),
            stream_ops.with_latest_from(deltas.pipe(ops.of_type(Finish)), Finish("stop")),
            stream_ops.flat_map(self._take_turn),
        )

    def start_early(self, deltas: Observable[Delta]) -> Observable[Event]:
        """Start eager calls as soon as they are sealed; end them when the turn is retracted."""
        calls = deltas.pipe(
            ops.sealed(), stream_ops.take_while(_is_no_answer), stream_ops.filter(self._is_eager)
        )
        retractions = deltas.pipe(ops.of_type(StepRetried))
        signs: Observable[Any] = merged(retractions, calls)
        return signs.pipe(eager_calls(self._start, self._retract))

    def _start(self, call: ToolCall) -> Observable[Event]:
        self.early.add(call.id)
        return self._call(call)

    def _take_turn(self, turn: tuple[Message, Finish]) -> Observable[Event]:
        message, finish = turn
        names = [spec.name for spec in (*self.loop.tools.specs, FINAL_ANSWER)]

        def do(calls: tuple[ToolCall, ...]) -> Observable[Event]:
            return self._carry_out(calls, message.text, finish.reason)

        calls = stream_ops.of(message).pipe(ops.parse_calls(names, self.number))
        return calls.pipe(
            stream_ops.flat_map(do),
            stream_ops.catch(_failed_if_unusable),
            stream_ops.start_with(MessageCompleted(message)),
        )

    def _carry_out(self, calls: tuple[ToolCall, ...], text: str, reason: str) -> Observable[Event]:
        final = not all(map(_is_no_answer, calls))
        if final and len(calls) > 1:
            raise ParseError(
                "final_answer was called together with other tools, so it was not taken. "
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
            cut = ", since the length limit (max_tokens) was reached" if reason == "length" else ""
            raise ParseError(f"The reply was empty{cut}. Call a tool, or give the answer.")
        if not (self.loop.text_answers or self.closing):
            raise ParseError(
                "The reply called no tool. When this is the answer, "
                'call final_answer with it: {"answer": ...}.'
            )
        return self._answer(text)

    def _call(self, call: ToolCall, reason: str = "stop") -> Observable[Event]:
        cut, workers = reason == "length", self.loop.workers
        return run_call(self.loop.tools, call, self.given, cut=cut, workers=workers)

    def _answer(self, value: Any) -> Observable[Event]:
        checked = check_answer(self.loop.checks, value, self.state, self.loop.workers)
        return checked.pipe(stream_ops.map(FinalAnswer))

    def _retract(self, call_id: str) -> Event:
        self.early.discard(call_id)
        return ToolFailed(call_id, "StepRetried: retracted, since the turn was begun anew")

    def _is_eager(self, call: ToolCall) -> bool:
        return self.loop.eager is not None and self.loop.eager(call.name)


def _why_none(max_steps: int, state: State) -> str:
    if not max_steps:
        return "The run found no answer, since max_steps=0 allows no step: allow some."
    return (
        f"The run found no answer within max_steps={max_steps}: allow more, ask for less, or "
        f"choose another model. Its last step failed: {state.steps[-1].error}"
    )


def _total_usage(events: Observable[Event]) -> Observable[Event]:
    return events.pipe(
        ops.usage(), stream_ops.reduce(Usage.sum, None), stream_ops.map(RunCompleted)
    )


def _is_no_answer(call: ToolCall) -> bool:
    return call.name != FINAL_ANSWER.name


def _failed_if_unusable(error: Exception) -> Observable[Event]:
    if isinstance(error, ParseError):
        return stream_ops.of(StepFailed(describe(error)))
    raise error
