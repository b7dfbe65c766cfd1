"""Shown: how texts, calls, times and tokens look to people."""

import json
import re
from typing import Any

from ..events import Usage
from ..messages import ToolCall

__all__ = ["answer_text", "call_text", "duration", "one_line", "shown", "tokens"]

# All controls but tab and newline, marks that turn the direction of writing, and surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MINUTE = 60


def shown(text: str) -> str:
    """Return a text whose control characters are seen, not obeyed; lines and tabs stay."""
    if text.isprintable():
        return text
    return _UNSEEN.sub(_picture, text.replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Return a text on one line, with its control characters seen."""
    return " ".join(shown(text).split())


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
    return one_line(f"{call.name}({said})")


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
