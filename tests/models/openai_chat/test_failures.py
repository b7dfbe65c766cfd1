"""The errors that a reply reports, and the signs of life that are none."""

import json
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.errors import (
    ModelError,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import (
    Finish,
    TextDelta,
)
from rxagent.models.errors import ErrorFactory
from rxagent.models.failures import failure_in
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.testing.frames import (
    DONE,
    chunk,
    finish_chunk,
    sse,
    text_chunk,
)

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
    "words beside no choices": sse({"choices": [], "message": "upstream failed"}),
    "words beside null": sse({"choices": None, "detail": "upstream failed"}),
    "words beside an empty choice": sse({"choices": [None], "detail": "upstream failed"}),
    "words beside zeros": sse(
        {"id": "", "created": 0, "choices": None, "message": "upstream failed"}
        | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}
    ),
    "stop reason": sse({"choices": [{"index": 0, "delta": {}, "stop_reason": "error"}]}),
    "event timeout": b"event: timeout\ndata: {}\n\n",
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
    "in words of work": sse({"message": "Error while processing"}),
    "in words of work as detail": sse({"detail": "Timeout while processing"}),
    "in words of work as status": sse({"status": "aborted processing"}),
    "of a vendor": sse({"choices": [], "x_groq": {"id": "r", "error": "over capacity"}}),
    "of a vendor with words": sse({"choices": [], "x_other": {"errors": [WORDS]}}),
    "of a vendor beside a finish": sse({**finish_chunk("stop"), "x_groq": {"error": WORDS}}),
    "exception": sse({"id": "x", "internalServerException": WORDS}),
    "exception beside a finish": sse({**finish_chunk("stop"), "modelStreamError": WORDS}),
    "another's names": sse({**finish_chunk("stop"), "ErrorMsg": {"Msg": "No.", "Code": 4001}}),
    "status beside a finish": sse({**finish_chunk("stop"), "status": "failed"}),
    "object beside a finish": sse({**finish_chunk("stop"), "object": "error"}),
    "type beside text": sse({**text_chunk("."), "type": "error", "message": "No."}),
    "no success beside text": sse({**text_chunk("."), "success": False, "message": "No."}),
    "code on the choice": sse(
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "error_code": 500}]}
    ),
    "message on the choice": sse({"choices": [{"delta": {}, "error_message": "No."}]}),
    "role": sse(chunk({"role": "error", "content": "upstream failed"})),
    "finish and error on the chunk": sse({**finish_chunk("stop"), "error": WORDS}),
    "finish and error": sse(
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "error": WORDS}]}
    ),
}


def test_a_finish_that_describes_a_failure(read):
    """A finish reason that is an object says what has failed, and with which status."""
    reason = {"type": "abort", "message": "Out of memory", "status_code": 503}
    with pytest.raises(ModelUnavailable, match=r"answered 503 for .*: Out of memory"):
        read(sse(text_chunk("Hi")), sse(chunk({}, reason)), DONE)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("end", [b"", DONE, sse(finish_chunk("stop")) + DONE])
@pytest.mark.parametrize("crlf", [False, True])
def test_failures(failure, end, crlf):
    """A failure, in any form, is an error behind the text before it, whatever the end is."""
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


NOTHING = st.sampled_from(["", None, "None", "null", " "])
WORDLESS = st.just("") | st.dictionaries(
    st.sampled_from(["message", "type", "param", "code"]), NOTHING
)


@given(WORDLESS, st.sampled_from(["error", "Error"]))
def test_an_error_without_words(read, error, name):
    """An error that has lost its words fails the reply; beside choices the field is empty."""
    with pytest.raises(ModelUnavailable, match="without a message"):
        read(sse(text_chunk("Hi")), sse({name: error}), DONE)
    for chunks in (
        ({**text_chunk("Hi"), name: error}, finish_chunk("stop")),
        (
            text_chunk("Hi"),
            {**finish_chunk("stop"), name: error},
        ),
    ):
        assert [TextDelta("Hi"), Finish("stop")] == read(*map(sse, chunks), DONE)


HARMLESS = [
    {"x_groq": {"id": "r", "error": None}},
    {"x_groq": {"id": "r", "error": {"code": 0, "message": ""}}},
    {"ErrorMsg": {"Msg": "", "Code": 0}},
    {"content_filter_results": {"error": {"code": "content_filter_error", "message": "No."}}},
    {"status": "success", "object": "chat.completion.chunk", "success": True},
]


@pytest.mark.parametrize("beside", HARMLESS, ids=str)
def test_harmless_fields(read, beside):
    """An empty error of a vendor, and a filter that has failed, leave the reply whole."""
    assert [TextDelta("Hi"), Finish("stop")] == read(
        sse({**text_chunk("Hi"), **beside}), sse({**finish_chunk("stop"), **beside}), DONE
    )


def test_an_error_behind_a_whole_reply(read):
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
    {"error": None},
    {"error": {"message": "success", "type": ""}},
    {"errors": []},
    {"message": "Your request is still being processed..."},
    {"status": "OPENROUTER PROCESSING"},
    {"error": "none"},
    {"error": 0},
    {"error": False},
    {"status": "processing"},
    {"message": "keep-alive"},
    {"success": True},
    {"event": "heartbeat", "ts": 5},
]


