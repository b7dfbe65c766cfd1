"""The bytes of replies, and the deltas they are read as."""

import json
import sys
from contextlib import suppress
from functools import reduce
from itertools import chain

import pytest
import reactivex as rx
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.messages import ProviderData
from rxagent.models.chat_replies import ChatReply
from rxagent.models.faults import ErrorFactory
from rxagent.models.large_json import read_value
from rxagent.state import Draft, grow
from rxagent.streams.fairness import REST
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
    Usage(5, 6),
]


def read(*pieces):
    """Return the deltas of a stream that comes in these pieces."""
    reply = ChatReply(ErrorFactory("openai", "m"))
    told = [delta for piece in pieces for delta in reply.feed(piece)] + list(reply.end())
    return [delta for delta in told if delta is not REST]


@given(st.lists(st.integers(0, len(RECORDED))))
def test_cutting(places):
    """However the network cuts a stream, its deltas are the same."""
    ends = sorted(places)
    pieces = [RECORDED[a:b] for a, b in zip([0, *ends], [*ends, len(RECORDED)], strict=True)]

    assert DELTAS == read(*pieces)


def test_byte_by_byte():
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
    texts=st.lists(TEXTS, min_size=1, max_size=40),
    asides=st.lists(st.sampled_from(ASIDES), min_size=40, max_size=40),
    ascii=st.booleans(),
    gaps=st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_moulds(envelope, decoys, texts, asides, ascii, gaps):
    """What a frame tells depends on itself alone, whichever frames came before."""
    chunks = []
    for text, aside, decoy in zip(texts, asides, decoys, strict=False):
        choice = {"index": 0, "delta": {"content": text}}
        chunks += [ENVELOPES[envelope](choice, decoy), *aside]
    frames = [
        b"data: " + json.dumps(part, ensure_ascii=ascii, separators=gaps).encode() + b"\n\n"
        for part in chunks
    ]
    told = [choice["delta"].get("content") for part in chunks for choice in part["choices"][-1:]]
    wanted = "".join(text for text in told if text)
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


# Chunks of wrong shapes.

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
    kinds |= {"extra": tuple, "attempt": int, "error": str}
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
def test_wrong_bytes(noise, start, gone):
    """Bytes that are overwritten or lost give deltas, or an error of the model's."""
    with suppress(ModelError):
        read(RECORDED[:start] + noise + RECORDED[start + gone :])


def test_wrong_finish():
    """A finish reason that is none does not end the reply as if it were one."""
    with pytest.raises(MalformedReply):
        read(sse(chunk({}, {"why": "stop"})))


def test_whole_counts():
    """Tokens may be counted in floats, as long as they are whole."""
    assert [Finish("stop"), Usage(5, 6)] == read(
        sse(finish_chunk("stop")), sse(usage_chunk(5.0, 6.0)), DONE
    )


# Failures: none of them passes as a whole answer.

