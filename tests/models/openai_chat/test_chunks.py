"""Choices and calls, in all their forms."""

import json

import pytest

from rxagent.errors import (
    MalformedReply,
    ModelUnavailable,
)
from rxagent.events import (
    Finish,
    TextDelta,
    ToolCallDelta,
)
from rxagent.messages import ProviderData
from rxagent.testing.frames import (
    DONE,
    call_chunk,
    chunk,
    finish_chunk,
    sse,
    text_chunk,
)


def test_a_message_that_repeats_the_deltas(read):
    """A message behind the deltas adds only what they have not given."""
    call = call_chunk(0, "a", "add", "{}")["choices"][0]["delta"]
    last = {"message": {"content": "Hi", **call}, "finish_reason": "stop"}

    first, *others = read(sse(text_chunk("Hi")), sse({"choices": [last]}), DONE)

    assert TextDelta("Hi") == first
    assert ["a"] == [delta.id for delta in others if isinstance(delta, ToolCallDelta)]
    assert not any(isinstance(delta, TextDelta) for delta in others)


def test_a_call_in_two_forms(read):
    """A call that also comes in its old form is one call."""
    call = call_chunk(0, "a", "add", "{}")["choices"][0]["delta"]
    both = {**call, "function_call": {"name": "add", "arguments": "{}"}}

    assert 1 == sum(isinstance(d, ToolCallDelta) for d in read(sse(chunk(both, "stop")), DONE))


def test_calls_of_the_only_choice(read):
    """Calls of the only choice keep their index, whatever the choice's is."""
    call = call_chunk(2, "a", "add", "{}")["choices"][0]
    wanted = [ToolCallDelta(2, "a", "add", "{}"), Finish("tool_calls")]

    assert wanted == read(sse({"choices": [{**call, "index": 1, "finish_reason": "tool_calls"}]}))


@pytest.mark.parametrize(
    "beside", [{}, {"delta": None}, {"delta": {}}, {"logprobs": None}], ids=str
)
def test_text_before_there_were_messages(read, beside):
    """A choice may hold its text itself."""
    parts = [{"choices": [{"index": 0, "text": text, **beside}]} for text in ("H", "i")]
    last = {"choices": [{"index": 0, "text": "", "finish_reason": "stop", **beside}]}

    assert [TextDelta("H"), TextDelta("i"), Finish("stop")] == read(*map(sse, [*parts, last]))


def test_calls_after_the_finish(read):
    """A finish reason does not end the reply; a call that has begun after it must end, too."""
    done = sse(call_chunk(0, "a", "add", "{}")) + sse(finish_chunk("tool_calls"))
    half = sse(call_chunk(1, "b", "add", '{"a":'))
    rest = sse(call_chunk(1, arguments=" 1}")) + sse(finish_chunk("tool_calls"))

    assert 3 == sum(isinstance(d, ToolCallDelta) for d in read(done, half, rest))
    with pytest.raises(ModelUnavailable, match="broke off"):
        read(done, half)


def test_calls_of_another_choice(read):
    """Calls in another choice of the same reply are calls; its text is none of the answer."""
    other = {"index": 1, "message": {**call_chunk(0, "b", "add", "{}")["choices"][0]["delta"]}}
    other["message"]["content"] = "No"
    first = {"index": 0, "message": {"content": "Yes"}, "finish_reason": "stop"}

    deltas = read(json.dumps({"choices": [first, other]}).encode())

    assert ["b"] == [delta.id for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert [TextDelta("Yes")] == [delta for delta in deltas if isinstance(delta, TextDelta)]


def test_extra_fields_of_calls(kept):
    """Unknown fields of a call are kept with it, as they came."""
    call = {"index": 0, "id": "a", "function": {"name": "add", "arguments": "{}", "x": 1}}
    call["extra_content"] = {"google": {"thought_signature": "c2ln"}}

    (made,) = kept(chunk({"tool_calls": [call]})).tool_calls

    assert (
        ProviderData("here", {"extra_content": call["extra_content"], "function": {"x": 1}}),
    ) == made.extra


ARGUMENTS = '{"a": 1}'
FLAT = {
    "beside": {"id": "a", "name": "add", "arguments": ARGUMENTS},
    "input": {"id": "a", "type": "tool_use", "name": "add", "input": {"a": 1}},
    "parameters": {"id": "a", "function": {"name": "add", "parameters": {"a": 1}}},
    "a name as function": {"id": "a", "function": "add", "arguments": ARGUMENTS},
}


@pytest.mark.parametrize("call", FLAT.values(), ids=FLAT)
def test_forms_of_calls(read, kept, call):
    """The name and arguments of a call are read wherever a dialect puts them."""
    wanted = [ToolCallDelta(0, "a", "add", ARGUMENTS), Finish("tool_calls")]
    for calls in ([{"index": 0, **call}], {"index": 0, **call}):
        assert wanted == read(sse(chunk({"tool_calls": calls}, "tool_calls")))
    assert wanted == read(sse(chunk({"content": [{**call, "type": "tool_use"}]}, "tool_calls")))
    assert () == kept(chunk({"tool_calls": [{**call, "index": 0}]})).tool_calls[0].extra


@pytest.mark.parametrize("beside", [{"id": "a"}, {"tool": "add", "params": {}}])
def test_a_call_that_cannot_be_read(read, beside):
    """A call without any name and arguments is an error, unless they follow."""
    call = sse(chunk({"tool_calls": [{"index": 0, **beside}]}))
    with pytest.raises(MalformedReply, match="a call without a name"):
        read(call, sse(finish_chunk("tool_calls")), DONE)
    read(call, sse(call_chunk(0, "a", "add", "{}")), sse(finish_chunk("tool_calls")), DONE)


def test_a_call_whose_old_form_follows(read):
    """The old form of a call in a later chunk is no second call; another name is one."""
    parts = [
        call_chunk(0, "a", "add", "{}"),
        chunk({"function_call": {"name": "add", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
    ]
    other = chunk({"function_call": {"name": "sub", "arguments": "{}"}})

    assert ["add"] == [d.name for d in read(*map(sse, parts), DONE)]
    assert ["add", "sub"] == [d.name for d in read(*map(sse, [*parts, other]), DONE)]


def deep(levels):
    """Return a list that is nested this deeply."""
    return json.loads("[" * levels + "]" * levels)


@pytest.mark.parametrize("levels", [150, 300, 500])
def test_deep_fields(kept, levels):
    """A field beside the text that is nested very deeply is dropped, and all others are kept."""
    call = {"index": 0, "id": "a", "x": deep(levels), "y": 1}
    call["function"] = {"name": "add", "arguments": "{}", "z": deep(levels)}

    message = kept(
        chunk({"content": "Hi", "reasoning_details": deep(levels), "reasoning": deep(levels)}),
        {**text_chunk("!"), "usage": deep(levels), "x": deep(levels)},
        chunk({"tool_calls": [call]}),
    )

    assert "Hi!" == message.text
    assert [(ProviderData("here", {"y": 1}),)] == [call.extra for call in message.tool_calls]
