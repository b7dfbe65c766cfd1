"""Faults: everything that goes wrong with a provider, as the errors of `rxagent.errors`."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, TypeVar

from attrs import frozen

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

__all__ = ["Faults", "retry_after"]

_E = TypeVar("_E", bound=ModelError)

_REFUSED = {"content_filter", "content_policy_violation"}
_SPENT = {"insufficient_quota", "billing_hard_limit_reached"}
_BY_WORD: dict[str, type[ModelError]] = {
    "authentication_error": ModelRejected,
    "context_length_exceeded": ModelRejected,
    "invalid_api_key": ModelRejected,
    "invalid_request_error": ModelRejected,
    "model_not_found": ModelRejected,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "timeout": ModelTimeout,
    "timeout_error": ModelTimeout,
}
_BY_STATUS: dict[int, type[ModelError]] = {
    408: ModelTimeout,
    409: ModelUnavailable,
    425: ModelUnavailable,
    429: RateLimited,
    504: ModelTimeout,
}


@frozen
class Faults:
    """Makes the errors that speak of one model of one provider."""

    provider: str
    model: str

    def malformed(self, what: str, said: Any) -> MalformedReply:
        """Return the error that the model sent something its protocol does not know."""
        return self._error(MalformedReply, f"The model {self.model!r} sent {what}: {_short(said)}")

    def unavailable(self, what: str, cause: BaseException | None = None) -> ModelUnavailable:
        """Return the error that the model could not be reached, or broke off."""
        why = "." if cause is None else f": {_short(_innermost(cause))}"
        return self._error(ModelUnavailable, f"The model {self.model!r} {what}{why}")

    def lost(self, what: str, cause: Exception) -> ModelError:
        """Return the error that a connection was lost, or was silent for too long."""
        # The SDK's transport over aiohttp reports any lost connection as a time-out.
        if any(isinstance(link, TimeoutError) for link in _causes(cause)):
            return self._error(ModelTimeout, f"The model {self.model!r} was silent for too long.")
        return self.unavailable(what, cause)

    def rejected(self, what: str) -> ModelRejected:
        """Return the error that a request cannot be made so."""
        return self._error(ModelRejected, f"The model {self.model!r} {what}")

    def of_client(self, error: Exception) -> ModelError:
        """Return what an error of OpenAI's SDK means, or of what lies below it.

        Errors of the SDK's client are about the key; those of types and values about what the
        request holds. Bytes that are no HTTP come as errors of the transport's own.
        """
        import openai

        match error:
            case openai.APIStatusError():
                return self.told(error.body, error.status_code, error.response.headers)
            case openai.APIConnectionError():
                return self.lost(f"could not be reached at {_origin(error.request.url)}", error)
            case openai.OpenAIError() | TypeError() | ValueError():
                return self.rejected(f"cannot be asked by {self.provider}'s client: {error}")
        return self.lost("could not be understood", error)

    def told(
        self, error: Any, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> ModelError:
        """Return what a provider's own description of an error means.

        Args:
            error: The description: an object, or a text, which may be a page of HTML.
            status: The HTTP status with which it came; None when it came in mid-stream.
            headers: The headers with which it came.
        """
        facts = error if isinstance(error, Mapping) else {}
        words = {str(facts.get(key)) for key in ("code", "type")}
        if status is None and isinstance(facts.get("code"), int):
            status = facts["code"]
        message = f"{self.provider} answered {status or 'an error'} for {self.model!r}: "
        message += _message(error)
        kind = _kind(words, status)
        if kind is RateLimited:
            wait = retry_after(headers or {})
            return self._error(RateLimited, message, status=status, retry_after=wait)
        return self._error(kind, message, status=status)

    def _error(self, kind: type[_E], message: str, **facts: Any) -> _E:
        return kind(message, provider=self.provider, model=self.model, **facts)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a server asks us to come back, or None."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            wait = float(milliseconds) / 1000
        elif re.fullmatch(r"\s*[\d.]+\s*", said := headers.get("retry-after", "")):
            wait = float(said)
        else:
            wait = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0.0, wait) if isfinite(wait) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the innermost cause last."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _origin(url: Any) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _kind(words: set[str], status: int | None) -> type[ModelError]:
    if words & _REFUSED:
        return ModelRefused
    if words & _SPENT:
        return ModelRejected  # unlike a rate, it does not pass by waiting
    if status is not None and 400 <= status:
        return _BY_STATUS.get(status, ModelRejected if status < 500 else ModelUnavailable)
    return next((kind for word, kind in _BY_WORD.items() if word in words), ModelUnavailable)


def _message(error: Any) -> str:
    """Return the sentence in a description of an error."""
    if isinstance(error, Mapping):
        for key in ("message", "detail", "error"):
            if said := error.get(key):
                return _message(said)
        return _short(error)
    if error and not isinstance(error, str):
        return _short(error)
    text = error or "no reason was given"
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    plain = re.sub(r"<[^>]*>", " ", title[1] if title else text)
    return _short(" ".join(plain.split()))


def _short(said: Any) -> str:
    match said:
        case bytes():
            text = said.decode(errors="replace")
        case str():
            text = said
        case _:
            text = json.dumps(said, ensure_ascii=False, default=repr)
    return text if len(text) <= 300 else text[:299] + "…"


def _innermost(error: BaseException) -> str:
    said = [link for link in _causes(error) if str(link)]
    return " ".join(describe(said[-1] if said else error).split())
