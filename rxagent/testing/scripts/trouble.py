"""Scripts of trouble: unusual chunks, error statuses, and broken connections."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from ..frames import DONE, Body, chunk, finish_chunk, frame, saying, text_chunk, texts
from ..scenarios import Ending, Item, Reply, paced, scenario, scripted
from .answers import PLAIN, plain

__all__ = ["failure"]


@scenario("azure-first-empty-choices")
def _azure(body: Body) -> Iterable[Item]:
    """Do as `plain`, after a chunk without choices, as Azure does."""
    filtered = {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}
    first = {"id": "", "created": 0, "model": "", "object": "", "choices": []}
    return [{**first, "prompt_filter_results": [filtered]}, *plain(body)]


_BLANKS: list[Item] = [
    chunk({}),
    chunk({"content": None, "tool_calls": None}),
    text_chunk(""),
]
_ODD: dict[str, Any] = {"obfuscation": "x7", "provider": {"name": "y"}, "x_new": [1, None]}

scripted(
    "null-delta",
    "Do as `plain`, with null for a delta in the last chunk.",
    [*texts(PLAIN), chunk(None, "stop")],
    None,
)
scripted(
    "null-delta-no-finish",
    'Say "Hello there", with null for a delta between.',
    [text_chunk("Hello"), chunk(None), text_chunk(" there"), finish_chunk("stop")],
    None,
)
scripted(
    "empty-deltas",
    'Say "Hello there", with empty deltas all around.',
    [*_BLANKS, text_chunk("Hello"), *_BLANKS, text_chunk(" there"), *_BLANKS],
)
scripted(
    "unknown-fields",
    'Say "Hello there", with unknown fields.',
    [
        text_chunk("Hello", **_ODD),
        chunk({"content": " there", "annotations": [], "x_odd": {"z": 1}}, **_ODD),
    ],
)

# Statuses.

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
    """Return the reply of a status; `retry_after` is its header in seconds."""
    message, code = _ERRORS[status]
    kind = "invalid_request_error" if status < HTTPStatus.TOO_MANY_REQUESTS else code
    error = {"message": message, "type": kind, "param": None, "code": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, {"error": error}, headers)


for _status, (_message, _) in _ERRORS.items():
    scripted(f"{_status}", f"Reply {_status}: {_message}", [failure(_status)], None)


@scenario("429-SECONDS")
def _rate_limited(body: Body, retry_after: float) -> Iterable[Item]:
    """Reply 429, with this many seconds in `Retry-After`."""
    return [failure(429, retry_after)]


@scenario("503-SECONDS")
def _overloaded(body: Body, retry_after: float) -> Iterable[Item]:
    """Reply 503, with this many seconds in `Retry-After`."""
    return [failure(503, retry_after)]


# Broken answers.

scripted(
    "error-frame",
    "Say two words, then report an error within the stream.",
    [*texts("Hello from"), failure(500).body, Ending.QUIET],
    None,
)
scripted(
    "garbage",
    "Say two words, then send invalid JSON.",
    [*texts("Hello from"), b"data: {this is not JSON\n\n"],
    None,
)
scripted(
    "garbage-html",
    "Reply with a page of HTML.",
    [Reply(200, "<html><body>It works!</body></html>", {"Content-Type": "text/html"})],
    None,
)


@scenario("cut-N")
def _cut(body: Body, count: float) -> Iterable[Item]:
    """Do as `plain`, and break the connection after this many bytes."""
    whole = b"".join(frame(body, item) for item in plain(body))
    return [whole[: int(count)], Ending.ABORT]


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
    for item in saying(body, texts("Grüße 你好 🎈")):
        yield from paced(_broken(frame(body, item)), 0.001)


def _broken(data: bytes) -> Iterable[bytes]:
    """Yield the bytes in pieces that end within each character of several bytes."""
    start = 0
    for at in range(1, len(data)):
        if data[at] & 0xC0 == 0x80:
            yield data[start:at]
            start = at
    yield data[start:]
