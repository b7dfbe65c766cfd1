"""What is expected, and whether something is it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import attrs

from ...events import FinalAnswer
from .bindings import made

__all__ = ["matches"]


def matches(expected: Any, actual: Any) -> bool:
    """Tell whether a value is the one expected: by type and value, errors by their attributes.

    `...` within an expected text stands for any text, by itself for anything at all.
    """
    expected = made(expected)
    if expected is ...:
        return True
    if type(expected) is not type(actual):
        return False
    match expected:
        case str():
            return _is_like(expected, actual)
        case Exception():
            return matches(expected.args, actual.args) and matches(vars(expected), vars(actual))
        case list() | tuple():
            return len(expected) == len(actual) and all(map(matches, expected, actual))
        case Mapping():
            return expected.keys() == actual.keys() and all(
                matches(expected[key], actual[key]) for key in expected
            )
    if (names := _compared(expected)) is not None:
        return all(matches(getattr(expected, name), getattr(actual, name)) for name in names)
    # Events know how to compare values that have no plain `==`, such as arrays and NaN.
    return FinalAnswer(expected) == FinalAnswer(actual)


def _compared(value: Any) -> list[str] | None:
    """Return the names of the fields by which values of this class are compared, if it has any."""
    if attrs.has(type(value)):
        return [field.name for field in attrs.fields(type(value)) if field.eq]
    if dataclasses.is_dataclass(type(value)):
        return [field.name for field in dataclasses.fields(value) if field.compare]
    return None


def _is_like(expected: str, actual: str) -> bool:
    if "..." not in expected:
        return expected == actual
    pattern = ".*".join(map(re.escape, expected.split("...")))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None
