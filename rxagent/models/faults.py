"""ErrorFactory: everything that goes wrong with a provider, as the errors of `rxagent.errors`."""

import json
import re
from collections.abc import Iterator, Mapping
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
from .failures import MESSAGES, STATUSES, status_of
from .waits import retry_after, wait_in, wait_in_words

__all__ = ["ErrorFactory"]

_E = TypeVar("_E", bound=ModelError)

_REFUSED = re.compile(r"content.?(filter|policy|management)|moderation|safety|prohibited|sensitive")
_SPENT = {"insufficient_quota", "billing_hard_limit_reached"}
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
        r"|unsupported|not.?support",
        ModelRejected,
    ),
)
"""Words by which errors without a status are known; the first that is found counts."""

_WORDS = ("code", "type", "status", "error_code", "reason")
_READ = 10_000
"""Of a long text, so many characters are searched for the sentence."""

_BY_STATUS: dict[int, type[ModelError]] = {
    408: ModelTimeout,
    409: ModelUnavailable,
    425: ModelUnavailable,
    429: RateLimited,
    504: ModelTimeout,
}


@frozen
class ErrorFactory:
    """Makes the errors that speak of one model of one provider.

    Attributes:
        provider: The provider.
        model: The model's name.
        headers: The headers of the reply that the errors are about, as far as it is known.
    """

    provider: str
    model: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)

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
        if (failed := _failed_reply(error)) is not None:  # its body could not be read
            return self.told(None, failed.status_code, failed.headers)
        match error:
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
        while isinstance(error, list) and error:
            error = error[0]
        wait = _first(retry_after(headers or self.headers), wait_in(error))
        if isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
            error = {**error["error"], **{k: v for k, v in error.items() if k in STATUSES}}
        facts = error if isinstance(error, Mapping) else {}
        said = _message(error)
        if status is None:
            status = next(filter(None, (status_of(facts.get(name)) for name in STATUSES)), None)
        words = " ".join(str(facts.get(name)) for name in _WORDS if facts.get(name))
        message = f"{self.provider} answered {status or 'an error'} for {self.model!r}: {said}"
        return self._error(
            _kind(words.lower(), said.lower(), status),
            message,
            status=status,
            retry_after=_first(wait, wait_in_words(said)),
        )

    def _error(self, kind: type[_E], message: str, **facts: Any) -> _E:
        return kind(message, provider=self.provider, model=self.model, **facts)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the innermost cause last."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _failed_reply(error: BaseException) -> Any:
    """Return the reply with the status of an error, where reading it has failed."""
    todo: list[BaseException | None] = [error]
    seen = set()
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        reply = getattr(link, "response", None)
        if (getattr(reply, "status_code", None) or 0) >= 400:
            return reply
        todo += [link.__context__, link.__cause__]
    return None


def _first(*waits: float | None) -> float | None:
    return next((wait for wait in waits if wait is not None), None)


def _origin(url: Any) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _kind(words: str, said: str, status: int | None) -> type[ModelError]:
    """Return the kind of an error, by its status, its own words, and the words of its sentence."""
    if _REFUSED.search(words):
        return ModelRefused
    if _SPENT & set(words.split()):
        return ModelRejected  # unlike a rate, it does not pass by waiting
    if status is not None:
        return _BY_STATUS.get(status, ModelRejected if status < 500 else ModelUnavailable)
    for text in (words, said):
        for pattern, kind in _BY_WORD:
            if re.search(pattern, text):
                return kind
    return ModelUnavailable


def _message(error: Any) -> str:
    """Return the sentence in a description of an error."""
    if isinstance(error, list) and error and not isinstance(error[0], str):
        error = error[0] if set(map(str, error[0] or ())) & {"error", "message"} else error
    if isinstance(error, Mapping):
        for key in ("message", "detail", "error", "msg", *MESSAGES):
            if said := error.get(key):
                return _message(said)
        return _short(error)
    if error and not isinstance(error, str):
        return _short(error)
    text = (error or "no reason was given")[:_READ]
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    plain = re.sub(r"<[^<>]*>", " ", title[1] if title else text)
    return _short(" ".join(plain.split()))


def _short(said: Any) -> str:
    match said:
        case bytes():
            text = said.decode(errors="replace")
        case str():
            text = said
        case _:
            text = json.dumps(said, ensure_ascii=False, default=repr)
    return shorten(text, 300)


def _innermost(error: BaseException) -> str:
    said = [link for link in _causes(error) if str(link)]
    return " ".join(describe(said[-1] if said else error).split())
