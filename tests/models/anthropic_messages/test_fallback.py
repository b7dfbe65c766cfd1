"""Replies that a model of Anthropic's declined to end, and that another one took over."""

import json
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.events import Finish, StepRetried, TextDelta, ToolCallDelta, Usage
from rxagent.messages import Message, Request
from rxagent.models.anthropic_messages.cache import mark
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.anthropic_messages.request import message_body
from rxagent.models.errors import ErrorFactory
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import event

HERE = "anthropic"
FALLBACK = {"type": "fallback", "from": {"model": "one"}, "to": {"model": "two"}}
TEXTS = st.text(alphabet="ab 🎈", min_size=1, max_size=4).filter(str.strip)


def text(text):
    """Return a block of text."""
    return {"type": "text", "text": text}


def call(id, name="pay"):
    """Return the block of a call."""
    return {"type": "tool_use", "id": id, "name": name, "input": {"amount": 10}}


def thought(text):
    """Return the block of a thought."""
    return {"type": "thinking", "thinking": text, "signature": "s"}


def searched(id):
    """Return the blocks of a search on the server's side: its call, and its result."""
    use = {"type": "server_tool_use", "id": id, "name": "web_search", "input": {"q": 1}}
    return use, {"type": "web_search_tool_result", "tool_use_id": id, "content": []}


def streamed(content, reason="end_turn", usage=None):
    """Return the events of a reply with this content."""
    started = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
    started |= {key: {"input": {}} for key in ("tool_use", "server_tool_use")}
    frames = []
    for index, block in enumerate(content):
        pieces = {
            "text": [("text_delta", "text", block.get("text"))],
            "thinking": [("thinking_delta", "thinking", block.get("thinking"))],
        }.get(block["type"], [])
        if "input" in block:
            pieces = [("input_json_delta", "partial_json", json.dumps(block["input"]))]
        if "signature" in block:
            pieces.append(("signature_delta", "signature", "s"))
        start = {**block, **started.get(block["type"], {})}
        frames.append(event("content_block_start", index=index, content_block=start))
        for kind, name, piece in pieces:
            delta = {"type": kind, name: piece}
            frames.append(event("content_block_delta", index=index, delta=delta))
        frames.append(event("content_block_stop", index=index))
    delta = {"stop_reason": reason}
    return b"".join(
        [*frames, event("message_delta", delta=delta, usage=usage or {}), event("message_stop")]
    )


def whole(content, reason="end_turn"):
    """Return the message of a reply with this content."""
    message = {"type": "message", "content": content, "stop_reason": reason}
    return json.dumps(message).encode()


def read(stream):
    """Return the deltas of a reply."""
    reply = MessageReply(ErrorFactory("anthropic", "m"), HERE)
    deltas = [*reply.feed(stream), *reply.end()]
    return [delta for delta in deltas if delta is not REST]


def given_back(deltas):
    """Return the content with which a reply is sent back."""
    message = reduce(grow, deltas, Draft()).message
    result = [Message("tool", "5", tool_call_id=call.id) for call in message.tool_calls]
    history = [Message("user", "Hi"), message, *result, Message("user", "Go on.")]
    turn = message_body(Request(history), HERE)["messages"][1]
    return turn["content"] if turn["role"] == "assistant" else []


@st.composite
def contents(draw):
    """Return the blocks of some models, and those of them that Anthropic takes back."""
    content, taken = [], []
    hops = draw(st.integers(1, 2))
    for hop in range(hops + 1):
        for at in range(draw(st.integers(0, 3))):
            id, is_last = f"{hop}_{at}", hop == hops
            use, result = searched(id)
            blocks, stay = draw(
                st.sampled_from(
                    [
                        ([text(draw(TEXTS))], True),
                        ([use, result], True),
                        ([use], False),
                        ([thought(draw(TEXTS))], is_last),
                        ([{"type": "redacted_thinking", "data": "x"}], is_last),
                        ([{"type": "connector_text", "connector_text": "x"}], is_last),
                        ([call(id)], is_last),
                    ]
                )
            )
            content += blocks
            taken += blocks if stay else []
        if hop < hops:
            content.append(FALLBACK)
            taken.append(FALLBACK)
    while "thinking" in taken[-1]["type"]:
        taken.pop()
    return content, taken


