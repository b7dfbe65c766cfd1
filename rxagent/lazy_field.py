"""Lazy fields: values that an error computes when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Lazy", "LazyField", "has_value"]


class Lazy:
    """A value that is computed when it is first read; copies and pickles hold the value itself.

    Args:
        compute: Returns the value, as it is now.
        is_final: Returns whether it changes no more; until then, it is computed at each reading.
    """

    __slots__ = ("_compute", "_is_final", "_value")

    def __init__(self, compute: Callable[[], Any], is_final: Callable[[], bool]) -> None:
        self._compute: Callable[[], Any] | None = compute
        self._is_final = is_final
        self._value: Any = None

    @property
    def value(self) -> Any:
        """The value."""
        compute = self._compute  # another thread may read it, too
        if compute is None:
            return self._value
        is_final = self._is_final()  # first, since it may become final meanwhile
        value = compute()
        if is_final:
            self._value = value
            self._compute = None
            self._is_final = _true  # so that what they refer to is freed
        return value

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return _same, (self.value,)


def _same(value: Any) -> Any:
    return value


def _true() -> bool:
    return True


class LazyField:
    """A descriptor of a field that may be set to a `Lazy`, and is read as its value."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None:
            return self
        value = vars(owner).get(self._name)
        return value.value if isinstance(value, Lazy) else value

    def __set__(self, owner: Any, value: Any) -> None:
        vars(owner)[self._name] = value


def has_value(owner: Any, name: str) -> bool:
    """Return whether a field has a value, without computing it."""
    return vars(owner).get(name) is not None
