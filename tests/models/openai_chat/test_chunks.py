"""Choices and calls, in all their forms."""

import json

import pytest

from rxagent.errors import (
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
