"""Replies: bytes, in all their forms and pieces, read as deltas."""

import gc
import json
import sys
from contextlib import suppress
from itertools import chain, pairwise

import pytest
import reactivex as rx
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelUnavailable,
)
from rxagent.events import (
    Finish,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models.errors import ErrorFactory
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.testing.frames import (
    DONE,
    call_chunk,
    chunk,
    finish_chunk,
    frame,
    reasoning_chunk,
    sse,
    text_chunk,
    usage_chunk,
)

BODY = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}


TEXT = ["Grüße", " 你好", ' "quoted" \\ ', "\n🎈", "."] * 3


RECORDED = DONE.join(
    [
        b"".join(
            frame(BODY, part)
            for part in [
                reasoning_chunk("Hmm, ñ…"),
                *(
                    text_chunk(text)
                    for text in ["Grüße", " 你好", ' "quoted" \\ ', "\n🎈", "."] * 3
                ),
                call_chunk(0, "call_1", "add", ""),
                call_chunk(0, arguments='{"a": '),
                call_chunk(0, arguments="2}"),
                finish_chunk("tool_calls"),
                usage_chunk(5, 6),
            ]
        ),
        b"",
    ]
)


DELTAS = [
    ReasoningDelta("Hmm, ñ…"),
    *map(TextDelta, TEXT),
    ToolCallDelta(0, "call_1", "add", ""),
    ToolCallDelta(0, arguments='{"a": '),
    ToolCallDelta(0, arguments="2}"),
    Finish("tool_calls"),
    Usage(5, 6, model="m"),
]


@given(st.lists(st.integers(0, len(RECORDED))))
def test_cutting(read, places):
    """However the network cuts a stream, its deltas are the same."""
    ends = sorted(places)
    pieces = [RECORDED[a:b] for a, b in zip([0, *ends], [*ends, len(RECORDED)], strict=True)]

    assert DELTAS == read(*pieces)


def test_byte_by_byte(read):
    """A stream that comes byte by byte has the same deltas, too."""
    assert DELTAS == read(*(RECORDED[at : at + 1] for at in range(len(RECORDED))))


TEXTS = st.sampled_from("ab") | st.text(alphabet='ab "\\{}[]:,content🎈ü\n\x00')


ENVELOPES = {
    "usual": lambda choice, decoy: {"id": "x", "choices": [choice], "usage": None},
    "decoy before": lambda choice, decoy: {"content": decoy, "choices": [choice]},
    "decoy behind": lambda choice, decoy: {"choices": [choice], "content": decoy},
    "decoy in a text": lambda choice, decoy: {"id": f'"content":"{decoy}"', "choices": [choice]},
    "decoy as a choice": lambda choice, decoy: {
        "choices": [{"index": 1, "delta": {"content": decoy}}, choice]
    },
    "usage, too": lambda choice, decoy: {"choices": [choice], "usage": {"prompt_tokens": 5}},
}


ASIDES = [
    [],
    [],
    [],
    [chunk({})],
    [chunk({"content": None})],
    [chunk({"content": "aside", "refusal": None, "tool_calls": []})],
]


