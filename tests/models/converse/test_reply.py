"""Replies of the Converse protocol: bytes, in all their forms and pieces, read as deltas."""

import base64
import json
from functools import partial
from itertools import chain, repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.messages import ProviderData
from rxagent.models.converse.failures import error_of_reply
from rxagent.models.converse.reply import ConverseReply
from rxagent.models.errors import ErrorFactory
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.aws_frames import event_frame, exception_frame, frame_of
from rxagent.testing.far_ends.converse import ConverseRendering, WholeRendering

ANSWER = [
    ReasoningDelta("Hmm, ñ…"),
    ReasoningDelta(" 你好"),
    TextDelta("Grüße"),
    TextDelta(' "quoted" \\ \n🎈'),
    ToolCallDelta(0, "call_1", "add", '{"a": '),
    ToolCallDelta(0, arguments="2}"),
    ToolCallDelta(1, "call_2", "now", ""),
    Finish("tool_calls"),
    Usage(100, 6, cached_tokens=60, cache_write_tokens=30),
]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=5,
)
NAMES = ["message", "Message", "__type", "code", "error", "originalMessage", "detail"]


def rendered(deltas, rendering):
    """Return what a far end sends for these deltas."""
    parts = [rendering.begin(), *map(rendering.delta, deltas), rendering.end()]
    return list(chain(*parts))


RECORDED = b"".join(rendered(ANSWER, ConverseRendering()))
START = event_frame("messageStart", {"role": "assistant"})
STOP = event_frame("messageStop", {"stopReason": "end_turn"})


def reader():
    """Return a reader."""
    return ConverseReply(ErrorFactory("bedrock", "m"), "bedrock", "anthropic")


def read(*chunks):
    """Return the deltas of some bytes."""
    reply = reader()
    parts = [*map(reply.feed, filter(None, chunks)), reply.end()]
    return [delta for delta in chain(*parts) if delta is not REST]


def delta(index, **fields):
    """Return the frame of a piece of a block."""
    return event_frame("contentBlockDelta", {"contentBlockIndex": index, "delta": fields})


def begin(index, **use):
    """Return the frame that begins a call."""
    start = {"contentBlockIndex": index, "start": {"toolUse": use}}
    return event_frame("contentBlockStart", start)


def end(index):
    """Return the frame that ends a block."""
    return event_frame("contentBlockStop", {"contentBlockIndex": index})


def kept(deltas):
    """Return the blocks that are kept for later requests."""
    return [data.data["block"] for one in deltas for data in getattr(one, "extra", ())]


def test_recorded():
    """Text, reasoning, calls, the finish reason and the usage are read, each as it came."""
    found = read(RECORDED)

    assert [
        ReasoningDelta("Hmm, ñ…"),
        ReasoningDelta(" 你好"),
        *ANSWER[2:4],
        ToolCallDelta(0, "call_1", "add"),
        ToolCallDelta(0, arguments='{"a": '),
        ToolCallDelta(0, arguments="2}"),
        ToolCallDelta(1, "call_2", "now"),
        Finish("tool_calls"),
        Usage(100, 6, 60, 0, 30, "m"),
    ] == [one for one in found if not getattr(one, "extra", ())]
    assert [{"vendor": "anthropic", "signature": "c2lnbmVk"}] == kept(found)


def test_cut_in_two():
    """It is read alike, wherever the network cuts it."""
    whole = read(RECORDED)
    for at in range(len(RECORDED)):
        assert whole == read(RECORDED[:at], RECORDED[at:])


@given(st.lists(st.integers(1, 200), max_size=30))
def test_cut_in_pieces(sizes):
    """So it is in many pieces."""
    chunks, rest = [], RECORDED
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]

    assert read(RECORDED) == read(*chunks, rest)


def test_broken_off():
    """What breaks off before its finish reason is no whole answer, wherever it does."""
    for at in range(1, len(RECORDED)):
        reply = reader()
        found = list(reply.feed(RECORDED[:at]))
        if any(isinstance(one, Finish) for one in found):
            assert [] == list(reply.end())
        else:
            with pytest.raises(ModelUnavailable, match="broke off"):
                list(reply.end())


