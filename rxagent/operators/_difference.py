"""Differences between two JSON values, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arguments import shorten

__all__ = ["differences"]

_BEFORE, _SHOWN = 20, 60
_MISSING = object()


def differences(recorded: Any, asked: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for each part that differs; none if the values are equal."""
    match recorded, asked:
        case dict(), dict():
            for name in dict.fromkeys([*recorded, *asked]):
                inner = f"{path}.{name}" if path else name
                one, other = recorded.get(name, _MISSING), asked.get(name, _MISSING)
                yield from differences(one, other, inner)
        case list(), list():
            for index, (one, other) in enumerate(zip(recorded, asked, strict=False)):
                yield from differences(one, other, f"{path}[{index}]")
            for index in range(len(asked), len(recorded)):
                yield f"{path}[{index}]: only recorded, {_short(recorded[index])}"
            for index in range(len(recorded), len(asked)):
                yield f"{path}[{index}]: only asked, {_short(asked[index])}"
        case str(), str() if recorded != asked:
            start = _first_difference(recorded, asked)
            yield f"{path}: recorded {_around(recorded, start)}, asked {_around(asked, start)}"
        case _ if recorded is _MISSING:
            yield f"{path}: only asked, {_short(asked)}"
        case _ if asked is _MISSING:
            yield f"{path}: only recorded, {_short(recorded)}"
        case _ if type(recorded) is not type(asked) or recorded != asked:
            yield f"{path}: recorded {_short(recorded)}, asked {_short(asked)}"


def _short(value: Any) -> str:
    return shorten(repr(value), _SHOWN)


def _first_difference(one: str, other: str) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _around(text: str, at: int) -> str:
    """Return a text, or the part of a long one that is around a place."""
    start = max(0, at - _BEFORE) if len(text) > _SHOWN else 0
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]!r}{'…' if end < len(text) else ''}"
