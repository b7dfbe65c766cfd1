"""What goes wrong with a provider, as the errors of `rxagent.errors`."""

import socket
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread
from time import monotonic

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.errors import (
    MalformedReply,
    ModelError,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from rxagent.events import Finish, TextDelta, Usage
from rxagent.models import OpenAIModel
from rxagent.models.errors import ErrorFactory, retry_after
from rxagent.operators import retry
from rxagent.streams import each
from rxagent.testing.frames import DONE, finish_chunk, text_chunk, usage_chunk
from rxagent.testing.scenarios import Ending, Reply

STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


def failure(name, **options):
    """Return the deltas that come before an error, and the error."""
    found = []
    try:
        found.extend(each(OpenAIModel(name, **options)("Hi")))
    except ModelError as error:
        return found, error
    raise AssertionError(f"No error after {found}")


def serve(server, *items):
    """Let the server send this for a model, and return the name of that model."""
    server.scenario("here", lambda body: items)
    return "here"


# Replies that are errors.


@STREAMED
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("400", ModelRejected, "maximum context length"),
        ("401", ModelRejected, "Incorrect API key"),
        ("403", ModelRejected, "not allowed"),
        ("404", ModelRejected, "does not exist"),
        ("408", ModelTimeout, "took too long"),
        ("409", ModelUnavailable, "conflict"),
        ("422", ModelRejected, "could not be processed"),
        ("429", RateLimited, "Rate limit"),
        ("500", ModelUnavailable, "had an error"),
        ("502", ModelUnavailable, "gateway"),
        ("503", ModelUnavailable, "overloaded"),
    ],
)
def test_statuses(server, name, kind, message, stream):
    """A status is a kind of error, with the provider and its message; one request is sent."""
    found, error = failure(name, stream=stream)

    assert (kind, []) == (type(error), found)
    assert message in str(error)
    assert ("openai", name, int(name)) == (error.provider, error.model, error.status)
    assert 1 == len(server.requests)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (424, None, ModelUnavailable),
        (429, "insufficient_quota", ModelRejected),
        (429, "exceeded_current_quota_error", ModelRejected),
        (429, "1113", ModelRejected),
        (400, "content_filter", ModelRefused),
        (400, "tool_use_failed", MalformedReply),
        (400, "json_validate_failed", MalformedReply),
        (498, "capacity_exceeded", ModelUnavailable),
        (499, None, ModelUnavailable),
        (504, None, ModelTimeout),
        (529, None, ModelUnavailable),
    ],
)
def test_codes(server, status, code, kind):
    """Some codes mean more than their status."""
    _, error = failure(serve(server, Reply(status, {"error": {"message": "No.", "code": code}})))

    assert kind is type(error)


