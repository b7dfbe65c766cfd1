"""Answers, calls, durations and tokens as text for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..events import Usage
from ..messages import INTERPRETER, ToolCall
from ..printable import one_line, spelled

__all__ = [
    "answer_text",
    "call_text",
    "code_of",
    "duration",
    "output_in",
    "tokens",
    "tokens_by_model",
]

_MINUTE = 60
_PRINTED = "Printed:\n"
_VALUE = re.compile(r"(?:^|\n)((?:The answer|The value of the last line): (?s:.*))\Z")


def answer_text(value: Any) -> str:
    """Return an answer as text: a str unchanged, other values as JSON where possible."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def call_text(call: ToolCall) -> str:
    """Return a call as code: `add(a=2, b=3)`; a single argument without its name."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    match arguments:
        case dict() if len(arguments) == 1:
            text = _literal(*arguments.values())
        case dict():
            text = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
        case _:
            text = call.arguments
    return f"{spelled(call.name)}({one_line(text)})"


def code_of(call: ToolCall) -> str | None:
    """Return the code of a call that a code agent made; None for any other call."""
    if call.name != INTERPRETER:
        return None
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    code = arguments.get("code") if isinstance(arguments, dict) else None
    return code if isinstance(code, str) else None


def output_in(text: str, failed: bool) -> tuple[str, str]:
    """Return what code printed, as the model reads it, and the value or the error beside it.

    Args:
        text: The result or the error of the code.
        failed: Whether it is an error.
    """
    if failed:
        error, _, printed = text.partition(f"\n{_PRINTED}")
        return printed, error
    if not text.startswith(_PRINTED):
        return "", text
    printed = text.removeprefix(_PRINTED)
    found = _VALUE.search(printed)
    return (printed[: found.start()], found[1]) if found else (printed, "")


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def duration(seconds: float) -> str:
    """Return a duration in seconds, or in minutes and seconds."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"


def tokens(usage: Usage | None) -> str:
    """Return the input and output tokens, or that none were reported."""
    if usage is None:
        return "usage unknown"
    return f"{_count(usage.input_tokens)} in / {_count(usage.output_tokens)} out"


def tokens_by_model(usages: Mapping[str, Usage]) -> list[str]:
    """Return a line for each model, if there are several."""
    if len(usages) < 2:
        return []
    return [f"{spelled(name) or 'other models'}: {tokens(used)}" for name, used in usages.items()]


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")
