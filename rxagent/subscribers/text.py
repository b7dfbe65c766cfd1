"""Shown: how answers, calls, times and tokens look to people."""

import json
from typing import Any

from ..events import Usage
from ..messages import ToolCall
from ..printable import one_line, spelled

__all__ = ["answer_text", "call_text", "duration", "tokens"]

_MINUTE = 60


def answer_text(value: Any) -> str:
    """Return the text of an answer: a text as it is, other values as JSON where that can say it."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def call_text(call: ToolCall) -> str:
    """Return a call as one would write it: `add(a=2, b=3)`; a lone argument without its name."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    match arguments:
        case dict() if len(arguments) == 1:
            said = _literal(*arguments.values())
        case dict():
            said = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
        case _:
            said = call.arguments
    return f"{spelled(call.name)}({one_line(said)})"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def duration(seconds: float) -> str:
    """Return a span of time in seconds, or in minutes and seconds."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"


def tokens(usage: Usage | None) -> str:
    """Return how many tokens went in and out, or that nobody reported any."""
    if usage is None:
        return "usage unknown"
    return f"{_count(usage.input_tokens)} in / {_count(usage.output_tokens)} out"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")
