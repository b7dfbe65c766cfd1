"""Failures: which objects in a reply report an error, and which are signs of life."""

import re
from collections.abc import Mapping
from typing import Any

from ..errors import MESSAGES, STATUSES, status_of

__all__ = ["failure_in", "is_foreign"]

_CODES = {*STATUSES} - {"type"}
_SENTENCES = ("message", "msg", "detail", *MESSAGES)
_MEANINGFUL = {*STATUSES, *_SENTENCES, "error", "errors"}
_ERRORS = ("error", "errors", "Error")

_OF_CHUNKS = {"choices", "usage", "id", "object", "created", "model", "system_fingerprint"}
_OF_CHUNKS |= {"service_tier", "provider", "base_resp", "prompt_filter_results", "timings"}
_OF_PINGS = {"type", "event", "ping", "keepalive", "keep_alive", "heartbeat", "status", "comment"}
_OF_PINGS |= {"time", "timestamp", "ts", "success", "ok", "request_id", "requestId"}

_KIND = re.compile(r"error|fail", re.IGNORECASE)
_NAMED_ERROR = re.compile(r"(.*[_.-])?(error|failure|failed|exception)", re.IGNORECASE)
_WELL = re.compile(
    r"|0|2\d\d|(2\d\d )?ok(ay)?|success(ful|fully)?|succeeded|none|null|nil|no.?error|false"
    r"|done|complete|completed|finished",
    re.IGNORECASE,
)
_ALIVE = re.compile(
    r"ping|pong|keep.?alive|heart.?beat|alive|.{0,20}processing|in.?progress|pending|queued|running"
    r"|waiting|started",
    re.IGNORECASE,
)


def failure_in(part: Any, inside: bool = False) -> Any:
    """Return the description of an error that an object of a reply holds, or None.

    Args:
        part: A chunk, a choice, a message, a delta, a call, or a part of a content.
        inside: Whether it is part of a chunk; then only what is named an error is one.
    """
    for name in _ERRORS:
        if (error := part.get(name)) and _reports(error):
            return part if error is True else error
    base = part.get("base_resp")  # MiniMax's, whose text then is no answer
    if isinstance(base, Mapping) and base.get("status_code"):
        return {"code": base["status_code"], "message": base.get("status_msg")}
    if inside:
        kind = part.get("type")
        return part if isinstance(kind, str) and _NAMED_ERROR.fullmatch(kind) else None
    if any(part.get("choices") or ()) or _counts(part.get("usage")):
        return part if _is_failed_chunk(part) else None
    kinds = " ".join(str(part.get(name)) for name in ("object", "type", "status", "event"))
    if _KIND.search(kinds):
        return part
    has_code = any(not _is_life(part.get(name)) for name in _CODES)
    has_words = any(not _is_life(part.get(name)) for name in _SENTENCES)
    return part if has_code or has_words else None


def is_foreign(chunk: Mapping[str, Any]) -> bool:
    """Return whether an object is neither a chunk nor a sign of life."""
    if not chunk or any(name in _OF_CHUNKS or name.startswith("x_") for name in chunk):
        return False
    return any(_is_strange(name, value) for name, value in chunk.items())


def _counts(usage: Any) -> bool:
    """Return whether a usage reports anything: some servers fill all fields with zeros."""
    return any(usage.values()) if isinstance(usage, Mapping) else bool(usage)


def _is_failed_chunk(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk with choices or usage has the code of a failure."""
    if _CODES.isdisjoint(chunk):  # as nearly always
        return False
    codes = [code for name in _CODES if not _is_life(code := chunk.get(name))]
    has_words = any(not _is_life(chunk.get(name)) for name in _SENTENCES)
    return any(map(status_of, codes)) or (bool(codes) and has_words)


def _reports(error: Any) -> bool:
    """Return whether the value of a field named error reports one: a code of success does not."""
    if isinstance(error, list):
        return any(map(_reports, error))
    if not isinstance(error, Mapping):
        return error is True or not _is_well(error)
    meaningful = _MEANINGFUL & error.keys()
    return any(not _is_well(error[name]) for name in meaningful) if meaningful else bool(error)


def _is_well(value: Any) -> bool:
    """Return whether a code or a message is empty, or means success."""
    if isinstance(value, str):
        return bool(_WELL.fullmatch(value.strip()))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value == 0 or 200 <= value < 300
    return not value or value is True or not isinstance(value, list | Mapping)


def _is_life(value: Any) -> bool:
    """Return whether a code or a message only means that the server is still working."""
    return _is_well(value) or (isinstance(value, str) and bool(_ALIVE.fullmatch(value.strip())))


def _is_strange(name: str, value: Any) -> bool:
    if name in _OF_PINGS:
        return isinstance(value, dict | list) or (value is False and name in ("success", "ok"))
    if name in _ERRORS:
        return _reports(value)
    return value is not None and (name not in _MEANINGFUL or not _is_life(value))
