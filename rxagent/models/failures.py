"""Failures: which objects in a reply tell of an error, and which are signs of life."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MESSAGES", "STATUSES", "failure_in", "is_foreign", "status_of"]

STATUSES = ("code", "status", "status_code", "statusCode", "http_status", "error_code", "type")
"""The fields of an error that may hold its status."""

MESSAGES = ("error_message", "error_msg", "status_msg", "reason")
"""Fields that may hold its sentence, beside `message`, `detail` and `msg`."""

_CODES = {*STATUSES} - {"type"}
_SENTENCES = ("message", "msg", "detail", *MESSAGES)
_TELLING = {*STATUSES, *_SENTENCES, "error", "errors"}
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


def failure_in(said: Any, inside: bool = False) -> Any:
    """Return the description of an error that an object of a reply holds, or None.

    Args:
        said: A chunk, a choice, a message, a delta, a call, or a part of a content.
        inside: Whether it is part of a chunk; then an error is only what is called so.
    """
    for name in _ERRORS:
        if (error := said.get(name)) and _tells(error):
            return said if error is True else error
    base = said.get("base_resp")  # MiniMax's, whose text then is no answer
    if isinstance(base, Mapping) and base.get("status_code"):
        return {"code": base["status_code"], "message": base.get("status_msg")}
    if inside:
        kind = said.get("type")
        return said if isinstance(kind, str) and _NAMED_ERROR.fullmatch(kind) else None
    if said.get("choices") or said.get("usage"):
        return said if _is_failed_chunk(said) else None
    kinds = " ".join(str(said.get(name)) for name in ("object", "type", "status", "event"))
    if _KIND.search(kinds):
        return said
    has_code = any(not _is_life(said.get(name)) for name in _CODES)
    has_words = any(not _is_life(said.get(name)) for name in _SENTENCES)
    return said if has_code or (has_words and "choices" not in said) else None


def is_foreign(chunk: Mapping[str, Any]) -> bool:
    """Tell whether an object is no chunk, and no sign of life either."""
    if not chunk or any(name in _OF_CHUNKS or name.startswith("x_") for name in chunk):
        return False
    return any(_is_strange(name, value) for name, value in chunk.items())


def status_of(said: Any) -> int | None:
    """Return the HTTP status that a code is, as a number or at the beginning of a text."""
    if isinstance(said, str):
        found = re.match(r"(?:http|status|error|code|[\s:_-])*+([45]\d\d)(?!\d)", said, re.I)
        return int(found[1]) if found else None
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return int(said) if is_number and 400 <= said < 600 else None


def _is_failed_chunk(chunk: Mapping[str, Any]) -> bool:
    """Tell whether a chunk with choices or usage has a code that no good one has."""
    if _CODES.isdisjoint(chunk):  # as nearly always
        return False
    codes = [code for name in _CODES if not _is_life(code := chunk.get(name))]
    has_words = any(not _is_life(chunk.get(name)) for name in _SENTENCES)
    return any(map(status_of, codes)) or (bool(codes) and has_words)


def _tells(error: Any) -> bool:
    """Tell whether the value of a field named error tells of one: a code of success does not."""
    if isinstance(error, list):
        return any(map(_tells, error))
    if not isinstance(error, Mapping):
        return error is True or not _is_well(error)
    telling = _TELLING & error.keys()
    return any(not _is_well(error[name]) for name in telling) if telling else bool(error)


def _is_well(said: Any) -> bool:
    """Tell whether a code or a sentence is none, or speaks of success."""
    if isinstance(said, str):
        return bool(_WELL.fullmatch(said.strip()))
    if isinstance(said, int | float) and not isinstance(said, bool):
        return said == 0 or 200 <= said < 300
    return not said or said is True or not isinstance(said, list | Mapping)


def _is_life(said: Any) -> bool:
    """Tell whether a code or a sentence says no more than that the server goes on."""
    return _is_well(said) or (isinstance(said, str) and bool(_ALIVE.fullmatch(said.strip())))


def _is_strange(name: str, value: Any) -> bool:
    if name in _OF_PINGS:
        return isinstance(value, dict | list) or (value is False and name in ("success", "ok"))
    if name in _ERRORS:
        return _tells(value)
    return value is not None and (name not in _TELLING or not _is_life(value))
