"""Blocks of Anthropic's Messages protocol that come once more."""

import json
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import event

from ...laws import examples

HERE = "anthropic"
TEXTS = st.text(alphabet='ab "\n🎈', min_size=1, max_size=6)


def read(*chunks):
    """Return the message of a reply that arrives in these chunks, and its kept data."""
    reply = MessageReply(ErrorFactory("anthropic", "m"), HERE)
    deltas = [delta for chunk in chunks for delta in reply.feed(chunk)] + list(reply.end())
    return reduce(grow, (delta for delta in deltas if delta is not REST), Draft()).message


def cut(text, size):
    """Return a text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def frames(index, block, size, is_given=False):
    """Return the events of a block: of a text, a thought, a call, or another kind."""
    kind, text, *ids = block
    starts = {
        "text": {"text": ""},
        "thinking": {"thinking": ""},
        "redacted_thinking": {"data": text},
        "server_tool_use": {"id": ids and ids[0], "name": "search", "input": {}},
        "tool_use": {"id": ids and ids[0], "name": "add", "input": {}},
    }
    start = {"type": kind, **starts[kind]}
    if "input" in start and is_given:
        start["input"] = json.loads(text)
    forms = {"text": "text_delta", "thinking": "thinking_delta"}
    under = {"text": "text", "thinking": "thinking"}
    form, name = forms.get(kind, "input_json_delta"), under.get(kind, "partial_json")
    pieces = [] if "data" in start or start.get("input") else cut(text, size)
    deltas = [{"type": form, name: piece} for piece in pieces]
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": f"of {text}"})
    return [
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def end():
    """Return the events that end a reply."""
    return [event("message_delta", delta={"stop_reason": "end_turn"}), event("message_stop")]


@st.composite
def blocks(draw):
    """Draw the blocks of a reply, each with another content."""
    kinds = ["text", "thinking", "redacted_thinking", "server_tool_use", "tool_use"]
    drawn = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    return [
        (kind, json.dumps({"a": f"{at}{draw(TEXTS)}"}), f"toolu_{at}")
        if kind.endswith("use")
        else (kind, f"{at}:{draw(TEXTS)}")
        for at, kind in enumerate(drawn)
    ]


@examples(100)
@given(blocks(), st.data())
def test_a_block_that_comes_again(items, data):
    """A block that comes once more at its index is one; a call is known by its id, too."""
    sent = [frames(at, item, data.draw(st.integers(1, 4))) for at, item in enumerate(items)]
    once = read(*[one for each in sent for one in each], *end())
    at = data.draw(st.integers(0, len(items) - 1))
    first = data.draw(st.sampled_from([0, at]))  # all so far, or this one
    index = data.draw(st.integers(0, 9)) if items[at][0] == "tool_use" and first == at else at
    size, is_given = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    places = range(first, at + 1)
    again = [
        one
        for place in places
        for one in frames(index if place == at else place, items[place], size, is_given)
    ]
    sent.insert(data.draw(st.sampled_from([at + 1, len(items)])), again)

    assert once == read(*[one for each in sent for one in each], *end())
    assert once == read(b"".join(one for each in sent for one in each), *end())


@given(TEXTS, TEXTS, st.sampled_from(["text", "tool_use"]), st.integers(1, 4))
def test_a_block_that_begins_alike(text, more, kind, size):
    """A block that begins as an earlier one at its index, and goes on otherwise, is another."""
    if kind == "text":
        parts = text, text + more
    else:
        parts = json.dumps({"a": text}), json.dumps({"a": text + more})
    stream = [one for part in parts for one in frames(0, (kind, part, "toolu_1"), size)]
    message = read(*stream, *end())

    expected = "".join(parts) if kind == "text" else list(parts)
    calls = [call.arguments for call in message.tool_calls]
    assert expected == (message.text if kind == "text" else calls)


def test_calls_with_ids_of_their_own():
    """Calls that have ids of their own are several, also where they are alike."""
    stream = [one for id in "ab" for one in frames(0, ("tool_use", '{"a": 1}', id), 3)]

    assert ["a", "b"] == [call.id for call in read(*stream, *end()).tool_calls]
