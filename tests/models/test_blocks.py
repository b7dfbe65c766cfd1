"""Blocks: what a provider wants back keeps its place among texts and calls."""

from functools import reduce
from itertools import groupby

import pytest
import reactivex as rx
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.events import MessageCompleted, TextDelta, ToolCallDelta
from rxagent.messages import Message, ProviderData, ToolCall
from rxagent.models.blocks import Block, Blocks, parts_of
from rxagent.operators import normalise
from rxagent.state import Draft, grow
from rxagent.wire import dumps, loads

HERE = "somewhere"

texts = st.text(st.characters(categories=["L", "Cs"]), min_size=1, max_size=5)
pieces = st.lists(texts, min_size=1, max_size=3)
data = st.dictionaries(texts.filter(str.isalpha), st.none() | st.integers(0, 9), max_size=2)
thoughts = st.tuples(st.just("thinking"), st.lists(texts, max_size=3), data)
"""A block of reasoning; redacted ones have no text."""
marked = st.tuples(st.just("text"), pieces, data)
plain = st.tuples(st.just("text"), pieces, st.none())
calls = st.tuples(st.just("call"), st.just(['{"a": ', "1}"]), st.none())


def reply(parts, origin=HERE):
    """Yield the deltas of a reply that has these parts."""
    blocks = Blocks(origin)
    for kind, pieces, data in parts:
        if kind == "thinking":
            yield from map(blocks.reason, pieces)
            yield from blocks.keep(data)
        elif kind == "text":
            for piece in pieces:
                yield TextDelta(piece)
                blocks.text += len(piece)
            if data is not None:
                yield from blocks.keep(data, text=len("".join(pieces)))
        else:
            yield ToolCallDelta(blocks.calls, f"call_{blocks.calls}", "add")
            for piece in pieces:
                yield ToolCallDelta(blocks.calls, arguments=piece)
            blocks.calls += 1


def message_of(deltas):
    """Return the message that an agent keeps of a reply, once stored and read again."""
    normalised = []
    rx.from_iterable(deltas).pipe(normalise()).subscribe(normalised.append)
    message = reduce(grow, normalised, Draft()).message
    return loads(dumps(MessageCompleted(message))).message


def as_parts(parts):
    """Return what `parts_of` should yield of a reply of these parts."""
    called = 0
    for kind, pieces, data in parts:
        if kind == "call":
            yield ToolCall(f"call_{called}", "add", "".join(pieces))
            called += 1
        else:
            yield "".join(pieces) if data is None else Block(data, "".join(pieces))


def joined(parts):
    """Yield parts with adjacent texts joined, as a message does not separate them."""
    for is_text, group in groupby(parts, lambda part: isinstance(part, str)):
        alike = list(group)
        yield from ["".join(alike)] if is_text else alike


@given(st.lists(thoughts | marked | calls, max_size=6))
@example([("thinking", ["Hm."], {}), ("call", ["{}"], None), ("text", ["a"], {"id": 1})])
def test_blocks_come_back_in_their_order(parts):
    """A reply of blocks and calls is repeated as it came."""
    assert list(as_parts(parts)) == list(parts_of(message_of(reply(parts)), HERE))


@given(st.lists(st.tuples(thoughts, st.lists(plain, max_size=2), st.lists(calls, max_size=2))))
def test_texts_need_no_block(turns):
    """Texts that no block keeps lie before the calls that follow them."""
    parts = [part for thought, said, called in turns for part in (thought, *said, *called)]

    assert list(joined(as_parts(parts))) == list(parts_of(message_of(reply(parts)), HERE))


@given(st.lists(thoughts | marked | plain | calls, max_size=6), st.sampled_from([HERE, None]))
def test_elsewhere_a_reply_is_its_text_and_calls(parts, origin):
    """Blocks of another origin are left out, text and calls never."""
    message = message_of(reply(parts, origin))
    text = [message.text] if message.text else []

    assert [*text, *message.tool_calls] == list(parts_of(message, "elsewhere"))


@given(st.lists(thoughts | marked | plain | calls, max_size=6), texts, st.integers(0, 20))
def test_a_changed_text_loses_nothing(parts, other, end):
    """Whatever an operator or a stop has done to the text, all of it is sent, and each call."""
    thought = {"type": "thinking"}
    parts = [(kind, said, thought if kind == "thinking" else data) for kind, said, data in parts]
    message = message_of(reply(parts))
    changed = evolve(message, text=message.text[:end] + other)
    sent = [part for part in parts_of(changed, HERE) if getattr(part, "data", None) != thought]
    called = [part for part in sent if isinstance(part, ToolCall)]
    said = [getattr(part, "text", part) for part in sent if part not in called]

    assert changed.text == "".join(said)
    assert list(message.tool_calls) == called


def test_changed_reasoning_is_marked():
    """A signature does not fit reasoning that was changed, so its block says so."""
    parts = [("thinking", ["The key is 1234."], {"signature": "s"}), ("thinking", [], {"red": 1})]
    message = message_of(reply(parts))
    masked = evolve(message, reasoning="The key is ****.")

    assert [Block({"signature": "s"}, None), Block({"red": 1})] == list(parts_of(masked, HERE))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"block": []},
        {"block": {}, "at": [0], "text": 0, "reasoning": [0, 0, 0]},
        {"block": {}, "at": [-1, 0], "text": 0, "reasoning": [0, 0, 0]},
        {"block": {}, "at": [0, 0], "text": "", "reasoning": [0, 0, 0]},
        {"block": {}, "at": [0, 0], "text": 0, "reasoning": None},
        {"block": {"a": float("nan")}, "at": [0, 0], "text": 0, "reasoning": [0, 0, 0]},
    ],
    ids=str,
)
def test_data_of_another_form_is_left_out(data):
    """Other data of an origin is no block."""
    message = Message("assistant", "Hi", extra=(ProviderData(HERE, data),))

    assert ["Hi"] == list(parts_of(message, HERE))
