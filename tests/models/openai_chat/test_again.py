"""Calls that come once more under their index, without another id: they are one call."""

import json
from functools import reduce

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.draft import Draft, grow
from rxagent.testing.frames import DONE, chunk, finish_chunk, sse

NAMES = st.sampled_from(["add", "sub"])
OBJECTS = st.sampled_from([{"a": 1}, {"a": True}, {"a": "}{", "b": [{}]}, {"b": 1, "a": "ü🎈"}])


def fragment(index, arguments, name=None, id=None):
    """Return the frame of a fragment of a call."""
    named = {} if name is None else {"name": name}
    function = {**named, "arguments": arguments}
    place = {} if id is None else {"id": id}
    return sse(chunk({"tool_calls": [{"index": index, **place, "function": function}]}))


def calls_of(deltas):
    """Return the calls of deltas: their names and arguments."""
    message = reduce(grow, deltas, Draft()).message
    return [(call.name, call.arguments) for call in message.tool_calls]


def read_calls(read, *frames):
    """Return the calls of a reply, as the model emits them and as an agent reads them."""
    deltas = read(*frames, sse(finish_chunk("tool_calls")), DONE)
    normalised = []
    rx.from_iterable(deltas).pipe(ops.normalise()).subscribe(normalised.append)
    return calls_of(deltas), calls_of(normalised)


@given(st.lists(st.tuples(NAMES, OBJECTS), min_size=1, max_size=3), st.data())
def test_a_call_that_is_repeated_is_one(read, calls, data):
    """However it is cut, and whether its name and its id come again."""
    has_ids = data.draw(st.booleans())
    frames = []
    for index, (name, value) in enumerate(calls):
        text = json.dumps(value)
        for time in range(data.draw(st.integers(1, 3))):
            ends = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=3)))
            pieces = [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
            id = f"call_{index}" if has_ids and (not time or data.draw(st.booleans())) else None
            named = name if not time or data.draw(st.booleans()) else None
            frames.append(fragment(index, pieces[0], named, id))
            frames += [fragment(index, piece) for piece in pieces[1:]]

    wanted = [(name, json.dumps(value)) for name, value in calls]
    assert (wanted, wanted) == read_calls(read, *frames)


@given(NAMES, OBJECTS, NAMES, OBJECTS, st.data())
def test_what_differs_is_another_call(read, name, value, other_name, other, data):
    """A second object at the same index, without an id, is a call of its own."""
    text = json.dumps(other)
    cut = data.draw(st.integers(0, len(text) - 1))
    frames = [
        fragment(0, json.dumps(value), name),
        fragment(0, text[:cut], other_name),
        fragment(0, text[cut:]),
    ]
    is_same = (name, json.dumps(value)) == (other_name, text)
    wanted = [(name, json.dumps(value)), (other_name, text)]

    assert (wanted[:1] if is_same else wanted) == read_calls(read, *frames)[1]


@pytest.mark.parametrize("again", ['{"a":1}', ' {"a": 1} ', '{\n"a": 1}'])
def test_white_space_is_no_difference(read, again):
    """The same object is the same call, however it is written."""
    wanted = [("add", '{"a": 1}')]
    frames = [fragment(0, '{"a": 1}', "add"), fragment(0, again, "add")]

    assert (wanted, wanted) == read_calls(read, *frames)


def test_calls_of_one_list(read):
    """Calls that stand in one list are several, though they are alike."""
    call = {"index": 0, "function": {"name": "add", "arguments": '{"a": 1}'}}
    wanted = [("add", '{"a": 1}')] * 2

    assert wanted == read_calls(read, sse(chunk({"tool_calls": [call, call]})))[1]


def test_what_stands_beside_a_call(kept):
    """What a provider wants back is kept once, though it comes with a call that is repeated."""
    function = {"name": "add", "arguments": '{"a": 1}'}
    plain = chunk({"tool_calls": [{"index": 0, "function": function}]})
    signed = chunk({"tool_calls": [{"index": 0, "function": function, "x": {"signature": "s"}}]})
    (call,) = kept(plain, signed, signed).tool_calls

    assert '{"a": 1}' == call.arguments
    assert [{"x": {"signature": "s"}}] == [part.data for part in call.extra]