def test_whole():
    """A reply that is not streamed gives the same text, reasoning, calls and usage."""
    (reply,) = rendered(ANSWER, WholeRendering())
    found = read(json.dumps(reply.body).encode())

    assert [
        ReasoningDelta("Hmm, ñ… 你好"),
        TextDelta('Grüße "quoted" \\ \n🎈'),
        ToolCallDelta(0, "call_1", "add"),
        ToolCallDelta(0, arguments='{"a": 2}'),
        ToolCallDelta(1, "call_2", "now"),
        ToolCallDelta(1, arguments="{}"),
        Finish("tool_calls"),
        Usage(100, 6, 60, 0, 30, "m"),
    ] == [one for one in found if not getattr(one, "extra", ())]
    assert kept(read(RECORDED)) == kept(found)


def test_whole_broken_off():
    """A whole reply that is cut has broken off, wherever it is."""
    (reply,) = rendered(ANSWER, WholeRendering())
    data = json.dumps(reply.body).encode()
    for at in range(1, len(data)):
        with pytest.raises(ModelUnavailable, match="broke off"):
            read(data[:at])


def test_whole_before_the_end():
    """A whole reply is known as one, though the connection stays open."""
    (reply,) = rendered(ANSWER, WholeRendering())
    data = json.dumps(reply.body).encode()
    whole, cut = reader(), reader()
    list(whole.feed(data))
    list(cut.feed(data[:-1]))

    assert (True, True) == (whole.is_cut, whole.is_whole())
    assert (True, False) == (cut.is_cut, cut.is_whole())


