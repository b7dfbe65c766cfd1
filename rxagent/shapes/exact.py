"""Numbers of JSON with the digits that were written."""

from typing import Any, Literal, TypeAlias

from jiter import LosslessFloat, from_json

__all__ = ["ExactFloat", "Partial", "exact_json"]

Partial: TypeAlias = bool | Literal["trailing-strings"]
"""Whether JSON may be incomplete, and whether a text that has not ended is a part of it."""


class ExactFloat(float):
    """A number with a fraction or an exponent, which knows how it was written."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> "ExactFloat":
        """Read a number of JSON."""
        made = super().__new__(cls, written)
        made.written = written
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.written,)


def exact_json(text: str, partial: Partial = False) -> Any:
    """Return the value of a JSON text, in which floats know how they were written.

    Raises:
        ValueError: It is not JSON.
    """
    return _exact(from_json(text.encode(), partial_mode=partial, float_mode="lossless-float"))


def _exact(value: Any) -> Any:
    if isinstance(value, LosslessFloat):
        return ExactFloat(bytes(value).decode())
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    return value
