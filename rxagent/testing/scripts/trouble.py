"""Trouble: chunks that are odd, and what goes wrong on the way."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from rxagent.testing.frames import DONE, Body, chunk, finish_chunk, frame, text_chunk
from rxagent.testing.scenarios import Ending, Item, Reply
from rxagent.testing.scripts.saying import (
    PLAIN,
    paced,
    plain,
    saying,
    scenario,
    texts,
)

__all__ = ["failure"]


@scenario("azure-first-empty-choices")
def _azure(body: Body) -> Iterable[Item]:
    """Do as `plain`, after a chunk without choices, as Azure does."""
    filtered = {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}
    first = {"id": "", "created": 0, "model": "", "object": "", "choices": []}
    return [{**first, "prompt_filter_results": [filtered]}, *plain(body)]


@scenario("null-delta")
def _null_delta(body: Body) -> Iterable[Item]:
    """Do as `plain`, with null for a delta in the last chunk."""
    return [*texts(PLAIN), chunk(None, "stop")]


@scenario("null-delta-no-finish")
def _null_delta_no_finish(body: Body) -> Iterable[Item]:
    """Say "Hello there", with null for a delta between."""
    return [text_chunk("Hello"), chunk(None), text_chunk(" there"), finish_chunk("stop")]


@scenario("empty-deltas")
def _empty_deltas(body: Body) -> Iterable[Item]:
    """Say "Hello there", with empty deltas all around."""
    blanks: list[Item] = [chunk({}), chunk({"content": None, "tool_calls": None}), text_chunk("")]
    return saying(body, [*blanks, text_chunk("Hello"), *blanks, text_chunk(" there"), *blanks])


@scenario("unknown-fields")
def _unknown_fields(body: Body) -> Iterable[Item]:
    """Say "Hello there", with fields that nobody knows."""
    odd: dict[str, Any] = {"obfuscation": "x7", "provider": {"name": "y"}, "x_new": [1, None]}
    strange = chunk({"content": " there", "annotations": [], "x_odd": {"z": 1}}, **odd)
    return saying(body, [text_chunk("Hello", **odd), strange])


_ERRORS = {
    400: ("This model's maximum context length is exceeded.", "context_length_exceeded"),
    401: ("Incorrect API key provided.", "invalid_api_key"),
    403: ("You are not allowed to use this model.", "forbidden"),
    404: ("The model does not exist, or you do not have access to it.", "model_not_found"),
    408: ("The request took too long to arrive.", "request_timeout"),
    409: ("The request is in conflict with another one.", "conflict"),
    422: ("The request could not be processed.", "unprocessable"),
    429: ("Rate limit reached for requests.", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error"),
    502: ("The gateway got no usable answer.", "bad_gateway"),
    503: ("The engine is currently overloaded.", "overloaded"),
}


def failure(status: int, retry_after: float | None = None) -> Reply:
    """Return the reply of that status, which says to come back in `retry_after` seconds."""
    message, code = _ERRORS[status]
    kind = "invalid_request_error" if status < HTTPStatus.TOO_MANY_REQUESTS else code
    error = {"message": message, "type": kind, "param": None, "code": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, {"error": error}, headers)


def _register_failure(status: int) -> None:
    @scenario(f"{status}")
    def fails(body: Body) -> Iterable[Item]:
        return [failure(status)]

    fails.__doc__ = f"Reply {status}: {_ERRORS[status][0]}"


def _register_patience(status: int) -> None:
    @scenario(f"{status}-SECONDS")
    def fails(body: Body, retry_after: float) -> Iterable[Item]:
        return [failure(status, retry_after)]

    fails.__doc__ = f"Reply {status}, and ask to be left alone for so many seconds."


for _status in _ERRORS:
    _register_failure(_status)
for _status in (429, 503):
    _register_patience(_status)


@scenario("cut-N")
def _cut(body: Body, count: float) -> Iterable[Item]:
    """Do as `plain`, and break the connection after so many bytes."""
    whole = b"".join(frame(body, item) for item in plain(body) if isinstance(item, dict))
    return [whole[: int(count)], Ending.ABORT]


@scenario("error-frame")
def _error_frame(body: Body) -> Iterable[Item]:
    """Say two words, then report an error within the stream."""
    return [*texts("Hello from"), failure(500).body, Ending.QUIET]


@scenario("garbage")
def _garbage(body: Body) -> Iterable[Item]:
    """Say two words, then something that is no JSON."""
    return [*texts("Hello from"), b"data: {this is not JSON\n\n"]


@scenario("garbage-html")
def _garbage_html(body: Body) -> Iterable[Item]:
    """Reply with a page of HTML."""
    return [Reply(200, "<html><body>It works!</body></html>", {"Content-Type": "text/html"})]


@scenario("no-done")
def _no_done(body: Body) -> Iterable[Item]:
    """Do as `plain`, without `[DONE]` at the end."""
    return [*plain(body), Ending.QUIET]


@scenario("crlf")
def _crlf(body: Body) -> Iterable[Item]:
    """Do as `plain`, with a comment, and lines that end in CR LF."""
    yield b": a comment\r\n\r\n"
    for item in plain(body):
        yield frame(body, item).replace(b"\n", b"\r\n")
    yield DONE.replace(b"\n", b"\r\n")
    yield Ending.QUIET


@scenario("split-utf8")
def _split_utf8(body: Body) -> Iterable[Item]:
    """Say "Grüße 你好 🎈", in pieces that end within a character."""
    for item in saying(body, [text_chunk("Grüße"), text_chunk(" 你好"), text_chunk(" 🎈")]):
        yield from paced(_broken(frame(body, item)), 0.001)


def _broken(data: bytes) -> Iterable[bytes]:
    """The bytes in pieces that end within a character, wherever one is longer than a byte."""
    start = 0
    for at in range(1, len(data)):
        if data[at] & 0xC0 == 0x80:
            yield data[start:at]
            start = at
    yield data[start:]
