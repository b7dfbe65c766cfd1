"""The loop: a run is a sequence of steps, each made from the state after the previous ones.

.. code-block:: text

    run = RunStarted, iterate(step) ─┬─ the events themselves
                                     └─ usage ─ sum ─ RunCompleted

What a step does is injected: `tool_step` calls tools. What happens before each step is, too: a
memory policy summarises, a planner plans.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import reactivex as rx
from attrs import evolve, frozen
from reactivex import Observable

from .. import operators as ops
from ..errors import NoAnswer
from ..events import (
    Delta,
    Event,
    FinalAnswer,
    RunCompleted,
    RunStarted,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Usage,
)
from ..state import State, fold
from ..streams import iterate, run_scoped
from ..streams import operators as stream_ops

__all__ = ["Before", "Step", "Turn", "run_steps"]


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

    @property
    def steps_left(self) -> int:
        """The number of steps left, with this one and without the closing one."""
        return max(self.max_steps - self.step + 1, 0)


Step: TypeAlias = Callable[[Turn], Observable[Event]]
"""Makes the events of one step, without StepStarted."""

Before: TypeAlias = Callable[[Turn], Observable[Event] | None]
"""Makes the events before a step, such as those of a plan; None for none."""


@frozen
class _Progress:
    """The progress of a run: its state, the number of its latest step, and how it may end.

    `stage` counts what has been done before the next step.
    """

    state: State
    step: int = 0
    closing: bool = False
    answered: bool = False
    stage: int = 0

    def add(self, event: Event) -> "_Progress":
        """Return the progress after one more event.

        Deltas are skipped, since MessageCompleted holds their message.
        """
        if isinstance(event, Delta) and not isinstance(event, Usage | StepRetried):
            return self
        match event:
            case StepStarted(number):
                return self._fold(event, step=number)
            case StepLimitReached():
                return self._fold(event, closing=True, stage=-1)  # no stage of a step
            case FinalAnswer():
                return self._fold(event, answered=True)
            case _:
                return self._fold(event)

    def _fold(self, event: Event, **changes: Any) -> "_Progress":
        state = fold(self.state, event)
        return evolve(self, state=state, **changes) if state is not self.state else self


def run_steps(
    step: Step,
    max_steps: int,
    started: RunStarted,
    state: State,
    given: Mapping[str, Any],
    before: Sequence[Before] = (),
) -> Observable[Event]:
    """Return the cold run of a task.

    Args:
        step: Makes the events of each step.
        max_steps: The number of steps without an answer after which the closing one follows.
        started: The run's first event.
        state: The state of the conversation before the run.
        given: The additional arguments, by name.
        before: What happens before each step, one after the other.

    Raises:
        NoAnswer: Neither the steps nor the closing one gave an answer; by `on_error`.
    """

    def following(progress: _Progress) -> Observable[Event]:
        if progress.step == max_steps and not progress.closing:
            return stream_ops.of(StepLimitReached(max_steps))
        if progress.step > max_steps or not max_steps:
            return rx.throw(NoAnswer(_why_none(max_steps, progress.state), state=progress.state))
        number = progress.step + 1
        turn = Turn(progress.state, number, progress.closing, given, max_steps)
        if 0 <= progress.stage < len(before):
            events = before[progress.stage](turn)
            return stream_ops.of() if events is None else events
        return step(turn).pipe(stream_ops.start_with(StepStarted(number)))

    def ended(progress: _Progress) -> _Progress:
        return evolve(progress, stage=(progress.stage + 1) % (len(before) + 1))

    steps = iterate(
        following,
        _Progress.add,
        lambda: _Progress(fold(state, started)),
        lambda progress: progress.answered,
        ended if before else None,
    )
    events = steps.pipe(stream_ops.start_with(started), ops.branch(_total_usage))
    return run_scoped(events, is_serial=True)


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
