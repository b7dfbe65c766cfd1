"""Parts: the failures, finish reasons, arguments and usages in what a provider itself has sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...finish_reasons import finish_of
from ..failures import failure_in, wordless_failure_in
from ..openai_chat.calls import ARGUMENTS
from ..openai_chat.nesting import is_deep
from ..openai_responses.failures import failure_in_event
from .deltas import make_plain

__all__ = [
    "arguments_in",
    "counts_thoughts",
    "decisive_in",
    "drop_estimate",
    "failure_of",
    "reasons_in",
    "without_odd_fields",
]

_REASONS = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
_FAILED = ("error", "failed")
_UNFINISHED = ("", "null", "none", "not_finished")
"""The words for a reply that goes on; the last is of watsonx."""

_AROUND = ("choices", "candidates", "results", "delta", "message", "response")
_INNER = (*_AROUND, "content_block", "function", "tool_calls")
"""The parts of a reply that may report a failure; the first of them, a finish reason, too."""

_DEPTH = 4
"""How deep such parts lie in each other: choice, delta, call, function."""

_OF_REPLIES = {"candidates", "choices", "content_block", "delta", "done", "usageMetadata"}
"""The fields of which one shows that an object is a part of a reply."""

_USAGES = ("usage", "usageMetadata")
_OF_VENDORS = "provider_specific_fields"
_COUNTS = ("tokens", "tokencount")
_THOUGHTS = "reasoning_tokens"
_OF_THOUGHTS = (_THOUGHTS, "reasoningTokens", "thoughtsTokenCount", "thinking_tokens")
_LIMITS = {"max_messages": "length", "max_tool_calls": "length"}


def failure_of(value: Mapping[str, Any]) -> Any:
    """Return the description of an error that an object holds, in any of its parts, or None."""
    if _is_of_responses(value):
        return failure_in_event(value, answered=True)
    fields = [value[name] for name in _OF_REPLIES & value.keys()]
    is_known = any(field not in (None, [], ()) for field in fields)
    is_known = is_known or isinstance(value.get("message"), Mapping)
    error = failure_in(value, is_known=is_known)
    if error is None and not is_known:
        error = wordless_failure_in(value)
    for part in _parts_of(value, _INNER, _DEPTH):
        error = failure_in(part, inside=True) if error is None else error
    return error


def decisive_in(reasons: Iterable[str]) -> str | None:
    """Return the first finish reason that counts whatever else is given, or None.

    LiteLLM gives `tool_calls` where a reply has calls, though it was refused, cut, or failed.
    """
    return next((word for word in reasons if finish_of(word) not in ("stop", "tool_calls")), None)


def reasons_in(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the finish reasons that an object of a reply holds, in the provider's words."""
    if _is_of_responses(value):
        yield from _ends_in(value)
        return
    for part in (value, *_parts_of(value, _AROUND, 2)):
        given = [part.get(name) for name in _REASONS]
        words = [word for word in given if isinstance(word, str)]
        said = [word for word in words if word.strip().lower() not in _UNFINISHED]
        # A server may tell beside its reason which of the stop sequences it met.
        yield from said[:1]
        yield from (word for word in said[1:] if word in _FAILED)
    feedback = value.get("promptFeedback")  # of Gemini, whose reply to a blocked prompt is empty
    if isinstance(feedback, Mapping) and feedback.get("blockReason"):
        yield "content_filter"


def arguments_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the arguments of all calls in a reply, or in a part of one, that came as objects."""
    if isinstance(value, Mapping):
        yield from (value[name] for name in ARGUMENTS if isinstance(value.get(name), Mapping))
    if isinstance(value, Mapping | list) and not is_deep(value):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from arguments_in(inner)


def counts_thoughts(text: str) -> bool:
    """Return whether a text of a provider's may report how many tokens its thoughts have."""
    return any(name in text for name in _OF_THOUGHTS)


def drop_estimate(fields: Mapping[str, Any]) -> None:
    """Remove from the usage of a chunk what LiteLLM has made up of the tokens of thoughts."""
    usage = fields.get("usage")
    details = usage.get("completion_tokens_details") if isinstance(usage, Mapping) else None
    if isinstance(details, dict):
        details.pop(_THOUGHTS, None)


def without_odd_fields(value: dict[str, Any]) -> bool:
    """Remove the side fields that cannot be read, and return whether there were any."""
    message = value.get("message")
    found = False
    for part in (value, message) if isinstance(message, dict) else (value,):
        for name in _USAGES:
            if name in part and _is_odd(part[name]):
                found = True
                del part[name]
                if part is message:
                    part[name] = {"input_tokens": 0, "output_tokens": 0}  # Anthropic's must be
    for inner in _parts_of(value, ("choices", "delta"), 2):
        if isinstance(inner, dict):
            if not isinstance(inner.get(_OF_VENDORS, {}), Mapping):
                found = True
                del inner[_OF_VENDORS]
            found |= make_plain(inner)
    return found


def _is_odd(usage: Any) -> bool:
    if usage is None:
        return False
    if not isinstance(usage, Mapping):
        return True
    counts = [count for name, count in usage.items() if str(name).lower().endswith(_COUNTS)]
    return any(count is not None and (type(count) is not int or count < 0) for count in counts)


def _is_of_responses(value: Mapping[str, Any]) -> bool:
    kind = value.get("type")
    return value.get("object") == "response" or str(kind).startswith("response.")


def _ends_in(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reason for which a response has ended, if it has."""
    inner = event.get("response")
    response = inner if isinstance(inner, Mapping) else event
    states = response.get("status"), str(event.get("type")).removeprefix("response.")
    if "incomplete" in states:
        details = response.get("incomplete_details")
        word = details.get("reason") if isinstance(details, Mapping) else details
        yield _LIMITS.get(word, word) if isinstance(word, str) and word else "length"
    elif "completed" in states and event.get("type") in (None, "response.completed"):
        yield "completed"


def _parts_of(
    value: Mapping[str, Any], names: tuple[str, ...], depth: int
) -> Iterator[Mapping[str, Any]]:
    """Yield the objects under these names in an object, and in each other."""
    for name in names if depth else ():
        inner = value.get(name)
        for part in inner if isinstance(inner, list) else (inner,):
            if isinstance(part, Mapping):
                yield part
                yield from _parts_of(part, names, depth - 1)
