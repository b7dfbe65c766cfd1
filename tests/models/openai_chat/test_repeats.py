"""Messages inside a stream, which repeat the deltas before them, or go beyond them."""

import json
from itertools import pairwise

import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.events import Finish, RefusalDelta
from rxagent.testing.frames import DONE, finish_chunk, sse

DELTAS = st.sampled_from([{}, {"role": "assistant"}, {"content": ""}, {"content": "Hi"}, None])
CALLS = st.lists(st.sampled_from(['{"a": 1}', '{"a": 2}', "{}"]), max_size=4)


def call_of(at, arguments, ids, **fields):
    """Return a call as it stands in a message."""
    id = {"id": f"id{at}"} if ids else {}
    return {**fields, **id, "type": "function", "function": {"name": "add", "arguments": arguments}}


def message_of(deltas):
    """Return the message that deltas make."""
    return rx.from_iterable(deltas).pipe(ops.normalise(), ops.accumulate(partial=False)).run()


@given(CALLS, st.integers(0, 4), DELTAS, st.booleans(), st.booleans(), st.booleans())
def test_a_final_message(read, arguments, streamed, delta, ids, early, indexed):
    """Each call of the final message counts once, whichever of them deltas gave before."""
    calls = [call_of(at, text, ids) for at, text in enumerate(arguments)]
    before = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{**call, "index": at}]}}]}
        for at, call in enumerate(calls[:streamed])
    ]
    given = [{**call, "index": at} if indexed else call for at, call in enumerate(calls)]
    message = {"role": "assistant", "content": "Hi", "tool_calls": given}
    finish = None if early and not (delta or {}).get("content") else "tool_calls"
    last = {"choices": [{"index": 0, "delta": delta, "message": message, "finish_reason": finish}]}
    deltas = read(*map(sse, [*before, last]), sse(finish_chunk("tool_calls")), DONE)

    made = message_of(deltas)
    assert "Hi" == made.text
    assert arguments == [call.arguments for call in made.tool_calls]
    if ids:
        assert [f"id{at}" for at in range(len(calls))] == [call.id for call in made.tool_calls]


@given(st.integers(0, 8), st.booleans())
def test_a_final_message_ends_a_call(read, cut, ids):
    """Arguments that deltas have begun are completed by the message, and not repeated."""
    whole = call_of(0, '{"a": 1}', ids)
    begun = call_of(0, '{"a": 1}'[:cut], ids, index=0)
    parts = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [begun]}}]},
        {
            "choices": [
                {"index": 0, "message": {"tool_calls": [whole]}, "finish_reason": "tool_calls"}
            ]
        },
    ]
    deltas = read(*map(sse, parts), DONE)

    assert ['{"a": 1}'] == [call.arguments for call in message_of(deltas).tool_calls]


def test_a_final_refusal(read):
    """A refusal that only the final message has counts, once."""
    message = {"role": "assistant", "content": None, "refusal": "No."}
    for delta in ({"content": ""}, {"role": "assistant"}, {"refusal": "No."}):
        choice = {"index": 0, "delta": delta, "message": message, "finish_reason": "stop"}

        assert [RefusalDelta("No."), Finish("stop")] == read(sse({"choices": [choice]}), DONE)


def fragments_of(texts, whole_each):
    """Return the bytes of a call whose arguments come in these texts."""
    calls = [call_of(0, text, True, index=0) for text in texts]
    if not whole_each:
        calls[1:] = [{"index": 0, "function": {"arguments": text}} for text in texts[1:]]
    return [sse({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}) for call in calls]


@given(st.text(min_size=1, max_size=6), st.lists(st.integers(1, 60), max_size=5), st.booleans())
def test_cumulative_arguments(read, text, sizes, whole_each):
    """Arguments that each fragment repeats from their beginning count once.

    That cannot be known where the beginning might as well be the next value, unless the fragments
    before have shown it.
    """
    whole = json.dumps({"a": text, "b": [{"c": 1}]})
    ends = sorted({*(min(size, len(whole)) for size in sizes), len(whole)})
    texts = [whole[:end] for end in ends]
    while texts[0].rstrip().endswith((":", "[")):
        del texts[0]
    texts += texts[-1:] * (len(texts) > 2)
    deltas = read(*fragments_of(texts, whole_each), sse(finish_chunk("tool_calls")), DONE)

    assert [whole] == [call.arguments for call in message_of(deltas).tool_calls]


JSON = st.recursive(
    st.integers() | st.text('{}":a', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("a"), inner),
)


@given(JSON, st.lists(st.integers(0), max_size=5))
def test_fragments_that_look_like_the_beginning(read, value, places):
    """A fragment that is like the beginning is no repetition, if it can go on there."""
    whole = json.dumps({"a": {"a": value}})
    ends = sorted({0, 1, 6, len(whole), *(place % len(whole) for place in places)})
    texts = [whole[a:b] for a, b in pairwise(ends)]
    deltas = read(*fragments_of(texts, False), sse(finish_chunk("tool_calls")), DONE)

    assert [whole] == [call.arguments for call in message_of(deltas).tool_calls]


@given(st.lists(st.integers(0), max_size=6), st.integers(0, 4))
def test_two_calls_at_one_index(read, places, later):
    """Two calls at one index, distinguished by their ids, are no repetitions of each other."""
    wholes = ['{"a": {"a": 1}}', '{"a": {"a": 2}}']
    ends = sorted({0, len(wholes[0]), *(place % len(wholes[0]) for place in places)})
    pieces = [wholes[0][a:b] for a, b in pairwise(ends)]
    first = [call_of(0, text, True, index=0) for text in pieces]
    second = [call_of(1, wholes[1], True, index=0)]
    calls = [*first[:later], *second, *first[later:]]
    parts = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
    deltas = read(*map(sse, parts), sse(finish_chunk("tool_calls")), DONE)

    assert wholes == sorted(call.arguments for call in message_of(deltas).tool_calls)
