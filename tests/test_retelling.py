"""Retelling: a state's events fold into the same conversation, and can be shown and stored."""

import io

from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent, Image, Message, State, ToolCall, tool, wire
from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
    Usage,
)
from rxagent.state import fold_all
from rxagent.subscribers import Console
from rxagent.testing import ScriptedModel, VirtualScheduler

from .agents.grammar import assert_calls, assert_run
from .laws import examples
from .strategies import conversations, runs

PICTURE = Image("data:image/png;base64,iVBORw0KGgo=")


def folded(events):
    """Return the state of some events."""
    return fold_all(State(), events)


def read_of(state):
    """Return what a state holds, without the pieces of a text that is half written."""
    steps = [(s.number, s.said, s.calls, s.outcomes, s.images, s.error) for s in state.steps]
    return state.messages(), steps, FinalAnswer(state.answer), state.error, state.usage_by_model


@examples(30)
@given(conversations())
def test_the_events_of_a_state_fold_into_the_same_conversation(events):
    """Messages, steps, answer, error and tokens by model are the same."""
    state = folded(events)

    assert read_of(state) == read_of(folded(state.events()))


@examples(25)
@given(runs())
def test_the_events_of_a_run_s_state_are_a_run(events):
    """They obey the grammar; retold again they are the same; each is a line of JSON."""
    state = folded(events)
    retold = state.events()

    if state.answer is not None:  # else it may be that of a run that goes on
        assert_run(retold)
    assert_calls(retold)
    assert retold == folded(retold).events()
    assert retold == [wire.loads(wire.dumps(event)) for event in retold]


texts = st.sampled_from(["a", "b"])
calls = st.lists(st.builds(ToolCall, st.sampled_from(["1", "2"]), st.just("add")), max_size=2)
said = st.one_of(
    st.builds(Message, st.just("user"), texts),
    st.builds(Message, st.just("user"), texts, images=st.just([PICTURE])),
    st.builds(Message, st.just("system"), texts),
    st.builds(Message, st.just("assistant"), texts, calls),
    st.builds(Message, st.just("tool"), texts, tool_call_id=st.sampled_from(["1", "2"])),
)


@given(st.lists(said, max_size=6))
def test_a_history_of_messages_is_told(messages):
    """The messages of `from_messages` come back."""
    state = State.from_messages(messages)

    assert state.messages() == folded(state.events()).messages()


def test_what_is_told():
    """The message is retold as deltas, each call with its outcome, the answer at the end."""
    call = ToolCall("c", "look", "{}")
    state = folded(
        [
            RunStarted("Look", "guide"),
            StepStarted(1),
            TextDelta("I lo"),
            TextDelta("ok."),
            Usage(3, 1, model="big"),
            MessageCompleted(Message("assistant", "I look.", [call])),
            ToolStarted(call),
            ToolCompleted("c", "(image 1)", PICTURE, (PICTURE,)),
            StepStarted(2),
            MessageCompleted(Message("assistant", "A cat.")),
            FinalAnswer("A cat."),
            RunCompleted(Usage(3, 1)),
        ]
    )

    assert [
        RunStarted("Look", "guide"),
        Usage(3, 1),
        StepStarted(1),
        TextDelta("I look."),
        ToolCallDelta(0, "c", "look", "{}"),
        MessageCompleted(Message("assistant", "I look.", [call])),
        ToolStarted(call),
        ToolCompleted("c", "(image 1)", None, (PICTURE,)),
        StepStarted(2),
        TextDelta("A cat."),
        MessageCompleted(Message("assistant", "A cat.")),
        FinalAnswer("A cat."),
        RunCompleted(Usage(3, 1)),
    ] == state.events()


def test_failures_are_told():
    """A failed call is retold as one, and so is a failed run."""
    call = ToolCall("c", "look", "{}")
    events = [
        RunStarted("Look", "guide"),
        StepStarted(1),
        ToolCallDelta(0, "c", "look", "{}"),
        MessageCompleted(Message("assistant", tool_calls=[call])),
        ToolStarted(call),
        ToolFailed("c", "ValueError: dark"),
        RunFailed("NoAnswer", "NoAnswer: none"),
    ]

    assert events == folded(events).events()


def test_the_answers_of_earlier_runs_are_told():
    """A text, or the argument of final_answer."""
    answer = ToolCall("f", "final_answer", '{"answer": [1]}')
    model = ScriptedModel(["One.", Message("assistant", tool_calls=[answer]), "Three."])
    state = State()
    for task in ("1", "2", "3"):
        with VirtualScheduler() as scheduler:
            events = []
            Agent(model)(task, state=state).subscribe(events.append, scheduler=scheduler)
            scheduler.run()
        state = fold_all(state, events)
    answers = [event.value for event in state.events() if isinstance(event, FinalAnswer)]

    assert ["One.", [1], "Three."] == answers
    assert read_of(state) == read_of(folded(state.events()))


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


def test_a_console_shows_a_state():
    """`replay` prints what the run printed, without times."""
    call = ToolCall("c", "add", '{"a": 2, "b": 3}')
    model = ScriptedModel([Message("assistant", tool_calls=[call]), "It is 5."])

    def shown(show):
        out, err = io.StringIO(), io.StringIO()
        show(Console(out=out, err=err, clock=lambda: 0))
        return out.getvalue(), err.getvalue()

    def live(console):
        run = Agent(model, [add]).start("2 + 3?", attach=[console])
        run.result(60)
        run.drain(20)
        states.append(run.state)

    states = []
    printed = shown(live)

    assert "It is 5.\n" == printed[0]
    assert "add(a=2, b=3)" in printed[1]
    assert printed == shown(states[0].replay)


def test_a_function_is_shown_a_state():
    """`replay` takes all that can observe."""
    seen = []
    State.from_messages([Message("user", "Hi")]).replay(seen.append)

    assert [RunStarted("Hi", "agent")] == seen
