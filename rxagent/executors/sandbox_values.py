"""Values that go into the sandbox and come out of it: plain data, which is copied."""

import json
from collections import deque
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from ..arguments import shorten

__all__ = ["held", "plain", "result_of_call"]

_SAME = (
    *(type(None), bool, int, float, complex, bytes, type(...)),
    *(date, time, timedelta, timezone, Decimal, PurePath),
)

_ADVICE = (
    "The sandbox holds None, numbers, text, bytes, dates, and lists, tuples, sets and dicts of "
    "these. Convert it, or give the agent a tool that works on it, or use ProcessExecutor."
)


def held(what: str, value: Any) -> Any:
    """Return a value as the sandbox can hold it.

    Arrays become lists; dataclasses and the models of pydantic and attrs become dicts; an Enum
    becomes its value.

    Args:
        what: What it is, in words, for the error.
        value: The value.

    Raises:
        TypeError: The sandbox cannot hold it.
    """
    try:
        return _held(value)
    except _CannotHold as error:
        kind = type(error.value)
        of = f"holds a {kind.__name__}" if error.value is not value else f"is a {kind.__name__}"
        raise TypeError(
            f"{what} {of}, which the sandbox cannot hold: {shorten(repr(error.value))}. {_ADVICE}"
        ) from None
    except RecursionError:
        raise TypeError(f"{what} holds itself, or is nested too deeply. {_ADVICE}") from None


class _CannotHold(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _held(value: Any) -> Any:
    if isinstance(value, str):
        text = value if type(value) is str else str.__str__(value)
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Enum):
        return _held(value.value)
    if isinstance(value, _SAME):
        return value
    if isinstance(value, Mapping):
        return {_held(key): _held(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_held, value))
    if isinstance(value, list | deque | range):
        return list(map(_held, value))
    if isinstance(value, Set):
        return (frozenset if isinstance(value, frozenset) else set)(map(_held, value))
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, UUID):
        return str(value)
    return _held_object(value)


def _held_object(value: Any) -> Any:
    if isinstance(value, type):
        raise _CannotHold(value)
    if is_dataclass(value):
        return {field.name: _held(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "__attrs_attrs__"):
        return {field.name: _held(getattr(value, field.name)) for field in value.__attrs_attrs__}
    for method in ("model_dump", "tolist"):  # of pydantic, and of arrays
        convert = getattr(value, method, None)
        if callable(convert):
            return _held(convert())
    raise _CannotHold(value)


def result_of_call(value: Any, text: str) -> Any:
    """Return a tool's result for the code that called it.

    What the sandbox cannot hold is given as the text that a model would read; where that is a JSON
    object or list, as the dict or list.
    """
    try:
        return held("the result", value)
    except TypeError:
        pass
    if text[:1] in ("{", "["):
        try:
            return held("the result", json.loads(text))
        except (ValueError, TypeError):
            pass
    return _held(text)


def plain(value: Any) -> Any:
    """Return a value of the sandbox as ordinary data: an object of a class is its attributes."""
    try:
        return _plain(value)
    except RecursionError:
        return "(a value that is nested too deeply)"


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return list(map(_plain, value))
    if kind is tuple:
        return tuple(map(_plain, value))
    if kind is dict:
        return {_plain(key): _plain(item) for key, item in value.items()}
    name = kind.__name__
    if name.startswith("Monty"):
        if name == "MontyClassProxy":
            return {key: _plain(item) for key, item in value.attributes.items()}
        return str(getattr(value, "name", value))
    return value
