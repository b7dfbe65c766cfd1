"""Thoughts that a model writes between tags are read in every protocol, and sent back so."""

import json
from functools import reduce

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.events import StepRetried
from rxagent.messages import Message, Request
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.anthropic_messages.request import message_body
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.converse.request import converse_call
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_responses.conversation import input_items
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.models.own_tags import tags_of
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import event
from rxagent.testing.far_ends.aws_frames import event_frame
from rxagent.testing.frames import sse

HERE = "here"


def of_anthropic(pieces, streams):
    """Return the bytes of a text in pieces."""
    text = {"type": "text", "text": ""}
    if not streams:
        content = [{**text, "text": "".join(pieces)}]
        return [
            json.dumps({"type": "message", "content": content, "stop_reason": "end_turn"}).encode()
        ]
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return [
        event("content_block_start", index=0, content_block=text),
        *(event("content_block_delta", index=0, delta=delta) for delta in deltas),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}),
        event("message_stop"),
    ]


def of_bedrock(pieces, streams):
    """Return the same of Bedrock's."""
    if not streams:
        message = {"content": [{"text": "".join(pieces)}]}
        return [json.dumps({"output": {"message": message}, "stopReason": "end_turn"}).encode()]
    frames = [{"contentBlockIndex": 0, "delta": {"text": piece}} for piece in pieces]
    texts = [event_frame("contentBlockDelta", frame) for frame in frames]
    return [*texts, event_frame("messageStop", {"stopReason": "end_turn"})]


def of_responses(pieces, streams):
    """Return the same of the Responses API."""
    part = {"type": "output_text", "text": "".join(pieces)}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
    whole = {"object": "response", "status": "completed", "output": [item]}
    if not streams:
        return [json.dumps(whole).encode()]
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    kind = "response.output_text.delta"
    deltas = [sse({"type": kind, **place, "delta": piece}) for piece in pieces]
    done = sse({"type": "response.output_item.done", "output_index": 0, "item": item})
    return [*deltas, done, sse({"type": "response.completed", "response": whole})]


def sent_to_anthropic(reply):
    """Return the texts of a reply that is sent back."""
    request = Request([Message("user", "Hi"), reply, Message("user", "Go on.")])
    turns = message_body(request, HERE)["messages"]
    return [block["text"] for block in turns[1]["content"]]


def sent_to_bedrock(reply):
    """Return the same of Bedrock's."""
    request = Request([Message("user", "Hi"), reply, Message("user", "Go on.")])
    call = converse_call("qwen.qwen3", request, [], HERE, ErrorFactory("bedrock", "qwen.qwen3"))
    return [block["text"] for block in call["messages"][1]["content"]]


def sent_to_responses(reply):
    """Return the same of the Responses API."""
    items = input_items([Message("user", "Hi"), reply, Message("user", "Go on.")], HERE)
    said = [item["content"] for item in items if item.get("role") == "assistant"]
    return [one if isinstance(one, str) else one[0]["text"] for one in said]


def bedrock_reply(model):
    """Return a reader of Bedrock's."""
    return ConverseReply(ErrorFactory("bedrock", model), HERE, "qwen", tags_of(model))


PROTOCOLS = {
    "anthropic": (
        lambda model: MessageReply(ErrorFactory("anthropic", model), HERE),
        of_anthropic,
        sent_to_anthropic,
    ),
    "bedrock": (bedrock_reply, of_bedrock, sent_to_bedrock),
    "responses": (
        lambda model: ResponseReply(ErrorFactory("openai", model), HERE),
        of_responses,
        sent_to_responses,
    ),
}

TEXTS = st.text("ab <>\n", max_size=6)


def read(name, text, sizes, streams, model="qwen3"):
    """Return the message of a text that comes in pieces of these sizes."""
    pieces = []
    rest = text
    for size in [*sizes, len(text)]:
        pieces, rest = pieces + [rest[:size]] * bool(rest[:size]), rest[size:]
    make, made, _ = PROTOCOLS[name]
    reply = make(model)
    fed = [delta for frame in made(pieces, streams) for delta in reply.feed(frame)]
    deltas = [delta for delta in [*fed, *reply.end()] if delta is not REST]

    assert not any(isinstance(delta, StepRetried) for delta in deltas)
    return reduce(grow, deltas, Draft()).message


@pytest.mark.parametrize("name", PROTOCOLS)
@given(TEXTS, TEXTS, st.lists(st.integers(1, 9), max_size=4), st.booleans())
@example("\nI think.\n", "Hi", [3, 8], True)
def test_thoughts(name, thought, answer, sizes, streams):
    """A thought at the beginning is reasoning, however it is cut; the model gets both back."""
    answer = "x" + answer
    text = f"<think>{thought}</think>\n\n{answer}"
    reply = read(name, text, sizes, streams)

    assert (thought, answer) == (reply.reasoning, reply.text)
    sent = PROTOCOLS[name][2](reply)
    assert (text if thought else answer).rstrip() == "".join(sent).rstrip()


@pytest.mark.parametrize("name", PROTOCOLS)
@given(TEXTS, st.lists(st.integers(1, 9), max_size=4), st.booleans())
@example("</think>", [], True)
@example("<thinking>So</thinking>", [2], True)
def test_other_texts(name, text, sizes, streams):
    """All other text is the answer's, as it came; so is what stands between the tags of others."""
    assert text == read(name, text, sizes, streams).text
    assert f"Hi{text}<think>" == read(name, f"Hi{text}<think>", sizes, streams).text


@pytest.mark.parametrize("name", PROTOCOLS)
def test_own_tags(name):
    """A model that has tags of its own may write between them, or between the usual ones."""
    for tags in ("[THINK]{}[/THINK]", "<think>{}</think>"):
        reply = read(name, tags.format("So.") + "Hi", [3, 3], True, "magistral-small")

        assert ("So.", "Hi") == (reply.reasoning, reply.text)
