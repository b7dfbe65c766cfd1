"""The fields of chunks: usage, finish reasons, indexes, ids and cut characters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
)
from rxagent.events import (
    Finish,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models.openai_chat.fields import finish_of
from rxagent.testing.frames import (
    DONE,
    chunk,
    finish_chunk,
    sse,
    text_chunk,
    usage_chunk,
)

KNOWN = {
    "stop": "stop STOP end_turn eos eos_token stop_sequence COMPLETE FINISH_REASON_STOP Stop",
    "length": "length max_tokens MAX_TOKENS model_length max_output_tokens length-limit",
    "tool_calls": "tool_calls tool-calls function_call tool_use",
    "content_filter": "content_filter content-filter SAFETY RECITATION sensitive BLOCKLIST",
    "refusal": "refusal",
}


@pytest.mark.parametrize(
    ("word", "meant"), [(one, reason) for reason, words in KNOWN.items() for one in words.split()]
)
def test_known(word, meant):
    """A word of any provider, however it is spelled, has one meaning."""
    assert meant == finish_of(word)


@pytest.mark.parametrize(
    "word", ["error", "insufficient_system_resource", "abort", "network_error", "odd", "", "?"]
)
def test_unknown(word):
    """A failure is in no table, and neither is an unknown word."""
    assert finish_of(word) is None


def test_wrong_finish(read):
    """A finish reason that is none does not end the reply as if it were one."""
    with pytest.raises(MalformedReply):
        read(sse(chunk({}, {"why": "stop"})))


def test_whole_counts(read):
    """Tokens may be counted in floats, as long as they are whole."""
    assert [Finish("stop"), Usage(5, 6)] == read(
        sse(finish_chunk("stop")), sse(usage_chunk(5.0, 6.0)), DONE
    )


COUNTS = [2.25, "x", -1, True, [], {}, float("nan"), float("inf")]


@pytest.mark.parametrize("count", COUNTS, ids=repr)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_odd_usage(read, name, count):
    """A report that makes no sense is unknown, and takes no text with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, name: count}
    last = {**chunk({"content": "Hi"}, "stop"), "usage": usage}

    assert [TextDelta("Hi"), Finish("stop")] == read(b"data: %s\n\n" % json.dumps(last).encode())


@pytest.mark.parametrize("details", [5, "x", [], {"cached_tokens": "x"}, {"cached_tokens": -1}])
def test_odd_details(read, details):
    """A detail that makes no sense takes no other number with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": details}

    assert [Finish("stop"), Usage(5, 2)] == read(sse(finish_chunk("stop")), sse({"usage": usage}))


def test_usage_in_the_choice(read):
    """A report within the choice counts, once."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}

    assert {Finish("stop"), Usage(5, 2)} == set(read(sse({"choices": [choice], "usage": usage})))


@given(st.text(alphabet='aü🎈"\\\n', max_size=12), st.data())
def test_halves(read, text, data):
    """Pieces that cut a character in two are joined, and none holds a half."""
    units = text.encode("utf-16-le")
    at = 2 * data.draw(st.integers(0, len(units) // 2))
    halves = [part.decode("utf-16-le", "surrogatepass") for part in (units[:at], units[at:])]
    for make in (text_chunk, lambda piece: chunk({"reasoning_content": piece})):
        frames = [b"data: %s\n\n" % json.dumps(make(half)).encode() for half in halves]

        assert text == "".join(
            delta.text for delta in read(*frames, DONE) if hasattr(delta, "text")
        )


def test_a_lone_half(read):
    """A half that stays alone is replaced, at the end and in the middle."""
    alone = b"data: %s\n\n" % json.dumps(text_chunk("a\ud83d")).encode()

    assert "a\ufffd" == "".join(delta.text for delta in read(alone, DONE))
    assert "a\ufffdb" == "".join(d.text for d in read(alone, sse(text_chunk("b")), DONE))


@pytest.mark.parametrize(("id", "text"), [(5, "5"), (1.5, "1.5"), (["a"], '["a"]'), (None, None)])
def test_ids_of_other_types(read, id, text):
    """An id of another type is taken as text."""
    part = chunk({"tool_calls": [{"index": "1", "id": id, "function": {"name": "add"}}]})

    assert [ToolCallDelta(1, text, "add")] == read(sse(part), DONE)