def test_settled():
    """The answer is whole with its finish reason, and settled with its usage."""
    reply = reader()
    list(reply.feed(START + STOP))
    assert (True, False) == (reply.is_finished, reply.is_settled)

    list(reply.feed(event_frame("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}})))
    assert reply.is_settled


def test_interleaved_reasoning():
    """Each block of reasoning keeps its signature, and its place among texts and calls."""
    found = read(
        delta(0, reasoningContent={"text": "One."}),
        delta(0, reasoningContent={"signature": "a"}),
        delta(0, reasoningContent={"signature": "b"}),
        end(0),
        delta(1, text="Text"),
        begin(2, toolUseId="x", name="add"),
        end(2),
        delta(3, reasoningContent={"redactedContent": base64.b64encode(b"abc").decode()}),
        delta(3, reasoningContent={"redactedContent": base64.b64encode(b"d").decode()}),
        end(3),
        delta(4, reasoningContent={"text": "Two."}),
        STOP,
    )

    redacted = base64.b64encode(b"abcd").decode()
    assert [
        {"vendor": "anthropic", "signature": "ab"},
        {"vendor": "anthropic", "redactedContent": redacted},
        {"vendor": "anthropic"},
    ] == kept(found)
    places = [data.data["at"] for one in found for data in getattr(one, "extra", ())]
    assert [[0, 0], [4, 1], [4, 1]] == places
    assert "One.Two." == "".join(one.text for one in found if isinstance(one, ReasoningDelta))


def test_calls_of_the_server():
    """Tools that Bedrock runs itself are no calls, and their results no text."""
    result = {"toolResult": {"toolUseId": "x"}}
    found = read(
        begin(0, toolUseId="x", name="nova_grounding", type="server_tool_use"),
        delta(0, toolUse={"input": "{}"}),
        event_frame("contentBlockStart", {"contentBlockIndex": 1, "start": result}),
        delta(1, toolResult=[{"text": "found"}]),
        delta(2, text="It rains."),
        STOP,
    )

    assert [TextDelta("It rains."), Finish("stop")] == found


def test_citations_of_a_whole_reply():
    """The text of citations is the answer's."""
    content = [{"citationsContent": {"content": [{"text": "It rains."}], "citations": []}}]
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}

    assert [TextDelta("It rains."), Finish("stop")] == read(json.dumps(reply).encode())


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_reasons(word, reason):
    """Each of Bedrock's words has its meaning."""
    assert [Finish(reason)] == read(START, event_frame("messageStop", {"stopReason": word}))


@pytest.mark.parametrize("word", ["malformed_model_output", "malformed_tool_use"])
def test_malformed_by_the_model(word):
    """What the model wrote and Bedrock could not read is a malformed reply."""
    with pytest.raises(MalformedReply, match=word):
        read(START, event_frame("messageStop", {"stopReason": word}))


def test_unknown_reason():
    """A reason that is in no list is an error with its word, not an end."""
    with pytest.raises(ModelError, match="fuse_blown"):
        read(START, event_frame("messageStop", {"stopReason": "fuse_blown"}))


@pytest.mark.parametrize(
    ("name", "fields", "kind"),
    [
        ("throttlingException", {}, RateLimited),
        ("serviceUnavailableException", {}, ModelUnavailable),
        ("internalServerException", {}, ModelUnavailable),
        ("modelStreamErrorException", {}, ModelUnavailable),
        ("modelStreamErrorException", {"originalStatusCode": 400}, ModelRejected),
        ("modelStreamErrorException", {"originalStatusCode": 504}, ModelTimeout),
        ("modelTimeoutException", {}, ModelTimeout),
        ("validationException", {}, ModelRejected),
        ("accessDeniedException", {}, ModelRejected),
        ("brandNewException", {}, ModelUnavailable),
    ],
)
def test_exceptions(name, fields, kind):
    """An exception in mid-stream is the error that it means, with its sentence."""
    with pytest.raises(kind, match="No more today"):
        read(START, delta(0, text="Hi"), exception_frame(name, "No more today.", **fields))


@given(json_values | st.dictionaries(st.sampled_from(NAMES), json_values, max_size=3))
@example({"message": [1]})
@example({"__type": [1], "error": [2]})
def test_any_description(description):
    """Whatever describes an error, its status says what it is."""
    body = json.dumps(description).encode()
    made = partial(error_of_reply, ErrorFactory("bedrock", "m"))

    assert [RateLimited, ModelUnavailable] == [type(made(s, {}, body)) for s in (429, 500)]


def test_the_models_own_sentence():
    """The sentence of the model's container goes before Bedrock's."""
    fields = {"originalStatusCode": 500, "originalMessage": "CUDA out of memory"}
    with pytest.raises(ModelUnavailable, match="500 for 'm': CUDA out of memory"):
        read(exception_frame("modelStreamErrorException", "Failed.", **fields))


def test_error_without_a_body():
    """An error may stand in the headers alone."""
    headers = {":message-type": "error", ":error-code": "429", ":error-message": "Too much."}
    with pytest.raises(RateLimited, match=r"Too much\."):
        read(frame_of(headers, b""))


METADATA = event_frame("metadata", {"usage": {"inputTokens": 3, "outputTokens": 1}})


def test_exception_behind_the_stop():
    """An exception that AWS sends before the last event has failed the request."""
    late = exception_frame("internalServerException", "Oh.")
    disguised = event_frame("throttlingException", {"message": "Oh."})
    for failed in (late, disguised):
        with pytest.raises(ModelError, match=r"Oh\."):
            read(delta(0, text="Hi"), STOP, failed, METADATA)


def test_anything_behind_the_end():
    """A whole answer cannot break: nothing is read behind its last event, and no garbled bytes."""
    late = exception_frame("internalServerException", "Oh.")
    whole = [TextDelta("Hi"), Finish("stop")]

    assert whole == read(delta(0, text="Hi"), STOP, METADATA, late)[:2]
    assert whole == read(delta(0, text="Hi"), STOP, b"\xff" * 20)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"__type": "ThrottlingException", "message": "No."}, RateLimited),
        ({"__type": "com.amazon#ThrottlingException", "message": "No."}, RateLimited),
        ({"Output": {"__type": "x#ServiceUnavailableException"}, "Version": "1"}, ModelUnavailable),
        ({"error": {"message": "No.", "code": 429}}, RateLimited),
        ({"output": {}, "__type": "ValidationException", "message": "No."}, ModelRejected),
        ({"output": {"__type": "ThrottlingException"}, "stopReason": "end_turn"}, RateLimited),
    ],
)
def test_an_exception_in_a_good_reply(body, kind):
    """An exception that comes with a status of success is the error that it means."""
    with pytest.raises(kind):
        read(json.dumps(body).encode())


