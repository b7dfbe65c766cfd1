"""Failures that Bedrock reports: instead of a reply, and within one."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...errors import ModelError
from ..errors import ErrorFactory, status_of
from .frames import Headers

__all__ = ["error_in", "error_of_reply"]

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


def error_in(errors: ErrorFactory, headers: Headers, payload: bytes) -> ModelError:
    """Return the error that a frame reports."""
    name = headers.get(":exception-type") or headers.get(":error-code") or "error"
    return _error(errors, name, payload, None, headers.get(":error-message"))


def error_of_reply(
    errors: ErrorFactory, status: int, headers: Mapping[str, str], body: bytes
) -> ModelError:
    """Return the error that a reply of an error status reports."""
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    return _error(errors, name, body, status, None, headers)


def _error(
    errors: ErrorFactory,
    name: str,
    body: bytes,
    status: int | None,
    message: str | None,
    headers: Mapping[str, str] | None = None,
) -> ModelError:
    description: Any = body.decode(errors="replace")
    with suppress(ValueError, RecursionError):
        description = json.loads(description)
    if isinstance(description, dict):
        fields: dict[str, Any] = {key[:1].lower() + key[1:]: v for key, v in description.items()}
        name = name or str(fields.get("__type") or fields.get("code") or "").rpartition("#")[2]
        original = status_of(fields.get("originalStatusCode"))
        status = original or status
        message = fields.get("originalMessage") or fields.get("message") or message
        description = {**fields, "message": message} if message else fields
    else:
        description = {"message": message or description}
    status = status or _STATUSES.get(name.lower()) or status_of(name)
    return errors.reported({**description, "type": name}, status, headers)
