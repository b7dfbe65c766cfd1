"""Answers: what the sandbox's library gets as the outcome of a call.

Each is made by a function, called on the thread of the next turn, as values may be big.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from .sandbox_errors import call_error
from .sandbox_values import result_of_call

__all__ = ["Answer", "ended", "named", "nothing", "pending", "raised", "raising", "returned"]

Answer: TypeAlias = Callable[[], dict[str, Any]]
"""Makes an answer."""


def ended() -> dict[str, Any]:
    """Raise what no `except Exception` catches, so that the code ends."""
    return {"exc_type": "SystemExit", "message": "the code has ended"}


def pending() -> dict[str, Any]:
    """Return something to await."""
    return {"future": ...}


def nothing() -> dict[str, Any]:
    """Return None."""
    return {"return_value": None}


def returned(value: Any, text: str) -> Answer:
    """Return a tool's result, or its text if the sandbox cannot hold it."""
    return lambda: {"return_value": result_of_call(value, text)}


def raised(error: str) -> Answer:
    """Raise a tool's error, given as `Type: message`."""
    return lambda: call_error(error)


def raising(kind: str, message: str) -> Answer:
    """Raise an error of a type of Python."""
    return lambda: {"exc_type": kind, "message": message}


@cache
def named(name: str) -> Callable[..., None]:
    """Return a function that stands for a tool; the library only takes its name."""

    def function(*_: Any, **__: Any) -> None:
        pass

    function.__name__ = name
    return function
