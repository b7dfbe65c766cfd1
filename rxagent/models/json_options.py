"""JSON: which options can be sent in a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from ..arguments import shorten
from .errors import ErrorFactory
from .openai_chat.fields import whole

__all__ = ["check_json"]

_DEEPEST = 100
"""How deeply an option may be nested; one that holds itself has no end."""

_LARGEST = 10**300
"""More than any server means; a larger number may be none where it is read."""


def check_json(
    options: Mapping[str, Any], errors: ErrorFactory, others: tuple[type, ...] = ()
) -> None:
    """Check that options hold nothing but what JSON has.

    Args:
        options: The options, as the request holds them.
        errors: Makes the error.
        others: More types that a value may have, as the SDK sends it in its own way.

    Raises:
        ModelRejected: One of them does.
    """
    for name, value in options.items():
        for path, what in _faults(name, value, others, 0):
            raise errors.rejected(
                f"cannot be sent the option {shorten(path, 200)}, which is {what}. An option is "
                "what JSON has: text, a finite number, true, false, None, or a list or a dict of "
                "these."
            )


def _faults(
    path: str, value: Any, others: tuple[type, ...], depth: int
) -> Iterator[tuple[str, str]]:
    """Yield the places of what JSON does not have, each with what is there."""
    match value:
        case str():
            if whole(value) != value:
                yield path, "a text with half a character"
        case None | bool():
            pass
        case float():
            if not isfinite(value):
                yield path, repr(value)
        case int():
            if not -_LARGEST < value < _LARGEST:
                yield path, "too large a number"
        case Mapping() | list() | tuple() if depth >= _DEEPEST:
            yield path.split("[")[0].split(".")[0], "nested too deeply, or holds itself"
        case Mapping():
            for name, part in value.items():
                if isinstance(name, bool) or not isinstance(name, str | int):
                    yield path, f"a dict with a key {shorten(repr(name))} that is no text"
                yield from _faults(f"{path}.{name}", part, others, depth + 1)
        case list() | tuple():
            for at, part in enumerate(value):
                yield from _faults(f"{path}[{at}]", part, others, depth + 1)
        case _ if not isinstance(value, others):
            yield path, f"of the type {type(value).__name__}"