WORDS = {"message": "upstream failed", "type": "server_error"}
FAILURES = {
    "event": b'event: error\ndata: {"message": "upstream failed"}\n\n',
    "event in words": b"event: error\ndata: upstream failed\n\n",
    "event without data": b"event: error\n\n",
    "field": b'error: {"code":500,"message":"upstream failed"}\n\n',
    "bare line": b'{"error": {"message": "upstream failed"}}\n\n',
    "bare lines": b'{\n "error": {\n  "message": "upstream failed"\n }\n}\n\n',
    "on the chunk": sse({"choices": [], "error": WORDS}),
    "on a chunk with text": sse({**text_chunk("."), "error": WORDS}),
    "on the choice": sse({"choices": [{"index": 0, "delta": {}, "error": WORDS}]}),
    "on the delta": sse(chunk({"error": WORDS})),
    "object": sse({"object": "error", "message": "upstream failed"}),
    "code": sse({"code": 500, "message": "upstream failed"}),
    "code as text": sse({"code": "500", "msg": "upstream failed"}),
    "status": sse({"status": "failed", "detail": "upstream failed"}),
    "detail": sse({"detail": "upstream failed"}),
    "list": sse([{"error": WORDS}]),
    "errors": sse({"errors": [WORDS]}),
    "base_resp": sse({**chunk({}), "base_resp": {"status_code": 1004, "status_msg": "No."}}),
    "finish": sse(chunk({}, "error")),
    "resource": sse(chunk({}, "insufficient_system_resource")),
    "unknown finish": sse(chunk({}, "somersault")),
    "foreign object": sse({"fault": {"faultstring": "upstream failed"}}),
    "page": b"<html>upstream failed</html>\n\n",
    "garbled line": b'xdata: {"choices": []}\n\n',
    "event of a chunk": b"event: error\n" + sse(text_chunk("upstream failed")),
    "in a fragment": sse(chunk({"tool_calls": [{"index": 0, "error": WORDS}]})),
    "in a function": sse(chunk({"tool_calls": [{"index": 0, "function": {"error": WORDS}}]})),
    "in a part": sse(chunk({"content": [{"type": "error", "error": WORDS}]})),
    "as a part": sse(chunk({"content": [{"type": "error", "message": "upstream failed"}]})),
    "code beside a usage": sse({"code": 500, "error": "No.", "usage": {"prompt_tokens": 5}}),
    "words beside a usage": sse({"code": "busy", "message": "No.", "usage": {"prompt_tokens": 5}}),
    "status beside choices": sse({**text_chunk("."), "status": 503}),
    "code of success with words": sse({"error": {"code": 0, "message": "upstream failed"}}),
    "object as status": sse({"status": {"code": 503, "message": "overloaded"}}),
    "no success": sse({"success": False}),
    "finish and error on the chunk": sse({**finish_chunk("stop"), "error": WORDS}),
    "finish and error": sse(
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "error": WORDS}]}
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("end", [b"", DONE, sse(finish_chunk("stop")) + DONE])
@pytest.mark.parametrize("crlf", [False, True])
def test_failures(failure, end, crlf):
    """A failure, in whatever form, is an error after the text before it; no end heals it."""
    data = sse(text_chunk("Hi")) + failure + end
    data = data.replace(b"\n", b"\r\n") if crlf else data
    reply, deltas = ChatReply(ErrorFactory("openai", "m")), []

    with pytest.raises(ModelError) as raised:
        for at in range(0, len(data), 7):
            deltas += reply.feed(data[at : at + 7])
        deltas += reply.end()

    assert TextDelta("Hi") == deltas[0]
    assert Finish("stop") not in deltas
    assert "broke off" not in str(raised.value)


def test_an_error_behind_a_whole_reply():
    """An error that stands behind a whole message fails the reply."""
    whole = json.dumps({"choices": [{"message": {"content": "Hi"}}]}).encode()

    with pytest.raises(ModelUnavailable, match="No"):
        read(whole + b'\n{"error": {"message": "No."}}')


PINGS = [
    {},
    {"type": "ping"},
    {"choices": [], "x": 1},
    {"id": "1"},
    {"code": 0},
    {"code": 200},
    {"code": "200", "message": "OK"},
    {"code": 0, "message": "success", "data": None},
    {"error": {"code": 0}},
    {"error": {"code": 200, "message": ""}},
    {"error": {"code": None, "message": None}},
    {"error": "none"},
    {"error": 0},
    {"error": False},
    {"status": "processing"},
    {"message": "keep-alive"},
    {"success": True},
    {"event": "heartbeat", "ts": 5},
]


@pytest.mark.parametrize("ping", PINGS, ids=str)
def test_signs_of_life(ping):
    """An object that is a sign of life only, or a chunk without a choice, is nothing."""
    assert [TextDelta("Hi"), Finish("stop")] == read(
        sse(text_chunk("Hi")), sse(ping), sse(finish_chunk("stop")), DONE
    )


def test_a_message_that_says_it_all_again():
    """A message behind the deltas tells only what they have not told."""
    call = call_chunk(0, "a", "add", "{}")["choices"][0]["delta"]
    last = {"message": {"content": "Hi", **call}, "finish_reason": "stop"}

    first, *others = read(sse(text_chunk("Hi")), sse({"choices": [last]}), DONE)

    assert TextDelta("Hi") == first
    assert ["a"] == [delta.id for delta in others if isinstance(delta, ToolCallDelta)]
    assert not any(isinstance(delta, TextDelta) for delta in others)