@pytest.mark.parametrize("ping", PINGS, ids=str)
def test_signs_of_life(read, ping):
    """An object that is a sign of life only, or a chunk without a choice, is nothing."""
    assert [TextDelta("Hi"), Finish("stop")] == read(
        sse(text_chunk("Hi")), sse(ping), sse(finish_chunk("stop")), DONE
    )


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


@pytest.mark.parametrize(("description", "kind"), KINDS, ids=str)
def test_kinds(read, description, kind):
    """An error is known by its status, as a number or text, or by its words alone."""
    with pytest.raises(ModelError) as raised:
        read(sse({"error": {"message": "No.", **description}}), DONE)

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


@pytest.mark.parametrize("description", WAITS, ids=str)
def test_waits_in_the_body(read, description):
    """The error has the wait that its description names."""
    with pytest.raises(RateLimited) as raised:
        read(sse({"error": {"code": 429, **description}}))

    assert 2.0 == raised.value.retry_after


def test_two_finish_reasons(read):
    """A failure, or a limit, counts also after another finish reason."""
    stop = sse(finish_chunk("stop"))
    with pytest.raises(ModelUnavailable):
        read(stop, sse(chunk({}, "error")), DONE)
    assert [Finish("stop"), Finish("length")] == read(stop, sse(chunk({}, "length")), DONE)


@pytest.mark.parametrize("aside", [b"null", b'""', b'" "', b"0", b"false"])
def test_empty_values(read, aside):
    """Values that hold nothing are signs of life, and no answer."""
    aside = b"data: " + aside + b"\n\n"

    assert [TextDelta("a"), TextDelta("b")] == read(
        aside, sse(text_chunk("a")), aside, sse(text_chunk("b")), aside, DONE
    )
    with pytest.raises(ModelError):
        read(aside, DONE)


@pytest.mark.parametrize("error", ["\ud83d", {"message": "\ud83d"}, {"x": "\ud83d"}])
def test_half_a_character(error):
    """The text of an error can be encoded, whatever the provider has sent."""
    assert str(ErrorFactory("openai", "m").reported(error)).encode()


reasons = st.sampled_from(["stop", "tool_calls", None])
natives = st.sampled_from(
    ["MALFORMED_FUNCTION_CALL", "error", "network_error", "UNEXPECTED_TOOL_CALL", "cancelled"]
)
states = st.sampled_from(["failed", "error", "cancelled", "canceled", "aborted", "FAILED"])
events = st.sampled_from([b"cancelled", b"response_canceled", b"aborted", b"run.failed"])


def choice_of(**fields):
    """Return a chunk of one choice."""
    return sse({"choices": [{"index": 0, "delta": {}, **fields}]})


@given(
    st.one_of(
        st.builds(
            lambda reason, native: choice_of(finish_reason=reason, native_finish_reason=native),
            reasons,
            natives,
        ),
        states.map(lambda state: choice_of(status=state)),
        states.map(lambda state: choice_of(delta={"status": state})),
        events.map(lambda name: b"event: " + name + b"\ndata: {}\n\n"),
    )
)
def test_a_failure_beside_a_good_end(failure):
    """A reply has failed if anything beside its finish reason says so."""
    reply = ChatReply(ErrorFactory("openai", "m"))
    with pytest.raises(ModelError):
        list(reply.feed(sse(text_chunk("Half")) + failure + sse(finish_chunk("stop")) + DONE))
        list(reply.end())


@pytest.mark.parametrize("native", ["STOP", "eos", "completed", "error_limit", None, 5, "whatever"])
def test_a_good_end_behind_a_gateway(native, read):
    """Any other reason behind a gateway says nothing, and neither does a state of success."""
    end = choice_of(finish_reason="stop", native_finish_reason=native, status="completed")

    assert [TextDelta("Whole"), Finish("stop")] == read(sse(text_chunk("Whole")), end)


OF_CHUNKS = "id", "object", "created", "model", "choices", "usage", "obfuscation"
OF_ERRORS = "error", "errors", "code", "status", "message", "type", "success", "role"
OF_PARTS = "delta", "index", "finish_reason", "content", "tool_calls", "function", "name"
NAMES = st.sampled_from((*OF_CHUNKS, *OF_ERRORS, *OF_PARTS))
VALUES = st.recursive(
    st.sampled_from([None, True, 0, 500, "", "ok", "error", "failed", "chat.completion.chunk"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.booleans())
@example({"object": "chat.completion.chunk", "choices": [], "usage": {"error": WORDS}}, False)
@example({"object": "chat.completion.chunk", "choices": {"error": WORDS}}, False)
@example({"object": "error", "choices": []}, False)
@example({"object": "chat.completion.chunk", "choices": [], "usage": None, "created": 1}, False)
@example({"index": 0, "delta": {}, "finish_reason": "stop"}, True)
def test_the_usual_chunks_are_read_as_all_others(part, inside):
    """A short cut for them, which exists for plain dicts only, changes nothing."""
    assert failure_in(part, inside) == failure_in(MappingProxyType(part), inside)
