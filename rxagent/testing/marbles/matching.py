"""What is expected, and whether something is it."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ...events import FinalAnswer

__all__ = ["matches"]


def matches(expected: Any, actual: Any) -> bool:
    """Tell whether a value is the one expected: by type and value, errors by their attributes.

    `...` within an expected text stands for any text, by itself for anything at all.
    """
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
    if attrs.has(type(expected)):
        names = [field.name for field in attrs.fields(type(expected)) if field.eq]
        return all(matches(getattr(expected, name), getattr(actual, name)) for name in names)
    # Events know how to compare values that have no plain `==`, such as arrays and NaN.
    return FinalAnswer(expected) == FinalAnswer(actual)


def _is_like(expected: str, actual: str) -> bool:
    if "..." not in expected:
        return expected == actual
    pattern = ".*".join(map(re.escape, expected.split("...")))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None
