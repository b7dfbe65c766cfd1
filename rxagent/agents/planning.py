"""Planning: a turn of the model before a step, in which it writes a plan.

.. code-block:: text

    PlanStarted, model ─ normalise ─ unless_refused ─┬─ the deltas themselves ───────┬─ plan
                                                     └─ accumulate ─ ..., Planned ───┘

A planner is a function from a `Turn` to the events before its step, or None. `plan` makes such
events of a request, for planners of your own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen
from reactivex import Observable

from .. import operators as ops
from ..arguments import shown
from ..events import Delta, Event, MessageCompleted, Planned, PlanStarted, Summarised
from ..messages import Message, Request, ToolSpec
from ..models import as_model
from ..streams import operators as stream_ops
from ..streams.observe_on_run import serialize_on_run
from .loop import Before, Turn
from .memory import Memory, conversation, remembered
from .prompts import Prompts

__all__ = ["Planner", "before_steps", "check_planner", "plan", "plan_request"]


def plan(model: Any, request: Request | str | Iterable[Message]) -> Observable[Event]:
    """Return the events of a plan: PlanStarted, the reply of a model as it arrives, Planned.

    The model reads the plan in each of its next turns; an empty one is ignored.

    .. marbles:: agents/plan

    Args:
        model: The model that plans: a model, its name, or a function.
        request: What it reads.

    Raises:
        ModelError: The model failed or refused; by `on_error`.
    """
    deltas: Observable[Delta] = serialize_on_run(as_model(model)(Request.of(request)))
    return _plan_of(deltas)


def _plan_of(deltas: Observable[Delta]) -> Observable[Event]:
    return deltas.pipe(
        ops.normalise(0),
        ops.unless_refused(),
        ops.branch(_planned),
        stream_ops.start_with(PlanStarted()),
    )


def _planned(deltas: Observable[Delta]) -> Observable[Event]:
    return deltas.pipe(ops.accumulate(partial=False), stream_ops.flat_map(_end_of_plan))


def _end_of_plan(message: Message) -> Observable[Event]:
    return stream_ops.of(MessageCompleted(message), Planned(message.text))


@frozen
class Planner:
    """Plans before the first step, and again each time so many steps have been done.

    Attributes:
        model: The model that plans, as `as_model` returns it.
        every: The number of steps from one plan to the next.
        request: Makes what it reads.
    """

    model: Callable[[Request], Observable[Delta]]
    every: int
    request: Callable[[Turn], Request]

    def __call__(self, turn: Turn) -> Observable[Event] | None:
        """Return the events of a plan, or None if none is due before this step."""
        if turn.closing or (turn.step - 1) % self.every:
            return None
        return _plan_of(turn.interruptible(serialize_on_run(self.model(self.request(turn)))))


def plan_request(
    turn: Turn,
    *,
    system: str,
    memory: Memory,
    prompts: Prompts,
    tools: Iterable[ToolSpec],
    options: Mapping[str, Any],
) -> Request:
    """Return what the model reads in order to plan.

    Before the first step it is all that a step would read. Later it is a summary of that: tasks,
    calls, results and errors, without earlier plans.
    """
    update = turn.step > 1
    history = remembered(memory, turn.state.in_brief() if update else turn.state)
    wanted = prompts.render("plan", tools=tuple(tools), steps=turn.steps_left, update=update)
    return Request([*conversation(system, history), Message("user", wanted)], options=options)


# For agents

_BEFORE_A_STEP = (Delta, MessageCompleted, Planned, PlanStarted, Summarised)


def check_planner(planner: Any, planning_interval: int | None) -> None:
    """Check the planner of an agent: a function, and none beside a planning_interval."""
    if planner is None:
        return
    if not callable(planner):
        raise TypeError(
            "planner must be a function of a Turn that returns a stream of events or None, "
            f"not {shown(planner)}."
        )
    if planning_interval is not None:
        raise ValueError(
            "planner and planning_interval are two ways to plan; give one of them. A planner sees "
            "the number of the step as turn.step."
        )


def before_steps(memory: Memory, planner: Before | None) -> tuple[Before, ...]:
    """Return what happens before each step: what the memory policy prepares, then the plan."""
    prepare = getattr(memory, "prepare", None)
    return tuple(_arriving(before) for before in (prepare, planner) if before is not None)


def _arriving(before: Before) -> Before:
    """Let the events arrive on the run's loop thread, if they may come before a step."""

    def check(event: Event) -> Event:
        if not isinstance(event, _BEFORE_A_STEP):
            raise TypeError(
                f"{shown(before)} emitted {shown(event)}, which does not belong before a step: "
                "emit the events of a plan, as plan(model, request) does, Usage or Summarised."
            )
        return event

    def arriving(turn: Turn) -> Observable[Event] | None:
        events = before(turn)
        if not isinstance(events, Observable | None):
            raise TypeError(
                f"{shown(before)} returned {shown(events)}: it must return a stream of events, as "
                "plan(model, request) does, or None."
            )
        return None if events is None else serialize_on_run(events).pipe(stream_ops.map(check))

    return arriving