@pytest.mark.parametrize("envelope", ENVELOPES)
@given(
    decoys=st.lists(st.sampled_from("ab"), min_size=40, max_size=40),
    texts=st.lists(TEXTS, max_size=39),
    asides=st.lists(st.sampled_from(ASIDES), min_size=40, max_size=40),
    ascii=st.booleans(),
    gaps=st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_moulds(read, envelope, decoys, texts, asides, ascii, gaps):
    """The deltas of a frame depend on itself alone, whichever frames came before."""
    chunks = []
    for text, aside, decoy in zip([*texts, "."], asides, decoys, strict=False):
        choice = {"index": 0, "delta": {"content": text}}
        chunks += [ENVELOPES[envelope](choice, decoy), *aside]
    frames = [
        b"data: " + json.dumps(part, ensure_ascii=ascii, separators=gaps).encode() + b"\n\n"
        for part in chunks
    ]
    found = [choice["delta"].get("content") for part in chunks for choice in part["choices"][-1:]]
    wanted = "".join(text for text in found if text)
    deltas = read(*frames, DONE)

    assert wanted == "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    assert all(delta.text for delta in deltas if isinstance(delta, TextDelta))


MISFITS = [
    ("5", None),
    ("null", []),
    ('["a"]', [TextDelta("a")]),
    ('"a","tool_calls":[{"index":0,"id":"c"}]', [TextDelta("a"), ToolCallDelta(0, "c")]),
    ('"a"},"finish_reason":"stop","x":{"y":1', [TextDelta("a"), Finish("stop")]),
    ('"a', None),
    ("", None),
]


@pytest.mark.parametrize(("inside", "wanted"), MISFITS)
def test_misfits(inside, wanted):
    """A frame that begins and ends like the others is still read to the last byte."""
    reply = ChatReply(ErrorFactory("openai", "m"))
    outside = 'data: {"choices":[{"index":0,"delta":{"content":%s}}]}\n\n'
    for _ in range(3):
        assert [TextDelta("a")] == list(reply.feed((outside % '"a"').encode()))

    if wanted is None:
        with pytest.raises(MalformedReply):
            list(reply.feed((outside % inside).encode()))
    else:
        assert wanted == list(reply.feed((outside % inside).encode()))


REAL = [json.loads(line[6:]) for line in RECORDED.split(b"\n\n") if line.startswith(b"data: {")]


OPTIONAL = ("id", "name", "arguments")


THINKING = chunk({"content": [{"type": "thinking", "thinking": [{"text": "Hm"}]}]})


JUNK = [None, True, 1, 1.5, -1, float("nan"), float("inf"), "", "x", [], {}, [None], [{}], {"a": 1}]


def places(value, place=()):
    """Yield the path to each part of a value, and to itself."""
    yield place
    parts = {dict: lambda: value.items(), list: lambda: enumerate(value)}
    for key, part in parts.get(type(value), tuple)():
        yield from places(part, (*place, key))


def replaced(value, place, part):
    """Return a value with another part at a place."""
    if not place:
        return part
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = replaced(value[place[0]], place[1:], part)
    return copied


@pytest.mark.parametrize(
    ("at", "place"),
    [
        (at, place)
        for at, part in enumerate([*REAL, THINKING])
        for place in places(part)
        if at not in range(2, 16)  # which are texts, as the one before them
    ],
)
def test_wrong_types(at, place):
    """Whatever stands wherever in a chunk, all deltas are well typed, or the reply is malformed."""
    kinds = {"text": str, "reason": str, "index": int, "id": str, "name": str, "arguments": str}
    kinds |= {"extra": tuple, "attempt": int, "error": str, "model": str}
    for junk in JUNK:
        parts = [*REAL, THINKING]
        parts[at] = replaced(parts[at], place, junk)
        reply = ChatReply(ErrorFactory("openai", "m"))
        deltas = []
        with suppress(ModelError):
            for part in parts:
                deltas += reply.feed(sse(part))

        for delta in deltas:
            for name, value in asdict(delta).items():
                wanted = kinds.get(name, int)
                assert type(value) is wanted or (name in OPTIONAL and value is None), delta


@given(st.binary(max_size=60), st.integers(0, len(RECORDED)), st.integers(0, 60))
def test_wrong_bytes(read, noise, start, gone):
    """Bytes that are overwritten or lost give deltas, or an error of the model's."""
    with suppress(ModelError):
        read(RECORDED[:start] + noise + RECORDED[start + gone :])


ODD = st.sampled_from(JUNK) | st.text(max_size=3) | st.integers() | st.floats()


BESIDE = ["usage", "id", "created", "model", "system_fingerprint", "service_tier", "x_groq"]


@given(st.dictionaries(st.sampled_from(BESIDE), ODD), st.booleans())
def test_fields_beside_the_text_leave_the_text_alone(read, odd, first):
    """Whatever stands in the fields beside the choices, the answer is read."""
    parts = [
        {**text_chunk("All "), **(odd if first else {})},
        {**chunk({"content": "text"}), **odd},
    ]
    deltas = read(*(b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts), DONE)

    assert "All text" == "".join(d.text for d in deltas if isinstance(d, TextDelta))


CALL = {"id": "x", "function": {"name": "add", "arguments": "{}"}}


DETAIL = {"type": "reasoning.encrypted", "data": "x"}


MUCH = {
    "calls": chunk({"tool_calls": [{**CALL, "index": at} for at in range(4000)]}),
    "details": chunk({"reasoning_details": [{**DETAIL, "index": at} for at in range(4000)]}),
    "pieces": chunk({"reasoning_details": [{"text": "", "index": 0}] * 4000}),
    "parts": chunk({"content": [{"type": "text", "text": "a"}] * 4000}),
    "empty parts": chunk({"content": [{"type": "text", "text": ""}] * 4000}),
    "choices": {"choices": [{"index": at, "delta": {"content": "a"}} for at in range(10_000)]},
    "deltas": [text_chunk("a")] * 4000,
    "empty deltas": [chunk({})] * 4000,
}


@pytest.mark.parametrize("form", [sse, lambda part: json.dumps(part).encode()], ids=["sse", "json"])
@pytest.mark.parametrize("much", MUCH.values(), ids=MUCH)
def test_much_is_read_in_slices(much, form):
    """However much one chunk holds, little work is done between two items."""
    reply = ChatReply(ErrorFactory("openai", "m"), "here")
    worked, most = 0, 0

    def count(frame, event, _):
        nonlocal worked
        worked += event == "call"

    gc.disable()  # what other tests have left would count
    sys.setprofile(count)
    try:
        with suppress(ModelUnavailable):  # of what has no finish reason
            for _ in chain(reply.feed(form(much)), reply.end()):
                most, worked = max(most, worked), 0
    finally:
        sys.setprofile(None)
        gc.enable()

    assert 2000 > max(most, worked)


WHOLE = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}


