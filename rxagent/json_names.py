"""The names of JSON's types, for errors."""

from __future__ import annotations

__all__ = ["JSON_NAMES", "json_name_of"]

JSON_NAMES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
"""The types of Python that JSON is read as."""


def json_name_of(value: object) -> str:
    """Return the name of a value's type."""
    return JSON_NAMES.get(type(value), f"a {type(value).__name__}")