def test_a_spent_balance_in_words():
    """A balance that is spent does not come back by waiting."""
    error = {"message": "Your account has insufficient balance."}

    assert isinstance(ErrorFactory("openai", "m").reported(error, 429), ModelRejected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "No."}}, "No."),
        ({"error": "No."}, "No."),
        ({"message": "No."}, "No."),
        ({"detail": [{"msg": "No."}]}, '[{"msg": "No."}]'),
        ({"error": {"message": "No.", "metadata": {"raw": "busy"}}}, "No.: busy"),
        ({"error": {"message": "No.", "metadata": {"raw": '{"error": {"msg": "A"}}'}}}, "No.: A"),
        ({"error": {"message": "No.", "metadata": {"raw": {"detail": "B"}}}}, "No.: B"),
        ({"error": {"message": "No.", "metadata": {"raw": None}}}, "No."),
        ({"error": {"message": "No.", "metadata": ["raw"]}}, "No."),
        ("No.", "No."),
        ("", "no reason was given"),
        ("<html><title>Bad\n gateway</title><p>nginx</html>", "Bad gateway"),
        ("<p>No <b>way</b>", "No way"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_messages(server, body, message):
    """The error has the provider's message, in whatever it is wrapped."""
    _, error = failure(serve(server, Reply(502, body)))

    assert f"openai answered 502 for 'here': {message}" == str(error)


NAMES = st.sampled_from(["error", "detail", "message", "msg", "errors", "type", "code", "other"])
DESCRIPTIONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "No.", "no_go"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(DESCRIPTIONS)
@example({"detail": [1]})
@example({"error": {"message": [True]}})
@example({"error": [2]})
def test_any_description(description):
    """Whatever describes an error, its status says what it is."""
    made = ErrorFactory("openai", "m").reported
    kinds = {429: RateLimited, 500: ModelUnavailable, 401: ModelRejected, 504: ModelTimeout}

    assert kinds == {status: type(made(description, status)) for status in kinds}
    assert isinstance(made(description), ModelError)


def test_a_deep_description():
    """A description that is nested deeply is cut."""
    deep = {"error": {"message": "No."}}
    for _ in range(5000):
        deep = {"error": deep}

    assert RateLimited is type(ErrorFactory("openai", "m").reported(deep, 429))


def test_an_odd_description_is_retried(server):
    """A description that cannot be read costs no retry."""
    name = serve(server, Reply(429, {"detail": [1]}))
    with pytest.raises(RateLimited, match="429"):
        list(each(OpenAIModel(name)("Hi").pipe(retry(2, delay=0))))

    assert 2 == len(server.requests)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": " 1500ms "}, 1.5),
        ({"retry-after": "2s"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1.2.3"}, None),
        ({"retry-after-ms": "soon"}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after-ms": "-5"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "nan", "retry-after": "2"}, 2.0),
        ({"retry-after": "2 seconds"}, 2.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "250 milliseconds"}, 0.25),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    """A wait may come in seconds, in milliseconds, or as a date."""
    assert seconds == retry_after(headers)


FORMS_OF_DATES = ["%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@pytest.mark.parametrize("form", [*FORMS_OF_DATES, "%a, %d %b %Y %H:%M:%S -0000"])
def test_retry_after_dates_in_all_forms(form):
    """A date is read in all its forms; one without a zone is in UTC."""
    later = (datetime.now(UTC) + timedelta(seconds=100)).strftime(form)

    assert 90 < (retry_after({"retry-after": later}) or 0) <= 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120 (busy)", 120.0),
        ("PT5S", 5.0),
        ("PT0.5S", 0.5),
        ("PT1M30S", 90.0),
        ("P1DT1H", 90_000.0),
        ("P1Y", None),
        ("PT", None),
        ("P", None),
        ("1_000", None),
        ("1795868721", None),
        ("1e90", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("9" * 90, None),
    ],
)
def test_retry_after_oddities(value, seconds):
    """A comment is skipped, and a wait that no server means is none."""
    assert seconds == retry_after({"retry-after": value})


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"retryDelay": {"seconds": 5, "nanos": 0}}, 5.0),
        ({"retryAfter": "PT5S"}, 5.0),
        ({"message": "try again in 1 minute and 30 seconds"}, 90.0),
        ({"message": "try again in 1 minute, 30 seconds"}, 90.0),
        ({"message": "try again in 2 seconds and go on"}, 2.0),
    ],
)
def test_waits_in_descriptions(error, seconds):
    """A wait is read as an object, and in words with several units."""
    assert seconds == ErrorFactory("openai", "m").reported(error, 429).retry_after