HI = [sse(text_chunk("Hi")) + sse(finish_chunk("stop")) + DONE]


HI += [
    json.dumps(WHOLE).encode(),
    json.dumps(WHOLE, indent=2).encode(),
    json.dumps([WHOLE]).encode(),
    json.dumps(WHOLE).encode() + b"\n\n" + DONE,
    json.dumps(WHOLE).encode() + b"[DONE]",
    json.dumps(WHOLE, indent=2).encode() + DONE,
    sse(WHOLE) + DONE,
    json.dumps(text_chunk("Hi")).encode() + b"\n" + json.dumps(finish_chunk("stop")).encode(),
    json.dumps([text_chunk("Hi"), finish_chunk("stop")]).encode(),
]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n \n", b" \r\n\xef\xbb\xbf"])
@pytest.mark.parametrize("data", HI)
@given(size=st.integers(1, 60))
def test_bytes(read, data, before, size):
    """Its bytes decide how a reply is read: streamed, whole, or both, in any pieces."""
    data = before + data

    deltas = read(*(data[at : at + size] for at in range(0, len(data), size)))

    assert [TextDelta("Hi"), Finish("stop")] == deltas


USED = usage_chunk(5, 0)
NO_ANSWER = [b"", DONE, b": hush\n\n" + DONE, b"{}", b"[]", b"<p>No", b"null"]
NO_ANSWER += [sse(USED), sse(USED) + DONE, sse(USED) * 2 + DONE, json.dumps(USED).encode()]


@pytest.mark.parametrize("data", NO_ANSWER)
def test_no_answer(read, data):
    """A reply without an answer is an error."""
    with pytest.raises(ModelError):
        read(data)


@pytest.mark.parametrize("garbled", [b"ata: ", b"dxta ", b"delta: ", b"data data: "])
@pytest.mark.parametrize("at", [0, 1])
def test_garbled_lines(read, garbled, at):
    """A line that holds JSON under no known name is an error, also as the first one."""
    frames = [sse(text_chunk("a")), sse(text_chunk("b")), sse(finish_chunk("stop"))]
    frames[at] = garbled + frames[at].removeprefix(b"data: ")

    with pytest.raises(MalformedReply):
        read(*frames, DONE)


@given(st.lists(st.integers(0), max_size=6), st.booleans())
def test_a_tag_in_any_pieces(places, escaped):
    """A tag is seen wherever the bytes are cut, also between frames that differ in text alone."""
    texts = ["Hm", " hm", " hm.</think>", "Hi", "!"]
    data = b"".join(map(sse, [*map(text_chunk, texts), finish_chunk("stop")])) + DONE
    data = data.replace(b"<", b"\\u003c") if escaped else data
    ends = sorted({0, len(data), *(place % len(data) for place in places)})
    reply = ChatReply(ErrorFactory("openai", "m"))
    fed = [delta for a, b in pairwise(ends) for delta in reply.feed(data[a:b])]
    message = rx.from_iterable(fed).pipe(ops.normalise(), ops.accumulate(partial=False)).run()

    assert ("Hm hm hm.", "Hi!") == (message.reasoning, message.text)
