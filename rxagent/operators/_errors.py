"""Which errors an operator reacts to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..arguments import several
from ..errors import MalformedReply, ModelTimeout, ModelUnavailable, RateLimited

__all__ = ["PASSING", "Errors", "chosen"]

Errors: TypeAlias = type[Exception] | Iterable[type[Exception]] | Callable[[Exception], bool]
"""Which errors: of a type, of one of several, or those that a predicate accepts."""

PASSING = (ModelUnavailable, RateLimited, ModelTimeout, MalformedReply)
"""The errors after which the same request may succeed."""


def chosen(on: Errors) -> Callable[[Exception], bool]:
    """Return whether an error is one of those."""
    if not isinstance(on, type) and callable(on):
        return on
    types = several("on", (on,) if isinstance(on, type) else on, "types of errors", type)
    return lambda error: isinstance(error, types)
