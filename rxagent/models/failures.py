"""Failures: which objects of a reply, in any protocol, report an error or are signs of life."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import MESSAGES, STATUSES, status_of

__all__ = ["failed_state_in", "failure_in", "failure_inside", "is_foreign", "wordless_failure_in"]

_CODES = {*STATUSES} - {"type"}
_KINDS = ("object", "type", "status", "event")
_KINDS_SET = {*_KINDS}
_SENTENCES = ("message", "msg", "detail", *MESSAGES)
_MEANINGFUL = {*STATUSES, *_SENTENCES, "error", "errors"}
_ERRORS = ("error", "errors", "Error")
_BESIDE: tuple[str, ...] = (
    "error_code",
    "error_message",
    "error_msg",
    "errorCode",
    "errorMessage",
    "errorMsg",
)
_BESIDE += ("err", "errno", "errcode", "errmsg", "err_code", "err_msg", "errCode", "errMsg")
_ERRORS_SET = {*_ERRORS}
_SIGNS = {*_ERRORS, *_BESIDE, "base_resp"}
"""What an object that reports a failure has inside a chunk, beside its type and its role."""

_OF_CHUNKS = {"choices", "usage", "id", "object", "created", "model", "system_fingerprint"}
_OF_CHUNKS |= {"service_tier", "provider", "base_resp", "prompt_filter_results", "timings"}
_OF_OPENAI = frozenset(("choices", "usage", "id", "object", "created", "model"))
_OF_OPENAI |= {"system_fingerprint", "service_tier", "obfuscation"}
_USUAL = "chat.completion.chunk", "chat.completion"
_OF_PINGS = {"type", "event", "ping", "keepalive", "keep_alive", "heartbeat", "status", "comment"}
_OF_PINGS |= {"time", "timestamp", "ts", "success", "ok", "request_id", "requestId"}

_OF_FILTERS = {"prompt_filter_results", "content_filter_results", "content_filter_result"}
"""What filters report: where one of them has failed, the reply is whole."""

_INNOCENT = frozenset(("index", "delta", "logprobs", "finish_reason", "content", "refusal"))
_INNOCENT |= {"tool_calls", "id", "function", "name", "arguments", "reasoning_content", "role"}
"""What says of no failure inside a chunk, but for a role with that name."""

_KIND = re.compile(r"error|fail", re.IGNORECASE)
_NAMED_ERROR = re.compile(r"(.*[_.-])?(error|failure|failed|exception)", re.IGNORECASE)
_OBJECT_OF_ERROR = re.compile(r"error|exception|failure|fault", re.IGNORECASE)
_FAILED_STATE = re.compile(
    r"(.*[_.-])?(error|failure|failed|exception|cancell?ed|aborted)", re.IGNORECASE
)
_WELL = re.compile(
    r"|0|2\d\d|(2\d\d )?ok(ay)?|success(ful|fully)?|succeeded|none|null|nil|no.?error|false"
    r"|done|complete|completed|finished",
    re.IGNORECASE,
)
_BUSY = (
    r"(?:(?:the|your|this|request|model|server|task|job|openrouter|is|still|now|currently|being)"
    r"[ :_-]{1,3}){0,6}process(?:ing|ed)(?: (?:the|your|this) (?:request|task|job))?[ .…]{0,4}"
)
_ALIVE = re.compile(
    rf"ping|pong|keep.?alive|heart.?beat|alive|{_BUSY}|in.?progress|pending|queued|running"
    r"|waiting|started",
    re.IGNORECASE,
)

_WORDLESS = "it came without a message"


def failure_in(part: Any, inside: bool = False, is_known: bool = False) -> Any:
    """Return the description of an error that an object of a reply holds, or None.

    Args:
        part: A chunk, an event, a choice, a message, a delta, a call, or a part of a content;
            what is no object holds none.
        inside: Whether it is part of a chunk or an event; then only what is named an error is one.
        is_known: Whether it is known to be of the protocol, so that words alone are no error, and
            neither is a state such as `incomplete`. A chunk with choices or usage is.
    """
    if type(part) is dict:
        if _is_innocent(part) if inside else _is_usual(part):
            return None
    elif not isinstance(part, Mapping):
        return None
    if not _SIGNS.isdisjoint(part) and (error := _reported_in(part)) is not None:
        return error
    if part.get("role") == "error":
        return part.get("content") or part
    if inside:
        kind = part.get("type")
        return part if isinstance(kind, str) and _NAMED_ERROR.fullmatch(kind) else None
    for name, value in part.items():
        if type(value) is dict and (error := _vendors_error(name, value)) is not None:
            return error
    if is_known or any(part.get("choices") or ()) or _counts(part.get("usage")):
        return part if _is_failed_chunk(part) else None
    kinds = " ".join(str(part.get(name)) for name in _KINDS)
    if _KIND.search(kinds):
        return part
    has_code = any(not _is_life(part.get(name)) for name in _CODES)
    has_words = any(not _is_life(part.get(name)) for name in _SENTENCES)
    is_unsuccessful = part.get("success") is False or part.get("ok") is False
    return part if has_code or has_words or is_unsuccessful else None


def failure_inside(*parts: Any) -> Any:
    """Return the description of an error, or of a failed state, in parts of a chunk, or None."""
    if all(map(_is_innocent, parts)):
        return None
    errors = [failure_in(part, inside=True) for part in parts]
    return next((found for found in (*errors, *map(failed_state_in, parts)) if found), None)


def wordless_failure_in(chunk: Mapping[str, Any]) -> str | None:
    """Return the description of an error that has lost its words, in a chunk without choices.

    Beside a usage, and with a code of success, such a field means that there is no error.
    """
    if _ERRORS_SET.isdisjoint(chunk) or _counts(chunk.get("usage")):
        return None
    return _WORDLESS if any(_is_wordless(chunk.get(name)) for name in _ERRORS) else None


def failed_state_in(part: Any) -> Any:
    """Return a part of a chunk whose status says that it has failed, or None."""
    is_object = type(part) is dict or isinstance(part, Mapping)
    state = part.get("status") if is_object else None
    return part if isinstance(state, str) and _FAILED_STATE.fullmatch(state.strip()) else None


def is_foreign(chunk: Mapping[str, Any]) -> bool:
    """Return whether an object is neither a chunk nor a sign of life."""
    if not chunk or any(name in _OF_CHUNKS or name.startswith("x_") for name in chunk):
        return False
    return any(_is_strange(name, value) for name, value in chunk.items())


def _is_innocent(part: Any) -> bool:
    """Return whether a part of a chunk is empty, or has only fields that say of no failure."""
    if not part:
        return True
    return type(part) is dict and _INNOCENT.issuperset(part) and part.get("role") != "error"


def _is_usual(chunk: dict[str, Any]) -> bool:
    """Return whether a chunk has no other fields than OpenAI's own, and says of no failure."""
    if not _OF_OPENAI.issuperset(chunk) or chunk.get("object") not in _USUAL:
        return False
    usage = chunk.get("usage")
    is_list = type(chunk.get("choices")) is list
    return is_list and (usage is None or (type(usage) is dict and _ERRORS_SET.isdisjoint(usage)))


