"""Brackets: what an operator that takes nothing says to whoever pipes it without them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ..arguments import shown

__all__ = ["takes_nothing"]

_R = TypeVar("_R")


def takes_nothing(make: Callable[[], _R]) -> Callable[[], _R]:
    """Let an operator without arguments refuse the stream that was piped to it uncalled."""

    name = f"ops.{make.__name__}"

    @wraps(make)
    def made(*piped: Any) -> _R:
        if piped:
            raise TypeError(f"{name} takes nothing: write {name}(), not {shown(piped[0])}.")
        return make()

    return made
