"""Failures that Bedrock reports: instead of a reply, and within one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ...errors import ModelError
from ..errors import ErrorFactory, status_of
from ..failures import failure_in, wordless_failure_in
from .frames import Headers

__all__ = ["described_error", "error_in", "error_of_reply", "failure_of", "is_failure"]

_STATUSES = {
    "accessdeniedexception": 403,
    "internalserverexception": 500,
    "modelerrorexception": 424,
    "modelnotreadyexception": 429,
    "modelstreamerrorexception": 424,
    "modeltimeoutexception": 408,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 400,
    "serviceunavailableexception": 503,
    "throttlingexception": 429,
    "validationexception": 400,
}
"""Bedrock's exceptions, and their statuses (botocore's service model, November 2026)."""


_NAME = re.compile(r"(.*[._-])?error|.*(exception|failure|fault)", re.IGNORECASE)


@lru_cache(maxsize=64)
def is_failure(name: str) -> bool:
    """Return whether the name of an event is one of an exception."""
    return _NAME.fullmatch(name) is not None


def failure_of(value: Any, is_known: bool) -> Any:
    """Return the description of an error that an event, or a whole reply, reports, or None.

    Args:
        value: What it holds.
        is_known: Whether it is known to be of the protocol, so that words alone are no error.
    """
    if not isinstance(value, Mapping):
        return None
    for part in (value, value.get("Output")):
        if isinstance(part, Mapping) and isinstance(part.get("__type"), str):
            return part
    error = failure_in(value, is_known=is_known)
    return error if error is not None or is_known else wordless_failure_in(value)


def described_error(errors: ErrorFactory, description: Any) -> ModelError:
    """Return the error of a description that stands where an event or a reply should."""
    return _error(errors, "", description, None, None)


def error_in(errors: ErrorFactory, headers: Headers, payload: bytes) -> ModelError:
    """Return the error that a frame reports."""
    names = (headers.get(f":{kind}") for kind in ("exception-type", "error-code", "event-type"))
    name = next(filter(None, names), "error")
    return _error(errors, name, _described(payload), None, headers.get(":error-message"))


def error_of_reply(
    errors: ErrorFactory, status: int, headers: Mapping[str, str], body: bytes
) -> ModelError:
    """Return the error that a reply of an error status reports."""
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    return _error(errors, name, _described(body), status, None, headers)


def _described(body: bytes) -> Any:
    text = body.decode(errors="replace")
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


def _error(
    errors: ErrorFactory,
    name: str,
    description: Any,
    status: int | None,
    message: str | None,
    headers: Mapping[str, str] | None = None,
) -> ModelError:
    if isinstance(description, dict):
        fields: dict[str, Any] = {key[:1].lower() + key[1:]: v for key, v in description.items()}
        typed = str(fields.get("__type") or fields.get("code") or "")
        name = name or typed.rpartition("#")[2].partition(":")[0]
        original = status_of(fields.get("originalStatusCode"))
        status = original or status
        message = fields.get("originalMessage") or fields.get("message") or message
        description = {**fields, "message": message} if message else fields
    else:
        description = {"message": message or description}
    status = status or _STATUSES.get(name.lower()) or status_of(name)
    named = {"type": name} if name else {}
    return errors.reported({**description, **named}, status, headers)