def test_retry_after_a_date():
    """A date is so many seconds from now."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    assert 90 < (retry_after({"retry-after": later}) or 0) <= 100


@STREAMED
@pytest.mark.parametrize("status", [408, 409, 429, 502, 503, 504, 529])
def test_retry_after_of_any_status(server, status, stream):
    """The error has the wait that the server names, with any status."""
    busy = Reply(status, {"error": {"message": "No."}}, {"Retry-After": "2"})
    _, error = failure(serve(server, busy), stream=stream)

    assert (status, 2.0) == (error.status, error.retry_after)


@STREAMED
@pytest.mark.parametrize("where", ["header", "body"])
def test_retry_after_of_an_error_in_a_good_reply(server, where, stream):
    """An error that comes with the status 200 may name a wait, too."""
    error = {"error": {"code": 429, "message": "No."}}
    if where == "body":
        error["error"]["retry_after"] = 2
    reply = Reply(200, error, {"Retry-After": "2"} if where == "header" else {})
    _, raised = failure(serve(server, reply), stream=stream)

    assert (RateLimited, 2.0) == (type(raised), raised.retry_after)


def test_rate_limited(server):
    """A rate limit says when to come back."""
    _, error = failure("429-2")

    assert 2.0 == error.retry_after


# Streams that break.


ERRORS = [
    ({"message": "No.", "type": "server_error", "code": None}, ModelUnavailable, None),
    ({"message": "No.", "code": 429}, RateLimited, 429),
    ({"message": "No.", "code": 502}, ModelUnavailable, 502),
    ({"message": "No.", "code": "rate_limit_exceeded"}, RateLimited, None),
    ({"message": "No.", "type": "invalid_request_error"}, ModelRejected, None),
    ({"message": "No.", "code": "context_length_exceeded"}, ModelRejected, None),
    ({"message": "No.", "code": "content_filter"}, ModelRefused, None),
    ({"message": "No.", "code": "tool_use_failed"}, MalformedReply, None),
    ({"message": "No.", "type": "timeout"}, ModelTimeout, None),
    ({"message": "No.", "code": "cyber_policy"}, ModelRefused, None),
    ({"message": "No.", "code": "misalignment_policy_violation"}, ModelRefused, None),
    ({"message": "No.", "code": "invalid_base64_image"}, ModelRejected, None),
    ({"message": "No.", "code": "empty_image_file"}, ModelRejected, None),
    ({"message": "No.", "code": "image_too_small"}, ModelRejected, None),
    ({"message": "No.", "code": "data_residency_mismatch"}, ModelRejected, None),
    ("No.", ModelUnavailable, None),
]


@pytest.mark.parametrize(("description", "kind", "status"), ERRORS)
def test_error_frames(server, description, kind, status):
    """An error in mid-stream comes after the deltas before it, and means what it would first."""
    found, error = failure(serve(server, text_chunk("Hi"), {"error": description}))

    assert ([TextDelta("Hi")], kind, status) == (found, type(error), error.status)
    assert str(error).endswith("for 'here': No.")


def test_a_filter_that_has_no_code(server):
    """OpenRouter says in words alone, with status 403, that a filter has refused a request."""
    message = 'a/b requires moderation on X. Your input was flagged for "harassment".'
    frame = {"error": {"code": 403, "message": message, "metadata": {"reasons": ["harassment"]}}}
    _, error = failure(serve(server, frame))
    _, forbidden = failure(serve(server, {"error": {"code": 403, "message": "No access."}}))

    assert (ModelRefused, ModelRejected) == (type(error), type(forbidden))


def test_error_objects(server):
    """An error may be an object of its own, as vLLM sends it."""
    _, error = failure(serve(server, {"object": "error", "message": "No.", "code": 400}))

    assert (ModelRejected, 400) == (type(error), error.status)


@STREAMED
@pytest.mark.parametrize("name", ["error-frame", "garbage", "garbage-html", "cut-0", "cut-500"])
def test_trouble(server, name, stream):
    """What breaks a stream breaks a whole reply, too."""
    kind = MalformedReply if "garbage" in name else ModelUnavailable

    assert kind is type(failure(name, stream=stream)[1])


@pytest.mark.parametrize(
    "frame",
    [
        "nothing",
        "5",
        "[1]",
        '{"choices": 5}',
        '{"choices": [5]}',
        '{"choices": [{"delta": 5}]}',
        '{"choices": [{"delta": {"content": 5}}]}',
        '{"choices": [{"delta": {"refusal": 5}}]}',
        '{"choices": [{"delta": {"tool_calls": 5}}]}',
        '{"choices": [{"delta": {"tool_calls": [5]}}]}',
    ],
)
def test_malformed(server, frame):
    """A frame that no protocol knows is an error that shows it, after the deltas before it."""
    name = serve(server, text_chunk("Hi"), f"data: {frame}\n\n".encode())
    found, error = failure(name)

    assert ([TextDelta("Hi")], MalformedReply) == (found, type(error))
    assert frame in str(error)


def test_whole_reply_without_answer(server):
    """A whole reply without an answer is none."""
    name = serve(server, Reply(200, {"choices": [], "usage": {"prompt_tokens": 5}}))

    assert MalformedReply is type(failure(name, stream=False)[1])


@pytest.mark.parametrize("ending", Ending)
@pytest.mark.parametrize("half", [b"", b'data: {"choices": [{"del', b": hush", b"dat"])
def test_cut(server, ending, half):
    """A stream that ends in mid-reply keeps its deltas, and is an error however it ends."""
    found, error = failure(serve(server, text_chunk("Hi"), half, ending))

    assert ([TextDelta("Hi")], ModelUnavailable) == (found, type(error))
    assert "broke off" in str(error)


def test_cut_thought(server):
    """What was held back, as it could have begun a tag, is emitted when the stream is cut."""
    found, _ = failure(serve(server, text_chunk("<thi"), Ending.QUIET))

    assert [TextDelta("<thi")] == found


@pytest.mark.parametrize("rest", [b"", b'data: {"cho', b"data: nonsense\n\n"])
@pytest.mark.parametrize("ending", Ending)
def test_cut_after_the_finish(server, ending, rest):
    """After the finish reason nothing breaks a reply any more."""
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), rest, ending)

    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(name)("Hi")))


@pytest.mark.parametrize("pause", [0, 0.02])
def test_error_after_the_finish(server, pause):
    """An error does: some servers send `stop` with each chunk, and the stream had not ended."""
    error = {"error": {"message": "No."}}
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), pause, error)

    assert ModelUnavailable is type(failure(name)[1])


def test_error_after_the_end(server):
    """After the end of the stream is marked, nothing does."""
    error = {"error": {"message": "No."}}
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), DONE, error)

    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(name)("Hi")))


SILENCE = float("inf")


@pytest.mark.parametrize(
    ("rest", "usage"),
    [
        ([], []),
        ([usage_chunk(5, 6)], [Usage(5, 6, model="here")]),
        ([usage_chunk(5, 6), DONE], [Usage(5, 6, model="here")]),
        ([DONE], []),
    ],
)
def test_silence_after_the_finish(server, monkeypatch, rest, usage):
    """A server that says all and keeps the connection open is not waited for."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.1)
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), *rest, SILENCE)

    assert [TextDelta("Hi"), Finish("stop"), *usage] == list(each(OpenAIModel(name)("Hi")))
    server.wait_hang_up()


