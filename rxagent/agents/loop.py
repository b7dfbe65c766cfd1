"""The loop: a run is a sequence of steps, each made from the state after the previous ones.

.. code-block:: text

    run = iterate(step) ─┬─ the events themselves
                         └─ usage ─ sum ─ RunCompleted

What a step does is injected: `tool_step` calls tools. What happens before each step is, too: a
memory policy summarises, a planner plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import reactivex as rx
from attrs import field, frozen
from reactivex import Observable

from .. import operators as ops
from ..errors import NoAnswer
from ..events import (
    Delta,
    Event,
    FinalAnswer,
    MessageReceived,
    RunCompleted,
    RunStarted,
    StepLimitReached,
    StepRetried,
    StepStarted,
    ToolFailed,
    Usage,
)
from ..state import State, fold
from ..streams import iterate, run_scoped
from ..streams import operators as stream_ops
from ..streams.sink import lift
from .steering import CANCELLED, Steering, SteeringOptions
from .stopping import WholeCall

__all__ = ["Before", "Step", "Turn", "run_steps"]

_OUTSIDE_MESSAGES = (Usage, StepRetried)


@frozen
class Turn:
    """The input of a step.

    Attributes:
        state: The state of the run so far.
        step: The number of the step, from 1.
        closing: Whether this is the closing step, which cannot call tools.
        given: The run's additional arguments, by name.
        max_steps: The number of steps after which the closing one follows.
    """

    state: State
    step: int
    closing: bool
    given: Mapping[str, Any]
    max_steps: int = 0
    _steering: Steering | None = field(default=None, eq=False, repr=False)

    @property
    def steps_left(self) -> int:
        """The number of steps left, with this one and without the closing one."""
        return max(self.max_steps - self.step + 1, 0)

    @property
    def is_interrupted(self) -> bool:
        """Whether a message has cut this step, so that no further call starts."""
        return self._steering is not None and self._steering.is_interrupted

    def final(self, value: Any) -> Observable[Event]:
        """Return the end of the run, or nothing if a message waits that the model must read."""
        if self._steering is None:
            return stream_ops.of(FinalAnswer(value))
        return self._steering.final(value)

    def interruptible(self, deltas: Observable[Delta]) -> Observable[Delta]:
        """Return an answer that a message may cut: it ends with ``Finish("interrupted")``."""
        return deltas if self._steering is None else self._steering.interruptible(deltas)

    def cancellable(
        self, call_id: str, call: Observable[Event], session: Callable[[], Any] = lambda: None
    ) -> Observable[Event]:
        """Return a call that a message may end: before it starts, or if it is to cancel tools.

        Args:
            call_id: Its id.
            call: Its events.
            session: Returns the variables after code that was stopped.
        """
        if self._steering is None:
            return lift(WholeCall)(call)
        return self._steering.cancellable(call, lambda: ToolFailed(call_id, CANCELLED, session()))


Step: TypeAlias = Callable[[Turn], Observable[Event]]
"""Makes the events of one step, without StepStarted."""

Before: TypeAlias = Callable[[Turn], Observable[Event] | None]
"""Makes the events before a step, such as those of a plan; None for none."""


class _Progress(NamedTuple):
    """The progress of a run: its state, the number of its latest step, and how it may end.

    `stage` counts what has been done before the next step. `since` is the number of the step in
    which the latest message was received, from which the limit of steps counts. `begun` says
    whether RunStarted was emitted.
    """

    state: State
    step: int = 0
    closing: bool = False
    answered: bool = False
    stage: int = 0
    since: int = 0
    begun: bool = False

    def add(self, event: Event) -> _Progress:
        """Return the progress after one more event.

        Deltas are skipped, since MessageCompleted holds their message.
        """
        if isinstance(event, Delta) and not isinstance(event, _OUTSIDE_MESSAGES):
            return self
        match event:
            case RunStarted():
                return self._fold(event, begun=True)
            case StepStarted(number):
                return self._fold(event, step=number)
            case MessageReceived():
                return self._fold(event, since=self.step, closing=False)
            case StepLimitReached():
                return self._fold(event, closing=True, stage=-1)  # no stage of a step
            case FinalAnswer():
                return self._fold(event, answered=True)
            case _:
                return self._fold(event)

    def _fold(self, event: Event, **changes: Any) -> _Progress:
        state = fold(self.state, event)
        return self._replace(state=state, **changes) if state is not self.state else self


def run_steps(
    step: Step,
    max_steps: int,
    started: RunStarted,
    state: State,
    given: Mapping[str, Any],
    before: Sequence[Before] = (),
    options: SteeringOptions | None = None,
) -> Observable[Event]:
    """Return the cold run of a task.

    Args:
        step: Makes the events of each step.
        max_steps: The number of steps without an answer after which the closing one follows.
        started: The run's first event.
        state: The state of the conversation before the run.
        given: The additional arguments, by name.
        before: What happens before each step, one after the other.
        options: How messages steer it; None if it takes none.

    Raises:
        NoAnswer: Neither the steps nor the closing one gave an answer; by `on_error`.
    """

    def run() -> Observable[Event]:
        steering = None if options is None else Steering(options)
        steps = _StepMaker(step, max_steps, started, given, tuple(before), steering)
        events = iterate(
            steps.make,
            _Progress.add,
            lambda: _Progress(state, stage=-1),
            lambda progress: progress.answered,
            steps.ended,
            steps.first,
            steering,
        )
        return events.pipe(ops.branch(_total_usage))

    return run_scoped(stream_ops.defer(run), is_serial=True)


@frozen
class _StepMaker:
    """Makes the steps of one run."""

    step: Step
    max_steps: int
    started: RunStarted
    given: Mapping[str, Any]
    before: tuple[Before, ...]
    steering: Steering | None

    def make(self, progress: _Progress) -> Observable[Event]:
        """Return what follows: a step, what happens before it, or the end of the steps."""
        if not progress.begun:
            if self.steering is not None:
                self.steering.open()
            return stream_ops.of()
        if self._is_at_limit(progress):
            return stream_ops.of(StepLimitReached(self.max_steps))
        if self._is_over(progress):
            why = _why_none(self.max_steps, progress.state)
            return rx.throw(NoAnswer(why, state=progress.state))
        turn = Turn(
            progress.state,
            progress.step + 1,
            progress.closing,
            self.given,
            progress.since + self.max_steps,
            self.steering,
        )
        if self._is_before_a_step(progress):
            events = self.before[progress.stage](turn)
            return stream_ops.of() if events is None else events
        if self.steering is not None:
            self.steering.note_read()
        return self.step(turn)

    def first(self, progress: _Progress) -> Event | None:
        """Return the event before what follows."""
        if not progress.begun:
            return self.started
        if self._is_at_limit(progress) or self._is_over(progress):
            return None
        return None if self._is_before_a_step(progress) else StepStarted(progress.step + 1)

    def ended(self, progress: _Progress) -> _Progress:
        """Return the progress after that."""
        return progress._replace(stage=(progress.stage + 1) % (len(self.before) + 1))

    def _is_at_limit(self, progress: _Progress) -> bool:
        return progress.step - progress.since == self.max_steps and not progress.closing

    def _is_over(self, progress: _Progress) -> bool:
        return not self.max_steps or progress.step - progress.since > self.max_steps

    def _is_before_a_step(self, progress: _Progress) -> bool:
        return 0 <= progress.stage < len(self.before)


def _why_none(max_steps: int, state: State) -> str:
    if not max_steps:
        return "The run found no answer, because max_steps=0 allows no step. Raise max_steps."
    return (
        f"The run found no answer within max_steps={max_steps}. Raise max_steps, simplify the "
        f"task, or choose another model. The last step failed: {state.steps[-1].error}"
    )


def _total_usage(events: Observable[Event]) -> Observable[Event]:
    return events.pipe(
        ops.usage(), stream_ops.reduce(Usage.sum, None), stream_ops.map(RunCompleted)
    )