def test_a_call_in_two_forms():
    """A call that is told in its old form, too, is one call."""
    call = call_chunk(0, "a", "add", "{}")["choices"][0]["delta"]
    both = {**call, "function_call": {"name": "add", "arguments": "{}"}}

    assert 1 == sum(isinstance(d, ToolCallDelta) for d in read(sse(chunk(both, "stop")), DONE))


KINDS = [
    ({"code": 504}, ModelTimeout),
    ({"code": "504"}, ModelTimeout),
    ({"code": "HTTP 504"}, ModelTimeout),
    ({"status": 429}, RateLimited),
    ({"status": "429 Too Many Requests"}, RateLimited),
    ({"type": "overloaded_error"}, ModelUnavailable),
    ({"message": "Rate limit reached, slow down"}, RateLimited),
    ({"message": "The request timed out"}, ModelTimeout),
    ({"message": "The engine is overloaded"}, ModelUnavailable),
    ({"message": "Invalid API key"}, ModelRejected),
    ({"message": "Could not connect to 10.0.0.1:4290"}, ModelUnavailable),
    ({"code": 1302, "message": "too many requests"}, RateLimited),
]


@pytest.mark.parametrize(("said", "kind"), KINDS, ids=str)
def test_kinds(said, kind):
    """An error is known by its status, as a number or text, or by its words alone."""
    with pytest.raises(ModelError) as raised:
        read(sse({"error": {"message": "No.", **said}}), DONE)

    assert kind is type(raised.value)


WAITS = [
    {"retry_after": 2},
    {"retryAfter": "2"},
    {"retry_after_ms": 2000},
    {"details": [{"@type": "RetryInfo", "retryDelay": "2s"}]},
    {"metadata": {"headers": {"Retry-After": "2"}}},
    {"message": "Rate limit reached. Please try again in 2s."},
    {"message": "Please retry after 2 seconds."},
]


@pytest.mark.parametrize("said", WAITS, ids=str)
def test_waits_in_the_body(said):
    """A wait that the description of an error names is obeyed."""
    with pytest.raises(RateLimited) as raised:
        read(sse({"error": {"code": 429, **said}}))

    assert 2.0 == raised.value.retry_after


# What stands beside the text.

ODD = st.sampled_from(JUNK) | st.text(max_size=3) | st.integers() | st.floats()
BESIDE = ["usage", "id", "created", "model", "system_fingerprint", "service_tier", "x_groq"]


@given(st.dictionaries(st.sampled_from(BESIDE), ODD), st.booleans())
def test_nothing_beside_the_text_costs_the_text(odd, first):
    """Whatever stands in the fields beside the choices, the answer is told."""
    parts = [
        {**text_chunk("All "), **(odd if first else {})},
        {**chunk({"content": "text"}), **odd},
    ]
    deltas = read(*(b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts), DONE)

    assert "All text" == "".join(d.text for d in deltas if isinstance(d, TextDelta))


COUNTS = [2.25, "x", -1, True, [], {}, float("nan"), float("inf")]


@pytest.mark.parametrize("count", COUNTS, ids=repr)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_odd_usage(name, count):
    """A report that makes no sense is unknown, and takes no text with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, name: count}
    last = {**chunk({"content": "Hi"}, "stop"), "usage": usage}

    assert [TextDelta("Hi"), Finish("stop")] == read(b"data: %s\n\n" % json.dumps(last).encode())


@pytest.mark.parametrize("details", [5, "x", [], {"cached_tokens": "x"}, {"cached_tokens": -1}])
def test_odd_details(details):
    """A detail that makes no sense takes no other number with it."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": details}

    assert [Finish("stop"), Usage(5, 2)] == read(sse(finish_chunk("stop")), sse({"usage": usage}))