def _reported_in(part: Mapping[str, Any]) -> Any:
    """Return the description of an error that a field of an object is named after, or None."""
    for name in _ERRORS:
        if (error := part.get(name)) and _reports(error):
            return part if error is True else error
    base = part.get("base_resp")  # MiniMax's, whose text then is no answer
    if isinstance(base, Mapping) and base.get("status_code"):
        return {"code": base["status_code"], "message": base.get("status_msg")}
    return part if any(not _is_well(part.get(name)) for name in _BESIDE) else None


def _vendors_error(name: str, value: dict[str, Any]) -> Any:
    """Return the error in an object that only its vendor sends, such as `x_groq`, or None."""
    if name in _OF_FILTERS or name in _ERRORS:
        return None
    if _OBJECT_OF_ERROR.search(name):
        return value if _reports(value) else None
    if _ERRORS_SET.isdisjoint(value):
        return None
    return next((value[key] for key in _ERRORS if value.get(key) and _reports(value[key])), None)


def _is_wordless(error: Any) -> bool:
    """Return whether the value of a field named error is one that has lost its words."""
    if not isinstance(error, Mapping):
        return isinstance(error, str) and not error.strip()
    return not any(_says(error[name]) for name in _MEANINGFUL & error.keys()) and not _reports(
        error
    )


def _says(value: Any) -> bool:
    """Return whether a code or a message says anything; null, and the word for it, do not."""
    return value is not None and str(value).strip().lower() not in ("", "none", "null", "nil")


def _counts(usage: Any) -> bool:
    """Return whether a usage reports anything: some servers fill all fields with zeros."""
    return any(usage.values()) if isinstance(usage, Mapping) else bool(usage)


def _is_failed_chunk(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk with choices or usage has the kind or the code of a failure."""
    for name in chunk.keys() & _KINDS_SET:
        kind = chunk[name]
        if isinstance(kind, str) and _NAMED_ERROR.fullmatch(kind):
            return True
    if _CODES.isdisjoint(chunk) and chunk.get("success") is not False:  # as nearly always
        return False
    codes = [code for name in _CODES if not _is_life(code := chunk.get(name))]
    has_words = any(not _is_life(chunk.get(name)) for name in _SENTENCES)
    is_unsuccessful = chunk.get("success") is False
    return is_unsuccessful or any(map(status_of, codes)) or (bool(codes) and has_words)


def _reports(error: Any) -> bool:
    """Return whether the value of a field named error reports one: a code of success does not."""
    if isinstance(error, list):
        return any(map(_reports, error))
    if not isinstance(error, Mapping):
        return error is True or not _is_well(error)
    meaningful = _MEANINGFUL & error.keys()
    return any(not _is_well(error[name]) for name in meaningful or error)


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
