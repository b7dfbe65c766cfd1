"""Replies that are cut in the middle of an event, and events that never end."""

import json
from itertools import accumulate, chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import MalformedReply, ModelUnavailable
from rxagent.events import Finish, TextDelta
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.testing.frames import DONE, chunk, finish_chunk, sse, text_chunk

TEXT = [chunk({"content": text}, "stop") for text in ("The answer", " is", " not", " 4.")]


@pytest.mark.parametrize("at", range(len(sse(TEXT[0]))))
def test_a_finish_reason_with_each_chunk_and_a_cut(read, at):
    """Where text follows finish reasons, an event that lacks its end is a reply that broke off."""
    before, last = [sse(part) for part in TEXT[:-1]], sse(TEXT[-1])
    is_whole = not at or at >= len(last) - 2
    if is_whole:
        assert TextDelta(" not") in read(*before, last[:at])
    else:
        with pytest.raises(ModelUnavailable, match="broke off"):
            read(*before, last[:at])
    lines = b"data:" + json.dumps(TEXT[-1], indent=1).replace("\n", "\ndata:").encode()
    for end in (last + b"data: [DO", last.rstrip(), lines, lines + b"\n"):
        assert TextDelta(" 4.") in read(*before, end)


def test_a_cut_in_the_text_after_the_first_finish_reason(read):
    """Text in an event that lacks its end shows that the reply went on."""
    with pytest.raises(ModelUnavailable, match="broke off"):
        read(sse(TEXT[0]), sse(TEXT[2]).partition(b"ot")[0])


USAGE = sse({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}})


@pytest.mark.parametrize("end", [USAGE[:at] for at in range(len(USAGE))] + [b": pi", b"data: [DON"])
@pytest.mark.parametrize("finish", [[TEXT[0]], [text_chunk("The answer"), finish_chunk("stop")]])
def test_a_whole_reply_cannot_break(read, finish, end):
    """A reply whose text has ended by its finish reason is whole, whatever is cut behind it."""
    deltas = read(*map(sse, finish), end)

    assert [TextDelta("The answer"), Finish("stop")] == deltas[:2]


@pytest.mark.parametrize("begin", [b": ", b"data: ", b'{"choices": "', b"event: x\ndata: "])
def test_bytes_without_an_end(begin, monkeypatch):
    """An event, or a whole reply, that never ends is given up."""
    monkeypatch.setattr("rxagent.models.json_reply._LONGEST", 1 << 20)
    reply = ChatReply(ErrorFactory("openai", "m"))
    list(reply.feed(sse(text_chunk("Hi")) + begin if begin[:1] != b"{" else begin))

    with pytest.raises(MalformedReply, match="without their end"):
        for _ in range(20):
            list(reply.feed(b"x" * (1 << 16)))


def test_long_events_that_end(read, monkeypatch):
    """Many events may be longer together than one may be."""
    monkeypatch.setattr("rxagent.models.json_reply._LONGEST", 1 << 12)
    parts = [
        sse(text_chunk("x" * 3000))[at:][:1000] for _ in range(5) for at in range(0, 4000, 1000)
    ]

    assert 15_000 == len("".join(d.text for d in read(*parts, DONE) if isinstance(d, TextDelta)))


def message(text, reason=None):
    """Return a whole message, which has no end but its form, or a finish reason."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    return json.dumps({"choices": [choice | {"finish_reason": reason}]}).encode()


@given(st.data())
def test_a_cut_among_whole_messages(data):
    """Of several messages none is whole by its form: a cut in a later one breaks the reply."""
    texts = data.draw(st.lists(st.text("ab{ ", min_size=1), min_size=2, max_size=4))
    gap = data.draw(st.sampled_from([b"\n", b"\r\n", b"", b"\n\n", b","]))
    *before, last = map(message, accumulate(texts))
    sent = gap.join([*before, last])
    at = data.draw(st.integers(len(sent) - len(last) + 1, len(sent)))
    reply = ChatReply(ErrorFactory("openai", "m"))
    with pytest.raises(ModelUnavailable, match="broke off"):
        list(chain(reply.feed(sent[:at]), reply.end()))


def test_messages_that_end():
    """The last message of a reply ends it with its finish reason; one alone does so by its form."""
    for sent in (message("Hi"), message("H") + b"\n" + message("Hi", "stop")):
        reply = ChatReply(ErrorFactory("openai", "m"))
        found = list(chain(reply.feed(sent), reply.end()))

        assert "Hi" == "".join(delta.text for delta in found if isinstance(delta, TextDelta))


CALLS = [("look", '{"a": 1}'), ("pay", '{"amount": [12, {"of": "}"}]}'), ("now", "{}")]


@given(st.data())
def test_the_mark_of_the_end_behind_a_cut_call(data):
    """`[DONE]` without a finish reason is no end where a call lacks its arguments."""
    called = data.draw(st.lists(st.sampled_from(CALLS), min_size=1, max_size=3))
    pieces = [
        {"index": at, "function": part}
        for at, (name, arguments) in enumerate(called)
        for part in ({"name": name}, *({"arguments": sign} for sign in arguments))
    ]
    last = len(pieces) - len(called[-1][1])
    at = data.draw(st.sampled_from([last, len(pieces)]))
    frames = [sse(chunk({"tool_calls": [piece]})) for piece in pieces[:at]]
    reply = ChatReply(ErrorFactory("openai", "m"))
    list(reply.feed(b"".join(frames) + DONE))
    if at == len(pieces):
        list(reply.end())
    else:
        assert (False, True, True) == (reply.is_finished, reply.is_cut, reply.is_whole())
        with pytest.raises(ModelUnavailable, match="broke off"):
            list(reply.end())


def test_a_call_without_arguments():
    """A call may have no arguments, if a finish reason says that it is whole."""
    call = sse(chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "now"}}]}))
    reply = ChatReply(ErrorFactory("openai", "m"))
    list(reply.feed(call + sse(finish_chunk("tool_calls")) + DONE))

    assert reply.is_finished
    assert not [*reply.end()]