@given(contents())
def test_what_the_other_model_was_given(drawn):
    """Text stays, calls and thoughts do not, and all blocks go back as Anthropic takes them."""
    content, taken = drawn
    last = len(content) - content[::-1].index(FALLBACK)
    calls = [block["id"] for block in content[last:] if block["type"] == "tool_use"]
    said = "".join(block.get("text", "") for block in content)

    for stream in (streamed(content), whole(content)):
        deltas = read(stream)
        message = reduce(grow, deltas, Draft()).message
        assert (said, calls) == (message.text, [call.id for call in message.tool_calls])
        assert taken == given_back(deltas)


def test_the_calls_are_retracted():
    """A call of the model that declined is retracted, and its text said again."""
    deltas = read(streamed([text("I pay. "), call("a"), FALLBACK, text("I do not.")]))
    retracted = deltas.index(StepRetried(1, "one declined, and two took over."))

    assert [TextDelta("I pay. "), ToolCallDelta] == [deltas[0], type(deltas[1])]
    assert ["I pay. ", "I do not."] == [
        delta.text for delta in deltas[retracted:] if type(delta) is TextDelta
    ]
    assert not any(type(delta) is ToolCallDelta for delta in deltas[retracted:])
    assert Finish("stop") == deltas[-1]


@pytest.mark.parametrize("before", [[], [text("I ")], [*searched("s")]])
def test_nothing_to_retract(before):
    """Where all that was said stays, nothing is retracted."""
    deltas = read(streamed([*before, FALLBACK, text("pay.")]))

    assert not any(type(delta) is StepRetried for delta in deltas)


def test_a_call_that_was_cut():
    """A call that lacks its end when the other model takes over is none."""
    start = event("content_block_start", index=0, content_block={**call("a"), "input": {}})
    delta = {"type": "input_json_delta", "partial_json": '{"amount": 1'}
    cut = start + event("content_block_delta", index=0, delta=delta)
    for end in (b"", event("content_block_stop", index=0)):
        handed = event("content_block_start", index=1, content_block=FALLBACK)
        message = reduce(grow, read(cut + end + handed + streamed([])), Draft()).message
        assert () == message.tool_calls


def test_an_id_that_both_models_use():
    """A call of the model that took over is its own, whatever its id."""
    deltas = read(streamed([call("a", "pay"), FALLBACK, call("a", "pay")], "tool_use"))
    (one,) = reduce(grow, deltas, Draft()).message.tool_calls

    assert ("a", '{"amount": 10}') == (one.id, one.arguments)


def test_a_fallback_without_models():
    """A fallback that does not name its models is one."""
    deltas = read(streamed([call("a"), {"type": "fallback", "from": 5}]))

    assert "The model declined, and another model took over." in {
        delta.error for delta in deltas if type(delta) is StepRetried
    }


def test_a_fallback_takes_no_mark():
    """The block before it is marked for a cache, as Anthropic lets none mark a fallback."""
    message = reduce(grow, read(whole([text("I pay."), FALLBACK])), Draft()).message
    body = message_body(Request([Message("user", "Hi"), message]), HERE)
    mark(body, True)

    assert ["cache_control" in block for block in body["messages"][1]["content"]] == [True, False]


# Usage.


def entry(kind, taken, made, read=0, written=0):
    """Return what one request on Anthropic's side used."""
    return {
        "type": kind,
        "input_tokens": taken,
        "output_tokens": made,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }


@pytest.mark.parametrize(
    ("iterations", "used"),
    [
        ([entry("message", 25, 9), entry("fallback_message", 30, 15)], (55, 24)),
        ([entry("message", 25, 0), entry("fallback_message", 30, 15)], (30, 15)),
        ([entry("compaction", 180, 35), entry("message", 30, 15)], (210, 50)),
        ([entry("message", 30, 15), entry("advisor_message", 8, 2, 100, 4)], (142, 17)),
        ([entry("message", 10, 5), entry("message", 20, 10)], (30, 15)),
        (["x", entry("message", 30, "many"), None], (30, 15)),
        ({}, (30, 15)),
    ],
)
def test_all_that_is_billed(iterations, used):
    """Each request that Anthropic makes for a reply counts, unless it was declined unbilled."""
    begun = event("message_start", message={"usage": {"input_tokens": 25, "output_tokens": 1}})
    total = {"input_tokens": 30, "output_tokens": 15, "iterations": iterations}
    deltas = read(begun + streamed([text("Hi")], usage=total))
    found = [delta for delta in deltas if type(delta) is Usage]

    assert used == (sum(u.input_tokens for u in found), sum(u.output_tokens for u in found))