def test_usage_in_the_choice():
    """A report within the choice counts, once."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}

    assert {Finish("stop"), Usage(5, 2)} == set(read(sse({"choices": [choice], "usage": usage})))


THOUGHTS = [
    "Hm.",
    {"text": "Hm."},
    {"content": "Hm."},
    {"summary": [{"type": "summary_text", "text": "Hm."}]},
    ["H", "m."],
    [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}],
    [{"type": "reasoning.summary", "summary": "Hm."}, {"type": "reasoning.encrypted", "data": "x"}],
]


@pytest.mark.parametrize("thought", THOUGHTS, ids=str)
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "reasoning_details"])
def test_reasoning(field, thought):
    """Reasoning is read in whatever form it comes."""
    deltas = read(sse(chunk({field: thought})), sse(text_chunk("Hi")), DONE)

    assert "Hm." == "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    assert TextDelta("Hi") in deltas


@given(st.text(alphabet='aü🎈"\\\n', max_size=12), st.data())
def test_halves(text, data):
    """Pieces that cut a character in two are joined, and none holds a half."""
    units = text.encode("utf-16-le")
    at = 2 * data.draw(st.integers(0, len(units) // 2))
    halves = [part.decode("utf-16-le", "surrogatepass") for part in (units[:at], units[at:])]
    for make in (text_chunk, lambda piece: chunk({"reasoning_content": piece})):
        frames = [b"data: %s\n\n" % json.dumps(make(half)).encode() for half in halves]

        assert text == "".join(
            delta.text for delta in read(*frames, DONE) if hasattr(delta, "text")
        )


def test_a_lone_half():
    """A half that stays alone is replaced, at the end and in the midst."""
    alone = b"data: %s\n\n" % json.dumps(text_chunk("a\ud83d")).encode()

    assert "a\ufffd" == "".join(delta.text for delta in read(alone, DONE))
    assert "a\ufffdb" == "".join(d.text for d in read(alone, sse(text_chunk("b")), DONE))


# Which choice, and which part, is the answer.

FORMS = {
    "text": "Hi",
    "parts": [{"type": "text", "text": "H"}, {"type": "output_text", "text": "i"}],
    "value": [{"type": "text", "text": {"value": "Hi", "annotations": []}}],
    "object": {"type": "text", "text": {"value": "Hi"}},
    "content": [{"type": "text", "content": "Hi"}],
    "texts": ["H", "i"],
    "thought first": [{"type": "reasoning", "text": "Hm"}, {"type": "text", "text": "Hi"}],
    "thought marked": [{"text": "Hm", "thought": True}, {"text": "Hi"}],
    "others": [{"type": "image_url"}, {"text": "Hi"}, {"type": "source", "url": "x"}],
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("index", [0, 1, "1", 7, None])
@pytest.mark.parametrize("whole", [False, True])
def test_the_only_choice_is_the_answer(content, index, whole):
    """A content in any form, in the only choice whatever its index, is the answer."""
    said = {"message" if whole else "delta": {"role": "assistant", "content": content}}
    first = {"choices": [{"index": index, **({} if whole else {"delta": {"role": "assistant"}})}]}
    last = {"choices": [{"index": index, **said, "finish_reason": "stop"}]}
    deltas = read(sse(first), sse(last), DONE)

    assert "Hi" == "".join(d.text for d in deltas if isinstance(d, TextDelta))
    assert deltas[-1] == Finish("stop")


def test_calls_of_the_only_choice():
    """Calls of the only choice keep their index, whatever the choice's is."""
    call = call_chunk(2, "a", "add", "{}")["choices"][0]
    wanted = [ToolCallDelta(2, "a", "add", "{}"), Finish("tool_calls")]

    assert wanted == read(sse({"choices": [{**call, "index": 1, "finish_reason": "tool_calls"}]}))


def test_a_refusal_as_a_part():
    """A part may be a refusal."""
    said = chunk({"content": [{"type": "refusal", "refusal": "No."}]}, "stop")

    assert [RefusalDelta("No."), Finish("stop")] == read(sse(said))


@pytest.mark.parametrize(
    "beside", [{}, {"delta": None}, {"delta": {}}, {"logprobs": None}], ids=str
)
def test_text_before_there_were_messages(beside):
    """A choice may hold its text itself."""
    parts = [{"choices": [{"index": 0, "text": text, **beside}]} for text in ("H", "i")]
    last = {"choices": [{"index": 0, "text": "", "finish_reason": "stop", **beside}]}

    assert [TextDelta("H"), TextDelta("i"), Finish("stop")] == read(*map(sse, [*parts, last]))


# Slices.