@pytest.mark.parametrize(
    "frame",
    [
        event_frame("throttlingException", {"message": "No."}),
        event_frame("messageStop", {"__type": "ThrottlingException", "message": "No."}),
        frame_of({":message-type": "Exception", ":exception-type": "throttlingException"}, b"{}"),
        frame_of({":exception-type": "throttlingException"}, b"{}"),
        frame_of({":message-type": "error", ":event-type": "ThrottlingException"}, b"?"),
    ],
    ids=["event", "type in the payload", "capitals", "no type", "type of an event"],
)
def test_exceptions_in_disguise(frame):
    """An exception is one by its name, whatever the frame is said to be."""
    with pytest.raises(RateLimited):
        read(START, delta(0, text="Hi"), frame, STOP)


def test_the_failure_of_a_tool_of_the_server():
    """What a tool that Bedrock runs reports, and what a call holds, is no failure of the reply."""
    failed = {"toolResult": {"toolUseId": "s", "status": "error", "content": []}}
    start = event_frame("contentBlockStart", {"contentBlockIndex": 0, "start": failed})
    use = {"toolUseId": "x", "name": "note", "input": {"error": "No.", "code": 500}}
    content = [failed, {"text": "Hi"}, {"toolUse": use}]
    reply = {"output": {"message": {"content": content}}, "stopReason": "tool_use"}
    call = begin(2, toolUseId="x", name="note"), delta(2, toolUse={"input": use["input"]})

    for found in (
        read(start, delta(1, text="Hi"), *call, STOP),
        read(json.dumps(reply).encode()),
    ):
        assert TextDelta("Hi") == found[0]
        assert use["input"] == json.loads(found[2].arguments)


def test_a_frame_without_its_type():
    """An event is one without the type of its frame; without its own, it is no answer."""
    payload = b'{"contentBlockIndex": 0, "delta": {"text": "Hi"}}'

    assert [TextDelta("Hi"), Finish("stop")] == read(
        frame_of({":event-type": "contentBlockDelta"}, payload), STOP
    )
    with pytest.raises(MalformedReply):
        read(frame_of({}, payload), STOP)


@pytest.mark.parametrize(
    "before", [b"\xef\xbb\xbf", b"\n", b"\r\n \n"], ids=["mark", "line", "lines"]
)
def test_blanks_before_a_whole_reply(before):
    """White space and byte order marks before a whole reply are no part of it."""
    content = [{"text": "Hi"}]
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}
    data = json.dumps(reply).encode()

    assert [TextDelta("Hi"), Finish("stop")] == read(before + data) == read(before, data)


def test_frames_after_the_end():
    """Frames that say nothing are no news, for which a finished reply would be kept open."""
    reply = reader()
    list(reply.feed(delta(0, text="Hi") + STOP))
    before = reply.received
    for frame in (event_frame("ping", {}), end(0), delta(1, text=""), event_frame("ping", None)):
        list(reply.feed(frame))

    assert (before, False) == (reply.received, reply.is_settled)


def test_a_repeated_beginning():
    """A call that begins twice is one call; one with another id is another."""
    input = delta(0, toolUse={"input": "{}"})
    found = read(
        begin(0, toolUseId="x", name="add"),
        begin(0, toolUseId="x", name="add"),
        input,
        begin(0, toolUseId="y", name="add"),
        input,
        end(0),
        begin(0, toolUseId="y", name="add"),
        input,
        STOP,
    )

    assert [0, 1] == [one.index for one in found if getattr(one, "name", None)]


