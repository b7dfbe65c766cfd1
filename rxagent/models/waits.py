"""Waits: after how many seconds a server asks us to come back, in its headers or in its words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

__all__ = ["retry_after", "wait_in", "wait_in_words"]

_UNITS = {"ms": 0.001, "mi": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNIT = "(?:ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)"
_DURATION = rf"(?:\d+(?:\.\d+)?\s{{0,3}}{_UNIT}(?![a-z])\s{{0,3}}|\d+(?:\.\d+)?[hms](?=\d))+"
_MEASURED = re.compile(_DURATION, re.IGNORECASE)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mi(?=ll)|[hms])", re.IGNORECASE)
_IN_WORDS = re.compile(
    rf"(?:try again|retry|wait)(?: again)?(?: in| after| for)? ({_DURATION})", re.I
)
_NAME = re.compile(r"retry_?(?:after|delay)(?:_?in)?(?:_?(ms|milliseconds|s|secs?|seconds))?")
_MOST = 200
"""Of the description of an error, so many fields are looked at."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a server asks us to come back, or None."""
    names = ("retry-after-ms", "ms"), ("retry-after", "s")
    return _first(_wait(headers.get(name), unit) for name, unit in names)


def wait_in(said: Any) -> float | None:
    """Return the seconds that the description of an error names in a field, or None."""
    return _first(_waits(said))


def wait_in_words(said: str) -> float | None:
    """Return the seconds that a sentence such as `try again in 1m30s` names, or None."""
    found = _IN_WORDS.search(said)
    return _length(found[1]) if found else None


def _waits(said: Any) -> Iterator[float | None]:
    todo, left = [said], _MOST
    while todo and left:
        part = todo.pop()
        if isinstance(part, list):
            todo += reversed(part[:_MOST])
        elif isinstance(part, Mapping):
            for name, value in list(part.items())[:_MOST]:
                if found := _NAME.fullmatch(_snake(name)):
                    yield _wait(value, "ms" if (found[1] or "").startswith("m") else "s")
            todo += reversed([v for v in part.values() if isinstance(v, list | Mapping)][:_MOST])
        left -= 1


def _wait(said: Any, unit: str) -> float | None:
    """Return the seconds of a number, of a text such as `2`, `1.5s` or `20 ms`, or of a date."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    try:
        wait = float(said) * _UNITS[unit]
    except (ValueError, OverflowError):
        return _worded(str(said).strip()[:100])
    return max(0.0, wait) if isfinite(wait) else None


def _worded(said: str) -> float | None:
    if _MEASURED.fullmatch(said):
        return _length(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _length(duration: str) -> float:
    return sum(float(n) * _UNITS[unit.lower()] for n, unit in _PIECE.findall(duration))


def _snake(name: Any) -> str:
    """Return the name of a field as `retry_after_ms`, however it is written."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", str(name)[:40]).lower()


def _first(waits: Iterable[float | None]) -> float | None:
    return next((wait for wait in waits if wait is not None), None)
