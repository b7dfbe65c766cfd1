"""Large JSON, read in slices: a parser would block the loop until the end of the text."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any

from ..exact_json import ExactFloat
from ..streams.fairness import REST, Rest

__all__ = ["read_value"]

_SMALL = 2048
"""Up to so many characters an object or a list is parsed at once; a larger one, item by item."""

_DEEPEST = 100
_STRIDE = 32

_gap = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder(strict=False, parse_float=ExactFloat).raw_decode
_LARGE: Any = object()


def read_value(text: str, at: int = 0) -> Generator[Rest, None, tuple[Any, int]]:
    """Return the JSON value that begins at a position of a text, and the position of its end.

    Yields REST now and then.

    Raises:
        ValueError: None begins there, or it is nested very deeply.
        RecursionError: A small part of it is nested very deeply.
    """
    outer: list[tuple[Any, str]] = []  # open containers, each with the key of its next value
    read = 0
    while True:
        at = _after_gap(text, at)
        value, end = _read_small(text, at)
        if value is _LARGE:
            if len(outer) == _DEEPEST:
                raise ValueError
            is_object = text[at] == "{"
            key, at = _key(text, at + 1) if is_object else ("", at + 1)
            outer.append(({} if is_object else [], key))
            continue
        at = end
        while outer:
            inner, key = outer[-1]
            is_object = type(inner) is dict
            if is_object:
                inner[key] = value
            else:
                inner.append(value)
            at = _after_gap(text, at) + 1
            if text[at - 1 : at] == ",":
                key, at = _key(text, at) if is_object else ("", at)
                outer[-1] = inner, key
                break
            if text[at - 1 : at] != ("}" if is_object else "]"):
                raise ValueError
            value, _ = outer.pop()
        else:
            return value, at
        read += 1
        if not read % _STRIDE:
            yield REST


def _read_small(text: str, at: int) -> tuple[Any, int]:
    if not text.startswith(("{", "["), at):
        return _decode(text, at)
    try:
        value, size = _decode(text[at : at + _SMALL])
    except ValueError:
        return _LARGE, at
    return value, at + size


def _key(text: str, at: int) -> tuple[str, int]:
    """Return the next key, and the position behind its colon."""
    key, at = _decode(text, _after_gap(text, at))
    at = _after_gap(text, at)
    if not isinstance(key, str) or text[at : at + 1] != ":":
        raise ValueError
    return key, at + 1


def _after_gap(text: str, at: int) -> int:
    found = _gap.match(text, at)
    return found.end() if found else at
