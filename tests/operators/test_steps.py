"""Operators that sort the events of a run: by steps, by calls, by runs within it."""

import reactivex as rx
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import (
    FinalAnswer,
    PlanStarted,
    RunCompleted,
    RunStarted,
    StepLimitReached,
    StepStarted,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import ToolCall

EVENTS = [
    RunStarted("a task", "agent"),
    Usage(1, 1),
    PlanStarted(),
    TextDelta("First this."),
    StepStarted(1),
    TextDelta("one"),
    Usage(2, 2),
    PlanStarted(),
    TextDelta("Then that."),
    StepStarted(2),
    TextDelta("two"),
    StepLimitReached(2),
    StepStarted(3),
    TextDelta("three"),
    FinalAnswer("three"),
    RunCompleted(),
]


def in_steps(source):
    """Return the notifications of each step, by its number."""
    steps = {}

    def listen(step):
        steps[step.key] = received = []
        step.subscribe(received.append, received.append, lambda: received.append("completed"))

    ends = []
    source.pipe(ops.steps()).subscribe(listen, ends.append, lambda: ends.append("completed"))
    return steps, ends


def test_a_step_is_a_stream():
    """Each step emits its own events and completes; plans and the rest are in none."""
    steps, ends = in_steps(rx.from_iterable(EVENTS))

    assert {
        1: [StepStarted(1), TextDelta("one"), Usage(2, 2), "completed"],
        2: [StepStarted(2), TextDelta("two"), "completed"],
        3: [StepStarted(3), TextDelta("three"), "completed"],
    } == steps
    assert ["completed"] == ends


def test_a_step_in_which_a_run_fails():
    """The open step and the stream of steps both fail."""
    error = ModelUnavailable("gone")
    steps, ends = in_steps(rx.concat(rx.from_iterable(EVENTS[:6]), rx.throw(error)))

    assert {1: [StepStarted(1), TextDelta("one"), error]} == steps
    assert [error] == ends


def test_a_step_in_which_a_run_stops():
    """A step that nothing follows completes with the run."""
    steps, ends = in_steps(rx.from_iterable(EVENTS[4:6]))

    assert {1: [StepStarted(1), TextDelta("one"), "completed"]} == steps
    assert ["completed"] == ends


def test_calls_that_run():
    """A call is emitted when its code starts; one whose code never ran is not."""
    one, two = ToolCall("call_1", "add", "{}"), ToolCall("call_2", "add", "{}")
    events = [ToolStarted(one), ToolFailed("call_3", "no"), ToolStarted(two), ToolCompleted("", "")]

    assert [one, two] == rx.from_iterable(events).pipe(ops.tool_calls(), rxo.to_list()).run()


def test_runs_within_runs():
    """Events of inner runs are emitted with their calls; other outputs stay whole."""
    inner = ToolOutput("call_2", TextDelta("deep"))
    printed = ToolOutput("call_2", "printed")
    events = [StepStarted(1), ToolOutput("call_1", inner), ToolOutput("call_1", printed)]

    assert [
        ((), StepStarted(1)),
        (("call_1", "call_2"), TextDelta("deep")),
        (("call_1",), printed),
    ] == rx.from_iterable(events).pipe(ops.unnest(), rxo.to_list()).run()
