"""What happens before a step: the loop calls it, and the step sees its events in the state."""

from rxagent import State
from rxagent.agents.loop import run_steps
from rxagent.events import FinalAnswer, RunStarted, StepLimitReached, TextDelta, Usage
from rxagent.streams import operators as stream_ops

from .reading import played


def run(*before, max_steps=2):
    """Return the events of a run of two steps and a closing one, which say what they see."""

    def step(turn):
        said = TextDelta(f"{turn.step} of {turn.steps_left}: {turn.state.usage}")
        answer = [FinalAnswer("yes")] if turn.closing else []
        return stream_ops.from_items([said, *answer])

    return played(run_steps(step, max_steps, RunStarted("?", "agent"), State(), {}, before))[0]


def test_each_sees_the_events_of_those_before():
    """The state that a step sees has the events of all, those of the closing step too."""
    seen = []

    def first(turn):
        seen.append((turn.step, turn.closing, turn.state.usage))
        return stream_ops.of(Usage(1, 0)) if turn.step != 2 else None

    def second(turn):
        seen.append((turn.step, turn.closing, turn.state.usage))
        return stream_ops.of(Usage(0, 1)) if turn.step != 2 else stream_ops.of()

    events = run(first, second)
    order = " ".join(type(event).__name__ for event in events)

    assert [
        (1, False, None),
        (1, False, Usage(1, 0)),
        (2, False, Usage(1, 1)),
        (2, False, Usage(1, 1)),
        (3, True, Usage(1, 1)),
        (3, True, Usage(2, 1)),
    ] == seen
    assert order == (
        "RunStarted Usage Usage StepStarted TextDelta StepStarted TextDelta "
        "StepLimitReached Usage Usage StepStarted TextDelta FinalAnswer RunCompleted"
    )
    assert [f"1 of 2: {Usage(1, 1)}", f"2 of 1: {Usage(1, 1)}", f"3 of 0: {Usage(2, 2)}"] == [
        event.text for event in events if isinstance(event, TextDelta)
    ]


def test_nothing_before_changes_nothing():
    """A run with nothing before its steps is the run without any function for it."""
    assert run() == run(lambda turn: None) == run(lambda turn: stream_ops.of())


def test_no_steps_have_nothing_before():
    """With max_steps=0 there is no step at all."""
    called = []

    assert [RunStarted("?", "agent"), StepLimitReached(0)] == run(called.append, max_steps=0)
    assert [] == called
