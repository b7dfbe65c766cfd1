"""A call that comes once more is one call, in whatever form its arguments are written again."""

import json

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.call_arguments import in_order
from rxagent.events import ToolCallDelta
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.openai_responses.reply import ResponseReply
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic_events import event
from rxagent.testing.frames import DONE, chunk, finish_chunk, sse

VALUE = {"city": "Zürich", "days": 2.0}
TEXT = json.dumps(VALUE, ensure_ascii=False)
AGAIN = {
    "the same": TEXT,
    "spaces": json.dumps(VALUE, indent=1, ensure_ascii=False),
    "escapes": json.dumps(VALUE),
    "order": json.dumps(dict(reversed(VALUE.items())), separators=(",", ":")),
    "number": TEXT.replace("2.0", "2"),
}
IN_ONE = {**AGAIN, "an object": VALUE, "encoded twice": json.dumps(TEXT)}
OTHER = json.dumps({**VALUE, "city": "Bern"})

each = st.integers(1, 60)


def cut(text, size):
    """Return a text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def calls_of(deltas):
    """Return the arguments of the calls that an agent makes of deltas."""
    found = [delta for delta in deltas if delta is not REST]
    message = rx.from_iterable(found).pipe(ops.normalise(), ops.accumulate(partial=False)).run()
    return [call.arguments for call in message.tool_calls]


def read(kind, *frames):
    """Return the arguments of the calls of a reply."""
    reply = kind(ErrorFactory("any", "m"))
    return calls_of([delta for frame in frames for delta in reply.feed(frame)] + [*reply.end()])


def of_chat(pieces, index, id):
    """Return the frames of a call in these pieces."""
    first = {"index": index, "id": id, "function": {"name": "add", "arguments": pieces[0]}}
    more = [{"index": index, "function": {"arguments": piece}} for piece in pieces[1:]]
    return [sse(chunk({"tool_calls": [call]})) for call in [first, *more]]


def of_anthropic(pieces, index, id):
    """Return the events of a block that is a call."""
    use = {"type": "tool_use", "id": id, "name": "add", "input": {}}
    if not isinstance(pieces[0], str):
        use["input"], pieces = pieces[0], []
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return [
        event("content_block_start", index=index, content_block=use),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def of_responses(pieces, index, id):
    """Return the events of an item that is a call."""
    item = {"type": "function_call", "id": f"fc_{id}", "call_id": id, "name": "add"}
    text = pieces[0] if not isinstance(pieces[0], str) else "".join(pieces)
    place = {"output_index": index}
    grown = {"type": "response.function_call_arguments.delta", "item_id": item["id"], **place}
    events = [
        {"type": "response.output_item.added", **place, "item": {**item, "arguments": ""}},
        *({**grown, "delta": piece} for piece in pieces if isinstance(piece, str)),
        {"type": "response.output_item.done", **place, "item": {**item, "arguments": text}},
    ]
    return list(map(sse, events))


ENDS = {
    "chat": [sse(finish_chunk("tool_calls")), DONE],
    "anthropic": [
        event("message_delta", delta={"stop_reason": "tool_use"}),
        event("message_stop"),
    ],
    "responses": [
        sse({"type": "response.completed", "response": {"status": "completed", "output": []}})
    ],
}
PROTOCOLS = {
    "chat": (ChatReply, of_chat),
    "anthropic": (MessageReply, of_anthropic),
    "responses": (ResponseReply, of_responses),
}


@pytest.mark.parametrize("name", PROTOCOLS)
@given(st.sampled_from(list(AGAIN.values())), each, each, st.sampled_from([0, 1]))
def test_a_call_in_pieces(name, again, size, other_size, index):
    """By its id, at its index or at another one; one with other arguments is another call."""
    kind, made = PROTOCOLS[name]
    first = made(cut(TEXT, size), 0, "c1")
    once_more = made(cut(again, other_size), index, "c1")
    other = made(cut(OTHER, other_size), index, "c1")

    assert [TEXT] == read(kind, *first, *once_more, *ENDS[name])
    assert [TEXT, OTHER] == sorted(read(kind, *first, *other, *ENDS[name]), reverse=True)


@pytest.mark.parametrize(
    "ids", [("c1", "c1"), ("c1", "c2"), ("c1", None), (None, "c1"), (None,) * 2]
)
@pytest.mark.parametrize("again", IN_ONE.values(), ids=IN_ONE)
def test_a_whole_message_behind_a_stream(again, ids):
    """It says each call once more, with an id, another one or none; so does Anthropic's."""
    function = {"name": "add", "arguments": again}
    calls = [{"type": "function", "id": ids[1], "function": function}]
    choice = {"index": 0, "delta": {}, "message": {"role": "assistant", "tool_calls": calls}}
    last = sse({"choices": [{**choice, "finish_reason": "tool_calls"}]})

    assert [TEXT] == read(ChatReply, *of_chat(cut(TEXT, 7), 0, ids[0]), last, DONE)

    use = {"type": "tool_use", "id": ids[1], "name": "add", "input": again}
    message = {"type": "message", "content": [use], "stop_reason": "tool_use"}
    assert [TEXT] == read(MessageReply, *of_anthropic(cut(TEXT, 7), 0, ids[0]), sse(message))


@given(st.sampled_from(list(AGAIN.values())), each, st.sampled_from([0, 1]), st.booleans())
def test_fragments(again, size, index, is_named_apart):
    """So do fragments that come from any model."""
    pieces = cut(again, size)
    named = ToolCallDelta(index, "c1", "add", None if is_named_apart else pieces[0])
    more = [ToolCallDelta(index, None, None, piece) for piece in pieces[not is_named_apart :]]

    assert [TEXT] == calls_of([ToolCallDelta(0, "c1", "add", TEXT), named, *more])


@pytest.mark.parametrize("again", IN_ONE.values(), ids=IN_ONE)
def test_one_form(again):
    """Arguments that are equal are written in one form; a truth is no number."""
    assert in_order(TEXT) == in_order(again)
    assert in_order('{"a": true}') != in_order('{"a": 1}')
    assert in_order("") == in_order("{}") == in_order({})
