"""Passages: a conversation in pieces, which a cut between them leaves well-formed."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Message, State, ToolCall
from rxagent.events import (
    MessageCompleted,
    Planned,
    PlanStarted,
    RunStarted,
    StepFailed,
    StepStarted,
    Summarised,
    ToolCallDelta,
    ToolCompleted,
    ToolStarted,
)
from rxagent.passages import Passage, well_formed, with_own_ids
from rxagent.state import fold_all

from .laws import examples
from .strategies import conversations, texts

law = examples(40)

ids = st.sampled_from(["c1", "c2"])
calls = st.lists(st.builds(ToolCall, ids, st.just("add")), max_size=2, unique_by=lambda c: c.id)
messages = st.one_of(
    st.builds(Message, st.sampled_from(["system", "user"]), texts),
    st.builds(Message, st.just("assistant"), texts, calls),
    st.builds(Message, st.just("tool"), texts, tool_call_id=ids),
)
said_before = st.lists(messages, max_size=8)


@law
@given(said_before, conversations(), st.booleans(), st.data())
def test_a_cut_between_passages_separates_no_call_from_its_result(said, events, summary, data):
    """What is left of any cut is well-formed already, and is a part of all messages."""
    state = fold_all(State.from_messages(said), events)
    passages = (state.in_brief() if summary else state).passages
    place = data.draw(st.integers(0, len(passages)))

    first = [message for passage in passages[:place] for message in passage.messages]
    rest = [message for passage in passages[place:] for message in passage.messages]

    assert state.messages(summary=summary) == first + rest
    assert (first, rest) == (well_formed(first), well_formed(rest))


@law
@given(said_before, conversations())
def test_a_summary_has_the_same_steps(said, events):
    """Leaving words out leaves no step out, so a place among the steps is the same in both."""
    state = fold_all(State.from_messages(said), events)
    kinds = [passage.kind for passage in state.passages]

    assert kinds == [passage.kind for passage in state.in_brief().passages]
    assert kinds.count("step") >= len(state.steps)


alike = st.lists(st.sampled_from(["", "a", "a_2", "call_2"]), min_size=1, max_size=5)


def called(ids):
    """Return a message with a call for each id, and their results, each numbered."""
    calls = [ToolCall(id, "add", str(number)) for number, id in enumerate(ids)]
    results = [Message("tool", str(at), tool_call_id=id) for at, id in enumerate(ids)]
    return [Message("user", "Add."), Message("assistant", "", calls), *results]


def assert_paired(messages, number):
    """Check that each of so many calls has the result of its own number."""
    _, said, *results = messages
    assert [*map(str, range(number))] == [call.arguments for call in said.tool_calls]
    assert [*map(str, range(number))] == [result.text for result in results]
    assert [call.id for call in said.tool_calls] == [each.tool_call_id for each in results]


@given(alike)
def test_calls_of_one_id_keep_their_results(ids):
    """Whatever ids the calls of a message have, each result stays with its call."""
    messages = called(ids)
    state = State.from_messages(messages)
    own = [call.id for call in state.messages()[1].tool_calls]

    assert_paired(well_formed(messages), len(ids))
    assert_paired(state.messages(), len(ids))
    assert_paired(fold_all(State(), state.events()).messages(), len(ids))
    assert len(own) == len(set(own))
    assert state == State.from_messages(state.messages())
    if len(set(ids)) == len(ids):
        assert messages == [*with_own_ids(messages)]


def asked(*ids):
    """Return a message with a call for each id."""
    return Message("assistant", "", [ToolCall(id, "add") for id in ids])


def answered(id, text):
    """Return the result of a call."""
    return Message("tool", text, tool_call_id=id)


USER = Message("user", "Wait.")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            [asked("a"), asked("b"), answered("a", "1"), answered("b", "2")],
            [asked("a"), answered("a", "1"), asked("b"), answered("b", "2")],
        ),
        ([asked("a"), USER, answered("a", "1")], [asked("a"), answered("a", "1"), USER]),
        (
            [asked("a", "b"), answered(None, "1"), answered("", "2")],
            [asked("a", "b"), answered("a", "1"), answered("b", "2")],
        ),
        (
            [asked("a", "b"), answered(None, "2"), answered("a", "1")],
            [asked("a", "b"), answered("a", "1"), answered("b", "2")],
        ),
        (
            [asked(""), USER, asked(""), Message("tool", "2")],
            [asked(""), answered("", "Interrupted"), USER, asked(""), answered("", "2")],
        ),
        (
            [asked(""), asked(""), answered("", "1"), answered("", "2")],
            [asked(""), answered("", "1"), asked(""), answered("", "2")],
        ),
        (
            [answered("a", "1"), asked("a"), answered("z", "2"), answered("a", "3")],
            [
                Message("user", "The result of the call a: 1"),
                asked("a"),
                answered("a", "3"),
                Message("user", "The result of the call z: 2"),
            ],
        ),
        ([Message("tool", "")], [Message("user", "The result: none")]),
    ],
)
def test_a_result_moves_behind_its_call(said, read):
    """A result that does not follow its call stays with it, and one without a call is a text."""
    assert read == State.from_messages(said).messages()
    assert well_formed(said) == [each for each in read if not each.text.startswith("The result")]


@law
@given(said_before)
def test_no_result_is_lost(said):
    """Whatever a history is, each result is in it once."""
    numbered = [
        evolve(message, text=f"({number})") if message.role == "tool" else message
        for number, message in enumerate(said)
    ]
    read = [message.text for message in State.from_messages(numbered).messages()]

    for message in numbered:
        if message.role == "tool":
            assert 1 == sum(text.endswith(message.text) for text in read)


@given(alike, st.data())
def test_events_of_calls_of_one_id_keep_their_results(ids, data):
    """So does a state that was folded from events, in which results come in the calls' order."""
    _, said, *results = called(ids)
    events = [RunStarted("Add.", "agent"), StepStarted(1)]
    if data.draw(st.booleans()):
        for index, call in enumerate(said.tool_calls):
            events.append(ToolCallDelta(index, call.id, call.name, call.arguments))
    events.append(MessageCompleted(said))
    begun = data.draw(st.sampled_from(["none", "all", "each"]))
    if begun == "all":
        events += [ToolStarted(call) for call in said.tool_calls]
    for call, result in zip(said.tool_calls, results, strict=True):
        events += [ToolStarted(call)] if begun == "each" else []
        events.append(ToolCompleted(call.id, result.text))
    state = fold_all(State(), events)

    assert_paired(state.messages(), len(ids))
    assert state.messages() == fold_all(State(), state.events()).messages()
    assert {*ids} == {*state.steps[0].outcomes}