def test_pings_after_the_finish(server, monkeypatch):
    """What is sent after the finish reason does not lengthen the wait for the usage."""
    monkeypatch.setattr("rxagent.models.reply_reader._SILENCE", 0.2)
    pings = [part for _ in range(100) for part in (0.05, b": ping\n\n")]
    name = serve(server, text_chunk("Hi"), finish_chunk("stop"), *pings)
    begun = monotonic()

    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(name)("Hi")))
    assert 2 > monotonic() - begun


@pytest.mark.parametrize("text", [" " * 20_000 + "x", "<" * 100_000, "<title>" * 20_000])
def test_long_descriptions(text):
    """However long a description of an error is, it is soon read."""
    begun = monotonic()

    ErrorFactory("openai", "m").reported({"code": text, "message": text})

    assert 2 > monotonic() - begun


def test_last_frame_left_open(server):
    """The last frame need not be closed by an empty line."""
    last = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}'
    name = serve(server, last, Ending.QUIET)

    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(name)("Hi")))


# Connections that fail.


@pytest.mark.parametrize(("name", "count"), [("stall", 2), ("stall-headers", 0)])
def test_stall(server, name, count):
    """Silence for longer than allowed is a time-out, which closes the connection."""
    found, error = failure(name, timeout=0.2)

    assert (ModelTimeout, count) == (type(error), len(found))
    server.wait_hang_up()


