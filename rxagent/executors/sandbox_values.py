"""Values that go into the sandbox and come out of it: plain data, which is copied."""

from __future__ import annotations

import json
import re
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
from ..errors import describe

__all__ = ["cannot_leave", "held", "plain", "result_of_call"]

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
        kind = type(error.value).__name__
        article = "an" if kind[0].lower() in "aeiou" else "a"
        verb = "is" if error.value is value else "holds"
        raise TypeError(
            f"{what} {verb} {article} {kind}, which the sandbox cannot hold: "
            f"{_repr(error.value)}. {_ADVICE}"
        ) from None
    except RecursionError:
        raise TypeError(f"{what} holds itself, or is nested too deeply. {_ADVICE}") from None
    except Exception as error:  # an object's own method failed
        raise TypeError(f"{what} cannot be copied ({describe(error)}). {_ADVICE}") from error


def _repr(value: Any) -> str:
    try:
        return shorten(repr(value))
    except Exception as error:  # that of a repr must not hide the value
        return f"its repr raised {describe(error)}"


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
        except (ValueError, TypeError, RecursionError):
            pass
    return _held(text)


def plain(value: Any) -> Any:
    """Return a value of the sandbox as ordinary data: an object of a class is its attributes.

    Raises:
        TypeError: It holds a call that was not awaited, or an object as a key.
        RecursionError: It is nested too deeply.
    """
    return _plain(value)


def cannot_leave(what: str, error: Exception) -> str:
    """Return the error of code, as `Type: message`, of which a value cannot leave the sandbox.

    Args:
        what: What the value is, in words.
        error: The error of reading or copying it.
    """
    if isinstance(error, _NotAwaited):
        return (
            f"TypeError: {what} holds a call that was not awaited. Write `await` before the call."
        )
    if isinstance(error, RecursionError):
        return f"ValueError: {what} is nested too deeply. Make it flatter."
    if isinstance(error, TypeError) and "unhashable" in str(error):
        return (
            f"TypeError: {what} holds an object of a class in a set, or as a key of a dict, which "
            "cannot leave the sandbox. Use a list, or texts and numbers."
        )
    return f"TypeError: {what} cannot leave the sandbox ({describe(error)}). Use plain data."


class _NotAwaited(TypeError):
    pass


_NOT_AWAITED = re.compile(r"<coroutine external_future\(\d+\)>|\A<coroutine object \w+>\Z")
"""How the library gives a coroutine: as text, of which code may have made a longer one."""


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        if "<coroutine " in value and _NOT_AWAITED.search(value):
            raise _NotAwaited
        return value
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
