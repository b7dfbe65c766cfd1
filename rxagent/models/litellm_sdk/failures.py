"""Failures: what the errors of LiteLLM mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ModelError
from ...json_text import lacks_end
from ..errors import ErrorFactory

__all__ = ["error_of"]

_CLASSES = re.compile(r"(?:(?:litellm\.)?[A-Z]\w*(?:Error|Exception|Timeout)(?::\s+| - ))+")
"""The names of classes with which LiteLLM begins the sentence of a provider."""

_INVENTED = {"APIConnectionError", "APIError", "MidStreamFallbackError"}
"""Errors whose status is always LiteLLM's own invention; others have one of 500 by invention."""

_TIMEOUTS = {"APITimeoutError", "ConnectTimeout", "PoolTimeout", "ReadTimeout"}
"""Errors of a transport; LiteLLM's own `Timeout` may be a reply of the server, too."""

_TRANSPORTS = {"ClientError", "ConnectionError", "TransportError"}
"""Base classes of the errors of aiohttp, of Python, and of httpx."""

_TRACEBACK = "\nTraceback (most recent call last):"
"""What LiteLLM writes behind the sentence of an error of its own."""

_SETTINGS = re.compile(r"credential|api.?key|environment variable", re.IGNORECASE)
_INVALID = re.compile(r"invalid response|not valid json", re.IGNORECASE)


def error_of(errors: ErrorFactory, error: Exception, what: str) -> ModelError:
    """Return what an error of LiteLLM means.

    Args:
        errors: Makes the errors.
        error: The error.
        what: What a connection did that was lost, beginning with a verb.
    """
    links = list(_links(error))
    headers = _headers(links)
    sentence = _sentence(error)
    silent = _TIMEOUTS if headers else {*_TIMEOUTS, "Timeout"}
    if any(_name(link) in silent for link in links):
        return errors.lost(what, TimeoutError(sentence))
    for link in links:
        status = _status(link)
        if status is not None and (headers or status != 500):
            return errors.reported(_description(link, links), status, headers)
    if (body := _body(links)) is not None:  # an error in mid-stream
        return errors.reported(body)
    if broken := [link for link in links if isinstance(link, json.JSONDecodeError)]:
        if lacks_end(broken[0].doc):
            return errors.unavailable("broke off before its reply was whole")
        return errors.malformed("text that is not JSON", broken[0].doc)
    if lost := [link for link in links if _is_of_transport(link)]:
        return errors.unavailable(what, lost[-1])
    if _INVALID.search(sentence):
        return errors.malformed("what is no reply", sentence)
    if _TRACEBACK in _words(error):
        return errors.unavailable(f"failed within LiteLLM: {sentence}")
    if _SETTINGS.search(sentence) or isinstance(error, TypeError | ValueError):
        return errors.rejected(f"cannot be called by LiteLLM: {sentence}")
    return errors.unavailable(f"{what}: {sentence}")


def _links(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made of, the provider's own last."""
    todo: list[Any] = [error]
    seen = set()
    while todo:
        link = todo.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            todo += [getattr(link, "original_exception", None), link.__cause__, link.__context__]


def _name(error: BaseException) -> str:
    return type(error).__name__


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    is_one = isinstance(status, int) and status >= 400 and _name(error) not in _INVENTED
    return status if is_one else None


def _is_of_transport(error: BaseException) -> bool:
    return any(kind.__name__ in _TRANSPORTS for kind in type(error).__mro__)


def _body(links: list[BaseException]) -> Any:
    """Return the description of an error that the provider itself has sent."""
    bodies = [getattr(link, "body", None) for link in links]
    return next((body for body in bodies if isinstance(body, Mapping) and body), None)


def _description(error: BaseException, links: list[BaseException]) -> Any:
    if _name(error) == "ContentPolicyViolationError":
        return {"message": _sentence(error), "code": "content_filter"}
    return _body(links) or _sentence(error)


def _headers(links: list[BaseException]) -> Mapping[str, str]:
    """Return the headers of the failed reply; LiteLLM keeps them here or there."""
    for link in links:
        reply = getattr(link, "response", None)
        for headers in (
            getattr(link, "litellm_response_headers", None),
            getattr(link, "headers", None),
            getattr(reply, "headers", None),
        ):
            if headers:
                return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def _sentence(error: BaseException) -> str:
    """Return the sentence of the provider."""
    return _CLASSES.sub("", _words(error), count=1).partition(_TRACEBACK)[0]


def _words(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error)