@pytest.mark.parametrize(
    "thought",
    [
        "Hm.",
        ["Hm."],
        {"text": "Hm."},
        {"reasoningText": "Hm."},
        {"reasoningText": {"text": {"text": "Hm."}}},
        {"reasoningText": [{"text": "Hm."}]},
    ],
)
def test_reasoning_in_any_shape(thought):
    """Reasoning is read in any shape, streamed and whole."""
    content = [{"reasoningContent": thought}, {"text": "Hi"}]
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}
    streamed = read(delta(0, reasoningContent=thought), delta(1, text="Hi"), STOP)
    whole = read(json.dumps(reply).encode())

    for found in (streamed, whole):
        assert "Hm." == "".join(one.text for one in found if isinstance(one, ReasoningDelta))
        assert TextDelta("Hi") in found


def test_text_beside_a_call():
    """A piece may hold several parts."""
    found = read(
        begin(0, toolUseId="x", name="add"), delta(0, text="Hi", toolUse={"input": "{}"}), STOP
    )

    assert [TextDelta("Hi"), ToolCallDelta(0, arguments="{}")] == found[1:3]


@pytest.mark.parametrize(
    "page", [b"<html>Sign in</html>", b"", b"{}", b"[]", b"null", b'{"message": "?"}', b"\0" * 50]
)
def test_no_reply(page):
    """What is no reply is never an empty answer."""
    with pytest.raises((MalformedReply, ModelUnavailable)):
        read(page)


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b'{"message": "Too many requests", "status": 429, "more": "', RateLimited),
        (b'{"output": null, "more": ["', MalformedReply),
        (b'{"more": ', MalformedReply),
        (b'[["', MalformedReply),
        (b"<html>", MalformedReply),
        (b"{", MalformedReply),
    ],
)
@pytest.mark.parametrize("more", [b"a", b" "])
def test_a_body_without_an_end(begin, kind, more):
    """What begins no answer is read no further than another error's body."""
    reply, piece, size = reader(), more * 10_000, 0
    with pytest.raises(kind):
        for part in chain([begin], repeat(piece, 100)):
            size += len(part)
            list(reply.feed(part))

    assert size <= (1 << 18) + len(piece)


def test_a_long_whole_reply():
    """An answer in one piece may be longer."""
    answer = [TextDelta("long " * 100_000), Finish("stop"), Usage(1, 2)]
    (reply,) = rendered(answer, WholeRendering())
    body = json.dumps(reply.body).encode()

    assert answer == read(*(body[at : at + 50_000] for at in range(0, len(body), 50_000)))


def test_halves_of_characters():
    """A character whose halves come in two pieces is whole."""
    payloads = [
        b'{"contentBlockIndex": 0, "delta": {"text": "\\ud83c"}}',
        b'{"contentBlockIndex": 0, "delta": {"text": "\\udf88!"}}',
        b'{"contentBlockIndex": 0, "delta": {"text": "\\ud83c"}}',
    ]
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    halves = [frame_of(headers, payload) for payload in payloads]
    found = read(*halves, STOP)

    assert "🎈!\ufffd" == "".join(one.text for one in found if isinstance(one, TextDelta))


def test_invalid_utf8():
    """Bytes that are no UTF-8 are replaced; the text around them is kept."""
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    payload = b'{"contentBlockIndex": 0, "delta": {"text": "a\xffb"}}'

    assert [TextDelta("a\ufffdb"), Finish("stop")] == read(frame_of(headers, payload), STOP)


@pytest.mark.parametrize(
    "usage",
    [None, 5, "many", {}, {"inputTokens": -1}, {"inputTokens": 1.5}, {"inputTokens": "3"}, []],
)
def test_unreadable_usage(usage):
    """A usage that makes no sense is unknown, and costs nothing."""
    found = read(delta(0, text="Hi"), STOP, event_frame("metadata", {"usage": usage}))

    assert [TextDelta("Hi"), Finish("stop")] == found


def test_usage_of_a_cache_that_makes_no_sense():
    """A count beside the others that cannot be read is zero."""
    usage = {"inputTokens": 4.0, "outputTokens": 2, "cacheReadInputTokens": "x"}
    found = read(STOP, event_frame("metadata", {"usage": usage}))

    assert Usage(4, 2, model="m") == found[-1]