CALL = {"id": "x", "function": {"name": "add", "arguments": "{}"}}
DETAIL = {"type": "reasoning.encrypted", "data": "x"}
MUCH = {
    "calls": chunk({"tool_calls": [{**CALL, "index": at} for at in range(5000)]}),
    "details": chunk({"reasoning_details": [{**DETAIL, "index": at} for at in range(20_000)]}),
    "pieces": chunk({"reasoning_details": [{"text": "", "index": 0}] * 20_000}),
    "parts": chunk({"content": [{"type": "text", "text": "a"}] * 25_000}),
    "empty parts": chunk({"content": [{"type": "text", "text": ""}] * 25_000}),
    "choices": {"choices": [{"index": at, "delta": {"content": "a"}} for at in range(100_000)]},
    "deltas": [text_chunk("a")] * 20_000,
    "empty deltas": [chunk({})] * 20_000,
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

    sys.setprofile(count)
    try:
        with suppress(ModelUnavailable):  # of what has no finish reason
            for _ in chain(reply.feed(form(much)), reply.end()):
                most, worked = max(most, worked), 0
    finally:
        sys.setprofile(None)

    assert 2000 > max(most, worked)


def drained(reading):
    """Return what a generator returns."""
    result = []

    def drain():
        result.append((yield from reading))

    list(drain())
    return result[0]


JSON_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


@given(JSON_VALUES, st.integers(0, 3), st.sampled_from([2, 20, 2048]), st.text("]}x 1", max_size=3))
def test_large_json(value, indent, small, behind):
    """What is parsed in slices is what a parser returns, and ends where it ends."""
    text = json.dumps(value, indent=indent or None, ensure_ascii=indent % 2 == 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rxagent.models.large_json._SMALL", small)

        assert (value, len(text) + 1) == drained(read_value(f" {text} {behind}"))


@given(JSON_VALUES, st.integers(0, 100), st.text(']}[{,:x 1"', max_size=2))
def test_large_json_that_is_broken(value, at, noise):
    """What a parser refuses, is refused in slices, too."""
    text = json.dumps([value])
    broken = text[: at % len(text)] + noise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rxagent.models.large_json._SMALL", 4)
        try:
            wanted = json.JSONDecoder(strict=False).raw_decode(broken)
        except ValueError:
            with pytest.raises(ValueError):  # noqa: PT011  # no text, as the parser's is told
                drained(read_value(broken))
        else:
            with suppress(ValueError):  # an empty list with blanks in it is left to the parser
                assert wanted == drained(read_value(broken))


# Bytes, not labels.

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
def test_bytes(data, before, size):
    """What a reply is, its bytes say: streamed, whole, or both, in any pieces."""
    data = before + data

    deltas = read(*(data[at : at + size] for at in range(0, len(data), size)))

    assert [TextDelta("Hi"), Finish("stop")] == deltas


@pytest.mark.parametrize("data", [b"", DONE, b": hush\n\n" + DONE, b"{}", b"[]", b"<p>No", b"null"])
def test_no_answer(data):
    """A reply that says nothing is an error, and never silence."""
    with pytest.raises(ModelError):
        read(data)


# Calls.


def test_calls_after_the_finish():
    """A finish reason does not end the reply; a call that has begun after it must end, too."""
    done = sse(call_chunk(0, "a", "add", "{}")) + sse(finish_chunk("tool_calls"))
    half = sse(call_chunk(1, "b", "add", '{"a":'))
    rest = sse(call_chunk(1, arguments=" 1}")) + sse(finish_chunk("tool_calls"))

    assert 3 == sum(isinstance(d, ToolCallDelta) for d in read(done, half, rest))
    with pytest.raises(ModelUnavailable, match="broke off"):
        read(done, half)


def test_calls_of_another_choice():
    """Calls in another choice of the same reply are calls; its text is none of the answer."""
    other = {"index": 1, "message": {**call_chunk(0, "b", "add", "{}")["choices"][0]["delta"]}}
    other["message"]["content"] = "No"
    first = {"index": 0, "message": {"content": "Yes"}, "finish_reason": "stop"}

    deltas = read(json.dumps({"choices": [first, other]}).encode())

    assert ["b"] == [delta.id for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert [TextDelta("Yes")] == [delta for delta in deltas if isinstance(delta, TextDelta)]


@pytest.mark.parametrize(("id", "text"), [(5, "5"), (1.5, "1.5"), (["a"], '["a"]'), (None, None)])
def test_ids_of_other_types(id, text):
    """An id of another type is taken as text."""
    part = chunk({"tool_calls": [{"index": "1", "id": id, "function": {"name": "add"}}]})

    assert [ToolCallDelta(1, text, "add")] == read(sse(part), DONE)


# What a provider wants back.


def kept(*parts):
    """Return the message of a reply from the origin `here`."""
    reply = ChatReply(ErrorFactory("openai", "m"), "here")
    deltas = [d for part in (*map(sse, parts), DONE) for d in reply.feed(part)] + list(reply.end())
    return rx.from_iterable(deltas).pipe(ops.normalise(), ops.accumulate(partial=False)).run()


def test_extra_fields_of_calls():
    """Fields of a call that nobody knows are kept with it, as they came."""
    call = {"index": 0, "id": "a", "function": {"name": "add", "arguments": "{}", "x": 1}}
    call["extra_content"] = {"google": {"thought_signature": "c2ln"}}

    (made,) = kept(chunk({"tool_calls": [call]})).tool_calls

    assert (
        ProviderData("here", {"extra_content": call["extra_content"], "function": {"x": 1}}),
    ) == made.extra


def test_reasoning_details():
    """The parts of structured reasoning are put together from their pieces."""
    pieces = [
        [{"type": "reasoning.text", "text": "H", "index": 0}],
        [{"type": "reasoning.text", "text": "m.", "index": 0}],
        [{"type": "reasoning.text", "signature": "s", "index": 0}],
        [{"type": "reasoning.encrypted", "data": "x", "index": 1}],
    ]
    whole = [
        {"type": "reasoning.text", "text": "Hm.", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]

    message = kept(*(chunk({"reasoning_details": piece}) for piece in pieces), text_chunk("Hi"))

    assert ("Hm.", "Hi") == (message.reasoning, message.text)
    assert (ProviderData("here", {"message": {"reasoning_details": whole}}),) == message.extra


def test_reasoning_details_of_two_ids():
    """Parts are told apart by their ids, and their pieces may be interleaved."""
    pieces = [("r1", "H"), ("r2", "O"), ("r1", "m."), ("r2", "h.")]
    parts = [
        chunk({"reasoning_details": [{"type": "reasoning.text", "id": id, "text": text}]})
        for id, text in pieces
    ]
    whole = [
        {"type": "reasoning.text", "id": "r1", "text": "Hm."},
        {"type": "reasoning.text", "id": "r2", "text": "Oh."},
    ]

    message = kept(*parts, text_chunk("Hi"))

    assert (ProviderData("here", {"message": {"reasoning_details": whole}}),) == message.extra


# Thoughts without an opening tag.


@given(st.lists(st.integers(0, 60)), st.booleans())
def test_a_thought_without_an_opening_tag(places, escaped):
    """However it is cut, text before a lone closing tag is a thought."""
    text = "The user greets <me>.</think>\n\nHi, you"
    ends = sorted(place % (len(text) + 1) for place in places)
    pieces = [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    frames = [sse(text_chunk(piece)) for piece in pieces]
    frames = [part.replace(b"<", b"\\u003c") if escaped else part for part in frames]

    draft = reduce(grow, read(*frames, DONE), Draft())

    assert ("The user greets <me>.", "Hi, you") == (draft.reasoning.text, draft.text.text)


def test_a_lone_tag_after_a_call():
    """A closing tag that stands alone counts in the first text of a reply only."""
    parts = text_chunk("a"), call_chunk(0, "x", "add", "{}"), text_chunk("b</think>c")

    assert "ab</think>c" == reduce(grow, read(*map(sse, parts), DONE), Draft()).text.text


def test_a_lone_tag_takes_back_what_was_said():
    """Text is told as it comes; at the lone tag it is taken back, and told as reasoning."""
    parts = text_chunk("Hm"), text_chunk(".</think>"), text_chunk("Hi")

    told = read(*map(sse, parts), DONE)

    assert [TextDelta("Hm"), ReasoningDelta("Hm."), TextDelta("Hi")] == [
        delta for delta in told if not isinstance(delta, StepRetried)
    ]
    assert [1] == [delta.attempt for delta in told if isinstance(delta, StepRetried)]
