"""Numbers of JSON keep the digits with which they were written."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import ToolCallDelta
from rxagent.exact_json import ExactFloat, exact_json, exact_text
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST

FLOATS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25}|[eE][+-]?[0-9]{1,3})\Z")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | FLOATS.map(ExactFloat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES)
def test_what_is_written_is_what_was_read(value):
    """Text and value stand for each other, with all digits; a parser reads the text alike."""
    text = exact_text(value)

    assert text == exact_text(exact_json(text.encode()))
    assert value == json.loads(text)


def test_what_is_deep_is_written():
    """Digits of what is nested very deeply may be lost, and nothing else."""
    value = [1]
    for _ in range(600):
        value = [value]

    assert value == json.loads(exact_text(value))


def test_an_exact_float_is_a_float():
    """It is one for all that reads it, and copies keep its digits."""
    number = ExactFloat("1.10")

    assert (1.1, "1.1") == (number, json.dumps(number))
    for twin in (copy.deepcopy([number]), pickle.loads(pickle.dumps([number]))):
        assert "1.10" == twin[0].written


ARGUMENTS = '{"amount": 12345678901234567.89, "rates": [1.10, 2]}'

CALL = f'{{"id": "a", "function": {{"name": "pay", "arguments": {ARGUMENTS}}}}}'
USE = f'{{"type": "tool_use", "id": "a", "name": "pay", "input": {ARGUMENTS}}}'
FUNCTION = f'{{"type": "function_call", "call_id": "a", "name": "pay", "arguments": {ARGUMENTS}}}'
OF_BEDROCK = f'{{"toolUse": {{"toolUseId": "a", "name": "pay", "input": {ARGUMENTS}}}}}'
REPLIES = {
    "chat": (
        ChatReply,
        f'{{"choices": [{{"message": {{"tool_calls": [{CALL}]}}, "finish_reason": "stop"}}]}}',
    ),
    "a piece of chat": (
        ChatReply,
        f'data: {{"choices": [{{"delta": {{"tool_calls": [{CALL}]}}}}]}}\n\ndata: [DONE]\n\n',
    ),
    "message": (
        MessageReply,
        f'{{"type": "message", "content": [{USE}], "stop_reason": "tool_use"}}',
    ),
    "response": (
        ResponseReply,
        f'{{"object": "response", "status": "completed", "output": [{FUNCTION}]}}',
    ),
    "converse": (
        ConverseReply,
        f'{{"output": {{"message": {{"role": "assistant", "content": [{OF_BEDROCK}]}}}}, '
        '"stopReason": "tool_use"}',
    ),
}


@pytest.mark.parametrize(("make", "text"), REPLIES.values(), ids=REPLIES)
def test_arguments_that_come_as_an_object_keep_their_digits(make, text):
    """They become the text that other servers would have sent."""
    reply = make(ErrorFactory("here", "m"))
    found = [delta for delta in (*reply.feed(text.encode()), *reply.end()) if delta is not REST]
    written = "".join(d.arguments or "" for d in found if isinstance(d, ToolCallDelta))

    assert ARGUMENTS == written
