"""Arguments of calls: the one way in which they are read, to run calls, write and compare them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from .exact_json import exact_json, exact_text
from .json_text import escaped

__all__ = ["as_object", "as_read", "decoded", "in_order", "named"]


def decoded(text: str, parse: Callable[[str], Any]) -> Any:
    """Return what arguments say: None for an empty text; an object encoded twice is decoded twice.

    Args:
        text: The arguments.
        parse: Returns the value of JSON.

    Raises:
        ValueError: They are no JSON.
    """
    value = parse(text) if text.strip() else None
    if isinstance(value, str):
        with suppress(ValueError):
            inner = parse(value)
            return inner if isinstance(inner, dict) else value
    return value


def named(value: Any, names: Collection[str]) -> dict[str, Any] | None:
    """Return arguments by their names; None if they are none.

    Args:
        value: What they say. A bare value is that of a single parameter.
        names: The names of all parameters.
    """
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    return {next(iter(names)): value} if len(names) == 1 else None


def as_object(text: str, names: Collection[str] = ()) -> str:
    """Return arguments as the object with which a call runs; unchanged if they are one, or none.

    A bare line break in a text becomes an escape, as JSON demands it.

    Args:
        text: The arguments.
        names: The names of all parameters.
    """
    if text.lstrip().startswith("{"):
        strict = escaped(text)
        return text if strict == text else strict
    try:
        value = decoded(text, _exact)
    except (ValueError, RecursionError):
        return text
    arguments = None if value is None else named(value, names)
    return text if arguments is None else exact_text(arguments)


def as_read(text: str, ran: str) -> str:
    """Return arguments as the object as which they were read when their call ran.

    Args:
        text: The arguments.
        ran: The object with which it ran, perhaps edited; it has the names.
    """
    with suppress(ValueError, RecursionError):
        names = _exact(ran)
        return as_object(text, names) if isinstance(names, dict) else text
    return text


def in_order(arguments: Any) -> str:
    """Return arguments in the one form in which all that are equal are written.

    Gateways write them once more: with other spaces, escapes, an order of their own, or 1 for 1.0.

    Args:
        arguments: They, as text or as an object.
    """
    text = arguments if isinstance(arguments, str) else exact_text(arguments)
    with suppress(ValueError, RecursionError):
        value = decoded(text, _plain)
        return json.dumps({} if value is None else value, sort_keys=True)
    return text.strip()


def _exact(text: str) -> Any:
    return exact_json(escaped(text).encode())


def _plain(text: str) -> Any:
    return json.loads(text, parse_float=_number, strict=False)


def _number(written: str) -> float | int:
    number = float(written)
    return int(number) if number.is_integer() else number
