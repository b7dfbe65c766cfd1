"""Whatever a model sends, and whatever a tool does, the run ends as its grammar says."""

import json

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent, State, tool, wire
from rxagent.errors import MalformedReply, ModelError, NoAnswer
from rxagent.events import (
    FinalAnswer,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
    Usage,
)
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel, VirtualScheduler

from ..laws import examples

Piece = ToolCallDelta
DEEP = "[" * 10_000 + "]" * 10_000


@tool
def echo(x: str) -> str:
    """Return what it was given."""
    return x


def played(agent):
    """Return the events of a run in virtual time, and the error that ended it."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        agent("?").subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return events, (errors or [None])[0]


def assert_whole(events, error):
    """Check that a run and its calls have ended, and that it can be stored and sent to a model."""
    started = [event.call.id for event in events if isinstance(event, ToolStarted)]
    ended = [e.call_id for e in events if isinstance(e, ToolCompleted | ToolFailed)]
    assert set(started) <= set(ended)
    assert isinstance(error, NoAnswer | ModelError) or RunCompleted is type(events[-1])
    assert fold_all(State(), events).messages()
    assert events == [wire.loads(wire.dumps(event)) for event in events]


texts = st.text(max_size=5) | st.sampled_from(["\ud800", "\x00", '{"name": "echo"', "{}", " "])
ids = st.none() | texts | st.sampled_from(["c0", "c1", "call_1_1_0"])
names = st.none() | texts | st.sampled_from(["echo", "echo", "final_answer", "e", "cho", "ec ho"])
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
).map(json.dumps)
arguments = (
    st.none()
    | texts
    | json_texts
    | json_texts.map(json.dumps)
    | json_texts.map('{{"answer": {}}}'.format)
    | st.sampled_from(['{"x": "a"}', '{"x":', '"a"}', '{"x": NaN}', f'{{"x": {DEEP}}}', DEEP])
)
deltas = st.one_of(
    st.builds(TextDelta, texts),
    st.builds(ReasoningDelta, texts),
    st.builds(RefusalDelta, st.sampled_from(["", "", "No"])),
    st.builds(Piece, st.none() | st.integers(-1, 2), ids, names, arguments),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.builds(StepRetried, st.just(1), texts),
    st.builds(Finish, st.sampled_from(["stop", "length", "tool_calls", "content_filter", ""])),
)


@examples(150)
@given(st.lists(st.lists(deltas, max_size=6), min_size=3, max_size=3), st.booleans())
def test_whatever_a_model_sends_the_run_ends(turns, eager):
    """Deltas in any order, with any text, are an answer, calls, or a failed step."""
    model = ScriptedModel([[d for d in turn if d != Piece(None, "")] for turn in turns])
    events, error = played(Agent(model, [echo], max_steps=2, eager=eager))

    assert_whole(events, error)


@pytest.mark.parametrize("text", ["{", '{"x"', '{"x": 1'])
def test_deep_or_broken_arguments_fail_their_call_alone(text):
    """The model reads why arguments are invalid; the other call of the turn is done."""
    turn = [
        Piece(0, "c0", "echo", text + DEEP),
        Piece(1, "c1", "echo", '{"x": "a"}'),
        Finish("tool_calls"),
    ]
    events, error = played(Agent(ScriptedModel([turn, "done"]), [echo]))

    assert_whole(events, error)
    assert ["c0"] == [event.call_id for event in events if isinstance(event, ToolFailed)]
    assert FinalAnswer("done") == events[-2]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (TextDelta(None), r"TextDelta\(text=None\), whose text should be str"),
        (ReasoningDelta(5), "whose text should be str"),
        (RefusalDelta(b"No"), "whose text should be str"),
        (Piece("0", "c", "echo", "{}"), "whose index should be int or None"),
        (Piece(0, 5, "echo", "{}"), "whose id should be str or None"),
        (Piece(0, "c", 5, "{}"), "whose name should be str or None"),
        (Piece(0, "c", "echo", {"x": "a"}), "whose arguments should be str or None"),
        (Usage(None, None), "whose input_tokens should be int"),
        (Finish(None), "whose reason should be str"),
        (Finish("error"), "whose reason is unknown"),
        (Finish(""), "whose reason is unknown"),
        ("Hello", r"'Hello', which is no delta, as TextDelta\('Hello'\) is one"),
        (FinalAnswer("Hello"), "which is no delta"),
        (None, "None, which is no delta"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("eager", [False, True])
def test_what_is_no_delta_ends_the_run(sent, why, eager):
    """What a user's own model must not send is a MalformedReply that names it."""
    events, error = played(Agent(ScriptedModel([[TextDelta("a"), sent]]), [echo], eager=eager))

    assert_whole(events, error)
    assert MalformedReply is type(error)
    with pytest.raises(MalformedReply, match=f"The model sent .*{why}"):
        raise error


class Worse(BaseException):
    """What is no Exception."""


def refusing(observer, scheduler):
    """Refuse to be subscribed to."""
    raise Worse("It is closed.")


def closing():
    """Yield, and raise on the way out."""
    try:
        yield "a"
    finally:
        raise Worse("It is closed.")


class Untold:
    """What cannot be shown."""

    def __repr__(self):
        raise Worse("It is closed.")


@pytest.mark.parametrize(
    "made",
    [lambda: rx.create(refusing), closing, Untold, lambda: {"a": Untold()}],
    ids=["subscribe", "close", "repr", "inner repr"],
)
def test_a_tool_s_stream_and_result_may_be_as_bad(made):
    """What a tool returns may raise anything at any time: its call fails, and the run goes on."""

    @tool
    def bad():
        """Return something bad."""
        return made()

    model = ScriptedModel([[Piece(0, "c0", "bad", "{}"), Finish("tool_calls")], "done"])
    events, error = played(Agent(model, [bad]))

    assert_whole(events, error)
    assert ["Worse: It is closed."] == [e.error for e in events if isinstance(e, ToolFailed)]
    assert FinalAnswer("done") == events[-2]