FIELDS = ["delta", "start", "contentBlockIndex", "stopReason", "usage", "text", "toolUse"]
FIELDS += ["reasoningContent", "input", "name", "toolUseId", "type", "redactedContent", "signature"]


def twisted(value):
    """Return a strategy of JSON objects of known fields with values of any type."""
    return st.dictionaries(st.sampled_from(FIELDS), value, max_size=4)


KINDS = ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"]
KINDS += ["messageStop", "metadata", "unknown"]
events = st.tuples(
    st.sampled_from(KINDS),
    twisted(json_values | twisted(json_values | twisted(json_values))) | json_values,
)


@given(st.lists(events, max_size=5))
@example([("contentBlockDelta", {"delta": {"reasoningContent": {"redactedContent": "?"}}})])
@example([("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": {}}}})])
@example([("contentBlockStart", {"start": {"toolUse": {"name": ""}}})])
def test_wrong_types(sent):
    """Whatever the events hold, there are deltas, or one of our errors."""
    try:
        found = read(*(event_frame(*event) for event in sent), STOP)
    except ModelError:
        return
    assert any(isinstance(one, Finish) for one in found)


@given(json_values | twisted(json_values))
def test_wrong_types_of_a_whole_reply(content):
    """So it is with a reply that is not streamed."""
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}
    try:
        found = read(json.dumps(reply).encode())
    except ModelError:
        return
    assert isinstance(found[-1], Finish)


def test_rest():
    """Among many frames there are points at which the loop may run other work."""
    frames = b"".join(delta(0, text="") for _ in range(1000))

    assert 10 < sum(one is REST for one in reader().feed(frames))


def test_kept_for_its_origin():
    """What is kept names its origin."""
    found = read(RECORDED)
    extra = [data for one in found for data in getattr(one, "extra", ())]

    assert [ProviderData] == [type(data) for data in extra]
    assert "bedrock" == extra[0].provider


@pytest.mark.parametrize("id", ["call_1", None])
@pytest.mark.parametrize("has_ended", [False, True])
def test_a_repeated_start_of_a_call(id, has_ended):
    """The start of a call that is repeated begins no second one, also without an id if open."""
    use = {"name": "add", **({"toolUseId": id} if id else {})}
    start = event_frame("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": use}})
    piece = {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}
    stop = event_frame("contentBlockStop", {"contentBlockIndex": 0})
    again = stop + start if has_ended else start
    stream = START + start + event_frame("contentBlockDelta", piece) + again + stop + STOP

    begun = [delta for delta in read(stream) if type(delta) is ToolCallDelta and delta.name]

    assert (2 if has_ended and not id else 1) == len(begun)


def test_a_block_without_a_delta():
    """An event without a delta costs no text."""
    text = event_frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}})
    empty = event_frame("contentBlockDelta", {"contentBlockIndex": 0})

    assert [TextDelta("Hi"), Finish("stop")] == read(START + text + empty + STOP)


@pytest.mark.parametrize("content", ["Hi", [{"citationsContent": {"content": "Hi"}}]])
def test_contents_that_are_texts(content):
    """A text stands for a list of one block."""
    reply = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}

    assert [TextDelta("Hi"), Finish("stop")] == read(json.dumps(reply).encode())


@pytest.mark.parametrize("pieces", [(), ('{"a": ', "2}")])
@pytest.mark.parametrize("has_end", [True, False])
def test_input_at_the_start(pieces, has_end):
    """Some servers send the input of a call at once; pieces of it go before."""
    use = {"toolUseId": "x", "name": "add", "input": {"a": 2}}
    start = event_frame("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": use}})
    deltas = [delta(0, toolUse={"input": piece}) for piece in pieces]
    found = read(START, start, *deltas, *([end(0)] if has_end else []), STOP)

    assert '{"a": 2}' == "".join(getattr(one, "arguments", None) or "" for one in found)
