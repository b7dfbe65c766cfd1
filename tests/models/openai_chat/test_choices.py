"""Which choice of a reply is the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MalformedReply, ModelError
from rxagent.events import Finish, TextDelta, ToolCallDelta
from rxagent.testing.frames import DONE, call_chunk, chunk, sse

from ...laws import examples

WORDS = st.text(alphabet="ab ", min_size=1, max_size=3)


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
    """Text at indexes that grow is read as a whole; else it is that of one choice, or an error."""
    indexes = [index for index, _ in parts]
    try:
        deltas = read(*(at(index, {"content": text}) for index, text in parts), DONE)
    except MalformedReply:
        assert indexes != sorted(indexes)
    else:
        is_one = indexes != sorted(indexes)
        expected = [text for index, text in parts if index == indexes[0] or not is_one]
        assert "".join(expected) == text_of(deltas)


@examples(100)
@given(st.data())
def test_several_answers(read, data):
    """Of several choices one is the answer, in whichever chunks and order they come; never two."""
    texts = data.draw(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=2, max_size=3))
    begins = data.draw(st.booleans()) or len(texts) > 2
    role = [({"role": "assistant", "content": ""}, None)] if begins else []
    rows = [
        [*role, *(({"content": f"{at}{text}"}, None) for text in each), ({}, "stop")]
        for at, each in enumerate(texts)
    ]
    chunks = []
    while any(rows):
        left = [at for at, row in enumerate(rows) if row]
        taken = data.draw(st.lists(st.sampled_from(left), min_size=1, unique=True))
        parts = [(at, *rows[at].pop(0)) for at in taken]
        chunks.append(
            [{"index": at, "delta": delta, "finish_reason": end} for at, delta, end in parts]
        )
    deltas = read(*(sse({"choices": choices}) for choices in chunks), DONE)

    answers = ["".join(f"{at}{text}" for text in each) for at, each in enumerate(texts)]
    assert text_of(deltas) in answers
    assert [Finish("stop")] == [delta for delta in deltas if isinstance(delta, Finish)]


def test_two_answers(read):
    """Two choices that both end with a finish reason are two answers, of which the first counts."""
    parts = at(0, {"content": "a"}), at(1, {"content": "b"})

    assert "a" == text_of(read(*parts, at(0, {}, "stop"), at(1, {}, "stop"), DONE))


def test_text_in_a_second_choice(read):
    """Text that goes on in a second choice is part of the answer, where only one has an end."""
    parts = at(0, {"content": "a"}), at(1, {"content": "b"}), at(1, {"content": "c"})

    assert "abc" == text_of(read(*parts, at(1, {}, "stop"), DONE))
    assert "abc" == text_of(read(*parts, at(0, {}, "stop"), DONE))


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
