"""Errors of providers: statuses, words and lost connections, as the errors of `rxagent.errors`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from attrs import field, frozen

from ..arguments import shorten
from ..errors import (
    MalformedReply,
    ModelError,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    describe,
)
from .decoding import UnknownEncoding
from .openai_chat.fields import whole
from .urls import shown_url

__all__ = ["MESSAGES", "STATUSES", "ErrorFactory", "retry_after", "status_of"]

_E = TypeVar("_E", bound=ModelError)

STATUSES: tuple[str, ...] = (
    "code",
    "status",
    "status_code",
    "statusCode",
    "http_status",
    "error_code",
)
STATUSES += ("errorCode", "errcode", "err_code", "errCode", "errno", "type")
"""The fields of an error that may hold its status."""

MESSAGES: tuple[str, ...] = (
    "error_message",
    "error_msg",
    "errorMessage",
    "errorMsg",
    "errmsg",
    "err_msg",
)
MESSAGES += ("errMsg", "err", "status_msg", "reason")
"""Fields that may hold its message, beside `message`, `detail` and `msg`."""

_REFUSED = re.compile(
    r"content.?(filter|policy|management)|moderation|safety|prohibited|sensitive"
    r"|\b(bio|cyber)_policy|policy_violation"
)
_FLAGGED = re.compile(r"\bflagged\b|\bmoderation\b")
"""How a host says without a code, in a reply of status 403, that a filter has refused a request."""

_SPENT = {
    "1113",  # Zhipu's
    "billing_hard_limit_reached",
    "exceeded_current_quota",
    "exceeded_current_quota_error",  # Moonshot's
    "insufficient_balance",
    "insufficient_quota",
}
_MISWRITTEN = {"json_validate_failed", "output_parse_failed", "tool_use_failed"}
"""Codes of Groq's: the model wrote a call, or JSON, that its server cannot read."""

_SPENT_IN_WORDS = re.compile(r"insufficient.?(balance|credit|fund)")
_BY_WORD: tuple[tuple[str, type[ModelError]], ...] = (
    (r"insufficient.?(quota|balance|credit)|billing|payment", ModelRejected),
    (r"rate.?limit|too.?many.?(request|token)|throttl|resource.?exhausted|quota", RateLimited),
    (r"time.?d?.?out|deadline.?exceeded|took too long", ModelTimeout),
    (
        r"overload|capacity|unavailable|internal|insufficient.?system|try again|busy|server.?error",
        ModelUnavailable,
    ),
    (
        r"context.?length|invalid.?(request|api|parameter|argument|key|prompt|value)|bad.?request"
        r"|authenti|unauthori[sz]ed|permission|forbidden|not.?found|not.?exist"
        r"|unsupported|not.?support|too.?large"
        r"|(empty|invalid)_\w*image|image_(too|parse)|data_residency",
        ModelRejected,
    ),
)
"""Words that classify an error without a status; the first match counts."""

_INNER = ("message", "detail", "error", "msg", *MESSAGES)
"""The fields of a description that may hold its message, the better ones first."""

_DESCRIBED = {"error", "message"}
"""The fields by which the first object of a list is a description."""

_DEEPEST = 20
"""How many objects around a message are opened."""

_WORDS = ("code", "type", "status", "error_code", "reason")
_READ = 10_000
"""How many characters of a long text are searched for the message."""

_BY_STATUS: dict[int, type[ModelError]] = {
    408: ModelTimeout,
    409: ModelUnavailable,
    424: ModelUnavailable,
    425: ModelUnavailable,
    429: RateLimited,
    498: ModelUnavailable,  # Groq's: over capacity
    499: ModelUnavailable,  # a gateway has closed the request
    504: ModelTimeout,
}


