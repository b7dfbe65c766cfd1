"""When the reading of a reply ends, while its connection stays open."""

import asyncio
import json

import pytest

from rxagent.errors import ModelError
from rxagent.events import Finish, TextDelta, ToolCallDelta
from rxagent.models import OpenAIModel, reply_reader
from rxagent.models.reply_reader import until_silence
from rxagent.streams import each
from rxagent.testing.frames import DONE, call_chunk, chunk, finish_chunk, sse, text_chunk
from rxagent.testing.scenarios import Ending

SILENCE = float("inf")


def failure(name):
    """Return the error of a model."""
    with pytest.raises(ModelError) as caught:
        list(each(OpenAIModel(name, timeout=20)("Hi")))
    return caught.value


def serve(server, *items):
    """Let the server send this for a model, and return the name of that model."""
    server.scenario("here", lambda body: items)
    return "here"


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_finish_reasons_with_each_chunk(server, monkeypatch, finish):
    """Text and calls that follow a finish reason are read, as long as they keep coming."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.3)
    parts = [
        part
        for text in "abcdef"
        for part in (chunk({"content": text}, finish), chunk(CALLS[text], finish), 0.1)
    ]
    name = serve(server, *parts, SILENCE)
    deltas = list(each(OpenAIModel(name)("Hi")))

    assert "abcdef" == "".join(d.text for d in deltas if isinstance(d, TextDelta))
    assert list("abcdef") == [d.id for d in deltas if isinstance(d, ToolCallDelta)]


CALLS = {
    id: call_chunk(at, id, "add", "{}")["choices"][0]["delta"] for at, id in enumerate("abcdef")
}


def test_a_finish_reason_amid_a_call(server, monkeypatch):
    """A finish reason does not end a reply while the arguments of a call lack their end."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.05)
    half = call_chunk(0, "a", "add", '{"a":')
    finish = finish_chunk("tool_calls")
    name = serve(server, half, finish, 0.2, call_chunk(0, arguments="1}"), finish, SILENCE)
    deltas = list(each(OpenAIModel(name)("Hi")))

    assert '{"a":1}' == "".join(d.arguments or "" for d in deltas if isinstance(d, ToolCallDelta))
    assert "broke off" in str(failure(serve(server, half, finish, Ending.QUIET)))


@pytest.mark.parametrize("finish", [[], [finish_chunk("stop")]])
def test_text_after_an_early_end(server, monkeypatch, finish):
    """An end that is marked before the finish reason is none while text follows."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.3)
    parts = [text_chunk("a"), DONE, 0.05, text_chunk("b"), *finish, DONE, SILENCE]
    deltas = list(each(OpenAIModel(serve(server, *parts))("Hi")))

    assert [TextDelta("a"), TextDelta("b")] == deltas[:2]
    cut = serve(server, text_chunk("a"), DONE, text_chunk("b"), Ending.QUIET)
    assert "broke off" in str(failure(cut))


SIGNS_OF_LIFE = [
    sse({"type": "ping"}),
    sse({"choices": []}),
    sse(chunk({"content": ""})),
    sse(finish_chunk("stop")),
    sse({}),
    b": ping\n\n",
    b"data:\n\n",
    b"event: ping\ndata: ping\n\n",
]


@pytest.mark.parametrize("sign", SIGNS_OF_LIFE)
def test_signs_of_life_after_the_finish(server, monkeypatch, sign):
    """Signs of life do not keep a finished reply open; what follows them in time is read."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.3)
    late = [part for _ in range(20) for part in (sign, 0.05)] + [text_chunk("late")]
    parts = [text_chunk("a"), finish_chunk("stop"), sign, text_chunk("b"), *late, SILENCE]
    deltas = list(each(OpenAIModel(serve(server, *parts))("Hi")))

    assert ["a", "b"] == [delta.text for delta in deltas if isinstance(delta, TextDelta)]


BOOM = b'{"error": {"message": "boom"}}'
ANSWER = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(ANSWER).encode() + b"\n\n" + DONE,
        json.dumps(ANSWER, indent=2).encode(),
        sse(ANSWER).rstrip(b"\n"),
    ],
)
def test_silence_after_a_whole_reply(server, monkeypatch, data):
    """A whole reply of which only the end is not marked is read after some silence."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.05)

    assert [TextDelta("Hi"), Finish("stop")] == list(
        each(OpenAIModel(serve(server, data, SILENCE), timeout=20)("Hi"))
    )


@pytest.mark.parametrize(
    "parts", [[BOOM], [text_chunk("Hi"), b"data: " + BOOM + b"\n"], [text_chunk("Hi"), BOOM]]
)
def test_silence_after_an_error(server, monkeypatch, parts):
    """An error is reported after some silence, though its end is not marked."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.05)

    error = failure(serve(server, *parts, SILENCE))

    assert "boom" in str(error)


def test_silence_amid_an_event(server, monkeypatch):
    """A pause inside of an event or of a whole reply, however long, loses nothing."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.05)
    data = sse(text_chunk("Hi"))
    streamed = serve(server, data[:20], 0.15, data[20:], finish_chunk("stop"), DONE)
    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(streamed)("Hi")))

    lines = [json.dumps(part).encode() + b"\n" for part in (text_chunk("Hi"), finish_chunk("stop"))]
    whole = serve(server, lines[0], 0.15, lines[1])
    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(whole)("Hi")))


def test_an_endless_description_of_a_failure(monkeypatch):
    """The body of a failed reply is read up to a limit of bytes, and one of time."""

    async def endless(piece):
        while True:
            await asyncio.sleep(0)
            yield piece

    async def length(piece):
        return sum([len(part) async for part in until_silence(endless(piece))])

    assert reply_reader._FAILURE_MOST == asyncio.run(length(b"x" * 1001))
    monkeypatch.setattr(reply_reader, "_FAILURE_MOST", 1 << 60)
    monkeypatch.setattr(reply_reader, "_FAILURE_WITHIN", 0.05)
    assert 0 < asyncio.run(length(b"x")) < 1 << 60