def test_the_passages_of_a_run():
    """A task, a plan, and a step with its calls, their results and its error."""
    call = ToolCall("c1", "add", "{}")
    step = Message("assistant", "I add.", [call])
    events = [
        RunStarted("2 + 3?", "agent"),
        PlanStarted(),
        Planned("Add."),
        StepStarted(1),
        MessageCompleted(step),
        ToolStarted(call),
        ToolCompleted("c1", "5", 5),
        StepFailed("ParseError: no"),
    ]
    state = fold_all(State.from_messages([Message("system", "Be kind.")]), events)
    system, task, plan, done = state.passages

    assert Passage("system", (Message("system", "Be kind."),)) == system
    assert Passage("task", (Message("user", "2 + 3?"),)) == task
    assert ("plan", "Add.") == (plan.kind, plan.messages[0].text)
    assert "step" == done.kind
    assert (step, Message("tool", "5", tool_call_id="c1")) == done.messages[:2]
    assert "ParseError: no" in done.messages[2].text


def test_a_summary_is_part_of_the_state():
    """The latest summary is kept beside the whole conversation, also by the next run."""
    events = [RunStarted("2 + 3?", "agent"), StepStarted(1), Summarised("a", 0), Summarised("b", 1)]
    state = fold_all(State(), events)
    again = fold_all(state, [RunStarted("And 3 + 4?", "agent")])

    assert Summarised("b", 1) == state.summary == again.summary
    assert ["2 + 3?", "And 3 + 4?"] == [message.text for message in again.messages()]
    assert state != fold_all(State(), events[:-1])
