"""Agents that are piped through operators: agents again, each of whose runs passes through them."""

import asyncio
import copy
import pickle

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, CodeAgent, Message, ToolCall, each, tool
from rxagent import operators as ops
from rxagent.agents.team import race, relay
from rxagent.errors import ModelRejected, ModelTimeout
from rxagent.events import (
    Event,
    FinalAnswer,
    RunCompleted,
    RunFailed,
    RunStarted,
    TextDelta,
    ToolCompleted,
    ToolOutput,
)
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


MODEL = ScriptedModel(
    [Message("assistant", tool_calls=[ToolCall("c", "add", '{"a": 2, "b": 3}')]), "5"]
)
AGENT = Agent(MODEL, [add], name="adder", description="Adds.")


def quietly(events):
    """Leave out the deltas."""
    return events.pipe(rxo.filter(lambda event: not isinstance(event, TextDelta)))


def test_a_piped_agent_has_all_the_ways_to_run():
    """It is called, run, started and awaited, with the state and what else an agent takes."""
    made = AGENT.pipe(quietly)

    async def main():
        return await made.start("Add.")

    assert "5" == made.run("Add.") == asyncio.run(main())
    assert [event for event in each(AGENT("Add.")) if not isinstance(event, TextDelta)] == list(
        each(made("Add."))
    )
    run = made.start("Add.")
    assert "5" == run.result()
    with pytest.raises(TypeError, match="state must be a State"):
        made("Add.", state="x")
    with pytest.raises(TypeError, match="Everything streams"):
        made.run("Add.", stream=True)


def test_a_piped_agent_is_a_tool_and_a_member():
    """In `tools`, in `managed_agents` and in a team it has the agent's name and description."""
    made = AGENT.pipe(quietly)
    asking = ScriptedModel(
        [Message("assistant", tool_calls=[ToolCall("c", "adder", '{"task": "Add."}')]), "It is 5."]
    )

    assert ("adder", "Adds.") == (made.as_tool().name, made.as_tool().description)
    for how in ("tools", "managed_agents"):
        events = list(each(Agent(asking, **{how: [made]})("Go")))
        inner = [event.value for event in events if isinstance(event, ToolOutput)]
        assert RunStarted("Add.", "adder") == inner[0]
        assert not [event for event in inner if isinstance(event, TextDelta)]
        assert "5" == next(event.value for event in events if isinstance(event, ToolCompleted))
    assert "5" == race(made).run("Add.") == relay(made).pipe(quietly).run("Add.")


@given(st.integers(0, 20))
def test_a_piped_agent_is_cancelled_wherever_it_is(position):
    """Disposing after any event closes all that is open, which the leak check sees."""
    received = []
    with VirtualScheduler() as scheduler:
        subscription = (
            AGENT.pipe(quietly, ops.settle())("Add.")
            .pipe(rxo.take(position + 1))
            .subscribe(received.append, scheduler=scheduler)
        )
        scheduler.run()
        subscription.dispose()

    assert received == list(each(AGENT.pipe(quietly)("Add.")))[: position + 1]


def test_settle_makes_an_agent_that_always_ends_with_an_event():
    """A failed run of a piped agent completes without an answer; its state says why."""
    failing = Agent(ScriptedModel([ModelRejected("wrong key")])).pipe(ops.settle())

    assert RunFailed("ModelRejected", "ModelRejected: wrong key") == list(each(failing("Go")))[-1]
    run = failing.start("Go")
    assert (None, "ModelRejected: wrong key") == (run.result(), run.state.error)


def test_operators_are_applied_to_each_run():
    """State of an operator that is made at subscribe belongs to one run, and time is the run's."""
    slow = Agent(lambda request: rx.timer(9).pipe(rxo.map(lambda _: TextDelta("Hi"))))
    errors = []
    with VirtualScheduler() as scheduler:
        for seconds in (2, 5):
            slow.pipe(rxo.timeout(seconds), ops.timeout(total=3))("Go").subscribe(
                on_error=lambda error: errors.append((round(scheduler.clock, 3), type(error))),
                scheduler=scheduler,
            )
        scheduler.run()

    assert [2, 3] == [at for at, _ in errors]
    assert ModelTimeout is errors[1][1]


def test_a_piped_agent_is_copied_and_pickled():
    """Copies are the agent itself; in another process it is made again of its parts."""
    made = AGENT.pipe(ops.settle())
    again = pickle.loads(pickle.dumps(made))

    assert copy.deepcopy(made) is made
    assert repr(made) == repr(again) == f"{AGENT!r}.pipe(settle())"
    assert "5" == again.run("Add.")
    with pytest.raises(pickle.PicklingError, match="The agent 'adder' cannot be pickled, because"):
        pickle.dumps(AGENT.pipe(lambda events: events))


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (ops.text(), r"it emits str, and an agent emits events.*`agent\(task\)\.pipe\(ops\.text"),
        (
            ops.retry(2),
            r"it takes deltas, and an agent emits ev.*`Agent\(model\.pipe\(ops\.retr",
        ),
        (ops.answer(), "it emits values"),
        (ops.settle, r"write ops\.settle\(\)"),
        (AGENT, "is a model, a tool or an agent"),
        (None, "is no operator"),
    ],
    ids=range(6),
)
@pytest.mark.parametrize(
    "agent", [AGENT, CodeAgent(MODEL), race(AGENT), AGENT.pipe()], ids=range(4)
)
def test_what_cannot_be_piped_to_an_agent_is_refused(operator, why, agent):
    """It is refused when the agent is made, and the error names the right place."""
    with pytest.raises(TypeError, match=why):
        agent.pipe(operator)


def again_and_again(events):
    """Begin the run again when it has ended."""
    return rx.concat(events, events)


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (again_and_again, r"tools would run twice. Pipe it to the model"),
        (rxo.map(str), r"emitted .* of type str, and a run consists of events"),
        (rxo.partition(bool), "An operator takes a stream and returns one"),
        (ops.branch(ops.text()), "of type str, and a run consists of events"),
    ],
    ids=range(4),
)
def test_what_makes_no_run_is_refused_at_the_first_event(operator, why):
    """What is known only from the events is an error of the run, which names the right place."""
    run = AGENT.pipe(operator).start("Add.")

    with pytest.raises(TypeError, match=why):
        run.result()


def test_a_run_is_not_retried():
    """`retry` on the run of an agent is refused at its first event: no model is asked twice."""
    asked = []

    def model(request):
        asked.append(request)
        raise ModelRejected("no")

    with pytest.raises(TypeError, match=r"A run cannot be retried.*`Agent\(model\.pipe\(ops"):
        list(each(Agent(model)("Go").pipe(ops.retry(3))))
    assert len(asked) <= 1


def test_events_pass_unchanged():
    """A piped agent without operators gives the agent's own events."""
    events = list(each(AGENT.pipe()("Add.")))

    assert list(each(AGENT("Add."))) == events
    assert all(isinstance(event, Event) for event in events)
    assert [FinalAnswer("5"), RunCompleted(None)] == events[-2:]
