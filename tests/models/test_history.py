"""What requests to every provider do to the messages of others."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent import State, tool, wire
from rxagent.errors import InvalidArguments
from rxagent.events import MessageCompleted, StepStarted
from rxagent.messages import Image, Message, Request, ToolCall, ToolSpec
from rxagent.models import OpenAIModel
from rxagent.models.history import arguments_of
from rxagent.models.sendable import sendable
from rxagent.state import fold_all
from rxagent.streams import each
from rxagent.tools import Toolbox, run_call

ANY = st.text(st.characters(), max_size=5)
calls = st.builds(ToolCall, ANY, ANY, ANY)
messages = st.builds(
    Message,
    st.sampled_from(["user", "assistant"]),
    ANY,
    tool_calls=st.lists(calls, max_size=2),
    tool_call_id=st.none() | ANY,
    reasoning=ANY,
)


@given(st.lists(messages, max_size=3), st.lists(ANY, max_size=2))
@example([Message("user", "Go \udce9")], [])
@example([Message("user", "\ud83d\udc4d")], ["\ud83d"])
def test_sendable(messages, stop):
    """Every text can be encoded; those that could be encoded before are the same ones."""
    request = Request(messages, stop=stop)
    sent = sendable(request)
    json.dumps(str(sent), ensure_ascii=False).encode()
    pairs = [(request.messages, sent.messages), (request.stop, sent.stop)]

    assert all(len(before) == len(after) for before, after in pairs)
    for before, after in zip(request.messages, sent.messages, strict=True):
        signs = before.text + before.reasoning + (before.tool_call_id or "")
        signs += "".join(call.id + call.name + call.arguments for call in before.tool_calls)
        halves = any("\ud800" <= sign <= "\udfff" for sign in signs)
        assert halves or before is after
        assert len(before.tool_calls) == len(after.tool_calls)


values = st.recursive(
    st.none() | st.integers() | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=5,
)


def can_be_encoded(request):
    """Return whether all texts beside those of messages can be."""
    (spec,), (message,) = request.tools, request.messages
    parts = spec.description, spec.parameters, request.output, request.options
    try:
        json.dumps([*parts, message.images[0].url], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.dictionaries(ANY, values, max_size=3), ANY, st.sampled_from(["a", "\udce9"]))
def test_sendable_beside_messages(value, description, end):
    """So can those of tools, schemas, options and images; a request is copied only for that."""
    shown = Message("user", "See.", images=[Image(f"https://here/{end}")])
    tools = [ToolSpec("add", description, value)]
    request = Request([shown], tools, output=value, options=value)
    sent = sendable(request)

    assert can_be_encoded(sent)
    assert can_be_encoded(request) == (request is sent)


def test_half_a_character_is_sent(server):
    """Half a character, as of a file name in the arguments of a program, costs no request."""
    list(each(OpenAIModel("plain")("Go \udce9!")))

    assert "Go \ufffd!" == server.requests[-1].body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"a": 1, "b": [2.5]}', {"a": 1, "b": [2.5]}),
        ('{"a": [1e999, -1e999]}', {"a": [1.7976931348623157e308, -1.7976931348623157e308]}),
        ('{"a": NaN}', {}),
        ("[1]", {}),
        ("", {}),
        ('{"a": "\ud800"}', {}),
    ],
)
def test_arguments(text, arguments):
    """Arguments are an object of JSON, in which no number is infinite."""
    found = arguments_of(ToolCall("c", "add", text))
    json.dumps(found, allow_nan=False)

    assert arguments == found


@tool
def note(text: Any) -> None:
    """Note a text."""


@tool
def move(x: int, y: int) -> None:
    """Move."""


WRITTEN = st.recursive(
    st.none() | st.integers(-9, 9) | st.floats(-9, 9) | ANY,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=4,
)


@given(st.sampled_from([note, move]), WRITTEN, st.booleans())
@example(note, "P", False)
@example(move, {"x": 1.0, "y": 2}, True)
def test_what_is_sent_is_what_ran(called, value, is_twice):
    """A request says of a call with what it ran, however the model had written that."""
    written = json.dumps(json.dumps(value) if is_twice else value)
    try:
        ran = called.read(written).arguments
    except InvalidArguments:
        return
    message = Message("assistant", tool_calls=[ToolCall("c", called.name, written)])
    (sent,) = sendable(Request([message], [called.spec])).messages

    assert ran == arguments_of(sent.tool_calls[0])


@given(st.sampled_from([note, move]), WRITTEN, st.booleans())
@example(note, "P", False)
@example(move, {"x": 1.0, "y": 2}, True)
def test_what_is_sent_by_others_is_what_ran(called, value, is_twice):
    """So does each later request of the conversation, whatever tools it offers."""
    written = json.dumps(json.dumps(value) if is_twice else value)
    call = ToolCall("c", called.name, written)
    try:
        ran = called.read(written).arguments
    except InvalidArguments:
        return
    said = MessageCompleted(Message("assistant", tool_calls=[call]))
    events = [StepStarted(1), said, *each(run_call(Toolbox([called]), call))]
    state = fold_all(State(), [wire.loads(wire.dumps(event)) for event in events])
    for kept in (state, fold_all(State(), state.events())):
        sent, result = sendable(Request(kept.messages())).messages

        assert ran == arguments_of(sent.tool_calls[0])
        assert "changed" not in result.text
    assert said.message == state.steps[0].message


def test_bare_line_breaks():
    """A call whose texts have some runs, as one that is written as text, and is sent as JSON."""
    for text in ('{"text": "a\nb\tc"}', '"a\nb\tc"', json.dumps('{"text": "a\nb\tc"}')):
        message = Message("assistant", tool_calls=[ToolCall("c", "note", text)])
        (sent,) = sendable(Request([message], [note.spec])).messages

        assert {"text": "a\nb\tc"} == note.read(text).arguments
        assert {"text": "a\nb\tc"} == json.loads(sent.tool_calls[0].arguments)


def test_a_backslash_before_a_bare_line_break():
    """Whether the break or its escape was meant is unknown, so the call does not run."""
    text = '{"text": "docker run \\\n  nginx"}'

    with pytest.raises(InvalidArguments, match="not JSON"):
        note.read(text)


def test_an_answer_is_sent_as_it_was_read():
    """A later request may not offer the tool by which an agent answers."""
    answered = ToolCall("c", "final_answer", "5")
    (sent,) = sendable(Request([Message("assistant", tool_calls=[answered])])).messages

    assert {"answer": 5} == arguments_of(sent.tool_calls[0])