@frozen
class ErrorFactory:
    """Makes the errors of one model.

    Attributes:
        provider: The provider.
        model: The model's name.
        headers: The headers of the reply, once they are known.
    """

    provider: str
    model: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    def malformed(self, what: str, received: Any) -> MalformedReply:
        """Return the error that the model sent what its protocol does not allow."""
        text = f"The model {self.model!r} sent {what}: {_short(received)}"
        return self._error(MalformedReply, text)

    def unavailable(self, what: str, cause: BaseException | None = None) -> ModelUnavailable:
        """Return the error that the model could not be reached, or that its reply broke off."""
        why = "." if cause is None else f": {_short(_innermost(cause))}"
        return self._error(ModelUnavailable, f"The model {self.model!r} {what}{why}")

    def lost(self, what: str, cause: Exception) -> ModelError:
        """Return the error that a connection was lost, or was silent for too long."""
        if isinstance(cause, UnknownEncoding):
            what = f"a reply in the encoding {cause.name!r}, which is not known"
            return self.malformed(what, cause.begin)
        # The SDK's transport over aiohttp reports any lost connection as a time-out.
        if any(isinstance(link, TimeoutError) for link in _causes(cause)):
            return self._error(ModelTimeout, f"The model {self.model!r} was silent for too long.")
        return self.unavailable(what, cause)

    def rejected(self, what: str) -> ModelRejected:
        """Return the error that a request cannot be sent as it is."""
        return self._error(ModelRejected, f"The model {self.model!r} {what}")

    def reported(
        self, error: Any, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> ModelError:
        """Return the error that a provider describes.

        Args:
            error: The description: an object, or a text, which may be a page of HTML.
            status: The HTTP status with which it came; None when it came in mid-stream.
            headers: The headers with which it came.
        """
        while isinstance(error, list) and error:
            error = error[0]
        wait = _first((retry_after(headers or self.headers), _wait_in(error)))
        if isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
            inner = error["error"]  # whose type says more than one outside, as Anthropic's
            names = (name for name in STATUSES if name in error)
            outer = {name: error[name] for name in names if not (name == "type" and name in inner)}
            error = {**inner, **outer}
        fields = error if isinstance(error, Mapping) else {}
        message = _message(error)
        if status is None:
            status = next(filter(None, (status_of(fields.get(name)) for name in STATUSES)), None)
        words = " ".join(str(fields.get(name)) for name in _WORDS if fields.get(name))
        return self._error(
            _kind(words.lower(), message.lower(), status),
            f"{self.provider} answered {status or 'an error'} for {self.model!r}: {message}",
            status=status,
            retry_after=_first((wait, _wait_in_words(message))),
        )

    def _error(self, kind: type[_E], message: str, **fields: Any) -> _E:
        return kind(shown_url(message), provider=self.provider, model=self.model, **fields)


def status_of(code: Any) -> int | None:
    """Return the HTTP status that a code is, as a number or at the beginning of a text."""
    if isinstance(code, str):
        found = re.match(r"(?:http|status|error|code|[\s:_-])*+([45]\d\d)(?!\d)", code, re.I)
        return int(found[1]) if found else None
    is_number = isinstance(code, int | float) and not isinstance(code, bool)
    return int(code) if is_number and 400 <= code < 600 else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the innermost cause last."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        yield link
        seen.add(id(link))
        link = link.__cause__ or link.__context__


def _kind(words: str, message: str, status: int | None) -> type[ModelError]:
    """Return the kind of an error, by its status, its codes, and the words of its message."""
    if _REFUSED.search(words) or (status == 403 and _FLAGGED.search(message)):
        return ModelRefused
    if _SPENT & set(words.split()) or (status == 429 and _SPENT_IN_WORDS.search(message)):
        return ModelRejected  # unlike a rate limit, it does not pass by waiting
    if _MISWRITTEN & set(words.split()):
        return MalformedReply  # another attempt may be written better
    if status is not None:
        return _BY_STATUS.get(status, ModelRejected if status < 500 else ModelUnavailable)
    for text in (words, message):
        for pattern, kind in _BY_WORD:
            if re.search(pattern, text):
                return kind
    return ModelUnavailable


def _message(error: Any) -> str:
    """Return the message in a description of an error, which may be any value."""
    raw = None
    for _ in range(_DEEPEST):
        inner = _inner(error)
        if inner is None:
            break
        raw = raw or _raw(error)
        error = inner
    if isinstance(error, str) and raw is not None:
        error = f"{error}: {_message(raw)}"
    if error and not isinstance(error, str):
        return _short(error)
    text = (error or "no reason was given")[:_READ]
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    plain = re.sub(r"<[^<>]*>", " ", title[1] if title else text)
    return _short(" ".join(plain.split()))


def _raw(error: Any) -> Any:
    """Return what a host was answered by the provider behind it, as OpenRouter says it, or None."""
    beside = error.get("metadata") if isinstance(error, Mapping) else None
    raw = beside.get("raw") if isinstance(beside, Mapping) else None
    try:
        return (json.loads(raw) if isinstance(raw, str) else raw) or None
    except (RecursionError, ValueError):
        return raw or None


def _inner(error: Any) -> Any:
    """Return the part of a description that holds its message, or None."""
    if isinstance(error, Mapping):
        return next((error[name] for name in _INNER if error.get(name)), None)
    first = error[0] if isinstance(error, list) and error else None
    is_described = isinstance(first, Mapping) and not _DESCRIBED.isdisjoint(first)
    return first if is_described else None


def _short(value: Any) -> str:
    match value:
        case bytes():
            text = value.decode(errors="replace")
        case str():
            text = value
        case _:
            try:
                text = json.dumps(value, ensure_ascii=False, default=repr)
            except (RecursionError, ValueError):
                text = "a value that is nested too deeply to be shown"
    return whole(shorten(text, 300))


def _innermost(error: BaseException) -> str:
    described = [link for link in _causes(error) if str(link)]
    return " ".join(describe(described[-1] if described else error).split())


# Waits: when a server may be asked again, as its headers, its fields or its message say.

_UNITS = {"ms": 0.001, "mi": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT = "(?:ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)"
_AND = r"\s{0,3}(?:(?:and|,)\s{0,3}(?=\d))?"
_DURATION = rf"(?:\d+(?:\.\d+)?\s{{0,3}}{_UNIT}(?![a-z]){_AND}|\d+(?:\.\d+)?[hms](?=\d))+"
_MEASURED = re.compile(_DURATION, re.IGNORECASE)
_OF_ISO = re.compile(r"P(?=.*\d)(?:\d{1,4}D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:[.,]\d+)?S)?)?")
"""A duration as ISO 8601 writes it, such as PT1M30S; years and months have no fixed length."""

_PIECE_OF_ISO = re.compile(r"(\d+(?:[.,]\d+)?)([DHMS])")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mi(?=ll)|[hms])", re.IGNORECASE)
_IN_WORDS = re.compile(
    rf"(?:try again|retry|wait)(?: again)?(?: in| after| for)? ({_DURATION})", re.I
)
_WAIT = re.compile(r"retry_?(?:after|delay)(?:_?in)?(?:_?(ms|milliseconds|s|secs?|seconds))?")
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?\s*", re.ASCII)
_COMMENT = re.compile(r"\s{0,9}\([^()]*\)\s*$")
_LONGEST = 30 * 24 * 3600.0
"""Seconds; a longer wait is taken for a mistake."""

_MOST = 200
"""How many fields of a description are searched."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a server takes the next request, or None."""
    names = ("retry-after-ms", "ms"), ("retry-after", "s")
    return _first(_wait(headers.get(name), unit) for name, unit in names)


def _wait_in(description: Any) -> float | None:
    """Return the seconds that a field of a description gives, or None."""
    return _first(_waits(description))


def _wait_in_words(message: str) -> float | None:
    """Return the seconds in a text such as `try again in 1m30s`, or None."""
    found = _IN_WORDS.search(message)
    return _length(found[1]) if found else None


def _waits(description: Any) -> Iterator[float | None]:
    todo, left = [description], _MOST
    while todo and left:
        part = todo.pop()
        if isinstance(part, list):
            todo += reversed(part[:_MOST])
        elif isinstance(part, Mapping):
            for name, value in list(part.items())[:_MOST]:
                if found := _WAIT.fullmatch(_snake(name)):
                    yield _wait(value, "ms" if (found[1] or "").startswith("m") else "s")
            todo += reversed([v for v in part.values() if isinstance(v, list | Mapping)][:_MOST])
        left -= 1


def _wait(value: Any, unit: str) -> float | None:
    """Return the seconds of a number, of a text such as `2`, `1.5s` or `20 ms`, or of a date."""
    if isinstance(value, Mapping):  # as in Google's errors
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = _COMMENT.sub("", str(value)[:100])
    if not _NUMBER.fullmatch(text):
        return _possible(_parsed_wait(text.strip()))
    return _possible(float(text) * _UNITS[unit])


def _possible(wait: float | None) -> float | None:
    """Return a wait, unless it is one that no server means, such as a time since 1970."""
    return max(0.0, wait) if wait is not None and wait < _LONGEST else None


def _parsed_wait(text: str) -> float | None:
    if _MEASURED.fullmatch(text):
        return _length(text)
    if _OF_ISO.fullmatch(text):
        pieces = _PIECE_OF_ISO.findall(text)
        return sum(float(n.replace(",", ".")) * _UNITS[unit.lower()] for n, unit in pieces)
    try:
        date = datetime.fromisoformat(text) if text[4:5] == "-" else parsedate_to_datetime(text)
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return (date - datetime.now(UTC)).total_seconds()
    except (OverflowError, TypeError, ValueError):
        return None


def _length(duration: str) -> float:
    return sum(float(n) * _UNITS[unit.lower()] for n, unit in _PIECE.findall(duration))


def _snake(name: Any) -> str:
    """Return the name of a field as `retry_after_ms`, however it is written."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", str(name)[:40]).lower()


def _first(waits: Iterable[float | None]) -> float | None:
    return next((wait for wait in waits if wait is not None), None)
