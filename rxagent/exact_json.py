"""Exact JSON: numbers that know the digits with which they were written, read and written."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from jiter import LosslessFloat, from_json

__all__ = ["ExactFloat", "Partial", "exact_json", "exact_text"]

Partial: TypeAlias = bool | Literal["trailing-strings"]
"""Whether JSON may be incomplete, and whether a text that has not ended is a part of it."""


class ExactFloat(float):
    """A number with a fraction or an exponent, which knows how it was written."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> ExactFloat:
        """Read a number of JSON."""
        made = super().__new__(cls, written)
        made.written = written
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.written,)


def exact_json(data: bytes, partial: Partial = False) -> Any:
    """Return a value of JSON, in which floats know how they were written.

    Raises:
        ValueError: It is not JSON.
    """
    return _exact(from_json(data, partial_mode=partial, float_mode="lossless-float"))


def exact_text(value: Any) -> str:
    """Return a value as JSON, in which floats that know it are as they were written."""
    try:
        return _text(value)
    except RecursionError:
        return json.dumps(value)


def _exact(value: Any) -> Any:
    if isinstance(value, LosslessFloat):
        return ExactFloat(bytes(value).decode())
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, ExactFloat):
        return value.written
    if isinstance(value, dict):
        items = (f"{json.dumps(name)}: {_text(item)}" for name, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return json.dumps(value)
