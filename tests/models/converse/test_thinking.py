"""Thoughts that Nova writes between tags, at the beginning of its text."""

import json
from functools import reduce
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.events import Finish, ReasoningDelta, StepRetried, TextDelta
from rxagent.messages import Message, Request
from rxagent.models.converse.messages import vendor_of
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.converse.request import converse_call
from rxagent.models.errors import ErrorFactory
from rxagent.models.own_tags import tags_of
from rxagent.testing.far_ends.aws_frames import event_frame
from rxagent.testing.far_ends.converse_requests import check_rules

from ...laws import examples

NOVA, CLAUDE = "us.amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{NOVA}"


def read(*chunks, model_id=NOVA):
    """Return the deltas of some bytes."""
    errors = ErrorFactory("bedrock", model_id)
    reply = ConverseReply(errors, "bedrock", vendor_of(model_id), tags_of(model_id))
    return [delta for chunk in chunks for delta in reply.feed(chunk)] + list(reply.end())


def piece(index, text):
    """Return the frame of a piece of text."""
    body = {"contentBlockIndex": index, "delta": {"text": text}}
    return event_frame("contentBlockDelta", body)


def called(index):
    """Return the frames of a call."""
    use = {"toolUse": {"toolUseId": f"call_{index}", "name": "add"}}
    input = {"toolUse": {"input": "{}"}}
    return [
        event_frame("contentBlockStart", {"contentBlockIndex": index, "start": use}),
        event_frame("contentBlockDelta", {"contentBlockIndex": index, "delta": input}),
        event_frame("contentBlockStop", {"contentBlockIndex": index}),
    ]


def streamed(*pieces, has_call=False, model_id=NOVA):
    """Return the deltas of a text in pieces, and of a call behind it."""
    calls = called(1) if has_call else []
    stop = event_frame("messageStop", {"stopReason": "tool_use" if has_call else "end_turn"})
    return read(*(piece(0, one) for one in pieces), *calls, stop, model_id=model_id)


def whole(text, has_call=False):
    """Return the deltas of a reply that is not streamed."""
    use = {"toolUse": {"toolUseId": "call_1", "name": "add", "input": {}}}
    message = {"role": "assistant", "content": [{"text": text}, *([use] if has_call else [])]}
    reason = "tool_use" if has_call else "end_turn"
    return read(json.dumps({"output": {"message": message}, "stopReason": reason}).encode())


def message(deltas):
    """Return the message of a turn."""
    return reduce(grow, deltas, Draft()).message


def sent(reply, model_id=NOVA):
    """Return the content of a reply that is sent back."""
    results = [Message("tool", "5", tool_call_id=call.id) for call in reply.tool_calls]
    request = Request([Message("user", "Hi"), reply, *results, Message("user", "Go on.")])
    call = converse_call(model_id, request, [], "bedrock", ErrorFactory("bedrock", model_id))
    check_rules(call)
    return [
        part for one in call["messages"] if one["role"] == "assistant" for part in one["content"]
    ]


CASES = {
    "<thinking> I need it.</thinking>\nFine.": (" I need it.", "Fine."),
    "\n<thinking>\nSo\n</thinking>\n\n<b>Fine.</b>": ("\nSo\n", "<b>Fine.</b>"),
    '<thinking>A < b</thinking>{"a": 1}': ("A < b", '{"a": 1}'),
    "<thinking>So, still": ("So, still", ""),
    "Fine. <thinking>So</thinking>": ("", "Fine. <thinking>So</thinking>"),
    "So.</thinking>\n\nFine.": ("", "So.</thinking>\n\nFine."),
    "</thinking>Fine.": ("", "</thinking>Fine."),
    "<think>So</think>Fine.": ("So", "Fine."),
    "<thin": ("", "<thin"),
    " Fine.": ("", " Fine."),
}


@pytest.mark.parametrize("text", CASES)
def test_thoughts(text):
    """Only a thought at the beginning, between its two tags, is reasoning; nothing is retracted."""
    for deltas in (whole(text), streamed(*text), streamed(text)):
        reply = message(deltas)

        assert CASES[text] == (reply.reasoning, reply.text)
        assert Finish("stop") == deltas[-1]
        assert not any(isinstance(one, StepRetried) for one in deltas)


@pytest.mark.parametrize("model_id", [CLAUDE, "us.deepseek.v3-v1:0", "m"])
def test_other_models(model_id):
    """Other models keep their text as it is."""
    text = "<thinking>So.</thinking>Fine."

    assert text == message(streamed(text, model_id=model_id)).text


@pytest.mark.parametrize("model_id", [NOVA, ARN, "amazon.nova-2-lite-v1:0"])
def test_names_of_nova(model_id):
    """Nova is known by its id, in whatever form."""
    deltas = streamed("<thinking>So.</thinking>Fine.", model_id=model_id)

    assert ("So.", "Fine.") == (message(deltas).reasoning, message(deltas).text)


def test_as_it_comes():
    """The thought is emitted as it comes, and so is the answer."""
    deltas = streamed("<thinking>", "So ", "it is.", "</thinking>", "Fi", "ne.")

    assert ["So ", "it is."] == [d.text for d in deltas if isinstance(d, ReasoningDelta) and d.text]
    assert ["Fi", "ne."] == [d.text for d in deltas if isinstance(d, TextDelta)]


PIECES = st.sampled_from(
    ["<thinking>", "</thinking>", "<thin", "king>", "</", "\n", " ", "So.", "é", "🎈", "<", "a"]
)


@examples(200)
@given(st.lists(PIECES, max_size=8).map("".join), st.lists(st.integers(0, 60)), st.booleans())
def test_how_a_text_is_cut_makes_no_difference(text, places, has_call):
    """Whatever pieces the text comes in, it is read alike, and sent back alike."""
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    pieces = [text[one:two] for one, two in pairwise(edges)]
    one, other = message(whole(text, has_call)), message(streamed(*pieces, has_call=has_call))

    assert (one.reasoning, one.text) == (other.reasoning, other.text)
    assert sent(one) == sent(other)


# What is sent back.


@pytest.mark.parametrize("has_call", [False, True])
def test_it_is_sent_back(has_call):
    """The thought goes back to Nova as it was written, at its place."""
    text = "<thinking>So.</thinking>\n" + ("" if has_call else "Fine.")
    parts = sent(message(streamed(text, has_call=has_call)))

    assert text == "".join(part.get("text", "") for part in parts)
    assert has_call == ("toolUse" in parts[-1])


def test_it_is_not_sent_elsewhere():
    """Others do not get it, nor does Nova get one that was changed."""
    reply = message(streamed("<thinking>So.</thinking>\nFine."))

    assert [{"text": "Fine."}] == sent(reply, CLAUDE)
    assert [{"text": "Fine."}] == sent(evolve(reply, reasoning="*****"))
