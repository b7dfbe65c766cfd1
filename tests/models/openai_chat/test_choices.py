"""Which choice of a reply is the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MalformedReply, ModelError
from rxagent.events import Finish, TextDelta, ToolCallDelta
from rxagent.testing.frames import DONE, call_chunk, chunk, sse


def at(index, delta, finish=None):
    """Return the bytes of a chunk with one choice, of this index."""
    part = chunk(delta, finish)
    part["choices"][0]["index"] = index
    return sse(part)


def text_of(deltas):
    """Return the text of deltas."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@pytest.mark.parametrize("last", [0, 5])
def test_an_index_that_grows(read, last):
    """Where each chunk has one choice, it is the answer, though its index grows."""
    parts = [at(index, {"content": str(index)}) for index in range(5)]

    assert "01234" == text_of(read(*parts, at(last, {}, "stop")))


def test_thoughts_in_one_choice_and_text_in_the_next(read):
    """The answer may come at another index than the thoughts."""
    deltas = read(at(0, {"reasoning": "Hm"}), at(1, {"content": "Hi"}), at(1, {}, "stop"))

    assert [TextDelta("Hi"), Finish("stop")] == deltas[1:]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), min_size=1, max_size=6))
def test_no_text_is_lost_in_silence(read, parts):
    """Text in several choices is read as a whole, or it is an error."""
    try:
        deltas = read(*(at(index, {"content": text}) for index, text in parts), DONE)
    except MalformedReply:
        indexes = [index for index, _ in parts]
        assert indexes != sorted(indexes)
    else:
        assert "".join(text for _, text in parts) == text_of(deltas)


def test_two_answers(read):
    """Two choices that both end with a finish reason are two answers, of which none is chosen."""
    parts = at(0, {"content": "a"}), at(1, {"content": "b"})
    with pytest.raises(MalformedReply, match="several choices"):
        read(*parts, at(0, {}, "stop"), at(1, {}, "stop"), DONE)


def test_only_another_choice_has_text(read):
    """The only text of a reply is not dropped, whatever its choice is."""
    both = {"choices": [{"index": index, "delta": {"role": "assistant"}} for index in (0, 1)]}
    both["choices"][1]["delta"] = {"content": "Hi"}
    with pytest.raises(MalformedReply, match="another choice"):
        read(sse(both), DONE)


def test_a_call_whose_choice_changes(read):
    """Arguments without a name continue the latest call, in whichever choice they come."""
    first = call_chunk(0, "a", "add", '{"a":')["choices"][0]["delta"]
    rest = call_chunk(0, arguments="1}")["choices"][0]["delta"]
    calls = [d for d in read(at(0, first), at(1, rest), DONE) if isinstance(d, ToolCallDelta)]

    assert [0, 0] == [call.index for call in calls]


def message(content, finish=None):
    """Return the bytes of an event with a whole message."""
    return sse({"choices": [{"message": {"content": content}, "finish_reason": finish}]})


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["a ", "b ", "c"], "a b c"),
        (["a ", "a b ", "a b c"], "a b c"),
        (["a", "a", "ab", ""], "ab"),
        (["ab", "a"], "aba"),
    ],
)
def test_messages_in_a_stream(read, texts, wanted):
    """Messages of a stream may be pieces, or repeat those before them; none of them is its end."""
    parts = [message(text) for text in texts]

    assert wanted == text_of(read(*parts, DONE))
    assert wanted == text_of(read(*parts, message("", "stop")))
    with pytest.raises(ModelError, match="broke off"):
        read(*parts)


def test_messages_that_contradict_each_other(read):
    """Messages that first repeat each other, and then do not, are an error."""
    with pytest.raises(MalformedReply, match="neither repeat nor continue"):
        read(message("ha"), message("ha"), message("!", "stop"))


@pytest.mark.parametrize("delta", [None, {}, {"content": ""}])
def test_a_last_message_that_says_more(read, delta):
    """A message behind the deltas gives what they lack, however many there were."""
    last = {"message": {"content": "abcd"}, "delta": delta, "finish_reason": "stop"}
    pieces = [sse(chunk({"content": text})) for text in "abc"]

    assert "abcd" == text_of(read(*pieces, sse({"choices": [last]})))
    assert "abcd" == text_of(read(b"".join(pieces), sse({"choices": [last]})))