def test_no_server(monkeypatch):
    """A server that cannot be reached is unavailable, which is no time-out."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    _, error = failure("plain", api_base=f"http://127.0.0.1:{port}/v1")

    assert ModelUnavailable is type(error)
    assert f"could not be reached at http://127.0.0.1:{port}: " in str(error)


def test_connection_closed_by_the_server(monkeypatch):
    """A server that closes the connection before it answers is unavailable, no time-out."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def hang_up():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)

        thread = Thread(target=hang_up)
        thread.start()
        port = listening.getsockname()[1]
        _, error = failure("plain", api_base=f"http://127.0.0.1:{port}/v1")
        thread.join(60)

    assert ModelUnavailable is type(error)


def played(monkeypatch, reply, stream):
    """Return what becomes of a reply of these bytes."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection, suppress(ConnectionError):  # a client that stops reading closes it
                connection.recv(65536)
                connection.sendall(reply.encode())
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = Thread(target=answer)
        thread.start()
        port = listening.getsockname()[1]
        found = failure("plain", api_base=f"http://127.0.0.1:{port}/v1", stream=stream)
        thread.join(60)
    return found


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
FAILED = "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        "\x00\x01 no HTTP at all\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        HEAD + "Content-Length: -5\r\n\r\n",
        HEAD + f"X: {'x' * 100_000}\r\n\r\n",
        HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        FAILED + "Content-Length: 500\r\n\r\nhalf of it",
        FAILED + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
    ],
    ids=["bytes", "status", "length", "long", "chunk", "half", "gzip"],
)
@STREAMED
def test_no_http(monkeypatch, reply, stream):
    """Bytes that are no HTTP, or not what their head says, mean that the model is unavailable."""
    _, error = played(monkeypatch, reply, stream)

    assert ModelUnavailable is type(error)
    assert len(str(error)) < 400


BUSY = "HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Type: application/json\r\n"
UNREADABLE = {
    "cut": BUSY + 'Content-Length: 500\r\n\r\n{"error":',
    "gzip": BUSY + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
}


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
@STREAMED
def test_a_body_that_cannot_be_read(monkeypatch, reply, stream):
    """An error whose body is lost keeps its status, its kind and its wait."""
    _, error = played(monkeypatch, reply, stream)

    assert (RateLimited, 429, 2.0) == (type(error), error.status, error.retry_after)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"metadata": {"name": "\ud800"}}, "option metadata.name, which is a text with half a"),
        ({"temperature": object()}, "option temperature, which is of the type object"),
        ({"temperature": float("nan")}, "option temperature, which is nan"),
    ],
)
def test_unsendable(server, options, why):
    """A request that cannot be sent is rejected before it is."""
    with pytest.raises(ModelRejected, match=why):
        list(each(OpenAIModel("plain", **options)("Hi")))

    assert [] == server.requests


def test_capitals(server):
    """The type of a reply is known however it is spelled."""
    reply = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    name = serve(server, Reply(200, reply, {"Content-Type": "Application/JSON"}))

    assert [TextDelta("Hi"), Finish("stop")] == list(each(OpenAIModel(name)("Hi")))


def test_no_key(server, monkeypatch):
    """A model can be made without a key; calling it raises an error that says what to do."""
    monkeypatch.delenv("OPENAI_API_KEY")
    _, error = failure("plain")

    assert ModelRejected is type(error)
    assert "Set OPENAI_API_KEY, or in a program write OpenAIModel('plain', api_key=...)" in str(
        error
    )
    assert "`rxagent demo` shows an agent without a key" in str(error)
    assert [] == server.requests


def test_an_address_that_is_none(monkeypatch):
    """The error about an address that is no URL names its variable."""
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")
    _, error = failure("plain", api_key="key")

    assert ModelRejected is type(error)
    assert "OPENAI_BASE_URL is a URL such as http://localhost:8000/v1, not" in str(error)
